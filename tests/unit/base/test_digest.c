/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_digest.c - digests, base64, comparison of secrets, randomness.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"

Test(digest, sha256_of_the_standard_examples)
{
	char hex[65];

	sha256_hex("", 0, hex);
	cr_assert_str_eq(
	    hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	cr_assert_str_eq(
	    hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* Every length around the ends of blocks, against the known digest of all the digests
 * (made with Python's hashlib). */
Test(digest, padding_of_every_length)
{
	uint8_t data[200], all256[200 * 32], all1[200 * 20], digest[20];
	char hex[65], hex1[41];

	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i * 7);
	}
	for (size_t len = 0; len < sizeof(data); len++) {
		sha256(data, len, all256 + 32 * len);
		sha1(data, len, all1 + 20 * len);
	}
	sha256_hex(all256, sizeof(all256), hex);
	cr_assert_str_eq(
	    hex, "0a716dcd52ebb45d547cf893c2616d1641ae3c122398e759ddeb1d0698a65c1a");
	sha1(all1, sizeof(all1), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		(void)snprintf(hex1 + 2 * i, 3, "%02x", digest[i]);
	}
	cr_assert_str_eq(hex1, "887d03886aa473ff04d2370f0f86577637baf55d");
}

Test(digest, sha1_and_base64_make_the_websocket_answer)
{
	static const char key[] =
	    "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t digest[20];
	char *text;

	sha1(key, strlen(key), digest);
	text = base64_encode(digest, sizeof(digest));
	cr_assert_str_eq(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	free(text);
}

Test(base64, round_trip_of_every_length)
{
	uint8_t data[64];
	uint8_t back[64];

	random_bytes(data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		char *text = base64_encode(data, len);
		size_t n = 99;

		cr_assert_eq(base64_decode(text, strlen(text), back, len, &n), 0);
		cr_assert_eq(n, len);
		cr_assert_eq(memcmp(data, back, len), 0);
		free(text);
	}
}

Test(base64, refuses_what_is_not_canonical)
{
	static const char *const wrong[] = {
	    "a",    "ab",    "abc",  "ab=c",     "====",     "a===", "ab==cd==",
	    "ab c", "ab\n=", "ab-_", "abc=abcd", "aQ==aQ==", "aR==", "aGk=x",
	};
	char out[16];
	size_t n;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_assert_eq(base64_decode(wrong[i], strlen(wrong[i]), out, 16, &n),
			     -ERR_INVALID, "%s", wrong[i]);
	}
	cr_assert_eq(base64_decode("aGVsbG8=", 8, out, 4, &n), -ERR_TOO_LARGE);
}

Test(digest, comparison_needs_same_length_and_bytes)
{
	cr_assert(equal_constant_time("secret", 6, "secret", 6));
	cr_assert(equal_constant_time("", 0, "", 0));
	cr_assert_not(equal_constant_time("secret", 6, "secreT", 6));
	cr_assert_not(equal_constant_time("secret", 6, "secret", 5));
	cr_assert_not(equal_constant_time("", 0, "x", 1));
}

Test(digest, random_bytes_differ)
{
	uint8_t a[32];
	uint8_t b[32];

	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
}
