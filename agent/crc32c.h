/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.h - CRC-32C (Castagnoli), as in RFC 3720.
 */
#ifndef AGENT_CRC32C_H
#define AGENT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC 0 to begin; the result of one part to go on with the next. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
