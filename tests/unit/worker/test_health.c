/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the worker's health endpoint.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/compiler.h"
#include "worker/health.h"

Test(health, answers)
{
	static const struct {
		const char *request;
		int64_t age_ms;
		const char *status, *body;
	} cases[] = {
	    {"GET /health HTTP/1.1\r\n\r\n", 0, "200 OK", "{\"message\":\"OK\"}"},
	    {"GET /health?x=1 HTTP/1.0\r\n\r\n", 300000, "200 OK",
	     "{\"message\":\"OK\"}"},
	    {"GET /health HTTP/1.1\r\n\r\n", 300001, "503 Service Unavailable",
	     "{\"message\":\"Worker may be unresponsive at this time\"}"},
	    {"POST /health HTTP/1.1\r\n\r\n", 0, "405 Method Not Allowed",
	     "{\"detail\":\"Method Not Allowed\"}"},
	    {"GET / HTTP/1.1\r\n\r\n", 0, "404 Not Found",
	     "{\"detail\":\"Not Found\"}"},
	    {"GET /healthy HTTP/1.1\r\n\r\n", 0, "404 Not Found",
	     "{\"detail\":\"Not Found\"}"},
	    {"\r\n\r\n", 0, "404 Not Found", "{\"detail\":\"Not Found\"}"},
	    {"GET\r\n\r\n", 0, "404 Not Found", "{\"detail\":\"Not Found\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[512];
		int n = health_answer(cases[i].request, cases[i].age_ms, 10000, out,
				      sizeof(out));

		cr_assert_eq((size_t)n, strlen(out));
		cr_expect_eq(strncmp(out + 9, cases[i].status, strlen(cases[i].status)),
			     0, "%s", out);
		cr_expect_str_eq(strstr(out, "\r\n\r\n") + 4, cases[i].body);
	}
}
