/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail.c - SMTP settings, the text of a mail, and the child that sends it.
 *
 * The server is `server` (smtp://host:port, smtps://...), else that of the block
 * email-server-credentials.
 */
#include "engine/change/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/curl_api.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/change/notify.h"
#include "engine/change/notify_priv.h"
#include "engine/expr/tmpl.h"
#include "engine/plan_handler.h"

#define MAX_TO  100u
#define WHY_MAX 400u

struct mail {
	mail_fn fn;
	void *arg;
	struct proc *proc;
	char *server, *user, *password, *from;
	char *to[MAX_TO];
	size_t to_count;
	struct buf text;
	size_t sent;
	long timeout_ms;
	struct buf why;
};

static void mail_free(struct mail *m)
{
	size_t i;

	free(m->server);
	free(m->user);
	free(m->password);
	free(m->from);
	for (i = 0; i < m->to_count; i++) {
		free(m->to[i]);
	}
	buf_release(&m->text);
	buf_release(&m->why);
	free(m);
}

/* ---- in the child ---- */

static size_t read_text(char *to, size_t size, size_t count, void *arg)
{
	struct mail *m = arg;
	size_t n = MIN_OF(size * count, m->text.len - m->sent);

	memcpy(to, m->text.data + m->sent, n);
	m->sent += n;
	return n;
}

static CURLcode set_up(const struct curl_api *api, CURL *easy, struct mail *m,
		       struct curl_slist *to)
{
	CURLcode rc = api->easy_set(easy, CURLOPT_URL, m->server);

	(void)api->easy_set(easy, CURLOPT_MAIL_FROM, m->from);
	(void)api->easy_set(easy, CURLOPT_MAIL_RCPT, to);
	(void)api->easy_set(easy, CURLOPT_READFUNCTION, read_text);
	(void)api->easy_set(easy, CURLOPT_READDATA, m);
	(void)api->easy_set(easy, CURLOPT_UPLOAD, 1L);
	(void)api->easy_set(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	(void)api->easy_set(easy, CURLOPT_TIMEOUT_MS, m->timeout_ms);
	(void)api->easy_set(easy, CURLOPT_NOSIGNAL, 1L);
	if (m->user != NULL) {
		(void)api->easy_set(easy, CURLOPT_USERNAME, m->user);
		(void)api->easy_set(easy, CURLOPT_PASSWORD,
				    m->password != NULL ? m->password : "");
	}
	return rc;
}

static int child(void *arg)
{
	struct mail *m = arg;
	struct error err;
	const struct curl_api *api = curl_api_get(&err);
	struct curl_slist *to = NULL;
	CURLcode rc;
	CURL *easy;
	size_t i;

	if (api == NULL) {
		(void)fputs(err.msg, stderr);
		return 1;
	}
	easy = api->easy_new();
	if (easy == NULL) {
		return 1;
	}
	for (i = 0; i < m->to_count; i++) {
		to = api->list_add(to, m->to[i]);
	}
	rc = set_up(api, easy, m, to);
	if (rc == CURLE_OK) {
		rc = api->easy_run(easy);
	}
	if (rc != CURLE_OK) {
		(void)fputs(api->easy_text(rc), stderr);
	}
	(void)fflush(stderr);
	return rc == CURLE_OK ? 0 : 1;
}

/* ---- in the engine ---- */

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct mail *m = arg;

	(void)p;
	(void)stream;
	if (m->why.len < WHY_MAX) {
		buf_add(&m->why, data, MIN_OF(len, WHY_MAX - m->why.len));
	}
}

static void on_proc_exit(struct proc *p, const struct proc_exit *e, void *arg)
{
	struct mail *m = arg;
	char why[600];
	int bad =
	    e->spawn_errno != 0 || !WIFEXITED(e->status) || WEXITSTATUS(e->status) != 0;

	(void)p;
	(void)snprintf(why, sizeof(why), "the mail server %.120s: %.400s", m->server,
		       e->reason == PROC_STOP_TIMEOUT ? "it did not answer in time"
		       : m->why.len > 0               ? m->why.data
						      : "the mail was not sent");
	m->fn(bad ? -ERR_UNAVAILABLE : 0, bad ? why : "", m->arg);
	mail_free(m);
}

static int add_to(struct mail *m, const char *address, struct error *err)
{
	if (strpbrk(address, "\r\n<>") != NULL || strchr(address, '@') == NULL) {
		return err_set(err, ERR_INVALID, "'%.100s' is no mail address",
			       address);
	}
	if (m->to_count < MAX_TO) {
		m->to[m->to_count++] = xstrdup(address);
	}
	return 0;
}

static int take_to(struct mail *m, const struct notify_spec *spec, struct error *err)
{
	json_t *to = NULL;
	size_t i;
	int rc = 0;

	if (spec->what->to == NULL) {
		return err_set(err, ERR_INVALID, "the mail has no 'to'");
	}
	if (tmpl_eval(spec->what->to, spec->scope, &to, err) < 0) {
		return err_wrap(err, "to");
	}
	if (json_is_string(to)) {
		rc = add_to(m, json_string_value(to), err);
	}
	for (i = 0; i < json_array_size(to) && rc == 0; i++) {
		const char *one = json_string_value(json_array_get(to, i));

		rc = add_to(m, one != NULL ? one : "", err);
	}
	if (rc == 0 && m->to_count == 0) {
		rc = err_set(err, ERR_INVALID, "the mail has no 'to'");
	}
	json_decref(to);
	return rc;
}

static const char *member(const json_t *block, const char *key)
{
	const json_t *v = json_object_get(block, key);

	return json_string_value(json_is_object(v) ? json_object_get(v, "value") : v);
}

static int take_server(struct mail *m, const struct notify_spec *spec,
		       struct error *err)
{
	const char *host = member(spec->block, "smtp_server");
	const char *user = member(spec->block, "username");
	const json_t *port = json_object_get(spec->block, "smtp_port");

	if (spec->block != NULL && host != NULL) {
		m->server = xasprintf(
		    "%s://%s:%d", json_integer_value(port) == 465 ? "smtps" : "smtp",
		    host, json_is_integer(port) ? (int)json_integer_value(port) : 25);
		m->user = user != NULL && *user != '\0' ? xstrdup(user) : NULL;
		m->password = member(spec->block, "password") != NULL
				  ? xstrdup(member(spec->block, "password"))
				  : NULL;
	}
	if (notify_text(spec->what->server, spec->scope, "server", &m->server, err) <
		0 ||
	    notify_text(spec->what->user, spec->scope, "user", &m->user, err) < 0 ||
	    notify_text(spec->what->password, spec->scope, "password", &m->password,
			err) < 0) {
		return -ERR_INVALID;
	}
	if (m->server == NULL) {
		return err_set(err, ERR_INVALID,
			       "no mail server is known: give 'server' "
			       "(smtp://host:port), or make a block of the type "
			       "email-server-credentials with the name email");
	}
	if (strstr(m->server, "://") == NULL) {
		char *full = xasprintf("smtp://%s", m->server);

		free(m->server);
		m->server = full;
	}
	return 0;
}

/* A header's text: one line, and encoded when it is more than ASCII. */
static void add_header(struct buf *out, const char *name, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *p = (const unsigned char *)value;
	int plain = 1;

	for (; *p != '\0'; p++) {
		plain = plain && *p < 128 && *p >= 32;
	}
	buf_addf(out, "%s: ", name);
	if (plain) {
		buf_addf(out, "%s\r\n", value);
		return;
	}
	buf_adds(out, "=?UTF-8?Q?");
	for (p = (const unsigned char *)value; *p != '\0'; p++) {
		if (*p > 32 && *p < 127 && strchr("=?_\"", *p) == NULL) {
			buf_addc(out, (char)*p);
		} else {
			buf_addc(out, '=');
			buf_addc(out, digits[*p >> 4]);
			buf_addc(out, digits[*p & 15]);
		}
	}
	buf_adds(out, "?=\r\n");
}

static int write_mail(struct mail *m, const struct notify_spec *spec, struct error *err)
{
	char *subject = xstrdup(spec->default_text), *body = NULL;
	char host[128] = "localhost", time[TIME_TEXT_SIZE];
	const char *p;
	size_t i;
	int rc;

	(void)gethostname(host, sizeof(host) - 1);
	m->from = xasprintf("wf@%s", host);
	rc = notify_text(spec->what->subject, spec->scope, "subject", &subject, err);
	if (rc == 0) {
		rc = notify_text(spec->what->body, spec->scope, "body", &body, err);
	}
	if (rc == 0) {
		rc = notify_text(spec->what->from, spec->scope, "from", &m->from, err);
	}
	if (rc == 0) {
		add_header(&m->text, "From", m->from);
		for (i = 0; i < m->to_count; i++) {
			add_header(&m->text, "To", m->to[i]);
		}
		add_header(&m->text, "Subject", subject);
		add_header(&m->text, "X-Wf-Time",
			   time_format(clock_wall_us(), time, sizeof(time)));
		buf_adds(&m->text, "MIME-Version: 1.0\r\nContent-Type: text/plain; "
				   "charset=utf-8\r\nContent-Transfer-Encoding: "
				   "8bit\r\n\r\n");
		for (p = body != NULL ? body : spec->default_text; *p != '\0'; p++) {
			if (*p == '\n' && (p == body || p[-1] != '\r')) {
				buf_addc(&m->text, '\r');
			}
			buf_addc(&m->text, *p);
		}
		buf_adds(&m->text, "\r\n");
	}
	free(subject);
	free(body);
	return rc;
}

int mail_start(const struct notify_spec *spec, double timeout_s, mail_fn fn, void *arg,
	       struct mail **ret_mail, struct error *err)
{
	struct mail *m = xcalloc(1, sizeof(*m));
	struct proc_spec ps = {
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .time_limit_ms = (int64_t)(timeout_s * 1000) + 1,
	    .kill_grace_ms = 100,
	    .fork_fn = child,
	    .fork_arg = m,
	    .output_fn = on_output,
	    .exit_fn = on_proc_exit,
	    .arg = m,
	};
	int rc;

	m->fn = fn;
	m->arg = arg;
	m->timeout_ms = (long)(timeout_s * 1000);
	buf_init(&m->text);
	buf_init(&m->why);
	rc = take_server(m, spec, err);
	if (rc == 0) {
		rc = take_to(m, spec, err);
	}
	if (rc == 0) {
		rc = write_mail(m, spec, err);
	}
	if (rc == 0) {
		rc = proc_spawn(spec->loop, &ps, &m->proc, err);
	}
	if (rc < 0) {
		mail_free(m);
		return rc;
	}
	*ret_mail = m;
	return 0;
}

void mail_stop(struct mail *m)
{
	proc_stop(m->proc, PROC_STOP_CANCEL, 0);
}
