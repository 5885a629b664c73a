/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_node.c - API replicas: what answers workers and what runs in the background; only
 * evhttp is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/routes/updates/batch.h"
#include "api/server/parts.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "pools/pools.h"
#include "tests/sim/http.h"
#include "tests/sim/nodes.h"
#include "tests/sim/sim.h"
#include "tests/sim/watch.h"

#define PATH_UPDATES "/wf/v1/updates"
#define PATH_RUN     "/flow_runs/"

struct api_node apis[APIS_MAX];
struct sim_node redis_host;
int api_count;
static const struct api_conf conf = {.services = 1};

static void boot(void *arg)
{
	struct api_node *a = arg;
	struct db_conf db = {.url = "sqlite:///sim/wf.db"};
	struct parts *parts = NULL;
	struct error err = {0};

	a->api = xcalloc(1, sizeof(*a->api));
	a->api->conf = &conf;
	a->api->loop = loop_new(&err);
	(void)db_open(a->api->loop, &db, &a->api->db, &err);
	a->api->pools = pools_new(a->api->loop, "redis://redis:6379", &err);
	if (a->api->pools == NULL || parts_start(a->api, &parts, &err) < 0) {
		BUG("api: %s", err.msg);
	}
}

void api_boot(struct api_node *a)
{
	sim_node_start(&a->node);
	sim_trace("%s starts", a->node.name);
	(void)sim_at(&a->node, sim_now_us, boot, a);
}

void api_kill(struct api_node *a)
{
	sim_trace("%s is killed", a->node.name);
	sim_node_kill(&a->node);
	a->api = NULL;
	http_server_died(&a->node);
}

/* ---- requests of workers ---- */

struct rpc {
	struct http_msg *m;
	Wf__Updates__UpdateBatch *batch;
	struct uuid run;
};

static int updates_work(struct tx *tx, void *arg, struct error *err)
{
	const struct rpc *r = arg;
	int rc = updates_apply(tx, r->batch, err);

	if (rc == 0) {
		watch_answers(r->batch, &tx->body);
	}
	return rc;
}

static void rpc_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct rpc *r = arg;

	(void)err;
	if (rc == -ERR_NOT_FOUND) {
		http_answer(r->m, 404, "{}", 2);
	} else if (rc < 0) {
		http_answer(r->m, 500, "", 0);
	} else {
		http_answer(r->m, 200, tx->body.data, tx->body.len);
	}
	if (r->batch != NULL) {
		wf__updates__update_batch__free_unpacked(r->batch, NULL);
	}
	free(r);
}

struct state_now {
	int found, type;
};

static void take_state(const struct db_rows *rows, void *arg)
{
	struct state_now *s = arg;

	s->found = 1;
	s->type = (int)db_int(rows, 0);
}

/* As much of the flow run as a worker looks at. */
static int run_work(struct tx *tx, void *arg, struct error *err)
{
	const struct rpc *r = arg;
	struct state_now s = {0};
	int rc = db_one(tx->c, SQL_RUN_STATE_AND_FENCE, DB_ARGS(db_a_uuid(&r->run)), 1,
			take_state, &s, err);

	if (rc >= 0 && !s.found) {
		return err_set(err, ERR_NOT_FOUND, "no such run");
	}
	buf_addf(&tx->body, "{\"state_type\":\"%s\"}", state_type_text(s.type));
	return rc < 0 ? rc : 0;
}

static void submit(struct api *api, struct rpc *r, enum db_kind kind, tx_work_fn work)
{
	struct error err = {0};

	if (tx_run(api, kind, work, r, rpc_done, &err) < 0) {
		http_answer(r->m, 503, "", 0);
		free(r);
	}
}

static void serve(struct http_msg *m)
{
	struct api *api = ((struct api_node *)m->server)->api;
	struct rpc *r = xcalloc(1, sizeof(*r));
	struct error err = {0};

	r->m = m;
	if (api != NULL && strcmp(m->path, PATH_UPDATES) == 0 &&
	    batch_unpack(m->body, m->len, &r->batch, &err) == 0) {
		submit(api, r, DB_WRITE, updates_work);
	} else if (api != NULL && strncmp(m->path, PATH_RUN, strlen(PATH_RUN)) == 0 &&
		   uuid_parse(m->path + strlen(PATH_RUN), &r->run) == 0) {
		submit(api, r, DB_READ, run_work);
	} else {
		http_answer(m, 404, "{}", 2);
		free(r);
	}
}

static struct sim_node *pick(void)
{
	return &apis[rnd_range(0, api_count - 1)].node;
}

void api_serve_requests(void)
{
	http_pick = pick;
	http_serve = serve;
}

/* ---- requests of users ---- */

struct user_call {
	tx_work_fn work;
	void *arg;
	void (*done)(void *arg);
	int over, tries;
};

static void user_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct user_call *u = arg;

	(void)tx;
	if (rc < 0) {
		sim_trace("a user's request fails: %s", err->msg);
		return;
	}
	if (!u->over && u->done != NULL) {
		u->done(u->arg);
	}
	u->over = 1;
}

static int user_work(struct tx *tx, void *arg, struct error *err)
{
	struct user_call *u = arg;

	return u->work(tx, u->arg, err);
}

static void user_at_api(void *arg)
{
	struct user_call *u = arg;
	struct api *api = ((struct api_node *)sim_node)->api;
	struct error err = {0};

	if (api != NULL) {
		(void)tx_run(api, DB_WRITE, user_work, u, user_done, &err);
	}
}

static void try_user(void *arg)
{
	struct user_call *u = arg;

	if (u->over) {
		return;
	}
	(void)sim_at(pick(), sim_now_us + SIM_MS, user_at_api, u);
	(void)sim_at(NULL, sim_now_us + (u->tries++ == 0 ? 2 * SIM_S : 4 * SIM_S),
		     try_user, u);
}

void user_request(tx_work_fn work, void *arg, void (*done)(void *arg))
{
	struct user_call *u = xcalloc(1, sizeof(*u));

	*u = (struct user_call){.work = work, .arg = arg, .done = done};
	try_user(u);
}
