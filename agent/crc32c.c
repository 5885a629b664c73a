/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.c - one table of 256 entries, made on first use: fast enough for a journal.
 */
#include "agent/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[256];

static void table_make(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (int k = 0; k < 8; k++) {
			v = (v & 1) != 0 ? v >> 1 ^ POLYNOMIAL : v >> 1;
		}
		table[i] = v;
	}
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (table[1] == 0) {
		table_make();
	}
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
	}
	return ~crc;
}
