/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail.c - one mail over SMTP (RFC 5321) to $WF_SMTP_URL, "smtp://host[:port]": a relay
 * of this host or network.  $WF_MAIL_FROM is the sender.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "sdk/src/body.h"

#define MAIL_SECONDS 10
#define REPLY_MAX    4096

struct smtp {
	int fd;
	char why[300];
};

static int dial(struct smtp *s, const char *url)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval limit = {.tv_sec = MAIL_SECONDS};
	const char *host = strncmp(url, "smtp://", 7) == 0 ? url + 7 : url;
	char *name = xstrdup(host), *port = strrchr(name, ':');
	struct addrinfo *list = NULL, *a;

	name[strcspn(name, "/")] = '\0';
	if (port != NULL) {
		*port++ = '\0';
	}
	if (getaddrinfo(name, port != NULL ? port : "25", &hints, &list) != 0) {
		(void)snprintf(s->why, sizeof(s->why), "the host %.200s is not known",
			       name);
	}
	for (a = list; a != NULL && s->fd < 0; a = a->ai_next) {
		s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (s->fd < 0) {
			continue;
		}
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(s->fd, a->ai_addr, a->ai_addrlen) != 0) {
			(void)snprintf(s->why, sizeof(s->why), "connect to %.150s: %s",
				       url, strerror(errno));
			(void)close(s->fd);
			s->fd = -1;
		}
	}
	if (list != NULL) {
		freeaddrinfo(list);
	}
	free(name);
	return s->fd < 0 ? -1 : 0;
}

/* Reads one reply (perhaps of several lines); 0 when it begins with WANT. */
static int expect(struct smtp *s, char want)
{
	char text[REPLY_MAX];
	size_t len = 0, line = 0;
	ssize_t n;

	for (;;) {
		n = recv(s->fd, text + len, sizeof(text) - 1 - len, 0);
		if (n <= 0) {
			(void)snprintf(s->why, sizeof(s->why),
				       "the mail server does not answer");
			return -1;
		}
		len += (size_t)n;
		text[len] = '\0';
		while (strchr(text + line, '\n') != NULL && text[line + 3] == '-') {
			line = (size_t)(strchr(text + line, '\n') - text) + 1;
		}
		if (strchr(text + line, '\n') != NULL || len + 1 >= sizeof(text)) {
			break;
		}
	}
	if (text[line] == want) {
		return 0;
	}
	(void)snprintf(s->why, sizeof(s->why), "the mail server answered %.200s",
		       text + line);
	return -1;
}

static int say(struct smtp *s, char want, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(s->fd, text, len, MSG_NOSIGNAL);
		if (n <= 0) {
			(void)snprintf(s->why, sizeof(s->why), "send: %s",
				       strerror(errno));
			return -1;
		}
		text += n;
		len -= (size_t)n;
	}
	return expect(s, want);
}

static int command(struct smtp *s, char want, const char *word, const char *address)
{
	char *line = address != NULL ? xasprintf("%s<%s>\r\n", word, address)
				     : xasprintf("%s\r\n", word);
	int rc = say(s, want, line, strlen(line));

	free(line);
	return rc;
}

/* A header or body line without what would start another one. */
static void add_clean(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		buf_addc(b, (char)(*s == '\r' || *s == '\n' ? ' ' : *s));
	}
}

static void add_body(struct buf *b, const char *s)
{
	int fresh = 1;

	for (; *s != '\0'; s++) {
		if (fresh && *s == '.') {
			buf_addc(b, '.');
		}
		fresh = *s == '\n';
		if (*s == '\n') {
			buf_adds(b, "\r\n");
		} else if (*s != '\r') {
			buf_addc(b, *s);
		}
	}
	buf_adds(b, "\r\n.\r\n");
}

static int send_mail(struct smtp *s, const char *from, const char *to,
		     const char *subject, const char *body)
{
	char *list = xstrdup(to), *at = list, *one;
	struct buf b;
	int rc = expect(s, '2');

	rc = rc == 0 ? command(s, '2', "HELO localhost", NULL) : rc;
	rc = rc == 0 ? command(s, '2', "MAIL FROM:", from) : rc;
	while (rc == 0 && (one = strsep(&at, ", ")) != NULL) {
		if (*one != '\0') {
			rc = command(s, '2', "RCPT TO:", one);
		}
	}
	rc = rc == 0 ? command(s, '3', "DATA", NULL) : rc;
	if (rc == 0) {
		buf_init(&b);
		buf_adds(&b, "From: ");
		add_clean(&b, from);
		buf_adds(&b, "\r\nTo: ");
		add_clean(&b, to);
		buf_adds(&b, "\r\nSubject: ");
		add_clean(&b, subject);
		buf_adds(&b, "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
		add_body(&b, body);
		rc = say(s, '2', b.data, b.len);
		buf_release(&b);
	}
	if (rc == 0) {
		(void)command(s, '2', "QUIT", NULL);
	}
	free(list);
	return rc;
}

int wf_notify_email(wf_ctx *ctx, const char *to, const char *subject, const char *fmt,
		    ...)
{
	static const char *const url_names[] = {"WF_SMTP_URL", NULL};
	static const char *const from_names[] = {"WF_MAIL_FROM", NULL};
	const char *url = rest_env(url_names), *from = rest_env(from_names);
	struct smtp s = {.fd = -1};
	struct buf b;
	va_list ap;
	int rc = -1;

	if (to == NULL || *to == '\0' || body_failed()) {
		return -1;
	}
	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (url == NULL) {
		(void)snprintf(s.why, sizeof(s.why),
			       "WF_SMTP_URL does not say which server sends mails");
	} else if (dial(&s, url) == 0) {
		rc = send_mail(&s, from != NULL ? from : "wf@localhost", to,
			       subject != NULL ? subject : "", b.data);
	}
	if (rc < 0) {
		wf_logf(ctx, WF_WARNING, "The mail was not sent: %s", s.why);
	}
	if (s.fd >= 0) {
		(void)close(s.fd);
	}
	buf_release(&b);
	return rc;
}
