/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - POST /events/filter and its following pages.
 *
 * The token of a page carries the filter with its times resolved, the page size, the
 * offset and a digest of all that; a changed token is answered 403.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/events/query.h"
#include "api/http/http.h"
#include "api/routes/events_filter.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define PAGE_MAX     50
#define TOKEN_MAX    65536
#define DIGEST_CHARS 16
#define SINCE_DAYS   180
#define DAY_US       (86400 * CLOCK_US)
#define CLOCK_US     1000000LL

struct page {
	struct req_arg base;
	json_t *filter;
	int64_t limit;
	int64_t offset;
	struct event_filter f;
	const char *scheme;
	char *host; /* of the next page's URL; owned */
};

static void page_free(void *arg)
{
	struct page *a = arg;

	event_filter_release(&a->f);
	free(a->host);
	req_arg_free(a);
}

void events_default_times(struct event_filter *f, int64_t now_us)
{
	if (f->since_us == TIME_NONE) {
		f->since_us = now_us - now_us % DAY_US - SINCE_DAYS * DAY_US;
	}
	if (f->until_us == TIME_NONE) {
		f->until_us = now_us;
	}
}

/* ---- token ---- */

static void digest_of(const char *payload, size_t len, char ret[DIGEST_CHARS + 1])
{
	static const char salt[] = "wf events page 1\n";
	struct buf b;
	char hex[65];

	buf_init(&b);
	buf_adds(&b, salt);
	buf_add(&b, payload, len);
	sha256_hex(b.data, b.len, hex);
	(void)snprintf(ret, DIGEST_CHARS + 1, "%.*s", DIGEST_CHARS, hex);
	buf_release(&b);
}

/* The character at S, exchanged by PAIRS. */
static void swap(char *s, const char *pairs)
{
	for (; *pairs != '\0'; pairs += 2) {
		if (*s == pairs[0]) {
			*s = pairs[1];
			return;
		}
	}
}

/* digest, then the payload in the alphabet of URLs. */
static char *token_make(const struct page *a, int64_t offset)
{
	char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE], digest[DIGEST_CHARS + 1];
	json_t *filter = a->filter != NULL ? json_deep_copy(a->filter) : json_object();
	json_t *token;
	char *text, *code, *out, *s;

	(void)json_object_set_new(
	    filter, "occurred",
	    json_pack("{s:s,s:s}", "since",
		      time_format(a->f.since_us, since, sizeof(since)), "until",
		      time_format(a->f.until_us, until, sizeof(until))));
	token = json_pack("{s:o,s:I,s:I}", "filter", filter, "limit",
			  (json_int_t)a->limit, "offset", (json_int_t)offset);
	text = json_text(token);
	json_decref(token);
	digest_of(text, strlen(text), digest);
	code = base64_encode(text, strlen(text));
	for (s = code; *s != '\0'; s++) {
		swap(s, "+-/_");
	}
	s = strchr(code, '=');
	out = xasprintf("%s%.*s", digest,
			(int)(s != NULL ? (size_t)(s - code) : strlen(code)), code);
	free(text);
	free(code);
	return out;
}

/* New reference, or NULL for a token that is not ours. */
static json_t *token_read(const char *token)
{
	size_t len = token == NULL ? 0 : strlen(token);
	char digest[DIGEST_CHARS + 1];
	struct buf code;
	size_t size = len, n = 0;
	char *text, *s;
	json_t *out = NULL;

	if (len <= DIGEST_CHARS || len > TOKEN_MAX) {
		return NULL;
	}
	buf_init(&code);
	buf_adds(&code, token + DIGEST_CHARS);
	for (s = code.data; *s != '\0'; s++) {
		swap(s, "-+_/");
	}
	while (code.len % 4 != 0) {
		buf_addc(&code, '=');
	}
	text = xmalloc(size + 1);
	if (base64_decode(code.data, code.len, text, size, &n) == 0) {
		digest_of(text, n, digest);
		if (equal_constant_time(digest, DIGEST_CHARS, token, DIGEST_CHARS)) {
			out = json_parse(text, n, TOKEN_MAX, NULL);
		}
	}
	free(text);
	buf_release(&code);
	return out;
}

/* ---- answer ---- */

static void write_event(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id = {{0}};

	jsonw_obj(w, NULL);
	jsonw_time(w, "occurred", db_time(r, EVENT_OCCURRED));
	jsonw_str(w, "event", db_text(r, EVENT_NAME));
	jsonw_raw(w, "resource", db_text(r, EVENT_RESOURCE));
	jsonw_raw(w, "related", db_text(r, EVENT_RELATED));
	jsonw_raw(w, "payload", db_text(r, EVENT_PAYLOAD));
	(void)db_uuid(r, EVENT_ID, &id);
	jsonw_uuid(w, "id", &id);
	jsonw_uuid(w, "follows", db_uuid(r, EVENT_FOLLOWS, &id) ? &id : NULL);
	jsonw_time(w, "received", db_time(r, EVENT_RECEIVED));
	jsonw_obj_end(w);
}

struct collect {
	struct jsonw *w;
	int64_t skip, left, total;
};

static int on_row(const struct db_rows *r, void *arg)
{
	struct collect *c = arg;

	c->total++;
	if (c->skip > 0) {
		c->skip--;
	} else if (c->left > 0) {
		c->left--;
		write_event(c->w, r);
	}
	return 0;
}

static int page_work(struct tx *tx, void *arg, struct error *err)
{
	const struct page *a = arg;
	struct jsonw w;
	struct collect c = {.w = &w, .left = a->limit};
	int rc;

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "events");
	if (event_query_is_exact(&a->f)) {
		rc = event_query_page(tx, &a->f,
				      &(struct event_page){a->limit, a->offset}, on_row,
				      &c, err);
		rc = rc < 0 ? rc : event_query_count(tx, &a->f, &c.total, err);
	} else {
		c.skip = a->offset;
		rc = event_query_scan(tx, &a->f, on_row, &c, err);
	}
	jsonw_arr_end(&w);
	jsonw_int(&w, "total", c.total);
	if (a->offset + a->limit < c.total && a->limit > 0) {
		char *token = token_make(a, a->offset + a->limit);
		char *url = xasprintf("%s://%s/api/events/filter/next?page-token=%s",
				      a->scheme, a->host, token);

		jsonw_str(&w, "next_page", url);
		free(url);
		free(token);
	} else {
		jsonw_null(&w, "next_page");
	}
	jsonw_obj_end(&w);
	return rc;
}

static struct page *page_new(struct http_req *r)
{
	struct page *a = req_arg_new(r, sizeof(*a));
	const char *host = http_header(r, "Host");

	a->limit = PAGE_MAX;
	a->scheme = http_scheme(r);
	a->host = xstrdup(host != NULL ? host : "127.0.0.1");
	return a;
}

static const struct field page_fields[] = {
    FIELD(struct page, filter, F_OBJ, .flags = F_MODEL),
    FIELD(struct page, limit, F_INT, .min = 0, .max = PAGE_MAX),
};

static void route_filter(struct http_req *r)
{
	json_t *body = http_json(r, 1);
	struct http_invalid *v;
	struct page *a;

	if (body == NULL) {
		return;
	}
	a = page_new(r);
	v = http_invalid_new();
	(void)decode_object(body, page_fields, ARRAY_LEN(page_fields), 0, "", a, NULL,
			    v);
	(void)event_filter_decode(&a->f, a->filter, "filter", v);
	if (http_invalid_count(v) > 0) {
		page_free(a);
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	a->base.body = json_incref(body);
	events_default_times(&a->f, http_arrived_us(r));
	tx_submit(r, DB_READ, page_work, a, page_free);
}

static void route_next(struct http_req *r)
{
	json_t *token = token_read(http_query(r, "page-token"));
	struct http_invalid *v = http_invalid_new();
	struct page *a = page_new(r);
	int ok = json_is_object(token) &&
		 decode_object(token, page_fields, ARRAY_LEN(page_fields), 0, "", a,
			       NULL, v) == 0 &&
		 json_get_int(token, "offset", &a->offset, NULL) == 1 && a->offset >= 0;

	a->base.body = token;
	ok = event_filter_decode(&a->f, a->filter, "filter", v) == 0 && ok;
	http_invalid_free(v);
	if (!ok) {
		page_free(a);
		http_reply_detail(r, 403, "Forbidden");
		return;
	}
	events_default_times(&a->f, http_arrived_us(r));
	tx_submit(r, DB_READ, page_work, a, page_free);
}

extern const struct route routes_events[];
const struct route routes_events[] = {
    {"POST", "/events/filter", route_filter, 0, 0},
    {"GET", "/events/filter/next", route_next, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
