/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - states and logs of a run as they come.
 *
 * Polls with a growing pause (20 ms up to 500 ms): what is watched by a person mostly
 * ends soon, and no state is missed since the whole history is read.  What came since
 * the last look is shown in the order of its times.
 */
#include "cli/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/flow_run.h"
#include "cli/output.h"

#define PAGE         200 /* log lines asked for at a time: what the API gives at most */
#define PAUSE_MIN_US 20000
#define PAUSE_MAX_US 500000

struct watch {
	struct cli *cli;
	const char *id;
	json_t *tasks;       /* id -> name of the task runs seen */
	size_t states, logs; /* seen */
	int changed;
};

static void state_line(const struct cli *cli, const json_t *state, const char *run_name)
{
	int64_t at_us = 0;
	char when[TIME_TEXT_SIZE];
	const char *message = member(state, "message");
	enum tone tone = tone_of_state(member(state, "type"));

	(void)json_get_time(state, "timestamp", &at_us, NULL);
	time_format_log(at_us, 0, when, sizeof(when));
	(void)printf("%s%s%s | %sSTATE  %s | Flow run '%s' - %s%s%s%s%s\n",
		     tone_on(cli, TONE_DIM), when, tone_off(cli),
		     tone_on(cli, TONE_BOLD), tone_off(cli), run_name,
		     tone_on(cli, tone), member(state, "name"), tone_off(cli),
		     message[0] != '\0' ? ": " : "", message);
}

/* Asks for the names of the run's task runs, newest first. */
static void learn_tasks(struct watch *w)
{
	json_t *list = NULL, *t;
	size_t i;

	if (client_post(w->cli,
			json_pack("{s:{s:{s:[s]}}, s:s, s:i}", "task_runs",
				  "flow_run_id", "any_", w->id, "sort",
				  "EXPECTED_START_TIME_DESC", "limit", 200),
			&list, NULL, "/task_runs/filter") == 0) {
		json_array_foreach (list, i, t) {
			json_object_set(w->tasks, member(t, "id"),
					json_object_get(t, "name"));
		}
	}
	json_decref(list);
}

/* Who said it: the name of a task run, or NULL for the flow run.  One that is not known
 * is asked for once. */
static const char *speaker(struct watch *w, const json_t *log)
{
	const char *id = member(log, "task_run_id");

	if (id[0] == '\0') {
		return NULL;
	}
	if (json_object_get(w->tasks, id) == NULL) {
		learn_tasks(w);
		if (json_object_get(w->tasks, id) == NULL) {
			json_object_set_new(w->tasks, id, json_null());
		}
	}
	return json_string_value(json_object_get(w->tasks, id));
}

static int new_states(struct watch *w, json_t **ret_list, struct error *err)
{
	return client_get(w->cli, ret_list, err, "/flow_run_states/?flow_run_id=%s",
			  w->id);
}

static int new_logs(struct watch *w, json_t **ret_list, struct error *err)
{
	return client_post(w->cli,
			   json_pack("{s:{s:{s:[s]}}, s:s, s:i, s:I}", "logs",
				     "flow_run_id", "any_", w->id, "sort",
				     "TIMESTAMP_ASC", "limit", PAGE, "offset",
				     (json_int_t)w->logs),
			   ret_list, err, "/logs/filter");
}

static int64_t time_of(const json_t *each)
{
	int64_t at_us = INT64_MAX;

	(void)json_get_time(each, "timestamp", &at_us, NULL);
	return at_us;
}

static void log_line(struct watch *w, const json_t *log, const char *run_name)
{
	const char *task = speaker(w, log);

	flow_run_log_line(w->cli, log, task != NULL ? "Task" : "Flow",
			  task != NULL ? task : run_name);
}

/* Prints the states not seen yet and the lines of LOGS in the order of their times;
 * states that may have more lines before them wait for those. */
static void print_both(struct watch *w, const json_t *states, const json_t *logs,
		       const char *run_name)
{
	size_t i = 0, n = json_array_size(logs), m = json_array_size(states);

	while (i < n || (w->states < m && n < PAGE)) {
		const json_t *state = json_array_get(states, w->states);
		const json_t *log = json_array_get(logs, i);

		if (log == NULL || (state != NULL && time_of(state) <= time_of(log))) {
			state_line(w->cli, state, run_name);
			w->states++;
		} else {
			log_line(w, log, run_name);
			i++;
		}
		w->changed = 1;
	}
	w->logs += n;
}

/* One page of what is new; *ret_more when the page of logs was full. */
static int news(struct watch *w, const char *run_name, int *ret_more, struct error *err)
{
	json_t *states = NULL, *logs = NULL;
	int rc = new_states(w, &states, err);

	if (rc == 0) {
		rc = new_logs(w, &logs, err);
	}
	if (rc == 0) {
		*ret_more = json_array_size(logs) == PAGE;
		print_both(w, states, logs, run_name);
	}
	json_decref(states);
	json_decref(logs);
	return rc;
}

/* What the flow returned, when a native one has said so. */
static void print_result(struct watch *w)
{
	json_t *list = NULL, *each;
	size_t i;

	if (client_post(w->cli,
			json_pack("{s:{s:{s:[s]}, s:{s:[s]}}, s:s, s:i}", "artifacts",
				  "flow_run_id", "any_", w->id, "type", "any_",
				  "result", "sort", "ID_DESC", "limit", 50),
			&list, NULL, "/artifacts/filter") < 0) {
		return;
	}
	json_array_foreach (list, i, each) {
		if (json_is_null(json_object_get(each, "task_run_id"))) {
			char *text = json_text(json_object_get(each, "data"));

			(void)printf("%sResult:%s %s\n", tone_on(w->cli, TONE_BOLD),
				     tone_off(w->cli), text);
			free(text);
			break;
		}
	}
	json_decref(list);
}

/* One look.  *ret_final gets the final state's type name, or stays empty. */
static int look(struct watch *w, char *ret_final, size_t size, struct error *err)
{
	json_t *run = NULL;
	int more = 0, rc = flow_run_read(w->cli, w->id, &run, err);

	if (rc < 0) {
		return rc;
	}
	w->changed = 0;
	do { /* all that is left of a run that has ended */
		rc = news(w, member(run, "name"), &more, err);
	} while (rc == 0 && more && flow_run_is_final(member(run, "state_type")));
	if (flow_run_is_final(member(run, "state_type"))) {
		(void)snprintf(ret_final, size, "%s", member(run, "state_name"));
		if (rc == 0 && strcmp(member(run, "state_type"), "COMPLETED") != 0) {
			rc = err_set(err, ERR_INTERNAL,
				     "Flow run '%s' finished in state %s.",
				     member(run, "name"), member(run, "state_name"));
		}
	}
	(void)fflush(stdout);
	json_decref(run);
	return rc;
}

static int watch(struct watch *w, int64_t timeout_ms, struct error *err)
{
	int64_t end_ms = timeout_ms > 0 ? clock_mono_ms() + timeout_ms : INT64_MAX;
	unsigned int pause_us = PAUSE_MIN_US;
	char final[128] = "";

	for (;;) {
		int rc = look(w, final, sizeof(final), err);

		if (rc < 0) {
			return rc;
		}
		if (final[0] != '\0') {
			print_result(w);
			return 0;
		}
		if (clock_mono_ms() >= end_ms) {
			return err_set(
			    err, ERR_TIMEOUT,
			    "Stopped watching flow run %s: it did not end in time. "
			    "It goes on; see `wf explain %s`.",
			    w->id, w->id);
		}
		pause_us =
		    w->changed ? PAUSE_MIN_US : MIN_OF(pause_us * 3 / 2, PAUSE_MAX_US);
		(void)usleep(pause_us);
	}
}

int watch_run(struct cli *cli, const char *id, int64_t timeout_ms, struct error *err)
{
	struct watch w = {.cli = cli, .id = id, .tasks = json_object()};
	int rc = watch(&w, timeout_ms, err);

	json_decref(w.tasks);
	return rc;
}
