/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - what people see: coloured messages, tables, JSON.  Plain when piped.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/compiler.h"

struct cli;
struct error;
struct opts;

enum tone {
	TONE_PLAIN = 0,
	TONE_OK,
	TONE_WARN,
	TONE_BAD,
	TONE_DIM,
	TONE_BOLD,
	TONE_LINK
};

/* One line on stdout in a tone. */
void say(const struct cli *cli, enum tone tone, const char *fmt, ...) WF_PRINTF(3, 4);
/* Colour codes, "" when colours are off: for use inside a longer line. */
const char *tone_on(const struct cli *cli, enum tone tone);
const char *tone_off(const struct cli *cli);
/* Tone of a state by its type name: COMPLETED green, FAILED red, ... */
enum tone tone_of_state(const char *state_type);

/* 2-space JSON, the raw API body. */
void print_json(const json_t *v);
/* 1 when TEXT is "json", 0 when it is NULL, -ERR_USAGE otherwise
 * ("Only 'json' output format is supported."). */
int want_json(const char *output, struct error *err);

/*
 * Table: box with a title on a terminal (folded to its width), tab-separated with a
 * header line when piped.  Cells may carry a tone.
 */
struct table;
struct table *table_new(const struct cli *cli, const char *title);
void table_column(struct table *t, const char *name);
/* Appends a cell to the current row; a full row starts the next. */
void table_cell(struct table *t, enum tone tone, const char *fmt, ...) WF_PRINTF(3, 4);
size_t table_rows(const struct table *t);
void table_print(struct table *t);
void table_free(struct table *t);
/* "key: value" dump of an object, nested indented: for inspect commands. */
void print_object(const struct cli *cli, const json_t *obj);

/* Asks on the terminal; 1 yes, 0 no.  Without a terminal: DEFAULT_ANSWER. */
int confirm(const struct cli *cli, int default_answer, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* "2 minutes ago" of an ISO time in an object; "" when null. */
const char *relative_time(const json_t *obj, const char *key, char *buf, size_t size);

/* --param k=v ... and --params JSON ("-": stdin) to one object; k=v wins. */
struct opt_list;
int params_parse(const struct opt_list *pairs, const char *json, json_t **ret_obj,
		 struct error *err);

#endif
