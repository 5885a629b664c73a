/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orc_table.c - named states and the reader of
 * tests/data/orchestration/<kind>_pairs.tsv.
 */
#include "tests/unit/api/orc_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "proto/frame.h"

struct token {
	const char *token;
	int type;
	const char *name;
	int64_t due;
	int64_t timeout;
	const char *key;
	int reschedule, result, unpersisted, noretry;
};
#define TYPE(t) WF__CONTROL__STATE_TYPE__##t
static const struct token tokens[] = {
    {"Scheduled", TYPE(SCHEDULED), .due = T_PAST},
    {"Scheduled+future", TYPE(SCHEDULED), .due = T_FUTURE},
    {"Late", TYPE(SCHEDULED), .name = "Late", .due = T_PAST},
    {"AwaitingRetry", TYPE(SCHEDULED), .name = "AwaitingRetry", .due = T_PAST},
    {"AwaitingConcurrencySlot", TYPE(SCHEDULED), .name = "AwaitingConcurrencySlot",
     .due = T_PAST},
    {"Resuming", TYPE(SCHEDULED), .name = "Resuming", .due = T_PAST},
    {"Pending", TYPE(PENDING), .name = NULL},
    {"Pending+future", TYPE(PENDING), .due = T_FUTURE},
    {"Submitting", TYPE(PENDING), .name = "Submitting"},
    {"Running", TYPE(RUNNING), .name = NULL},
    {"Retrying", TYPE(RUNNING), .name = "Retrying"},
    {"Paused", TYPE(PAUSED), .timeout = T_FUTURE, .key = "new"},
    {"Paused+nokey", TYPE(PAUSED), .timeout = T_FUTURE},
    {"Paused+used", TYPE(PAUSED), .timeout = T_FUTURE, .key = "used"},
    {"Paused+expired", TYPE(PAUSED), .timeout = T_PAST, .key = "new"},
    {"Suspended", TYPE(PAUSED), .name = "Suspended", .timeout = T_FUTURE, .key = "new",
     .reschedule = 1},
    {"Suspended+used", TYPE(PAUSED), .name = "Suspended", .timeout = T_FUTURE,
     .key = "used", .reschedule = 1},
    {"Cancelling", TYPE(CANCELLING), .name = NULL},
    {"Completed", TYPE(COMPLETED), .name = NULL},
    {"Completed+result", TYPE(COMPLETED), .result = 1},
    {"Completed+unpersisted", TYPE(COMPLETED), .unpersisted = 1},
    {"Failed", TYPE(FAILED), .name = NULL},
    {"Failed+noretry", TYPE(FAILED), .noretry = 1},
    {"Cancelled", TYPE(CANCELLED), .name = NULL},
    {"Crashed", TYPE(CRASHED), .name = NULL},
};

void table_state(struct orc_state *ret_state, const char *token)
{
	const struct token *t = NULL;

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		if (strcmp(tokens[i].token, token) == 0) {
			t = &tokens[i];
		}
	}
	if (t == NULL) {
		fprintf(stderr, "unknown state %s\n", token);
		abort();
	}
	orc_state_init(ret_state, t->type, t->name, NULL);
	orc_detail_set_time(ret_state, "scheduled_time",
			    t->due != 0 ? t->due : TIME_NONE);
	orc_detail_set_time(ret_state, "pause_timeout",
			    t->timeout != 0 ? t->timeout : TIME_NONE);
	orc_detail_set_str(ret_state, "pause_key", t->key);
	if (t->reschedule) {
		json_object_set_new(ret_state->details, "pause_reschedule",
				    json_true());
	}
	if (t->noretry) {
		json_object_set_new(ret_state->details, "retriable", json_false());
	}
	if (t->result || t->unpersisted) {
		ret_state->data =
		    json_pack("{s:s}", "type", t->result ? "reference" : "unpersisted");
	}
}

int table_each(const char *file, void (*fn)(char **cell, int cells, int line))
{
	const char *dir = getenv("srcdir");
	char path[512], line[4096];
	int count = 0, number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/orchestration/%s",
		 dir != NULL ? dir : ".", file);
	f = fopen(path, "re");
	if (f == NULL) {
		return -1;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		char *cell[TABLE_COLS], *p = line;
		int cells = 0;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || strncmp(line, "current\t", 8) == 0) {
			continue;
		}
		while (p != NULL && cells < TABLE_COLS) {
			cell[cells++] = p;
			p = strchr(p, '\t');
			if (p != NULL) {
				*p++ = '\0';
			}
		}
		fn(cell, cells, number);
		count++;
	}
	fclose(f);
	return count;
}

int table_extra(const char *extra, const char *key, int64_t *ret_value)
{
	const char *p = strstr(extra, key);

	if (p == NULL) {
		return 0;
	}
	p += strlen(key);
	*ret_value = *p == '=' ? strtoll(p + 1, NULL, 10) : 1;
	return 1;
}

static const char *due_text(const struct orc_state *s)
{
	int64_t due = orc_detail_time(s, "scheduled_time");

	if (due == TIME_NONE) {
		return "-";
	}
	if (due < T_NOW) {
		return "past";
	}
	return due < T_NOW + INT64_C(18000000000) ? "now" : "future";
}

static const char *data_text(const struct orc_state *s)
{
	if (s->data == NULL || json_is_null(s->data)) {
		return "-";
	}
	return orc_state_has_result(s) ? "result" : "unpersisted";
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void keys_text(char *buf, size_t size, const struct orc_run *run)
{
	const char *keys[16];
	size_t n = 0, i;
	json_t *v;

	json_array_foreach (json_object_get(run->empirical_policy, "pause_keys"), i,
			    v) {
		const char *k = json_string_value(v);

		keys[n++] = strlen(k) > 30 ? "uuid" : k;
	}
	qsort(keys, n, sizeof(keys[0]), compare_text);
	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		size_t used = strlen(buf);

		snprintf(buf + used, size - used, "%s%s", i > 0 ? "," : "", keys[i]);
	}
	if (n == 0) {
		snprintf(buf, size, "-");
	}
}

void table_outcome(char *buf, size_t size, const struct orc_run *run,
		   const struct orc_state *current, const struct orc_decision *d,
		   int flow)
{
	static const char *const status[] = {"", "ACCEPT", "REJECT", "WAIT", "ABORT"};
	const struct orc_state *s = d->writes ? &d->state : current;
	const char *retry =
	    json_string_value(json_object_get(run->empirical_policy, "retry_type"));
	char keys[256];
	int n;

	n = snprintf(buf, size, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d",
		     status[d->status], d->writes, state_type_text(s->type), s->name,
		     s->message != NULL ? s->message : "-", data_text(s), due_text(s),
		     d->reason[0] != '\0' ? d->reason : "-", run->run_count,
		     run->start_us != TIME_NONE, run->end_us != TIME_NONE,
		     run->next_scheduled_us != TIME_NONE);
	if (flow) {
		keys_text(keys, sizeof(keys), run);
		snprintf(
		    buf + n, size - (size_t)n, "\t%d\t%s\t%s",
		    json_is_true(json_object_get(run->empirical_policy, "resuming")),
		    retry != NULL ? retry : "-", keys);
	}
}
