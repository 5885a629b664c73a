/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_queues.c - which pools and queues there are, looked up at the start, every
 * --refresh, and on SIGHUP.
 *
 * A worker whose agent filters queues gets no slot before its queues are known: it
 * would claim from all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "agent/host_api.h"
#include "agent/host_match.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define PAGE       200
#define PAGES_MAX  50
#define RETRY_MS   500 /* while something is not known yet */
#define LISTED_MAX (PAGE * PAGES_MAX)

static int filters(const struct host *h)
{
	return h->conf->queues.count + h->conf->matches.count > 0;
}

static void refresh_soon(struct host *h)
{
	h->refresh_at_ms = MIN_OF(h->refresh_at_ms, loop_now_ms(h->loop) + RETRY_MS);
}

/* ---- the queues of one pool ---- */

/* An answer may come when its pool is gone: calls name it. */
struct queues_call {
	struct host *h;
	char *pool;
	json_t *names; /* of the pages so far */
	int offset;
};

static void call_free(struct queues_call *c)
{
	json_decref(c->names);
	free(c->pool);
	free(c);
}

static struct queues_call *call_new(struct host_pool *p)
{
	struct queues_call *c = xcalloc(1, sizeof(*c));

	c->h = p->host;
	c->pool = xstrdup(p->name);
	c->names = json_array();
	return c;
}

static void log_change(const struct host_pool *p, char *const *before,
		       char *const *after)
{
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; after[i] != NULL; i++) {
		buf_addf(&b, "%s'%s'", i > 0 ? ", " : "", after[i]);
	}
	if (after[0] == NULL) {
		log_warn("pool '%s': no work queue matches; looking again", p->name);
	} else if (before == NULL || before[0] == NULL) {
		log_info("pool '%s': work queues %s", p->name, b.data);
	} else {
		log_info("pool '%s': work queues are now %s", p->name, b.data);
	}
	buf_release(&b);
}

/* Takes over the list of M. */
static void set_queues(struct host_pool *p, struct host_match *m)
{
	struct host_worker *w;

	if (p->queues_known && p->queues != NULL &&
	    host_match_same(p->queues, m->served)) {
		return;
	}
	log_change(p, p->queues, m->served);
	if (m->left_out > 0) {
		log_warn("pool '%s': %zu more work queues match and are not served",
			 p->name, m->left_out);
	}
	for (size_t i = 0; p->queues != NULL && p->queues[i] != NULL; i++) {
		free(p->queues[i]);
	}
	free(p->queues);
	p->queues = m->served;
	m->served = NULL;
	p->queues_known = 1;
	TAILQ_FOREACH (w, &p->host->workers, link) {
		if (w->pool == p) {
			w->tell_queues = 1;
			host_worker_tell(w);
		}
	}
	host_balance(p->host);
}

static void on_created(int status, const json_t *body, const struct error *err,
		       void *arg)
{
	struct queues_call *c = arg;
	struct host_pool *p = host_pool_find(c->h, c->pool);

	if (p != NULL) {
		p->creating--;
		if (status >= 200 && status <= 299) {
			log_info("pool '%s': created work queue '%s'", p->name,
				 json_string_value(json_object_get(body, "name")));
		} else if (status != 409) {
			log_warn("pool '%s': a work queue cannot be created: %s",
				 p->name, err->msg);
		}
	}
	call_free(c);
}

static void create(struct host_pool *p, const char *queue)
{
	p->creating++;
	host_api_call(p->host->api, "POST", json_pack("{s:s}", "name", queue),
		      on_created, call_new(p), "/work_pools/%s/queues", p->enc);
}

static void take(struct host_pool *p, const json_t *names)
{
	const struct host_conf *conf = p->host->conf;
	char **existing = xcalloc(json_array_size(names) + 1, sizeof(char *));
	struct host_match m;

	for (size_t i = 0; i < json_array_size(names); i++) {
		existing[i] = xstrdup(json_string_value(json_array_get(names, i)));
	}
	host_match(&conf->queues, &conf->matches, existing, &m);
	for (size_t i = 0; i < m.missing_count && p->creating == 0; i++) {
		create(p, m.missing[i]);
	}
	set_queues(p, &m);
	host_match_release(&m);
	for (size_t i = 0; existing[i] != NULL; i++) {
		free(existing[i]);
	}
	free(existing);
}

static void ask_page(struct queues_call *c, const struct host_pool *p);

static void on_page(int status, const json_t *body, const struct error *err, void *arg)
{
	struct queues_call *c = arg;
	struct host_pool *p = host_pool_find(c->h, c->pool);
	size_t i;
	json_t *q;

	(void)err; /* the worker of the pool says the same */
	if (p == NULL || status != 200) {
		if (p != NULL) {
			p->queues_asking = 0;
			refresh_soon(c->h); /* its worker creates it, perhaps */
		}
		call_free(c);
		return;
	}
	json_array_foreach (body, i, q) {
		const json_t *name = json_object_get(q, "name");

		if (json_is_string(name)) {
			json_array_append(c->names, (json_t *)(uintptr_t)name);
		}
	}
	c->offset += PAGE;
	if (json_array_size(body) == PAGE && c->offset < LISTED_MAX) {
		ask_page(c, p);
		return;
	}
	p->queues_asking = 0;
	take(p, c->names);
	call_free(c);
}

static void ask_page(struct queues_call *c, const struct host_pool *p)
{
	host_api_call(c->h->api, "POST",
		      json_pack("{s:i, s:i}", "limit", PAGE, "offset", c->offset),
		      on_page, c, "/work_pools/%s/queues/filter", p->enc);
}

void host_queues_of(struct host_pool *p)
{
	struct host_worker *w;

	if (!filters(p->host)) {
		int changed = p->queues != NULL;

		for (size_t i = 0; p->queues != NULL && p->queues[i] != NULL; i++) {
			free(p->queues[i]);
		}
		free(p->queues);
		p->queues = NULL;
		p->queues_known = 1;
		TAILQ_FOREACH (w, &p->host->workers, link) {
			if (changed && w->pool == p) {
				w->tell_queues = 1;
				host_worker_tell(w);
			}
		}
	} else if (!p->queues_asking) {
		p->queues_asking = 1;
		ask_page(call_new(p), p);
	}
}

/* ---- pools of a prefix ---- */

static void want_matching(struct host *h, const char *name)
{
	struct host_pool_spec spec;

	for (size_t i = 0; i < h->conf->pools.count; i++) {
		if (host_pool_spec_parse(h->conf->pools.items[i], &spec, NULL) < 0) {
			continue;
		}
		if (spec.prefix && strncmp(name, spec.name, strlen(spec.name)) == 0) {
			struct host_pool *p = host_pool_find(h, name);

			if (p == NULL || !p->wanted) {
				(void)host_pool_want(h, name, spec.weight);
			}
		}
		free(spec.name);
	}
}

static void ask_pools(struct host *h, int offset);

static void on_pools(int status, const json_t *body, const struct error *err, void *arg)
{
	struct host *h = arg;
	size_t i;
	json_t *p;
	int offset = h->listing;

	if (status != 200) {
		log_debug("pools cannot be listed: %s", err->msg);
		h->listing = 0;
		refresh_soon(h);
		return;
	}
	json_array_foreach (body, i, p) {
		const char *name = json_string_value(json_object_get(p, "name"));
		const char *type = json_string_value(json_object_get(p, "type"));

		if (name != NULL && type != NULL && strcmp(type, "process") == 0) {
			want_matching(h, name);
		}
	}
	h->listing = 0;
	if (json_array_size(body) == PAGE && offset < LISTED_MAX) {
		ask_pools(h, offset + PAGE - 1);
	}
}

/* h->listing: the offset, plus one, of the page that is asked for. */
static void ask_pools(struct host *h, int offset)
{
	h->listing = offset + 1;
	host_api_call(h->api, "POST",
		      json_pack("{s:i, s:i}", "limit", PAGE, "offset", offset),
		      on_pools, h, "/work_pools/filter");
}

static int has_prefixes(const struct host *h)
{
	struct host_pool_spec spec;
	int yes = 0;

	for (size_t i = 0; i < h->conf->pools.count && !yes; i++) {
		if (host_pool_spec_parse(h->conf->pools.items[i], &spec, NULL) == 0) {
			yes = spec.prefix;
			free(spec.name);
		}
	}
	return yes;
}

void host_queues_refresh(struct host *h)
{
	struct host_pool *p;

	h->refresh_at_ms = loop_now_ms(h->loop) + h->conf->refresh_ms;
	if (has_prefixes(h) && h->listing == 0) {
		ask_pools(h, 0);
	}
	TAILQ_FOREACH (p, &h->pool_list, link) {
		if (p->wanted) {
			host_queues_of(p);
		}
	}
}
