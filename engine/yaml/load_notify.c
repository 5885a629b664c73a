/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_notify.c - notifications: slack, teams, email, webhook, block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/yaml/load.h"

#define MAX_NOTIFY_RETRIES 10
#define MAX_NOTIFY_S       300.0

#define TEXT_KEY(key)                                                                \
	static void notify_##key(struct loader *l, const struct ynode *n, void *obj) \
	{                                                                            \
		((struct plan_notify *)obj)->key =                                   \
		    load_text_tmpl(l, n, #key, ROOTS_CHANGE);                        \
	}
TEXT_KEY(url)
TEXT_KEY(method)
TEXT_KEY(text)
TEXT_KEY(subject)
TEXT_KEY(body)
TEXT_KEY(channel)
TEXT_KEY(username)
TEXT_KEY(from)
TEXT_KEY(server)
TEXT_KEY(user)
TEXT_KEY(password)
TEXT_KEY(block)

static void notify_json(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_notify *)obj)->json = load_tmpl(l, n, ROOTS_CHANGE);
}

static void notify_to(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_notify *)obj)->to = load_tmpl(l, n, ROOTS_CHANGE);
}

static void notify_headers(struct loader *l, const struct ynode *n, void *obj)
{
	load_pairs(l, n, "headers", &((struct plan_notify *)obj)->headers,
		   ROOTS_CHANGE);
}

static void notify_format(struct loader *l, const struct ynode *n, void *obj)
{
	if (n->kind != YNODE_SCALAR || strcmp(n->text, "text") != 0) {
		diag_node(l->d, n, "'format' can only be text");
		return;
	}
	((struct plan_notify *)obj)->plain = 1;
}

#define N struct plan_notify
#define HOW_OFTEN                                                                 \
	{                                                                         \
		"retries", FIELD_INT, FIELD_AT(N, retries), 0, MAX_NOTIFY_RETRIES \
	}
#define HOW_LONG                                                            \
	{                                                                   \
		"timeout_seconds", FIELD_REAL, FIELD_AT(N, timeout_s), 0.1, \
		    MAX_NOTIFY_S                                            \
	}

static const struct field slack_fields[] = {
    {"channel", FIELD_FN, .fn = notify_channel},
    {"format", FIELD_FN, .fn = notify_format},
    HOW_OFTEN,
    {"text", FIELD_FN, .fn = notify_text},
    HOW_LONG,
    {"url", FIELD_FN, .fn = notify_url},
    {"username", FIELD_FN, .fn = notify_username},
};
static const struct field teams_fields[] = {
    HOW_OFTEN,
    {"text", FIELD_FN, .fn = notify_text},
    HOW_LONG,
    {"url", FIELD_FN, .fn = notify_url},
};
static const struct field webhook_fields[] = {
    {"body", FIELD_FN, .fn = notify_body},
    {"headers", FIELD_FN, .fn = notify_headers},
    {"json", FIELD_FN, .fn = notify_json},
    {"method", FIELD_FN, .fn = notify_method},
    HOW_OFTEN,
    HOW_LONG,
    {"url", FIELD_FN, .fn = notify_url},
};
static const struct field email_fields[] = {
    {"body", FIELD_FN, .fn = notify_body},
    {"from", FIELD_FN, .fn = notify_from},
    {"password", FIELD_FN, .fn = notify_password},
    HOW_OFTEN,
    {"server", FIELD_FN, .fn = notify_server},
    {"subject", FIELD_FN, .fn = notify_subject},
    HOW_LONG,
    {"to", FIELD_FN, .fn = notify_to},
    {"user", FIELD_FN, .fn = notify_user},
};
static const struct field block_fields[] = {
    {"body", FIELD_FN, .fn = notify_body},
    {"name", FIELD_FN, .fn = notify_block},
    HOW_OFTEN,
    {"subject", FIELD_FN, .fn = notify_subject},
    HOW_LONG,
};
#undef N

static const struct {
	const char *name;
	enum plan_notify_kind kind;
	const struct field *fields;
	size_t count;
	const char *needs;
} kinds[] = {
    {"slack", PLAN_SLACK, slack_fields, ARRAY_LEN(slack_fields), "url"},
    {"teams", PLAN_TEAMS, teams_fields, ARRAY_LEN(teams_fields), "url"},
    {"email", PLAN_EMAIL, email_fields, ARRAY_LEN(email_fields), "to"},
    {"webhook", PLAN_WEBHOOK, webhook_fields, ARRAY_LEN(webhook_fields), "url"},
    {"block", PLAN_BLOCK, block_fields, ARRAY_LEN(block_fields), "name"},
};

struct plan_notify *load_notify(struct loader *l, const struct ynode *n)
{
	struct plan_notify *to = xcalloc(1, sizeof(*to));
	const struct ynode *value;
	size_t i;

	to->timeout_s = PLAN_NOTIFY_TIMEOUT_S;
	for (i = 0; n->kind == YNODE_MAP && n->count == 1 && i < ARRAY_LEN(kinds);
	     i++) {
		if (strcmp(ymap_key(n, 0)->text, kinds[i].name) == 0) {
			break;
		}
	}
	if (n->kind != YNODE_MAP || n->count != 1 || i == ARRAY_LEN(kinds)) {
		diag_node(l->d, n,
			  "'notify' must be exactly one of slack, teams, email, "
			  "webhook and block, with its settings");
		return to;
	}
	to->kind = kinds[i].kind;
	value = ymap_value(n, 0);
	if (to->kind == PLAN_BLOCK && value->kind == YNODE_SCALAR) {
		to->block = load_text_tmpl(l, value, "block", ROOTS_CHANGE);
		return to;
	}
	load_fields(l, value, kinds[i].fields, kinds[i].count, kinds[i].name, to);
	if (value->kind == YNODE_MAP && ymap_get(value, kinds[i].needs) == NULL) {
		diag_node(l->d, ymap_key(n, 0), "'%s' needs the key '%s'",
			  kinds[i].name, kinds[i].needs);
	}
	if (to->kind == PLAN_WEBHOOK && to->json != NULL && to->body != NULL) {
		diag_node(l->d, value, "a webhook has 'json' or 'body', not both");
	}
	return to;
}
