/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_api.c - see fake_api.h.
 */
#include "tests/unit/agent/fake_api.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "proto/frame.h"

/* The seq of a run's last applied update; for each sender on its own. */
struct last_seq {
	uint64_t seq;
	int applied;
};

static struct last_seq *last_of(struct fake_api *f, const Wf__Updates__UpdateBatch *b,
				const Wf__Updates__Update *u)
{
	uint8_t key[32];

	memcpy(key, b->sender_id.data, 16);
	memcpy(key + 16, u->flow_run_id.data, 16);
	struct last_seq *l = map_get_n(&f->runs, key, sizeof(key));
	if (l == NULL) {
		l = calloc(1, sizeof(*l));
		(void)map_set_n(&f->runs, key, sizeof(key), l, NULL);
	}
	return l;
}

/* The tests' ids begin with a counter: it grows within a run, over all its senders. */
static void check_ids(struct fake_api *f, const Wf__Updates__Update *u)
{
	struct last_seq *l = map_get_n(&f->runs, u->flow_run_id.data, 16);
	uint64_t n;

	memcpy(&n, u->id.data, sizeof(n));
	if (l == NULL) {
		l = calloc(1, sizeof(*l));
		(void)map_set_n(&f->runs, u->flow_run_id.data, 16, l, NULL);
	}
	if (u->id.data[15] != 0) {
		f->bad_order += n <= l->seq;
		l->seq = n;
	}
}

static int apply(struct fake_api *f, const Wf__Updates__UpdateBatch *b,
		 const Wf__Updates__Update *u)
{
	struct last_seq *l = last_of(f, b, u);

	if (map_get_n(&f->ids, u->id.data, 16) != NULL) {
		f->duplicates++;
		return f->answer;
	}
	if (f->refuse_count > 0 &&
	    memcmp(u->flow_run_id.data, f->refuse_run, 16) == 0 &&
	    l->applied >= f->refuse_from) {
		return WF__CONTROL__ANSWER__UNAVAILABLE;
	}
	f->bad_order += u->seq <= l->seq;
	check_ids(f, u);
	l->seq = u->seq;
	l->applied++;
	f->applied++;
	f->foreign += memcmp(b->sender_id.data, f->first_sender, 16) != 0;
	(void)map_set_n(&f->ids, u->id.data, 16, f, NULL);
	return f->answer;
}

static void answer_batch(struct fake_api *f, const Wf__Updates__UpdateBatch *b,
			 struct buf *out)
{
	static Wf__Updates__UpdateAnswer a[PROTO_BATCH_MAX];
	static Wf__Updates__UpdateAnswer *list[PROTO_BATCH_MAX];
	Wf__Updates__UpdateAnswers answers;
	int refused = 0;

	if (f->batches++ == 0) {
		memcpy(f->first_sender, b->sender_id.data, 16);
	}
	(void)snprintf(f->sender, sizeof(f->sender), "%s", b->sender);
	(void)snprintf(f->pool, sizeof(f->pool), "%s", b->pool);
	f->largest = f->largest > (int)b->n_items ? f->largest : (int)b->n_items;
	wf__updates__update_answers__init(&answers);
	for (size_t i = 0; i < b->n_items; i++) {
		wf__updates__update_answer__init(&a[i]);
		a[i].id = b->items[i]->id;
		cr_assert_null(update_defect(b->items[i]), "%s",
			       update_defect(b->items[i]));
		int answer = apply(f, b, b->items[i]);
		refused |= answer == WF__CONTROL__ANSWER__UNAVAILABLE;
		a[i].answer = answer != 0 ? (Wf__Control__Answer)answer
					  : WF__CONTROL__ANSWER__ACCEPT;
		list[i] = &a[i];
	}
	f->refuse_count -= refused;
	answers.n_answers = b->n_items - (f->one_less && b->n_items > 0 ? 1 : 0);
	answers.answers = list;
	cr_assert_eq(answers_pack(out, &answers, NULL), 0);
}

static void check_auth(struct fake_api *f, struct evhttp_request *req)
{
	const char *auth =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");

	f->bad_auth += f->auth != NULL && (auth == NULL || strcmp(auth, f->auth) != 0);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct fake_api *f = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	struct evbuffer *reply = evbuffer_new();
	Wf__Updates__UpdateBatch *b = NULL;
	struct error err = {0};
	struct buf out;

	f->requests++;
	check_auth(f, req);
	cr_assert_str_eq(evhttp_request_get_uri(req), "/api/wf/v1/updates");
	buf_init(&out);
	if (f->status != 0) {
		evhttp_send_reply(req, f->status, NULL, NULL);
	} else if (f->max_body > 0 && len > f->max_body) {
		evhttp_send_reply(req, 413, NULL, NULL);
	} else {
		cr_assert_eq(batch_unpack(evbuffer_pullup(in, -1), len, &b, &err), 0,
			     "%s", err.msg);
		answer_batch(f, b, &out);
		wf__updates__update_batch__free_unpacked(b, NULL);
		if (f->no_answer > 0) {
			f->no_answer--;
			evhttp_connection_free(evhttp_request_get_connection(req));
		} else {
			evbuffer_add(reply, f->garbage ? "nonsense" : out.data,
				     f->garbage ? 8 : out.len);
			evhttp_send_reply(req, 200, "OK", reply);
		}
	}
	evbuffer_free(reply);
	buf_release(&out);
}

void fake_api_start(struct fake_api *f, struct loop *loop, int port)
{
	if (f->ids.max == 0) {
		map_init(&f->ids, 1000000);
		map_init(&f->runs, 1000000);
	}
	f->http = evhttp_new(loop_base(loop));
	struct evhttp_bound_socket *s =
	    evhttp_bind_socket_with_handle(f->http, "127.0.0.1", (uint16_t)port);
	cr_assert_not_null(s);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	(void)getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&sin, &len);
	f->port = ntohs(sin.sin_port);
	(void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/api", f->port);
	evhttp_set_gencb(f->http, on_request, f);
	evhttp_set_max_body_size(f->http, 8 << 20);
}

void fake_api_stop(struct fake_api *f)
{
	if (f->http != NULL) {
		evhttp_free(f->http);
		f->http = NULL;
	}
}

void fake_api_release(struct fake_api *f)
{
	fake_api_stop(f);
	for (struct map_iter i = {0}; map_next(&f->runs, &i);) {
		free(i.value);
	}
	map_release(&f->runs);
	map_release(&f->ids);
}
