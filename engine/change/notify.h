/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - one notification: a request to a web service, or a mail.
 */
#ifndef ENGINE_CHANGE_NOTIFY_H
#define ENGINE_CHANGE_NOTIFY_H

#include <jansson.h>

struct error;
struct expr_scope;
struct httpc;
struct loop;
struct notify;
struct plan_notify;

/* Once, from the loop: RC 0, or -code and WHY. */
typedef void (*notify_fn)(int rc, const char *why, void *arg);
struct notify_spec { /* borrowed during the call */
	struct loop *loop;
	struct httpc *http;
	const struct plan_notify *what;
	const struct expr_scope *scope;
	const char *default_text; /* when the settings give none */
	const json_t *block;      /* document of a block, or NULL */
	const char *block_type;   /* "slack-webhook", ... */
	notify_fn fn;
	void *arg;
};
/* 0: FN will be called; else it will not. */
int notify_start(const struct notify_spec *spec, struct notify **ret_notify,
		 struct error *err);
/* FN is not called any more. */
void notify_cancel(struct notify *n);

#endif
