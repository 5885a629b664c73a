/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_block_json.c - checksums of block schemas as clients compute them; hidden
 * secrets.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "api/routes/blocks/block_json.h"

static json_t *parse(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

	cr_assert_not_null(v, "%s", text);
	return v;
}

static void expect_checksum(const char *fields, const char *expected)
{
	char sum[BLOCK_CHECKSUM_SIZE];
	json_t *v = parse(fields);

	block_checksum(v, sum);
	cr_expect_str_eq(sum, expected, "%s", fields);
	json_decref(v);
}

/* Expected: hashlib.sha256(json.dumps([[fields], {}], sort_keys=True).encode()). */
Test(block_json, checksums_are_those_of_clients)
{
	expect_checksum(
	    "{}", "sha256:"
		  "f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4");
	expect_checksum(
	    "{\"b\":[1,2.5,null,true],\"a\":\"\\u00e9\\ud83d\\ude00\\n\\\"\"}",
	    "sha256:"
	    "a7ff3b193bbabb4e42d95be20f1507a378fe182207a952c21c583f76c9e01342");
	/* secret_fields do not count, at any depth */
	expect_checksum(
	    "{\"b\":[1,2.5,null,true],\"a\":\"\\u00e9\\ud83d\\ude00\\n\\\"\","
	    "\"secret_fields\":[\"x\"]}",
	    "sha256:"
	    "a7ff3b193bbabb4e42d95be20f1507a378fe182207a952c21c583f76c9e01342");
	/* of the definitions only those that are used and no blocks */
	expect_checksum(
	    "{\"p\":{\"$ref\":\"#/definitions/A\"},\"q\":{\"$ref\":"
	    "\"#/definitions/B\"},\"definitions\":{\"A\":{\"x\":{\"$ref\":"
	    "\"#/definitions/C\"}},\"B\":{\"block_type_slug\":\"b\"},\"C\":{},"
	    "\"D\":{}}}",
	    "sha256:"
	    "8b3b747ccd4b6306a21b784d94be77059fcc6aa7cbe3451b8dfd84b30f5e97a5");
}

struct hide {
	const char *data, *fields, *expected;
};

static const struct hide hides[] = {
    {"{\"a\":\"x\",\"b\":1}", "{\"secret_fields\":[\"a\"]}",
     "{\"a\":\"********\",\"b\":1}"},
    {"{\"a\":null}", "{\"secret_fields\":[\"a\"]}", "{\"a\":null}"},
    {"{\"a\":{\"b\":\"x\",\"c\":2}}",
     "{\"secret_fields\":[\"a.b\",\"a.none\",\"z.y\"]}",
     "{\"a\":{\"b\":\"********\",\"c\":2}}"},
    {"{\"a\":{\"b\":\"x\",\"c\":null}}", "{\"secret_fields\":[\"a.*\"]}",
     "{\"a\":{\"b\":\"********\",\"c\":\"********\"}}"},
    {"{\"a\":\"x\"}", "{\"secret_fields\":[\"a.b\",1]}", "{\"a\":\"x\"}"},
    {"{\"a\":\"x\"}", "{}", "{\"a\":\"x\"}"},
};

Test(block_json, secrets_are_hidden_by_path)
{
	size_t i;

	for (i = 0; i < sizeof(hides) / sizeof(hides[0]); i++) {
		json_t *data = parse(hides[i].data);
		json_t *fields = parse(hides[i].fields);
		json_t *expected = parse(hides[i].expected);

		block_hide_secrets(data, fields);
		cr_expect(json_equal(data, expected), "%s", hides[i].fields);
		json_decref(data);
		json_decref(fields);
		json_decref(expected);
	}
}

Test(block_json, hidden_values_keep_what_is_stored)
{
	json_t *before = parse("{\"a\":\"secret\",\"n\":{\"b\":\"deep\"},\"c\":1}");
	json_t *next = parse("{\"a\":\"********\",\"n\":{\"b\":\"********\",\"d\":2},"
			     "\"e\":\"********\"}");
	json_t *expected = parse(
	    "{\"a\":\"secret\",\"n\":{\"b\":\"deep\",\"d\":2},\"e\":\"********\"}");

	block_keep_secrets(next, before);
	cr_expect(json_equal(next, expected));
	json_decref(before);
	json_decref(next);
	json_decref(expected);
}

Test(block_json, references_are_recognised)
{
	json_t *yes = parse("{\"$ref\":{\"block_document_id\":\"x\"}}");
	json_t *no = parse("{\"$ref\":\"x\"}");

	cr_expect_str_eq(block_reference_of(yes), "x");
	cr_expect_null(block_reference_of(no));
	cr_expect_null(block_reference_of(NULL));
	json_decref(yes);
	json_decref(no);
}
