/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - text templates in the language of Jinja: the subset that notifications,
 * parameters and webhooks use.
 *
 * Sandboxed: a template sees the values it is given, calls only what is in here, loads
 * nothing and changes nothing.  Bounded: parsing by the length of the text and by
 * nesting, rendering by steps, memory, output and loop iterations, each a named limit.
 * Pure; two renderings of one template may run at the same time.
 *
 * Undefined names are chainable: they print nothing, are false, have no items; calling
 * them or calculating with them is an error.
 */
#ifndef BASE_TEMPLATE_H
#define BASE_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct error;
struct template;

#define TEMPLATE_TEXT_MAX   (1u << 20)
#define TEMPLATE_OUTPUT_MAX (1u << 20)
#define TEMPLATE_MEMORY_MAX (32u << 20)
#define TEMPLATE_STEPS_MAX  1000000
#define TEMPLATE_LOOPS_MAX  100000
#define TEMPLATE_DEPTH_MAX  50 /* of nesting, in the text and in values */
#define TEMPLATE_RANGE_MAX  100
#define TEMPLATE_REPEAT_MAX 1000000
#define TEMPLATE_FORS_MAX   10 /* template_check_limits() */
#define TEMPLATE_NEST_MAX   2

struct template_place {
	int line, column; /* from 1; line 0: the whole */
};

/* -ERR_INVALID with the reason alone in ERR, the place in *RET_PLACE (may be NULL). */
int template_parse(const char *text, struct template **ret_template,
		   struct template_place *ret_place, struct error *err);
void template_free(struct template *t); /* accepts NULL */
/* At most 10 loops, nested at most 2 deep. */
int template_check_limits(const struct template *t, struct error *err);
/* Is there anything to render ("{{" or "{%")? */
int template_is_plain(const char *text);
/* Does the text name NAME anywhere?  Cheap; may say yes too often. */
int template_mentions(const char *text, const char *name);

enum template_kind {
	TEMPLATE_PLAIN = 0, /* dictionaries, lists, texts, numbers */
	TEMPLATE_MODEL,     /* an object of the API: times are times */
	TEMPLATE_EVENT,
	TEMPLATE_FIRING,
	TEMPLATE_EVENTS,  /* a list of them */
	TEMPLATE_FIRINGS, /* a list of them */
	TEMPLATE_LABELS,  /* label -> text; path of its dots */
	TEMPLATE_HEADERS, /* names in any case */
};
struct template_var {
	const char *name;
	enum template_kind kind;
	const char *model;  /* of TEMPLATE_MODEL: "flow-run", for ui_url */
	const json_t *json; /* borrowed; NULL: None */
};
struct template_context {
	const struct template_var *vars; /* ends with one without name */
	const char *ui_base;             /* "https://host", for ui_url; or NULL */
	int64_t now_us;                  /* for relative times */
};

/* Appends to OUT; what is there already stays.  The reason names line and column. */
int template_render(const struct template *t, const struct template_context *ctx,
		    struct buf *out, struct error *err);
/* The text is one expression in braces: its value as JSON, a new reference. */
int template_value(const struct template *t, const struct template_context *ctx,
		   json_t **ret_value, struct error *err);
int template_is_expression(const struct template *t);

#endif
