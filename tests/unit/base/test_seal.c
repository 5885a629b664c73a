/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seal.c - sealed texts: opened with the right key for the right owner only.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/seal.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static struct seal_keys *keys(const char *text)
{
	struct error err = {0};
	struct seal_keys *k = seal_keys_parse(text, &err);

	cr_assert(k != NULL, "%s", err.msg);
	return k;
}

static int opens(const struct seal_keys *k, const char *owner, const char *text,
		 const char *expect)
{
	struct error err = {0};
	char *data = NULL;
	size_t len = 0;
	int rc = seal_open(k, owner, text, &data, &len, &err);

	if (rc == 0) {
		cr_expect_eq(len, strlen(expect));
		cr_expect_str_eq(data, expect);
	} else {
		cr_expect_eq(rc, -ERR_DENIED);
		cr_expect(err.msg[0] != '\0');
	}
	free(data);
	return rc == 0;
}

Test(seal, what_is_sealed_can_be_opened)
{
	struct seal_keys *k = keys("# a comment\n\n" KEY_A "\r\n");
	char *first = seal(k, "o", "{\"a\": 1}", 8),
	     *again = seal(k, "o", "{\"a\": 1}", 8);
	char *empty = seal(k, "o", "", 0), prefix[SEAL_PREFIX_SIZE];

	seal_prefix(k, prefix);
	cr_expect(strncmp(first, prefix, strlen(prefix)) == 0, "%s", first);
	cr_expect(strstr(first, "a") == NULL || strstr(first, "\"a\"") == NULL);
	cr_expect(strcmp(first, again) != 0, "the same text is sealed differently");
	cr_expect(opens(k, "o", first, "{\"a\": 1}"));
	cr_expect(opens(k, "o", again, "{\"a\": 1}"));
	cr_expect(opens(k, "o", empty, ""));
	free(first);
	free(again);
	free(empty);
	seal_keys_free(k);
}

Test(seal, another_owner_a_change_and_another_key_are_noticed)
{
	struct seal_keys *a = keys(KEY_A), *b = keys(KEY_B "\n");
	char *text = seal(a, "row 1", "secret", 6);
	size_t len = strlen(text);

	cr_expect_not(opens(a, "row 2", text, ""));
	cr_expect_not(opens(b, "row 1", text, ""));
	cr_expect_not(seal_has_key(b, text));
	for (size_t i = SEAL_PREFIX_SIZE; i < len; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		if (was != '=') {
			cr_expect_not(opens(a, "row 1", text, ""), "byte %zu", i);
		}
		text[i] = was;
	}
	text[len - 4] = '\0';
	cr_expect_not(opens(a, "row 1", text, ""));
	free(text);
	seal_keys_free(a);
	seal_keys_free(b);
}

Test(seal, older_keys_open_and_the_first_one_seals)
{
	struct seal_keys *old = keys(KEY_A), *both = keys(KEY_B "\n" KEY_A "\n");
	char *text = seal(old, "o", "x", 1), *next = seal(both, "o", "y", 1);
	char prefix[SEAL_PREFIX_SIZE];

	cr_expect(opens(both, "o", text, "x"));
	cr_expect(opens(both, "o", next, "y"));
	cr_expect_not(opens(old, "o", next, ""));
	seal_prefix(both, prefix);
	cr_expect(strncmp(next, prefix, strlen(prefix)) == 0);
	free(text);
	free(next);
	seal_keys_free(old);
	seal_keys_free(both);
}

Test(seal, what_is_no_key_is_refused)
{
	static const char *const bad[] = {
	    "",          "# only a comment\n", "AAEC",
	    "nonsense!", KEY_A "\nshort\n",    KEY_A "AAAA"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};

		cr_expect(seal_keys_parse(bad[i], &err) == NULL, "%s", bad[i]);
		cr_expect(strstr(err.msg, "AAEC") == NULL, "no key in a message: %s",
			  err.msg);
	}
}

Test(seal, a_new_key_is_one)
{
	char *line = seal_key_new(), *other = seal_key_new();
	struct seal_keys *k = keys(line);

	cr_expect(strcmp(line, other) != 0);
	cr_expect(seal_is_sealed("wf1:01234567:"));
	cr_expect_not(seal_is_sealed("{}"));
	cr_expect_not(seal_is_sealed("wf1:"));
	seal_keys_free(k);
	seal_text_free(line);
	seal_text_free(other);
}
