/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actions_priv.h - inside the actions: one job per row, from its start to its result.
 *
 *	LOADED --job_run--> requests, one after the other --job_done--> result (writer):
 *	row deleted, events emitted --> freed
 *	                                                   +--job_retry--> later, again
 */
#ifndef API_ACTIONS_ACTIONS_PRIV_H
#define API_ACTIONS_ACTIONS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include <jansson.h>

#include "base/error.h"
#include "base/map.h"
#include "base/template.h"
#include "base/uuid.h"

struct api;
struct buf;
struct httpc;
struct httpc_resp;
struct httpc_spec;
struct loop_timer;
struct tx;

#define ACTIONS_IN_MEMORY 512 /* jobs under way */
#define ACTIONS_PER_HOST  8   /* requests under way to one host */
#define ACTIONS_WAITING   32  /* jobs that wait for one host; more wait in SQL */
#define ACTIONS_ATTEMPTS  4
#define ACTIONS_SENDS     64 /* requests of one notification */
#define ACTIONS_JSON_MAX  ((size_t)16 << 20)

struct job;
typedef void (*job_answer_fn)(struct job *j, int rc, const struct httpc_resp *resp,
			      const struct error *err);

struct send { /* one request of a notification */
	char *method, *url, *body, *content_type;
	char *headers[16];
	size_t header_n;
	int any_status, no_redirect;
	const char *ok_body; /* what a good answer says; NULL: anything */
	int ok[4];           /* good statuses; 0: none more; all empty: 2xx */
};

struct job {
	struct actions *actions;
	int64_t row;
	int attempts;
	json_t *body; /* owned; the rest points into it */
	const json_t *action, *automation, *firing, *event;
	const char *type;
	/* result */
	json_t *related;   /* entries of the action itself */
	json_t *details;   /* of the second event */
	json_t *loaded;    /* {slug, id, name}: the block that was read; or NULL */
	char reason[1000]; /* empty: executed */
	/* under way */
	job_answer_fn on_answer;
	json_t *objects; /* name -> object, for templates */
	json_t *block;   /* the document */
	json_t *target;  /* what was looked up before the command */
	size_t next_object;
	char *texts; /* owned; what names the objects */
	void (*then)(struct job *j);
	char *subject, *text; /* owned; rendered */
	char *host;           /* whose turn it waits for, or uses; owned */
	int has_turn;
	struct send *sends;
	size_t send_n, send_at;
	TAILQ_ENTRY(job) waiting;
	void (*on_turn)(struct job *j);
};
TAILQ_HEAD(job_list, job);

struct host {
	int active, waiting;
	struct job_list queue;
};

struct actions {
	struct api *api;
	struct httpc *http;
	struct loop_timer *timer;
	struct uuid owner;
	struct map jobs;  /* row -> struct job */
	struct map hosts; /* -> struct host */
	int64_t last_row; /* the next load begins behind it */
	int loading, again, stopping, rows_left;
};

/* runner.c */
void job_done(struct job *j); /* REASON empty: executed */
void job_failed(struct job *j, const char *fmt, ...) WF_PRINTF(2, 3);
/* Again later, or failed with REASON after ACTIONS_ATTEMPTS. */
void job_retry(struct job *j, const char *fmt, ...) WF_PRINTF(2, 3);
/* FN(j) once less than ACTIONS_PER_HOST requests to HOST are under way. */
void job_wait_turn(struct job *j, const char *host, void (*fn)(struct job *j));
void job_end_turn(struct job *j);
void job_free(struct job *j);

/* request.c: our own API; FN gets the answer */
void job_request(struct job *j, const char *method, const char *path,
		 const json_t *body, job_answer_fn fn);
int job_send(struct job *j, const struct httpc_spec *spec, job_answer_fn fn,
	     struct error *err);

/* commands.c */
void job_run(struct job *j);

/* target.c */
/* "prefect.KIND.ID": the id of the first resource of the event of that kind. */
int target_infer(const struct job *j, const char *kind, struct uuid *ret_id);
int target_flow_run(const struct job *j, struct uuid *ret_id);
json_t *target_entry(const char *kind, const struct uuid *id, const char *name);

/* context.c */
/* Calls THEN once the objects that TEXTS name are read. */
void context_fetch(struct job *j, const char *texts, void (*then)(struct job *j));
/* The text with the job's objects; 0, or the reason in ERR. */
int context_render(const struct job *j, const char *text, struct buf *out,
		   struct error *err);
int context_value(const struct job *j, const char *text, json_t **ret,
		  struct error *err);

/* params.c */
/* All texts in PARAMETERS, for context_fetch(); owned. */
char *params_texts(const json_t *parameters);
/* SCHEMA: of the deployment, when it is enforced; or NULL. */
int params_render(const struct job *j, const json_t *parameters, const json_t *schema,
		  json_t **ret, struct error *err);

/* message.c */
void message_notify(struct job *j);
void message_webhook(struct job *j);

/* notify.c: the requests of a notification block */
int notify_build(struct job *j, const char *slug, const json_t *data,
		 const char *subject, const char *body, struct error *err);
int notify_is_known(const char *slug);
struct send *send_add(struct job *j, const char *method, const char *url);
void send_header(struct send *s, const char *fmt, ...) WF_PRINTF(2, 3);
void send_json(struct send *s, json_t *body); /* BODY is taken */

/* email.c */
void email_send(struct job *j, const json_t *data);

/* result.c: in the transaction that ends the job; 1: it was ours to end */
int result_write(struct tx *tx, const struct job *j, const struct uuid *owner,
		 struct error *err);

#endif
