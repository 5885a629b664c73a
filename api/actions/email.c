/* SPDX-License-Identifier: Apache-2.0 */
/* email.c - the block "email": one message by SMTP. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/httpc.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define MAIL_TIMEOUT_MS 20000
#define RECIPIENTS_MAX  100
#define LINE            76

static const char *text_of(const json_t *data, const char *key)
{
	return json_string_value(json_object_get(data, key));
}

/* "gmail" stands for smtp.gmail.com, and so on. */
static const char *server_of(const json_t *data)
{
	static const char *const names[][2] = {
	    {"aol", "smtp.aol.com"},         {"att", "smtp.mail.att.net"},
	    {"comcast", "smtp.comcast.net"}, {"icloud", "smtp.mail.me.com"},
	    {"gmail", "smtp.gmail.com"},     {"outlook", "smtp-mail.outlook.com"},
	    {"yahoo", "smtp.mail.yahoo.com"}};
	const char *s = text_of(data, "smtp_server");
	size_t i;

	for (i = 0; s != NULL && i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i][0], s) == 0) {
			return names[i][1];
		}
	}
	return s != NULL ? s : "smtp.gmail.com";
}

static int is_ascii(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s >= 0x7f || (unsigned char)*s < 0x20) {
			return 0;
		}
	}
	return 1;
}

/* A header's text: no line end gets through; what is not ASCII is encoded. */
static void add_text_header(struct buf *b, const char *name, const char *value)
{
	char *clean = xstrdup(value), *s, *coded;

	for (s = clean; *s != '\0'; s++) {
		if (*s == '\r' || *s == '\n') {
			*s = ' ';
		}
	}
	if (is_ascii(clean)) {
		buf_addf(b, "%s: %s\r\n", name, clean);
	} else {
		coded = base64_encode(clean, strlen(clean));
		buf_addf(b, "%s: =?utf-8?B?%s?=\r\n", name, coded);
		free(coded);
	}
	free(clean);
}

static void add_body(struct buf *b, const char *body)
{
	char *coded = base64_encode(body, strlen(body));
	size_t n = strlen(coded), i;

	buf_adds(b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n");
	for (i = 0; i < n; i += LINE) {
		buf_add(b, coded + i, MIN_OF((size_t)LINE, n - i));
		buf_adds(b, "\r\n");
	}
	free(coded);
}

static void write_mail(struct buf *b, const char *from, const char *const *to,
		       const char *subject, const char *body)
{
	struct civil now;
	char date[64];
	struct uuid id;
	struct buf list;
	size_t i;

	buf_init(&list);
	for (i = 0; to[i] != NULL; i++) {
		buf_addf(&list, "%s%s", i > 0 ? ", " : "", to[i]);
	}
	add_text_header(b, "Subject", subject);
	add_text_header(b, "From", from);
	add_text_header(b, "To", list.data);
	buf_release(&list);
	civil_from_us(clock_wall_us(), &now);
	(void)civil_strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &now);
	uuid_v4(&id);
	buf_addf(b, "Date: %s\r\nMessage-ID: <%s@wf>\r\n", date, uuid_str(&id));
	add_body(b, body);
}

/* Addresses that could not break out of the dialogue with the server. */
static int is_address(const char *s)
{
	for (; *s != '\0'; s++) {
		if (iscntrl((unsigned char)*s) || *s == '<' || *s == '>' || *s == ' ') {
			return 0;
		}
	}
	return 1;
}

static size_t recipients(const json_t *data, const char **to)
{
	json_t *list = json_object_get(data, "email_to"), *item;
	size_t i, n = 0;

	if (json_is_string(list) && is_address(json_string_value(list))) {
		to[n++] = json_string_value(list);
	}
	json_array_foreach (list, i, item) {
		if (n < RECIPIENTS_MAX && json_is_string(item) &&
		    is_address(json_string_value(item))) {
			to[n++] = json_string_value(item);
		}
	}
	to[n] = NULL;
	return n;
}

static void on_mail(struct job *j, int rc, const struct httpc_resp *resp,
		    const struct error *err)
{
	job_end_turn(j);
	if (rc == 0 && resp != NULL && resp->status < 400) {
		job_done(j);
		return;
	}
	(void)json_object_set_new(
	    j->details, "notification_log",
	    json_string(rc < 0 ? err->msg : "the mail server refused the message"));
	job_failed(j, "Notification failed");
}

static void send_mail(struct job *j)
{
	const json_t *data = json_object_get(j->block, "data");
	const char *type = text_of(data, "smtp_type"),
		   *from = text_of(data, "email_from");
	const char *user = text_of(data, "username"), *to[RECIPIENTS_MAX + 1];
	int ssl = type == NULL || strcmp(type, "SSL") == 0;
	int starttls = type != NULL && strcmp(type, "STARTTLS") == 0;
	int64_t port = json_integer_value(json_object_get(data, "smtp_port"));
	struct httpc_mail mail = {.from = from != NULL ? from : user,
				  .to = to,
				  .username = user,
				  .password = text_of(data, "password"),
				  .starttls = starttls};
	struct error err = {0};
	struct buf b;
	char *url;

	(void)recipients(data, to);
	port = port > 0 ? port : ssl ? 465 : starttls ? 587 : 25;
	url = xasprintf("%s://%s:%lld", ssl ? "https" : "http", server_of(data),
			(long long)port);
	buf_init(&b);
	write_mail(&b, mail.from, to, j->subject, j->text);
	if (job_send(j,
		     &(struct httpc_spec){
			 .method = "POST",
			 .url = url,
			 .body = b.data,
			 .body_len = b.len,
			 .timeout_ms = MAIL_TIMEOUT_MS,
			 .flags = json_is_false(json_object_get(data, "verify"))
				      ? HTTPC_NO_VERIFY
				      : 0u,
			 .mail = &mail,
		     },
		     on_mail, &err) < 0) {
		on_mail(j, -err.code, NULL, &err);
	}
	buf_release(&b);
	free(url);
}

void email_send(struct job *j, const json_t *data)
{
	const char *from = text_of(data, "email_from"),
		   *user = text_of(data, "username");
	const char *to[RECIPIENTS_MAX + 1];
	char *host;

	from = from != NULL ? from : user;
	if (from == NULL || !is_address(from) || recipients(data, to) == 0) {
		job_failed(
		    j, "The notification block was invalid: it needs email_from (or "
		       "username) and email_to");
		return;
	}
	host = xasprintf("smtp %s", server_of(data));
	job_wait_turn(j, host, send_mail);
	free(host);
}
