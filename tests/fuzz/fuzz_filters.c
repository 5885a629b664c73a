/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_filters.c - any JSON as the body of a list request: problems, or a predicate
 * that the database compiles.  The first byte chooses the entity.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/db/db_priv.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "base/error.h"
#include "base/json.h"
#include "tests/unit/api/filter_from.h"

static struct db_conn *conn;

static void setup(void)
{
	char path[] = "/tmp/wf-fuzz-XXXXXX";
	int fd = mkstemp(path);
	struct error err;

	conn_setup_library();
	if (fd < 0 || conn_open(path, 0, &conn, &err) < 0 || migrate(conn, &err) < 0) {
		abort();
	}
	(void)close(fd);
	(void)unlink(path);
}

static void ignore_plan(const char *detail, void *arg)
{
	(void)detail;
	(void)arg;
}

static void compile(enum entity target, const struct db_pred *p)
{
	struct error err = {0};
	struct buf text;

	buf_init(&text);
	filter_from_text(target, p, DIALECT_SQLITE, &text);
	if (text.len > 0 &&
	    conn_explain(conn, text.data, ignore_plan, NULL, &err) < 0) {
		(void)fprintf(stderr, "%s\n%s\n", err.msg, text.data);
		abort();
	}
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum entity target =
	    size > 0 ? (enum entity)(1 + data[0] % (ENT_MAX - 1)) : ENT_FLOW;
	struct http_invalid *v;
	struct db_pred *p = NULL;
	json_t *body;

	if (conn == NULL) {
		setup();
	}
	body =
	    size > 1 ? json_parse((const char *)data + 1, size - 1, size, NULL) : NULL;
	if (!json_is_object(body)) {
		json_decref(body);
		return 0;
	}
	v = http_invalid_new();
	if (filter_decode(body, target, &p, v) == 0 && !pred_is_poisoned(p)) {
		compile(target, p);
	}
	pred_free(p);
	http_invalid_free(v);
	json_decref(body);
	return 0;
}
