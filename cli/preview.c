/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview.c - asks for the runs that wait, as a worker would, and shows them.
 */
#include "cli/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"

#define HOUR_US (3600 * CLOCK_US_PER_S)

int preview_read(struct cli *cli, const char *pool, const char *queue, int64_t hours,
		 json_t **ret_runs, struct error *err)
{
	char when[TIME_TEXT_SIZE], *enc = url_encode(pool);
	json_t *list = NULL, *each,
	       *body = json_pack(
		   "{s:s}", "scheduled_before",
		   time_format(clock_wall_us() + hours * HOUR_US, when, sizeof(when)));
	size_t i;
	int rc;

	if (queue != NULL) {
		json_object_set_new(body, "work_queue_names", json_pack("[s]", queue));
	}
	rc = client_post(cli, body, &list, err,
			 "/work_pools/%s/get_scheduled_flow_runs", enc);
	if (rc == 0) {
		*ret_runs = json_array();
		json_array_foreach (list, i, each) {
			json_array_append(*ret_runs, json_object_get(each, "flow_run"));
		}
	}
	json_decref(list);
	free(enc);
	return rc;
}

static void row(struct table *t, const json_t *run)
{
	int64_t at_us = 0;
	char at[TIME_TEXT_SIZE], when[64];
	int late = strcmp(member(run, "state_name"), "Late") == 0;

	(void)json_get_time(run, "expected_start_time", &at_us, NULL);
	relative_time(run, "expected_start_time", when, sizeof(when));
	(void)time_format_log(at_us, 0, at, sizeof(at));
	at[strcspn(at, ".")] = '\0';
	table_cell(t, TONE_WARN, "%s UTC (%s)%s", at, when, late ? " (**)" : "");
	table_cell(t, TONE_LINK, "%s", member(run, "id"));
	table_cell(t, TONE_OK, "%s", member(run, "name"));
	table_cell(t, TONE_DIM, "%s", member(run, "deployment_id"));
}

void preview_print(const struct cli *cli, const char *title, const json_t *runs,
		   int json)
{
	struct table *t;
	size_t i;
	json_t *run;

	if (json) {
		print_json(runs);
		return;
	}
	if (json_array_size(runs) == 0) {
		say(cli, TONE_WARN,
		    "No runs found - try increasing how far into the future you "
		    "preview with the --hours flag");
		return;
	}
	t = table_new(cli, title);
	table_column(t, "Scheduled Start Time");
	table_column(t, "Run ID");
	table_column(t, "Name");
	table_column(t, "Deployment ID");
	json_array_foreach (runs, i, run) {
		row(t, run);
	}
	table_print(t);
	table_free(t);
	if (cli->width > 0) {
		say(cli, TONE_DIM, "(**) denotes a late run");
	}
}
