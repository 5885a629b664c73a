/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_queue.c - the subscriptions, and who is served.
 */
#include "api/sockets/task_queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "api/api.h"
#include "api/http/http.h"
#include "api/routes/decode.h"
#include "api/sockets/task_store.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define VIOLATION   4001 /* the close code of this protocol */
#define MESSAGE_MAX (2u << 20)
#define TICK_MS     10000 /* claims are kept, and looked for without being woken */

enum sub_state { SUB_WAITING = 1, SUB_READY, SUB_SENT };

struct task_sub {
	TAILQ_ENTRY(task_sub) link;
	struct task_queue *q;
	struct ws_conn *conn; /* NULL: gone, database work is under way */
	enum sub_state state;
	char **keys; /* owned */
	size_t key_count, next_key;
	char *client; /* owned */
	struct uuid sent;
	int busy, again; /* a claim is under way; look once more after it */
	/* for the claim: the connection is new; what was acknowledged */
	int begun, acked;
	int found; /* by the claim: 1 and `claimed` */
	struct uuid claimed;
};

struct task_queue {
	struct api *api;
	struct loop_timer *timer;
	int ticking;
	TAILQ_HEAD(, task_sub) subs;
};

static void sub_free(struct task_sub *s)
{
	for (size_t i = 0; i < s->key_count; i++) {
		free(s->keys[i]);
	}
	free(s->keys);
	free(s->client);
	free(s);
}

/* ---- giving back ---- */

struct drop {
	struct uuid id;
	char *client; /* owned */
};

static int drop_work(struct tx *tx, void *arg, struct error *err)
{
	const struct drop *d = arg;

	return task_claim_drop(tx, &d->id, d->client, err);
}

/* When it fails the claim ends by itself. */
static void drop_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct drop *d = arg;

	(void)rc;
	(void)tx;
	(void)err;
	free(d->client);
	free(d);
}

static void give_back(struct task_sub *s, const struct uuid *id)
{
	struct drop *d = xcalloc(1, sizeof(*d));

	d->id = *id;
	d->client = xstrdup(s->client);
	if (tx_run(s->q->api, DB_WRITE, drop_work, d, drop_done, NULL) < 0) {
		drop_done(0, NULL, NULL, d);
	}
}

/* ---- claiming ---- */

static void look(struct task_sub *s);

static int claim_work(struct tx *tx, void *arg, struct error *err)
{
	struct task_sub *s = arg;
	int rc = 0;

	if (!s->begun) {
		rc = task_claims_begin(tx, s->client, err);
	}
	if (rc == 0 && s->acked) {
		rc = task_claim_taken(tx, &s->sent, s->client, err);
	}
	if (rc < 0) {
		return rc;
	}
	s->found = task_claim(
	    tx, &(struct task_wanted){s->keys, s->key_count, s->next_key, s->client},
	    &s->claimed, err);
	return s->found < 0 ? s->found : 0;
}

static void deliver(struct task_sub *s, const struct buf *text)
{
	s->next_key = (s->next_key + 1) % s->key_count;
	s->sent = s->claimed;
	s->state = SUB_SENT;
	if (ws_send(s->conn, text->data, text->len) < 0) {
		ws_close(s->conn, 1011,
			 "The task run is too large for this connection");
	}
}

static void claim_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct task_sub *s = arg;
	int found = rc == 0 && s->found > 0;

	s->busy = 0;
	s->begun |= rc == 0;
	s->acked &= rc != 0;
	if (rc < 0) {
		log_warn("task worker %s: looking for task runs: %s", s->client,
			 err->msg);
	}
	if (s->conn == NULL) {
		if (found) {
			give_back(s, &s->claimed);
		}
		sub_free(s);
	} else if (found) {
		deliver(s, &tx->body);
	} else if (s->again) {
		look(s);
	}
}

/* Asks the database when the worker is ready for one more. */
static void look(struct task_sub *s)
{
	if (s->state != SUB_READY) {
		return;
	}
	s->again = s->busy;
	if (!s->busy) {
		s->busy =
		    tx_run(s->q->api, DB_WRITE, claim_work, s, claim_done, NULL) == 0;
	}
}

void task_queue_wake(struct task_queue *q)
{
	struct task_sub *s;

	if (q != NULL) {
		TAILQ_FOREACH (s, &q->subs, link) {
			look(s);
		}
	}
}

/* ---- time ---- */

struct keep {
	char **clients; /* owned */
	size_t count;
};

static int keep_work(struct tx *tx, void *arg, struct error *err)
{
	const struct keep *k = arg;
	int rc = task_claims_forget_old(tx, err);

	for (size_t i = 0; rc == 0 && i < k->count; i++) {
		rc = task_claims_keep(tx, k->clients[i], err);
	}
	return rc;
}

static void keep_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct keep *k = arg;

	(void)tx;
	if (rc < 0 && err != NULL) {
		log_warn("keeping the claims of task workers: %s", err->msg);
	}
	for (size_t i = 0; i < k->count; i++) {
		free(k->clients[i]);
	}
	free(k->clients);
	free(k);
}

static void on_timer(void *arg)
{
	struct task_queue *q = arg;
	struct keep *k;
	struct task_sub *s;
	size_t n = 0;

	TAILQ_FOREACH (s, &q->subs, link) {
		n += s->client != NULL;
	}
	if (n == 0) {
		q->ticking = 0; /* the next subscriber starts it again */
		return;
	}
	k = xcalloc(1, sizeof(*k));
	k->clients = xcalloc(n, sizeof(*k->clients));
	TAILQ_FOREACH (s, &q->subs, link) {
		if (s->client != NULL) {
			k->clients[k->count++] = xstrdup(s->client);
		}
	}
	if (tx_run(q->api, DB_WRITE, keep_work, k, keep_done, NULL) < 0) {
		keep_done(0, NULL, NULL, k);
	}
	task_queue_wake(q);
	loop_timer_in(q->timer, TICK_MS);
}

/* ---- messages ---- */

static void on_open(struct ws_conn *c)
{
	struct task_sub *s = xcalloc(1, sizeof(*s));

	s->conn = c;
	s->q = ws_api(c)->tasks;
	s->state = SUB_WAITING;
	TAILQ_INSERT_TAIL(&s->q->subs, s, link);
	ws_set_ctx(c, s);
}

/* NULL, or what the subscription lacks. */
static const char *take_keys(struct task_sub *s, const json_t *keys)
{
	size_t count = json_array_size(keys);

	if (count == 0 || count > TASK_KEYS_MAX) {
		return "'keys'";
	}
	s->keys = xcalloc(count, sizeof(*s->keys));
	for (size_t i = 0; i < count; i++) {
		const char *key = json_string_value(json_array_get(keys, i));

		if (key == NULL || strlen(key) > TASK_KEY_MAX) {
			return "'keys'";
		}
		s->keys[s->key_count++] = xstrdup(key);
	}
	return NULL;
}

static void subscribe(struct task_sub *s, const json_t *m, const char *type)
{
	const char *client = json_string_value(json_object_get(m, "client_id"));
	const char *lacks = NULL;

	if (type == NULL || strcmp(type, "subscribe") != 0) {
		ws_close(s->conn, VIOLATION,
			 "Protocol violation: expected 'subscribe' message");
		return;
	}
	lacks = take_keys(s, json_object_get(m, "keys"));
	if (lacks == NULL &&
	    (client == NULL || client[0] == '\0' || strlen(client) > TASK_CLIENT_MAX)) {
		lacks = "'client_id'";
	}
	if (lacks != NULL) {
		ws_close(s->conn, VIOLATION,
			 "Protocol violation: expected %s in subscribe message", lacks);
		return;
	}
	s->client = xstrdup(client);
	s->state = SUB_READY;
	log_info("task worker %s serves %zu tasks", client, s->key_count);
	if (!s->q->ticking) {
		s->q->ticking = 1;
		loop_timer_in(s->q->timer, TICK_MS);
	}
	look(s);
}

static void on_message(struct ws_conn *c, const char *data, size_t len)
{
	struct task_sub *s = ws_ctx(c);
	json_t *m = json_parse(data, len, MESSAGE_MAX, NULL);
	const char *type = json_string_value(json_object_get(m, "type"));

	if (s->state == SUB_WAITING) {
		subscribe(s, m, type);
	} else if (type != NULL && strcmp(type, "quit") == 0) {
		ws_close(c, 1000, "Bye");
	} else if (type == NULL || strcmp(type, "ack") != 0) {
		ws_close(c, VIOLATION, "Protocol violation: expected 'ack' message");
	} else if (s->state == SUB_SENT) {
		s->state = SUB_READY;
		s->acked = 1;
		look(s);
	}
	json_decref(m);
}

static void on_close(struct ws_conn *c)
{
	struct task_sub *s = ws_ctx(c);

	TAILQ_REMOVE(&s->q->subs, s, link);
	if (s->state == SUB_SENT) {
		give_back(s, &s->sent);
	}
	s->conn = NULL;
	if (!s->busy) {
		sub_free(s);
	}
}

const struct ws_endpoint task_queue_socket[] = {
    {.pattern = "/task_runs/subscriptions/scheduled",
     .on_open = on_open,
     .on_message = on_message,
     .on_close = on_close},
    {.pattern = NULL},
};

struct task_queue *task_queue_new(struct api *api)
{
	struct task_queue *q = xcalloc(1, sizeof(*q));

	q->api = api;
	TAILQ_INIT(&q->subs);
	q->timer = loop_timer_new(api->loop, on_timer, q);
	return q;
}

void task_queue_free(struct task_queue *q)
{
	if (q != NULL) {
		loop_timer_free(q->timer);
		free(q);
	}
}

/* ---- POST /task_workers/filter ---- */

struct workers_body {
	json_t *task_worker_filter;
};
static const struct field workers_fields[] = {
    FIELD(struct workers_body, task_worker_filter, F_OBJ, .flags = F_MODEL),
};
struct keys_body {
	json_t *task_keys;
};
static const struct field keys_fields[] = {
    FIELD(struct keys_body, task_keys, F_TAGS, .flags = F_REQUIRED),
};

static int serves(const struct task_sub *s, const json_t *keys)
{
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *key = json_string_value(json_array_get(keys, i));

		for (size_t k = 0; key != NULL && k < s->key_count; k++) {
			if (strcmp(key, s->keys[k]) == 0) {
				return 1;
			}
		}
	}
	return json_array_size(keys) == 0;
}

static void write_worker(struct jsonw *w, const struct task_sub *s)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "identifier", s->client);
	jsonw_arr(w, "task_keys");
	for (size_t i = 0; i < s->key_count; i++) {
		jsonw_str(w, NULL, s->keys[i]);
	}
	jsonw_arr_end(w);
	jsonw_time(w, "timestamp", loop_wall_us(s->q->api->loop)); /* it is there now */
	jsonw_obj_end(w);
}

static void route_workers(struct http_req *r)
{
	struct workers_body b = {.task_worker_filter = NULL};
	struct keys_body k = {.task_keys = NULL};
	struct http_invalid *v;
	struct task_sub *s;
	struct buf text;
	struct jsonw w;
	json_t *body = http_json(r, 1);

	if (body == NULL) {
		return;
	}
	v = http_invalid_new();
	(void)decode_object(body, workers_fields, ARRAY_LEN(workers_fields), 0, "", &b,
			    NULL, v);
	if (b.task_worker_filter != NULL) {
		(void)decode_object(b.task_worker_filter, keys_fields,
				    ARRAY_LEN(keys_fields), 0, "task_worker_filter", &k,
				    NULL, v);
	}
	if (http_invalid_count(v) > 0) {
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	buf_init(&text);
	jsonw_init(&w, &text);
	jsonw_arr(&w, NULL);
	TAILQ_FOREACH (s, &http_api(r)->tasks->subs, link) {
		if (s->client != NULL && serves(s, k.task_keys)) {
			write_worker(&w, s);
		}
	}
	jsonw_arr_end(&w);
	http_reply_json(r, 200, &text);
	buf_release(&text);
}

const struct route task_worker_routes[] = {
    {"POST", "/task_workers/filter", route_workers, 0, 0},
    {0},
};
