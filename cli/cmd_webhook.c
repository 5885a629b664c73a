/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_webhook.c - wf webhook: addresses that turn requests into events; wf event. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

struct webhook_conf {
	char *template, *description, *output, *resource, *payload;
	int64_t limit;
};

static int webhook_ls(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const struct webhook_conf *c = conf;
	json_t *list = NULL, *w;
	int json = want_json(c->output, err);
	int rc = json < 0
		     ? json
		     : client_post(cli, json_object(), &list, err, "/webhooks/filter");
	struct table *t;
	size_t i;

	(void)opts;
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		t = table_new(cli, "Webhooks");
		table_column(t, "webhook id");
		table_column(t, "url slug");
		table_column(t, "name");
		table_column(t, "enabled?");
		table_column(t, "template");
		json_array_foreach (list, i, w) {
			table_cell(t, TONE_DIM, "%s", member(w, "id"));
			table_cell(t, TONE_PLAIN, "%s", member(w, "slug"));
			table_cell(t, TONE_BOLD, "%s", member(w, "name"));
			table_cell(t, TONE_PLAIN, "%s",
				   json_is_true(json_object_get(w, "enabled"))
				       ? "True"
				       : "False");
			table_cell(t, TONE_PLAIN, "%s", member(w, "template"));
		}
		table_print(t);
		table_free(t);
	}
	json_decref(list);
	return rc;
}

static void show(const struct cli *cli, const struct webhook_conf *c, const json_t *w)
{
	if (c->output[0] != '\0') {
		print_json(w);
	} else {
		print_object(cli, w);
	}
}

static int webhook_get(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	json_t *w = NULL;
	int rc = client_get(cli, &w, err, "/webhooks/%s", opts->args[0]);

	if (rc == 0) {
		show(cli, conf, w);
	}
	json_decref(w);
	return rc;
}

static int webhook_create(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	const struct webhook_conf *c = conf;
	json_t *w = NULL;
	int rc;

	if (c->template[0] == '\0') {
		return err_set(err, ERR_USAGE,
			       "Give the event that requests become with --template.");
	}
	rc = client_post(cli,
			 json_pack("{s:s, s:s, s:s}", "name", opts->args[0], "template",
				   c->template, "description", c->description),
			 &w, err, "/webhooks/");
	if (rc == 0) {
		say(cli, TONE_OK, "Created webhook '%s': send requests to /hooks/%s",
		    member(w, "name"), member(w, "slug"));
	}
	json_decref(w);
	return rc;
}

static int webhook_toggle(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	json_t *w = NULL;
	int rc = client_get(cli, &w, err, "/webhooks/%s", opts->args[0]);
	int on = rc == 0 && !json_is_true(json_object_get(w, "enabled"));

	(void)conf;
	rc = rc < 0 ? rc
		    : client_patch(cli, json_pack("{s:b}", "enabled", on), err,
				   "/webhooks/%s", opts->args[0]);
	if (rc == 0) {
		say(cli, TONE_OK, "Webhook '%s' is now %s", member(w, "name"),
		    on ? "enabled" : "disabled");
	}
	json_decref(w);
	return rc;
}

static int webhook_rotate(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	json_t *w = NULL;
	int rc;

	(void)conf;
	if (!confirm(cli, 1, "The present address stops working at once. Go on?")) {
		return err_set(err, ERR_CANCELED, "Nothing was changed.");
	}
	rc = client_post(cli, json_object(), &w, err, "/webhooks/%s/rotate",
			 opts->args[0]);
	if (rc == 0) {
		say(cli, TONE_OK, "The new address is /hooks/%s", member(w, "slug"));
	}
	json_decref(w);
	return rc;
}

static int webhook_delete(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	int rc;

	(void)conf;
	if (!confirm(cli, 1, "Delete the webhook?")) {
		return err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	rc = client_delete(cli, err, "/webhooks/%s", opts->args[0]);
	if (rc == 0) {
		say(cli, TONE_OK, "Deleted webhook %s", opts->args[0]);
	}
	return rc;
}

/* ---- events ---- */

static int event_emit(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const struct webhook_conf *c = conf;
	char at[TIME_TEXT_SIZE], id[UUID_TEXT_SIZE];
	json_t *payload = NULL;
	struct uuid uuid;
	int rc;

	if (c->resource[0] == '\0') {
		return err_set(err, ERR_USAGE,
			       "Give what the event is about with --resource-id.");
	}
	if (c->payload[0] != '\0') {
		payload =
		    json_parse(c->payload, strlen(c->payload), (size_t)2 << 20, err);
		if (payload == NULL) {
			return err_wrap(err, "--payload");
		}
	}
	uuid_v7(&uuid, clock_wall_us());
	rc = client_post(
	    cli,
	    json_pack("[{s:s, s:s, s:s, s:{s:s}, s:o}]", "id", uuid_format(&uuid, id),
		      "occurred", time_format(clock_wall_us(), at, sizeof(at)), "event",
		      opts->args[0], "resource", "prefect.resource.id", c->resource,
		      "payload", payload != NULL ? payload : json_object()),
	    NULL, err, "/events");
	if (rc == 0) {
		say(cli, TONE_OK, "Successfully emitted event '%s' with ID %s",
		    opts->args[0], id);
	}
	return rc;
}

static int event_ls(struct cli *cli, const void *conf, const struct opts *opts,
		    struct error *err)
{
	const struct webhook_conf *c = conf;
	json_t *page = NULL, *e;
	int json = want_json(c->output, err);
	int rc =
	    json < 0
		? json
		: client_post(cli, json_pack("{s:I}", "limit", (json_int_t)c->limit),
			      &page, err, "/events/filter");
	size_t i;

	(void)opts;
	if (rc == 0 && json) {
		print_json(json_object_get(page, "events"));
	} else if (rc == 0) {
		json_array_foreach (json_object_get(page, "events"), i, e) {
			say(cli, TONE_PLAIN, "%s %s %s", member(e, "occurred"),
			    member(e, "event"),
			    member(json_object_get(e, "resource"),
				   "prefect.resource.id"));
		}
	}
	json_decref(page);
	return rc;
}

static const char *const id_arg[] = {"ID"};
static const char *const name_arg[] = {"NAME"};
static const struct opt out_opts[] = {CLI_OUTPUT(struct webhook_conf, output)};
static const struct opt create_opts[] = {
    CLI_STR(struct webhook_conf, template, "template", 't', "TEXT",
	    "The event as JSON, with {{ body.x }}, {{ headers.x }}, {{ method }}."),
    CLI_STR(struct webhook_conf, description, "description", 'd', "TEXT",
	    "What it is for."),
};
static const struct opt emit_opts[] = {
    CLI_STR(struct webhook_conf, resource, "resource-id", 'r', "ID",
	    "What the event is about."),
    CLI_STR(struct webhook_conf, payload, "payload", 'p', "JSON", "Sent along."),
};
static const struct opt events_opts[] = {
    CLI_INT(struct webhook_conf, limit, "limit", 'l', "20", "N", "At most 50."),
    CLI_OUTPUT(struct webhook_conf, output),
};

CLI_SPEC(ls_spec, "wf webhook ls", "[options]", "List all webhooks.", out_opts,
	 struct webhook_conf, 0, NULL);
CLI_SPEC(get_spec, "wf webhook get", "ID [options]", "Show a webhook.", out_opts,
	 struct webhook_conf, 1, id_arg);
CLI_SPEC(create_spec, "wf webhook create", "NAME [options]", "Make a webhook.",
	 create_opts, struct webhook_conf, 1, name_arg);
CLI_SPEC0(toggle_spec, "wf webhook toggle", "ID", "Switch a webhook on or off.",
	  struct webhook_conf, 1, id_arg);
CLI_SPEC0(rotate_spec, "wf webhook rotate", "ID", "Give a webhook a new address.",
	  struct webhook_conf, 1, id_arg);
CLI_SPEC0(delete_spec, "wf webhook delete", "ID", "Delete a webhook.",
	  struct webhook_conf, 1, id_arg);
CLI_SPEC(emit_spec, "wf event emit", "NAME [options]", "Emit one event.", emit_opts,
	 struct webhook_conf, 1, name_arg);
CLI_SPEC(events_spec, "wf event ls", "[options]", "List the latest events.",
	 events_opts, struct webhook_conf, 0, NULL);

static const struct command commands[] = {
    {"ls", "list", &ls_spec, webhook_ls},
    {"get", "inspect", &get_spec, webhook_get},
    {"create", NULL, &create_spec, webhook_create},
    {"toggle", NULL, &toggle_spec, webhook_toggle},
    {"rotate", NULL, &rotate_spec, webhook_rotate},
    {"delete", NULL, &delete_spec, webhook_delete},
};
static const struct command event_commands[] = {
    {"emit", NULL, &emit_spec, event_emit},
    {"ls", "list", &events_spec, event_ls},
};

const struct command_group group_webhook = {
    .name = "webhook",
    .summary = "Make addresses that turn requests into events.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
const struct command_group group_event = {
    .name = "event",
    .summary = "Emit and list events.",
    .commands = event_commands,
    .count = sizeof(event_commands) / sizeof(event_commands[0]),
};
