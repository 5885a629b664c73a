/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc.h - HTTP client on the loop, and one blocking call for the CLI.
 *
 * http:// and Unix sockets are spoken directly (HTTP/1.1, keep-alive); https:// goes
 * through libcurl's multi interface, which is loaded at the first such URL (see
 * curl_api.h).  Proxies from the environment are libcurl's business and so hold for
 * https only.  Certificates are always verified, against the file in SSL_CERT_FILE when
 * that is set.
 *
 * Each request completes exactly once, from the loop, also when cancelled.  Bounded:
 * total connections, body size, time.  http and https only.  Redirects are followed
 * (5): all for GET and HEAD; for other methods 307 and 308 with method and body kept,
 * while 301, 302 and 303 are handed to the caller.  Authorization and Cookie do not
 * follow to another origin.  Messages name method, origin and path, never the query or
 * a header's value.
 */
#ifndef BASE_HTTPC_H
#define BASE_HTTPC_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct httpc;
struct httpc_req;
struct loop;

/* A mail instead of a request: URL is "http://host:port" of the server (https: TLS from
 * the start), BODY the whole message with its headers.  libcurl carries it. */
struct httpc_mail {
	const char *from;
	const char *const *to;           /* NULL terminated */
	const char *username, *password; /* or NULL */
	int starttls;
};
enum httpc_flags {
	HTTPC_PUBLIC_ONLY = 1u << 0, /* private and reserved addresses are refused */
	HTTPC_NO_REDIRECT = 1u << 1,
	HTTPC_NO_VERIFY = 1u << 2, /* the certificate is not checked */
};

struct httpc_spec {
	const char *method; /* "GET", "POST", ... */
	const char *url;
	const char *unix_socket;    /* or NULL */
	const char *const *headers; /* "Name: value", NULL terminated; may be NULL */
	const void *body;           /* copied */
	size_t body_len;
	const char *content_type;      /* NULL: application/json when there is a body;
					      "": none */
	int64_t timeout_ms;            /* total; 0: 30000 */
	int64_t connect_timeout_ms;    /* 0: 5000 */
	size_t max_body;               /* of the answer; 0: 16 MiB */
	unsigned int flags;            /* enum httpc_flags */
	const struct httpc_mail *mail; /* or NULL */
};
struct httpc_resp {
	int status;       /* 0 when there was no answer: see the error */
	const char *body; /* borrowed, NUL terminated */
	size_t len;
	const char *content_type; /* or NULL */
	int64_t retry_after_ms;   /* -1: no such header */
};
/* RC 0 with any HTTP status, or a negative code (UNAVAILABLE, TIMEOUT, CANCELED,
 * TOO_LARGE) with the reason in ERR. */
typedef void (*httpc_fn)(int rc, const struct httpc_resp *resp, const struct error *err,
			 void *arg);

struct httpc *httpc_new(struct loop *loop, int max_connections);
void httpc_free(struct httpc *c); /* cancels what is in flight; callbacks run first */
int httpc_send(struct httpc *c, const struct httpc_spec *spec, httpc_fn fn, void *arg,
	       struct httpc_req **ret_req /* may be NULL */, struct error *err);
void httpc_cancel(struct httpc_req *r);
int httpc_in_flight(const struct httpc *c);

/* Blocking, for the CLI and start-up only; keeps one connection alive per process.
 * The answer's memory is owned by the caller: httpc_answer_release(). */
struct httpc_answer {
	int status;
	char *body;
	size_t len;
	char *content_type;
	int64_t retry_after_ms;
};
int httpc_call(const struct httpc_spec *spec, struct httpc_answer *ret_answer,
	       struct error *err);
void httpc_answer_release(struct httpc_answer *a);
/* Query or path component, percent-encoded; owned. */
char *url_encode(const char *text);

/* The one classifier of what may be retried: transport errors, 408, 425, 429, 5xx. */
int http_is_retryable(int rc, int status);

#endif
