/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify_priv.h - a notification on its way; notify_block.c reads the settings of
 * blocks.
 */
#ifndef ENGINE_CHANGE_NOTIFY_PRIV_H
#define ENGINE_CHANGE_NOTIFY_PRIV_H

#include "base/buf.h"
#include "engine/change/notify.h"

struct httpc_req;
struct loop_timer;
struct mail;
struct tmpl;

struct notify {
	notify_fn fn;
	void *arg;
	struct httpc *http;
	struct httpc_req *req;
	struct mail *mail;
	struct loop_timer *timer;
	int retries_left, cancelled;
	double timeout_s;
	char *method, *url, *content_type;
	char *headers[66]; /* NULL terminated */
	size_t header_count;
	struct buf body;
	char where[160];
};

void notify_free(struct notify *n);
/* T may be NULL: *ret_text stays. */
int notify_text(const struct tmpl *t, const struct expr_scope *scope, const char *what,
		char **ret_text, struct error *err);
/* Slack, Teams, Discord, Mattermost and custom webhooks from their block documents. */
int notify_block(struct notify *n, const struct notify_spec *spec, struct error *err);

#endif
