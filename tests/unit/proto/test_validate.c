/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_validate.c - each rule of proto/validate.h with a message that breaks it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "proto/frame.h"
#include "proto/validate.h"

static uint8_t id_bytes[16] = "0123456789abcdef";

/* A valid TaskState with its State; each case spoils one thing. */
struct sample {
	Wf__Control__TaskState task;
	Wf__Control__State state;
	char text[64];
	char *tags[PROTO_LIST_MAX + 1];
};

static void set_text(struct sample *s, char **field, const char *text)
{
	memcpy(s->text, text, strlen(text) + 1);
	*field = s->text;
}

static void short_id(struct sample *s)
{
	s->task.task_run_id.len = 15;
}

static void no_id(struct sample *s)
{
	s->state.id.len = 0;
}

static void long_previous_id(struct sample *s)
{
	s->task.previous_state_id.data = id_bytes;
	s->task.previous_state_id.len = 17;
}

static void no_state(struct sample *s)
{
	s->task.state = NULL;
}

static void no_type(struct sample *s)
{
	s->state.type = WF__CONTROL__STATE_TYPE__STATE_TYPE_UNSPECIFIED;
}

static void strange_type(struct sample *s)
{
	int v = 77;
	memcpy(&s->task.from_type, &v, sizeof(v));
}

static void bad_utf8(struct sample *s)
{
	set_text(s, &s->task.name, "a\xc3(");
}

static void bad_json(struct sample *s)
{
	set_text(s, &s->state.data_json, "{\"a\":");
}

static void json_not_object(struct sample *s)
{
	set_text(s, &s->state.details_json, "[1]");
}

static void json_twice_the_key(struct sample *s)
{
	set_text(s, &s->state.details_json, "{\"a\":1,\"a\":2}");
}

static void infinite(struct sample *s)
{
	s->task.total_run_time_s = INFINITY;
}

static void negative_time(struct sample *s)
{
	s->state.timestamp_us = -1;
}

static void far_time(struct sample *s)
{
	s->task.end_us = 253402300800000000LL;
}

static void negative_count(struct sample *s)
{
	s->task.run_count = -1;
}

static void bad_tag(struct sample *s)
{
	set_text(s, &s->tags[0], "\xff");
	s->task.tags = s->tags;
	s->task.n_tags = 1;
}

static void many_tags(struct sample *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->tags); i++) {
		s->tags[i] = s->text;
	}
	s->task.tags = s->tags;
	s->task.n_tags = ARRAY_LEN(s->tags);
}

static void good_any_json(struct sample *s)
{
	set_text(s, &s->state.data_json, "[1, null, \"é\"]");
}

static void good(struct sample *s)
{
	(void)s;
}

static const struct {
	const char *name;
	void (*spoil)(struct sample *);
	const char *path; /* NULL: valid */
} cases[] = {
    {"valid", good, NULL},
    {"JSON of any type", good_any_json, NULL},
    {"id of 15 bytes", short_id, "TaskState.task_run_id"},
    {"no state id", no_id, "TaskState.state.id"},
    {"id of 17 bytes", long_previous_id, "TaskState.previous_state_id"},
    {"no state", no_state, "TaskState.state"},
    {"no type", no_type, "TaskState.state.type"},
    {"unknown enum value", strange_type, "TaskState.from_type"},
    {"bad UTF-8", bad_utf8, "TaskState.name"},
    {"cut JSON", bad_json, "TaskState.state.data_json"},
    {"JSON list for an object", json_not_object, "TaskState.state.details_json"},
    {"duplicate key", json_twice_the_key, "TaskState.state.details_json"},
    {"infinity", infinite, "TaskState.total_run_time_s"},
    {"before 1970", negative_time, "TaskState.state.timestamp_us"},
    {"year 10000", far_time, "TaskState.end_us"},
    {"negative count", negative_count, "TaskState.run_count"},
    {"bad UTF-8 in a list", bad_tag, "TaskState.tags"},
    {"too many tags", many_tags, "TaskState.tags"},
};

static void sample_init(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	wf__control__task_state__init(&s->task);
	wf__control__state__init(&s->state);
	s->state.id.data = id_bytes;
	s->state.id.len = 16;
	s->state.type = WF__CONTROL__STATE_TYPE__RUNNING;
	s->task.task_run_id.data = id_bytes;
	s->task.task_run_id.len = 16;
	s->task.state = &s->state;
}

Test(validate, each_rule_names_the_field)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sample s;
		struct error err = {0};
		sample_init(&s);
		cases[i].spoil(&s);
		int rc = proto_check(&s.task.base, &err);
		if (cases[i].path == NULL) {
			cr_expect_eq(rc, 0, "%s: %s", cases[i].name, err.msg);
			continue;
		}
		cr_expect_eq(rc, -ERR_PROTOCOL, "%s: accepted", cases[i].name);
		cr_expect(strstr(err.msg, cases[i].path) != NULL, "%s: '%s'",
			  cases[i].name, err.msg);
	}
}

Test(validate, text_of_a_log_line_is_repaired_and_cut)
{
	Wf__Control__LogLine line;
	struct error err = {0};
	char small[] = "ok \xff\xc3 end \xe2\x82\xac";
	char *big = malloc(PROTO_LOG_MAX + 10);

	wf__control__log_line__init(&line);
	line.message = small;
	cr_assert_eq(proto_check(&line.base, &err), 0, "%s", err.msg);
	cr_assert_str_eq(small, "ok ?? end \xe2\x82\xac");

	/* the limit falls into the middle of a character */
	memset(big, 'x', PROTO_LOG_MAX + 9);
	memcpy(big + PROTO_LOG_MAX - 1, "\xe2\x82\xac", 3);
	big[PROTO_LOG_MAX + 9] = '\0';
	line.message = big;
	cr_assert_eq(proto_check(&line.base, &err), 0, "%s", err.msg);
	cr_assert_eq(strlen(big), PROTO_LOG_MAX - 1);
	free(big);
}

Test(validate, cut_never_splits_a_character)
{
	static const char text[] = "a\xe2\x82\xac"
				   "b";

	cr_expect_eq(utf8_cut(text, 5, 9), 5);
	cr_expect_eq(utf8_cut(text, 5, 4), 4);
	cr_expect_eq(utf8_cut(text, 5, 3), 1);
	cr_expect_eq(utf8_cut(text, 5, 2), 1);
	cr_expect_eq(utf8_cut(text, 5, 1), 1);
	cr_expect_eq(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5,
		     "garbage is cut hard");
}

Test(validate, state_types_by_name_and_number)
{
	for (int i = 1; i <= WF__CONTROL__STATE_TYPE__CANCELLING; i++) {
		cr_expect_eq(state_type_parse(state_type_text(i)), i);
		cr_expect_not_null(state_type_default_name(i));
	}
	cr_expect_null(state_type_text(0));
	cr_expect_null(state_type_text(10));
	cr_expect_null(state_type_default_name(-1));
	cr_expect_eq(state_type_parse("Running"), 0);
	cr_expect_eq(state_type_parse(NULL), 0);
	cr_expect(state_type_is_terminal(WF__CONTROL__STATE_TYPE__CRASHED));
	cr_expect_not(state_type_is_terminal(WF__CONTROL__STATE_TYPE__CANCELLING));
	cr_expect_not(state_type_is_terminal(99));
	cr_expect_str_eq(state_type_default_name(WF__CONTROL__STATE_TYPE__CANCELLING),
			 "Cancelling");
}
