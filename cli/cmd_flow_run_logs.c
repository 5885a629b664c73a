/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_flow_run_logs.c - wf flow-run logs: head, tail, reverse, follow.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/flow_run.h"
#include "cli/output.h"
#include "cli/spec.h"

#define PAGE            200
#define FOLLOW_PAUSE_US 300000

struct logs_conf {
	int head, tail, reverse, follow;
	int64_t num_logs;
	char *output;
};

static const char *level_name(int64_t level, enum tone *ret_tone)
{
	*ret_tone = level >= 40 ? TONE_BAD : level >= 30 ? TONE_WARN : TONE_PLAIN;
	if (level < 20) {
		*ret_tone = TONE_DIM;
		return "DEBUG";
	}
	return level >= 50   ? "CRITICAL"
	       : level >= 40 ? "ERROR"
	       : level >= 30 ? "WARNING"
			     : "INFO";
}

void flow_run_log_line(const struct cli *cli, const json_t *log, const char *kind,
		       const char *run_name)
{
	int64_t at_us = 0, level = 20;
	char when[TIME_TEXT_SIZE];
	enum tone tone;
	const char *name;

	(void)json_get_time(log, "timestamp", &at_us, NULL);
	(void)json_get_int(log, "level", &level, NULL);
	time_format_log(at_us, 0, when, sizeof(when));
	name = level_name(level, &tone);
	(void)printf("%s%s%s | %s%-7s%s | %s run '%s' - %s\n", tone_on(cli, TONE_DIM),
		     when, tone_off(cli), tone_on(cli, tone), name, tone_off(cli), kind,
		     run_name, member(log, "message"));
}

struct span {
	const char *sort;
	int64_t limit; /* -1: a whole page */
	size_t offset;
};

/* One page. */
static int page(struct cli *cli, const char *id, const struct span *span,
		json_t **ret_list, struct error *err)
{
	int64_t limit = span->limit;

	return client_post(
	    cli,
	    json_pack("{s:{s:{s:[s]}}, s:s, s:I, s:I}", "logs", "flow_run_id", "any_",
		      id, "sort", span->sort, "limit",
		      (json_int_t)(limit < 0 || limit > PAGE ? PAGE : limit), "offset",
		      (json_int_t)span->offset),
	    ret_list, err, "/logs/filter");
}

/* All logs up to WANT (-1: all) in SORT order. */
static int collect(struct cli *cli, const char *id, const char *sort, int64_t want,
		   json_t *into, struct error *err)
{
	size_t got = PAGE;

	while (got == PAGE && (want < 0 || (int64_t)json_array_size(into) < want)) {
		json_t *list = NULL;
		int64_t left = want < 0 ? -1 : want - (int64_t)json_array_size(into);
		const struct span span = {sort, left, json_array_size(into)};
		int rc = page(cli, id, &span, &list, err);

		if (rc < 0) {
			return rc;
		}
		got = json_array_size(list);
		json_array_extend(into, list);
		json_decref(list);
	}
	return 0;
}

static void print_list(const struct cli *cli, const json_t *list, const char *name,
		       int backwards)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		flow_run_log_line(cli, json_array_get(list, backwards ? n - 1 - i : i),
				  "Flow", name);
	}
	(void)fflush(stdout);
}

/* Prints what comes until the run is final and nothing new is there. */
static int follow(struct cli *cli, const char *id, const char *name, struct error *err)
{
	size_t seen = 0;
	int final = 0;

	for (;;) {
		json_t *run = NULL, *list = NULL;
		int rc = flow_run_read(cli, id, &run, err);
		int was_final = final;

		if (rc < 0) {
			return rc;
		}
		final = flow_run_is_final(member(run, "state_type"));
		json_decref(run);
		rc = page(cli, id, &(const struct span){"TIMESTAMP_ASC", -1, seen},
			  &list, err);
		if (rc < 0) {
			return rc;
		}
		print_list(cli, list, name, 0);
		seen += json_array_size(list);
		rc = json_array_size(list) == 0 && was_final;
		json_decref(list);
		if (rc) {
			return 0;
		}
		(void)usleep(FOLLOW_PAUSE_US);
	}
}

static int print_logs(struct cli *cli, const struct logs_conf *c, const char *id,
		      const char *name, int json, struct error *err)
{
	int64_t want = c->num_logs >= 0 ? c->num_logs : c->head || c->tail ? 20 : -1;
	int from_end = c->tail || c->reverse;
	json_t *list = json_array();
	int rc = collect(cli, id, from_end ? "TIMESTAMP_DESC" : "TIMESTAMP_ASC", want,
			 list, err);

	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		print_list(cli, list, name, c->tail && !c->reverse);
	}
	json_decref(list);
	return rc;
}

int flow_run_logs(struct cli *cli, const void *conf, const struct opts *opts,
		  struct error *err)
{
	const struct logs_conf *c = conf;
	json_t *run = NULL;
	int json = want_json(c->output, err), rc;

	if (json < 0) {
		return json;
	}
	if (c->head && c->tail) {
		return err_set(
		    err, ERR_USAGE,
		    "Please provide either a `head` or `tail` option but not both.");
	}
	rc = flow_run_read(cli, opts->args[0], &run, err);
	if (rc == 0) {
		rc = c->follow ? follow(cli, opts->args[0], member(run, "name"), err)
			       : print_logs(cli, c, opts->args[0], member(run, "name"),
					    json, err);
	}
	json_decref(run);
	return rc;
}

static const struct opt logs_opts[] = {
    CLI_BOOL(struct logs_conf, head, "head", 'h', "Show the first 20 logs."),
    CLI_BOOL(struct logs_conf, tail, "tail", 't', "Show the last 20 logs."),
    CLI_INT(struct logs_conf, num_logs, "num-logs", 'n', "-1", "N", "Show N logs."),
    CLI_BOOL(struct logs_conf, reverse, "reverse", 'r', "Newest first."),
    CLI_BOOL(struct logs_conf, follow, "follow", 'f', "Go on until the run ends."),
    CLI_OUTPUT(struct logs_conf, output),
};
static const char *const id_arg[] = {"ID"};

const struct opt_spec flow_run_logs_spec = {
    .program = "wf flow-run logs",
    .usage = "ID [options]",
    .about = "Show the logs of a flow run.",
    .opts = logs_opts,
    .count = sizeof(logs_opts) / sizeof(logs_opts[0]),
    .conf_size = sizeof(struct logs_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = id_arg,
};
