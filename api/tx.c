/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tx.c - database work of requests and services, and what follows a COMMIT.
 */
#include "api/tx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/fence.h"
#include "api/http/http.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

struct tx_call {
	struct tx tx;
	struct api *api;
	struct http_req *r; /* NULL: tx_run() */
	struct fence fence; /* to be looked at first */
	tx_work_fn work;
	void *arg;
	tx_free_fn free_fn;
	tx_done_fn done;
};

static struct tx_call *call_new(struct api *api, tx_work_fn work, void *arg)
{
	struct tx_call *call = xcalloc(1, sizeof(*call));

	call->api = api;
	call->tx.api = api;
	call->work = work;
	call->arg = arg;
	buf_init(&call->tx.body);
	buf_init(&call->tx.live_events);
	buf_init(&call->tx.live_logs);
	return call;
}

static void call_free(struct tx_call *call)
{
	free(call->tx.disposition);
	buf_release(&call->tx.body);
	buf_release(&call->tx.live_events);
	buf_release(&call->tx.live_logs);
	free(call);
}

/* In a database thread; a retried transaction starts from nothing. */
static int run_work(struct db_conn *c, void *arg, struct error *err)
{
	struct tx_call *call = arg;
	struct tx *tx = &call->tx;

	tx->c = c;
	tx->status = 0;
	tx->empty = 0;
	tx->keep_answer = 0;
	tx->retry_after_s = 0;
	tx->content_type = NULL;
	free(tx->disposition);
	tx->disposition = NULL;
	tx->fx = 0;
	buf_reset(&tx->body);
	buf_reset(&tx->live_events);
	buf_reset(&tx->live_logs);
	int rc = fence_refuse(tx, &call->fence, err);

	return rc < 0 ? rc : call->work(tx, call->arg, err);
}

static void reply_file(struct http_req *r, const struct tx *tx, int status)
{
	if (tx->disposition != NULL) {
		http_reply_header(r, "Content-Disposition", tx->disposition);
	}
	http_reply(r, status, tx->content_type, tx->body.data, tx->body.len);
}

static void reply(struct http_req *r, int rc, const struct tx *tx,
		  const struct error *err)
{
	int status = tx->status != 0 ? tx->status : 200;
	char text[32];

	if (tx->retry_after_s > 0) {
		(void)snprintf(text, sizeof(text), "%.17g", tx->retry_after_s);
		http_reply_header(r, "Retry-After", text);
	}
	if (rc < 0 && !tx->keep_answer) {
		http_reply_error(r, err);
	} else if (tx->empty || status == 204) {
		http_reply_empty(r, tx->status != 0 ? tx->status : 204);
	} else if (rc == 0 && tx->content_type != NULL) {
		reply_file(r, tx, status);
	} else {
		http_reply_json(r, status, &tx->body);
	}
}

/* On the loop, after COMMIT. */
static void after_work(int rc, const struct error *err, void *arg)
{
	struct tx_call *call = arg;

	if (rc == 0 && call->api->on_commit != NULL) {
		call->api->on_commit(call->api, &call->tx);
	}
	if (call->r != NULL) {
		reply(call->r, rc, &call->tx, err);
	}
	if (call->done != NULL) {
		call->done(rc, &call->tx, err, call->arg);
	}
	if (call->free_fn != NULL) {
		call->free_fn(call->arg);
	}
	call_free(call);
}

static int submit(struct tx_call *call, enum db_kind kind, struct error *err)
{
	if (call->api->db == NULL) { /* at the very end of a shutdown */
		return err_set(err, ERR_UNAVAILABLE, "the database is closed");
	}
	return db_submit(call->api->db, kind, run_work, after_work, call, err);
}

static void submit_request(struct http_req *r, enum db_kind kind, struct tx_call *call,
			   tx_free_fn free_fn)
{
	struct error err = {0};

	call->r = r;
	call->free_fn = free_fn;
	call->tx.now_us = http_arrived_us(r);
	if (submit(call, kind, &err) < 0) {
		http_reply_error(r, &err);
		if (free_fn != NULL) {
			free_fn(call->arg);
		}
		call_free(call);
	}
}

void tx_submit(struct http_req *r, enum db_kind kind, tx_work_fn work, void *arg,
	       tx_free_fn free_fn)
{
	struct tx_call *call = call_new(http_api(r), work, arg);

	if (kind == DB_WRITE) {
		fence_parse(http_header(r, FENCE_HEADER), &call->fence);
	}
	submit_request(r, kind, call, free_fn);
}

void tx_submit_fenced(struct http_req *r, tx_work_fn work, void *arg,
		      tx_free_fn free_fn)
{
	submit_request(r, DB_WRITE, call_new(http_api(r), work, arg), free_fn);
}

int tx_run(struct api *api, enum db_kind kind, tx_work_fn work, void *arg,
	   tx_done_fn done, struct error *err)
{
	struct tx_call *call = call_new(api, work, arg);
	int rc;

	call->done = done;
	call->tx.now_us = clock_wall_us();
	rc = submit(call, kind, err);
	if (rc < 0) {
		call_free(call);
	}
	return rc;
}

static int answer(struct tx *tx, struct error *err, int code, int status,
		  const char *key, const char *text)
{
	struct jsonw w;

	tx->status = status;
	tx->keep_answer = 1;
	tx->empty = 0;
	buf_reset(&tx->body);
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, key, text);
	jsonw_obj_end(&w);
	return err_set(err, (enum err_code)code, "%s", text);
}

int tx_detail(struct tx *tx, struct error *err, int code, int status, const char *fmt,
	      ...)
{
	struct buf text;
	va_list ap;
	int rc;

	buf_init(&text);
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	rc = answer(tx, err, code, status, "detail", text.data);
	buf_release(&text);
	return rc;
}

int tx_exception(struct tx *tx, struct error *err, int code, int status,
		 const char *fmt, ...)
{
	struct buf text;
	va_list ap;
	int rc;

	buf_init(&text);
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	rc = answer(tx, err, code, status, "exception_message", text.data);
	buf_release(&text);
	return rc;
}
