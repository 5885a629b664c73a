/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_events.c - lines on a task's fd 3, and cutting bytes into lines.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/task/lines.h"
#include "engine/task/task_events.h"

static int parse(const char *line, struct task_event *e, struct error *err)
{
	return task_event_parse(line, strlen(line), e, err);
}

Test(task_events, result_keeps_its_type)
{
	struct task_event e;

	cr_assert_eq(parse("{\"result\": [1, 2]}", &e, NULL), 0);
	cr_expect_eq(e.type, TASK_EV_RESULT);
	cr_expect_eq(json_array_size(e.value), 2);
	task_event_release(&e);
}

Test(task_events, log_has_a_level)
{
	struct task_event e;

	cr_assert_eq(
	    parse("{\"log\": {\"level\": \"error\", \"message\": \"m\"}}", &e, NULL),
	    0);
	cr_expect_eq(e.level, 40);
	cr_expect_str_eq(e.text, "m");
	task_event_release(&e);
}

Test(task_events, state_carries_data)
{
	struct task_event e;

	cr_assert_eq(parse("{\"state\": {\"type\": \"FAILED\", \"name\": \"Flooded\", "
			   "\"message\": "
			   "\"w\", \"data\": {\"d\": 3}, \"retriable\": false}}",
			   &e, NULL),
		     0);
	cr_expect_eq(e.state.type, STATE_FAILED);
	cr_expect_str_eq(e.state.name, "Flooded");
	cr_expect_eq(e.state.retriable, 0);
	cr_expect(json_is_object(e.value));
	task_event_release(&e);
}

Test(task_events, long_messages_are_cut_between_characters)
{
	struct task_event e;
	struct buf b;
	int i;

	buf_init(&b);
	buf_adds(&b, "{\"state\": {\"type\": \"FAILED\", \"message\": \"x");
	for (i = 0; i < 60000; i++) {
		buf_adds(&b, "\xc3\xa4");
	}
	buf_adds(&b, "\"}}");
	cr_assert_eq(parse(b.data, &e, NULL), 0);
	cr_expect_eq(strlen(e.state.message), 99999);
	task_event_release(&e);
	buf_release(&b);
}

Test(task_events, a_huge_artifact_is_refused)
{
	struct task_event e;
	struct error err;
	struct buf b;
	int i;

	buf_init(&b);
	buf_adds(&b, "{\"artifact\": {\"data\": \"");
	for (i = 0; i < 120000; i++) {
		buf_adds(&b, "0123456789");
	}
	buf_adds(&b, "\"}}");
	cr_expect_lt(parse(b.data, &e, &err), 0);
	cr_expect_str_eq(err.msg, "the artifact is larger than 1 MiB");
	buf_release(&b);
}

Test(task_events, bad_lines_say_why)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
	    {"nonsense", ""},
	    {"[]", "expected a JSON object"},
	    {"{}", "expected one of result, log, name, artifact, state, yield, event"},
	    {"{\"event\": {\"event\": \"x\"}}", "prefect.resource.id"},
	    {"{\"name\": \"\"}", "'name' must be a text"},
	    {"{\"state\": {\"type\": \"RUNNING\"}}", "COMPLETED, FAILED or CANCELLED"},
	    {"{\"state\": {}}", "not nothing"},
	    {"{\"log\": 5}", "needs a text 'message'"},
	    {"{\"artifact\": 5}", "must be an object with 'data'"},
	};
	struct task_event e;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_lt(parse(bad[i].line, &e, &err), 0, "%s", bad[i].line);
		cr_expect_not_null(strstr(err.msg, bad[i].why), "%s: %s", bad[i].line,
				   err.msg);
	}
}

static void collect(const char *line, size_t len, int cut, void *arg)
{
	struct buf *out = arg;

	buf_addf(out, "[%.*s%s]", (int)len, line, cut ? "..." : "");
}

Test(lines, bytes_become_lines_however_they_arrive)
{
	static const char text[] = "one\n\ntwo is long\nend";
	struct buf out;
	struct lines l;
	size_t step, i;

	for (step = 1; step < sizeof(text); step++) {
		buf_init(&out);
		lines_init(&l, 8, collect, &out);
		for (i = 0; i < sizeof(text) - 1; i += step) {
			lines_feed(&l, text + i, MIN_OF(step, sizeof(text) - 1 - i));
		}
		lines_finish(&l);
		cr_expect_str_eq(out.data, "[one][][two is l...][end]");
		lines_release(&l);
		buf_release(&out);
	}
}

Test(lines, text_is_made_valid)
{
	char *s = text_clean("a\x80\x01"
			     "b\xf0\x9f\x8c\xa0",
			     8);

	cr_expect_str_eq(s, "a\xef\xbf\xbd b\xf0\x9f\x8c\xa0");
	free(s);
}
