/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_jsonw.c - writing JSON.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "base/uuid.h"

Test(jsonw, puts_commas_where_they_belong)
{
	struct uuid u;
	struct jsonw w;
	struct buf b;

	uuid_parse("00112233-4455-6677-8899-aabbccddeeff", &u);
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "e");
	jsonw_arr_end(&w);
	jsonw_arr(&w, "l");
	jsonw_int(&w, NULL, INT64_MIN);
	jsonw_bool(&w, NULL, 1);
	jsonw_obj(&w, NULL);
	jsonw_null(&w, "n");
	jsonw_obj_end(&w);
	jsonw_arr_end(&w);
	jsonw_uuid(&w, "u", &u);
	jsonw_uuid(&w, "v", NULL);
	jsonw_time(&w, "t", 1500000);
	jsonw_time(&w, "s", TIME_NONE);
	jsonw_raw(&w, "r", "{\"x\":1}");
	jsonw_raw(&w, "q", "");
	jsonw_str(&w, "z", NULL);
	jsonw_obj_end(&w);
	cr_assert_str_eq(b.data,
			 "{\"e\":[],\"l\":[-9223372036854775808,true,{\"n\":null}],"
			 "\"u\":\"00112233-4455-6677-8899-aabbccddeeff\",\"v\":null,"
			 "\"t\":\"1970-01-01T00:00:01.500000Z\",\"s\":null,"
			 "\"r\":{\"x\":1},\"q\":null,\"z\":null}");
	buf_release(&b);
}

Test(jsonw, escapes_and_repairs_strings)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
	    {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
	    {"\n\r\t\b\x01\x1f", 6, "\"\\n\\r\\t\\u0008\\u0001\\u001f\""},
	    {"\0", 1, "\"\\u0000\""},
	    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
	     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
	    {"a\xff"
	     "b",
	     3,
	     "\"a\xef\xbf\xbd"
	     "b\""},
	    {"\xc3", 1, "\"\xef\xbf\xbd\""},
	    {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	    {"\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	    {"\xf4\x90\x80\x80", 4,
	     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jsonw w;
		struct buf b;

		buf_init(&b);
		jsonw_init(&w, &b);
		jsonw_strn(&w, NULL, cases[i].in, cases[i].len);
		cr_assert_str_eq(b.data, cases[i].out, "case %zu: %s", i, b.data);
		buf_release(&b);
	}
}

static void check_real(double v, const char *want)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_real(&w, NULL, v);
	cr_assert_str_eq(b.data, want);
	buf_release(&b);
}

Test(jsonw, reals_are_short_and_stay_reals)
{
	check_real(1.0, "1.0");
	check_real(-0.0, "-0.0");
	check_real(0.1, "0.1");
	check_real(1e22, "1e+22");
	check_real(123456789012345680.0, "1.2345678901234568e+17");
	check_real(1.0 / 3, "0.3333333333333333");
	check_real(5e-324, "4.94065645841247e-324");
	check_real(NAN, "null");
	check_real(INFINITY, "null");
}

Test(jsonw, every_real_reads_back)
{
	unsigned int seed = 3;

	for (int i = 0; i < 20000; i++) {
		uint64_t bits = 0;
		double v;
		struct buf b;
		struct jsonw w;

		for (int k = 0; k < 4; k++) {
			bits = bits << 16 | ((uint64_t)rand_r(&seed) & 0xffff);
		}
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v)) {
			continue;
		}
		buf_init(&b);
		jsonw_init(&w, &b);
		jsonw_real(&w, NULL, v);
		cr_assert_eq(strtod(b.data, NULL), v, "%s", b.data);
		buf_release(&b);
	}
}

Test(jsonw, writes_trees)
{
	json_t *v = json_pack("{s:[i,f,b,n],s:{}}", "a", 1, 2.0, 1, "o");
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_arr(&w, NULL);
	jsonw_json(&w, NULL, v);
	jsonw_json(&w, NULL, NULL);
	jsonw_arr_end(&w);
	cr_assert_str_eq(b.data, "[{\"a\":[1,2.0,true,null],\"o\":{}},null]");
	buf_release(&b);
	json_decref(v);
}

Test(utf8, knows_well_formed_text)
{
	cr_assert(utf8_is_valid("", 0));
	cr_assert(utf8_is_valid("a\xc3\xa4", 3));
	cr_assert_not(utf8_is_valid("a\xc3", 2));
	cr_assert_not(utf8_is_valid("\xe0\x80\x80", 3));
}
