/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_uuid.c - UUIDs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "base/uuid.h"

Test(uuid, v4_has_its_version_and_is_new_each_time)
{
	struct uuid a;
	struct uuid b;
	char text[UUID_TEXT_SIZE];

	uuid_v4(&a);
	uuid_v4(&b);
	cr_assert_not(uuid_equal(&a, &b));
	uuid_format(&a, text);
	cr_assert_eq(strlen(text), 36);
	cr_assert_eq(text[14], '4');
	cr_assert_not_null(strchr("89ab", text[19]));
}

Test(uuid, v7_carries_the_time_and_never_goes_back)
{
	struct uuid last;
	struct uuid u;
	int64_t now_us = 1790000000123456;

	uuid_v7(&last, now_us);
	cr_assert_eq(last.b[6] >> 4, 7);
	cr_assert_eq(last.b[8] >> 6, 2);
	for (int i = 0; i < 10000; i++) {
		/* the clock stands still, then jumps back */
		uuid_v7(&u, i < 5000 ? now_us : now_us - 1000000);
		cr_assert_lt(memcmp(last.b, u.b, 16), 0);
		last = u;
	}
	uuid_v7(&u, now_us + 60000000);
	{
		uint64_t ms = 0;

		for (int i = 0; i < 6; i++) {
			ms = ms << 8 | u.b[i];
		}
		cr_assert_eq(ms, (uint64_t)(now_us + 60000000) / 1000);
	}
}

Test(uuid, from_bytes_is_the_same_for_the_same_bytes)
{
	struct uuid a;
	struct uuid b;

	uuid_from_bytes(&a, "abc", 3);
	uuid_from_bytes(&b, "abc", 3);
	cr_assert(uuid_equal(&a, &b));
	cr_assert_str_eq(uuid_str(&a), "ba7816bf-8f01-8fea-8141-40de5dae2223");
	uuid_from_bytes(&b, "abd", 3);
	cr_assert_not(uuid_equal(&a, &b));
}

Test(uuid, parses_both_forms_and_refuses_others)
{
	static const char *const good[] = {
	    "00112233-4455-6677-8899-aabbccddeeff",
	    "00112233-4455-6677-8899-AABBCCDDEEFF",
	    "00112233445566778899aabbccddeeff",
	};
	static const char *const wrong[] = {
	    "",
	    "00112233-4455-6677-8899-aabbccddeef",
	    "00112233-4455-6677-8899-aabbccddeeff0",
	    "{00112233-4455-6677-8899-aabbccddeeff}",
	    "00112233-4455-6677-8899-aabbccddeefg",
	    "001122334-455-6677-8899-aabbccddeeff",
	    "00112233-4455-6677-8899aabbccddeeff-",
	    "00112233445566778899aabbccddeef ",
	    "------------------------------------",
	};
	struct uuid u = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		cr_assert_eq(uuid_parse(good[i], &u), 0, "%s", good[i]);
		cr_assert_str_eq(uuid_str(&u), good[0]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_assert_eq(uuid_parse(wrong[i], &u), -ERR_INVALID, "%s", wrong[i]);
	}
	cr_assert_not(uuid_is_nil(&u), "untouched by failures");
	memset(&u, 0, sizeof(u));
	cr_assert(uuid_is_nil(&u));
}

Test(uuid, str_keeps_eight_texts_apart)
{
	struct uuid a;
	struct uuid b;
	const char *x;
	const char *y;

	uuid_v4(&a);
	uuid_v4(&b);
	x = uuid_str(&a);
	y = uuid_str(&b);
	cr_assert_str_neq(x, y);
}
