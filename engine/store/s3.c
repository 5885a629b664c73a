/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s3.c - records in a bucket: one child process per request, libcurl signs it (SigV4).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/curl_api.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/proc.h"
#include "engine/store/store_priv.h"

#define REQUEST_MS 60000
#define WHY_MAX    400u
/* exit status of the child beside 0 */
#define EXIT_NOT_FOUND 4
#define EXIT_FAILED    1

struct s3_call {
	struct store *store; /* NULL: nobody waits */
	struct s3_call *next;
	enum s3_verb verb;
	char *url, *region;
	const char *user, *secret; /* of the environment */
	char *text;
	size_t len;
	store_fn fn;
	void *arg;
	struct buf out, why;
};

/* ---- addresses ---- */

/* The value of NAME in the query; owned, or NULL. */
static char *query_of(const char *query, const char *name)
{
	size_t n = strlen(name), len;

	while (query != NULL && *query != '\0') {
		len = strcspn(query, "&");
		if (strncmp(query, name, n) == 0 && query[n] == '=') {
			return xstrndup(query + n + 1, len - n - 1);
		}
		query += len + (query[len] == '&');
	}
	return NULL;
}

int s3_parse(struct store *s, const char *where, struct error *err)
{
	const char *p = where + strlen("s3://"), *query = strchr(p, '?');
	size_t len = query != NULL ? (size_t)(query - p) : strlen(p);
	size_t bucket = strcspn(p, "/?");

	if (bucket == 0 || bucket > len) {
		return err_set(err, ERR_INVALID,
			       "result storage '%.100s' names no bucket: "
			       "s3://BUCKET/PREFIX?endpoint=...",
			       where);
	}
	s->bucket = xstrndup(p, bucket);
	s->prefix =
	    bucket < len ? xstrndup(p + bucket + 1, len - bucket - 1) : xstrdup("");
	query = query != NULL ? query + 1 : NULL;
	s->region = query_of(query, "region");
	if (s->region == NULL) {
		const char *region = opts_env("AWS_REGION");

		s->region = xstrdup(region != NULL ? region : "us-east-1");
	}
	s->endpoint = query_of(query, "endpoint");
	if (s->endpoint == NULL) {
		const char *own = opts_env("AWS_ENDPOINT_URL");

		s->endpoint = own != NULL
				  ? xstrdup(own)
				  : xasprintf("https://s3.%s.amazonaws.com", s->region);
	}
	return 0;
}

char *s3_url(const struct store *s, const char *key)
{
	return xasprintf("%s/%s/%s%s%s", s->endpoint, s->bucket, s->prefix,
			 *s->prefix != '\0' ? "/" : "", key);
}

/* ---- in the child ---- */

static size_t write_out(char *data, size_t size, size_t count, void *arg)
{
	(void)arg;
	return fwrite(data, size, count, stdout) * size;
}

static void set_up(const struct curl_api *api, CURL *easy, const struct s3_call *c)
{
	char *sign = xasprintf("aws:amz:%s:s3", c->region);

	(void)api->easy_set(easy, CURLOPT_URL, c->url);
	(void)api->easy_set(easy, CURLOPT_AWS_SIGV4, sign);
	(void)api->easy_set(easy, CURLOPT_USERNAME, c->user);
	(void)api->easy_set(easy, CURLOPT_PASSWORD, c->secret);
	(void)api->easy_set(easy, CURLOPT_WRITEFUNCTION, write_out);
	(void)api->easy_set(easy, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
	(void)api->easy_set(easy, CURLOPT_NOSIGNAL, 1L);
	if (c->verb == S3_PUT) {
		(void)api->easy_set(easy, CURLOPT_POSTFIELDS, c->text);
		(void)api->easy_set(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				    (curl_off_t)c->len);
		(void)api->easy_set(easy, CURLOPT_CUSTOMREQUEST, "PUT");
	} else if (c->verb == S3_DELETE) {
		(void)api->easy_set(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	}
	free(sign); /* libcurl keeps a copy */
}

static int child(void *arg)
{
	const struct s3_call *c = arg;
	struct error err;
	const struct curl_api *api = curl_api_get(&err);
	CURL *easy = api != NULL ? api->easy_new() : NULL;
	long status = 0;
	CURLcode rc;

	if (easy == NULL) {
		(void)fputs(api == NULL ? err.msg : "libcurl", stderr);
		return EXIT_FAILED;
	}
	set_up(api, easy, c);
	rc = api->easy_run(easy);
	(void)api->easy_get(easy, CURLINFO_RESPONSE_CODE, &status);
	(void)fflush(stdout);
	if (rc != CURLE_OK) {
		(void)fputs(api->easy_text(rc), stderr);
	} else if (status >= 300 && status != 404) {
		(void)fprintf(stderr, "HTTP %ld", status);
	}
	(void)fflush(stderr);
	return rc != CURLE_OK  ? EXIT_FAILED
	       : status == 404 ? EXIT_NOT_FOUND
	       : status >= 300 ? EXIT_FAILED
			       : 0;
}

/* ---- in the engine ---- */

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct s3_call *c = arg;

	(void)p;
	if (stream == 2) {
		buf_add(&c->why, data,
			MIN_OF(len, WHY_MAX - MIN_OF(c->why.len, WHY_MAX)));
	} else if (c->out.len + len <= STORE_RECORD_MAX) {
		buf_add(&c->out, data, len);
	}
}

static void call_free(struct s3_call *c)
{
	free(c->url);
	free(c->region);
	free(c->text);
	buf_release(&c->out);
	buf_release(&c->why);
	free(c);
}

static void unlink_call(struct s3_call *c)
{
	struct s3_call **at;

	if (c->store == NULL) {
		return;
	}
	for (at = &c->store->calls; *at != NULL; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			return;
		}
	}
}

static void on_proc_exit(struct proc *p, const struct proc_exit *e, void *arg)
{
	struct s3_call *c = arg;
	char why[700];
	int status = e->spawn_errno == 0 && WIFEXITED(e->status)
			 ? WEXITSTATUS(e->status)
			 : EXIT_FAILED;

	(void)p;
	(void)snprintf(why, sizeof(why), "%.200s: %.400s", c->url,
		       c->why.len > 0 ? c->why.data : "no answer in time");
	unlink_call(c);
	if (c->store != NULL) {
		c->fn(status == 0                ? 0
		      : status == EXIT_NOT_FOUND ? -ERR_NOT_FOUND
						 : -ERR_UNAVAILABLE,
		      c->out.data, c->out.len, status == 0 ? "" : why, c->arg);
	}
	call_free(c);
}

void s3_start(struct store *s, const struct s3_ask *ask, store_fn fn, void *arg)
{
	struct s3_call *c = xcalloc(1, sizeof(*c));
	const char *user = opts_env("AWS_ACCESS_KEY_ID");
	const char *secret = opts_env("AWS_SECRET_ACCESS_KEY");
	struct proc_spec ps = {
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .time_limit_ms = REQUEST_MS + 1000,
	    .kill_grace_ms = 100,
	    .fork_fn = child,
	    .fork_arg = c,
	    .output_fn = on_output,
	    .exit_fn = on_proc_exit,
	    .arg = c,
	};
	struct proc *proc;
	struct error err;

	c->store = s;
	c->verb = ask->verb;
	c->url = s3_url(s, ask->key);
	c->region = xstrdup(s->region);
	c->user = user != NULL ? user : "";
	c->secret = secret != NULL ? secret : "";
	c->text = ask->text != NULL ? xstrndup(ask->text, ask->len) : NULL;
	c->len = ask->len;
	c->fn = fn;
	c->arg = arg;
	buf_init(&c->out);
	buf_init(&c->why);
	if (proc_spawn(s->loop, &ps, &proc, &err) < 0) {
		call_free(c);
		fn(-err.code, NULL, 0, err.msg, arg);
		return;
	}
	c->next = s->calls;
	s->calls = c;
}

void s3_drop(struct store *s)
{
	struct s3_call *c;

	for (c = s->calls; c != NULL; c = c->next) {
		c->store = NULL;
	}
	s->calls = NULL;
}
