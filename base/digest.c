/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - SHA-256 and SHA-1 (FIPS 180-4) in one pass over memory.
 *
 * Ours, and not libcrypto's, because of what loading that costs a program that is
 * started for every flow run or has to be small: 1.3 ms of CPU time (of 3.3 ms for
 * `wf-engine --version`) and 1.6 MB of memory of wf-worker.  Both digests share the
 * padding and the words of 32 bits, most significant byte first; they differ in the
 * compression of a block.
 */
#include "base/digest.h"

#include <string.h>

#define BLOCK_BYTES  64
#define LENGTH_BYTES 8 /* the number of bits, at the end of the last block */
#define SHA256_WORDS 8
#define SHA1_WORDS   5

typedef void compress_fn(uint32_t *state, const uint8_t *block);

static uint32_t rol(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static uint32_t ror(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static void sha256_compress(uint32_t *state, const uint8_t *block)
{
	uint32_t w[64], s[SHA256_WORDS];
	size_t i;

	for (i = 0; i < 16; i++) {
		w[i] = load_be32(block + 4 * i);
	}
	for (; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] +
		       (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof(s));
	for (i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t t1 = s[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
			      ((e & s[5]) ^ (~e & s[6])) + sha256_k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
			      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (i = 0; i < SHA256_WORDS; i++) {
		state[i] += s[i];
	}
}

static void sha1_compress(uint32_t *state, const uint8_t *block)
{
	static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	uint32_t w[80], s[SHA1_WORDS];
	size_t i;

	for (i = 0; i < 16; i++) {
		w[i] = load_be32(block + 4 * i);
	}
	for (; i < 80; i++) {
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	}
	memcpy(s, state, sizeof(s));
	for (i = 0; i < 80; i++) {
		uint32_t b = s[1], c = s[2], d = s[3], f, t;

		if (i < 20) {
			f = (b & c) | (~b & d);
		} else if (i >= 40 && i < 60) {
			f = (b & c) | (b & d) | (c & d);
		} else {
			f = b ^ c ^ d;
		}
		t = rol(s[0], 5) + f + s[4] + k[i / 20] + w[i];
		memmove(s + 1, s, 4 * sizeof(*s));
		s[2] = rol(b, 30);
		s[0] = t;
	}
	for (i = 0; i < SHA1_WORDS; i++) {
		state[i] += s[i];
	}
}

static void digest(compress_fn *compress, uint32_t *state, const void *data, size_t len)
{
	uint8_t last[2 * BLOCK_BYTES] = {0};
	const uint8_t *p = data;
	uint64_t bits = (uint64_t)len * 8;
	size_t left = len, end;

	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, p += BLOCK_BYTES) {
		compress(state, p);
	}
	if (left > 0) {
		memcpy(last, p, left);
	}
	last[left] = 0x80;
	end = left + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
	store_be32(last + end - 8, (uint32_t)(bits >> 32));
	store_be32(last + end - 4, (uint32_t)bits);
	for (size_t at = 0; at < end; at += BLOCK_BYTES) {
		compress(state, last + at);
	}
}

void sha256(const void *data, size_t len, uint8_t ret_digest[32])
{
	uint32_t state[SHA256_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	digest(sha256_compress, state, data, len);
	for (size_t i = 0; i < SHA256_WORDS; i++) {
		store_be32(ret_digest + 4 * i, state[i]);
	}
}

void sha256_hex(const void *data, size_t len, char ret_hex[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[32];

	sha256(data, len, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[64] = '\0';
}

void sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
	uint32_t state[SHA1_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
				      0xc3d2e1f0};

	digest(sha1_compress, state, data, len);
	for (size_t i = 0; i < SHA1_WORDS; i++) {
		store_be32(ret_digest + 4 * i, state[i]);
	}
}
