/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.c - runs a table of requests.
 */
#include "tests/unit/server/steps.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS      10
#define ID_SIZE  40
#define TEXT_MAX 8192

static void expand(char *dst, size_t size, const char *src, char ids[IDS][ID_SIZE])
{
	size_t n = 0;

	for (; src != NULL && *src != '\0' && n + ID_SIZE < size; src++) {
		if (src[0] == '$' && isdigit((unsigned char)src[1])) {
			n += (size_t)snprintf(dst + n, size - n, "%s",
					      ids[src[1] - '0']);
			src++;
		} else {
			dst[n++] = *src;
		}
	}
	dst[n] = '\0';
}

/* The value of "id" or "lease_id" at the top of the answer. */
static void take_id(const char *body, char *dst)
{
	const char *at = strstr(body, "\"lease_id\":");

	if (at == NULL) {
		/* the object's own id is the last one of an automation, the first
		 * elsewhere */
		at = strstr(body, "\"actions\":") != NULL
			 ? strstr(body, "\"actions_on_resolve\":")
			 : body;
		at = at == NULL ? NULL : strstr(at, "\"id\":");
	}
	cr_assert_not_null(at, "no id in %s", body);
	at = strchr(strchr(at, ':'), '"');
	(void)snprintf(dst, ID_SIZE, "%.*s", 36, at + 1);
}

static void run(const struct wf_server *s, const struct step *t, char ids[IDS][ID_SIZE])
{
	char path[512], body[TEXT_MAX], request[TEXT_MAX + 1024];
	char *answer;

	expand(path, sizeof(path), t->path, ids);
	expand(body, sizeof(body), t->body, ids);
	(void)snprintf(
	    request, sizeof(request),
	    "%s /api%s HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    t->method, path, strlen(body), body);
	answer = wf_ask(s, request);
	cr_assert_not_null(answer, "%s %s: no answer", t->method, path);
	cr_expect_eq(wf_status(answer), t->status, "%s %s %s: %s", t->method, path,
		     body, answer);
	if (t->holds != NULL) {
		cr_expect(strstr(answer, t->holds) != NULL, "%s %s: no %s in %s",
			  t->method, path, t->holds, answer);
	}
	if (t->holds_not != NULL) {
		cr_expect(strstr(wf_body(answer), t->holds_not) == NULL,
			  "%s %s: %s in %s", t->method, path, t->holds_not, answer);
	}
	if (t->take > 0) {
		take_id(wf_body(answer), ids[t->take]);
	}
	free(answer);
}

void steps_run(const struct wf_server *s, const struct step *steps)
{
	char ids[IDS][ID_SIZE] = {{0}};

	for (; steps->method != NULL; steps++) {
		run(s, steps, ids);
	}
}
