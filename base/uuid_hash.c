/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid_hash.c - deterministic UUIDs, apart from uuid.c because they need libcrypto.
 */
#include <string.h>

#include "base/digest.h"
#include "base/uuid.h"

void uuid_from_bytes(struct uuid *ret_uuid, const void *data, size_t len)
{
	uint8_t digest[32];

	sha256(data, len, digest);
	memcpy(ret_uuid->b, digest, sizeof(ret_uuid->b));
	ret_uuid->b[6] = (uint8_t)((ret_uuid->b[6] & 0x0fu) | 0x80u); /* version 8 */
	ret_uuid->b[8] = (uint8_t)((ret_uuid->b[8] & 0x3fu) | 0x80u); /* RFC 9562 */
}
