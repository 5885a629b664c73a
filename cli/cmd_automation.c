/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_automation.c - wf automation: make, list, change, test. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/deploy/project.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

struct automation_conf {
	char *id, *file, *json, *output;
	int64_t hours;
};

/* ---- which ---- */

static int by_name(struct cli *cli, const char *name, json_t **ret, struct error *err)
{
	json_t *filter =
	    json_pack("{s:{s:{s:[s]}}}", "automations", "name", "any_", name);
	int rc = client_filter(cli, "/automations/filter", filter, 0, ret, err);

	json_decref(filter);
	if (rc == 0 && json_array_size(*ret) == 0) {
		json_decref(*ret);
		*ret = NULL;
		rc = err_set(
		    err, ERR_NOT_FOUND,
		    "Automation '%s' not found. `wf automation ls` names them.", name);
	}
	return rc;
}

/* One, by name or id; several of a name: said, with the way out. */
static int find(struct cli *cli, const struct automation_conf *c,
		const struct opts *opts, json_t **ret, struct error *err)
{
	const char *name = opts->nargs > 0 ? opts->args[0] : NULL;
	json_t *list = NULL;
	struct uuid id;
	int rc;

	if (c->id[0] != '\0' || (name != NULL && uuid_parse(name, &id) == 0)) {
		return client_get(cli, ret, err, "/automations/%s",
				  c->id[0] != '\0' ? c->id : name);
	}
	if (name == NULL) {
		return err_set(err, ERR_USAGE,
			       "Give the NAME of an automation, or --id.");
	}
	rc = by_name(cli, name, &list, err);
	if (rc == 0 && json_array_size(list) > 1) {
		rc = err_set(err, ERR_CONFLICT,
			     "%zu automations are named '%s'. Choose one with --id.",
			     json_array_size(list), name);
	}
	if (rc == 0) {
		*ret = json_incref(json_array_get(list, 0));
	}
	json_decref(list);
	return rc;
}

/* ---- ls, inspect ---- */

static char *trigger_text(const json_t *t)
{
	const char *type = member(t, "type");
	json_t *expect = json_object_get(t, "expect");
	char *names, *out;

	if (strcmp(type, "event") != 0) {
		return strcmp(type, "sequence") == 0
			   ? xasprintf("In this order: %zu triggers",
				       json_array_size(json_object_get(t, "triggers")))
			   : xasprintf("Several: %zu triggers",
				       json_array_size(json_object_get(t, "triggers")));
	}
	names = json_array_size(expect) > 0 ? json_dumps(expect, JSON_COMPACT)
					    : xstrdup("any event");
	if (strcmp(member(t, "posture"), "Proactive") == 0) {
		out = xasprintf(
		    "Proactive: expecting %lld %s within %.0f s",
		    (long long)json_integer_value(json_object_get(t, "threshold")),
		    names, json_number_value(json_object_get(t, "within")));
	} else {
		out = xasprintf(
		    "Reactive: expecting %lld of %s",
		    (long long)json_integer_value(json_object_get(t, "threshold")),
		    names);
	}
	free(names);
	return out;
}

static char *actions_text(const json_t *a)
{
	static const char *const lists[] = {"actions", "actions_on_trigger",
					    "actions_on_resolve"};
	char *out = xstrdup(""), *next;
	json_t *item;
	size_t i, k;

	for (k = 0; k < 3; k++) {
		json_array_foreach (json_object_get(a, lists[k]), i, item) {
			next = xasprintf("%s%s%s", out, out[0] != '\0' ? ", " : "",
					 member(item, "type"));
			free(out);
			out = next;
		}
	}
	return out;
}

static int automation_ls(struct cli *cli, const void *conf, const struct opts *opts,
			 struct error *err)
{
	const struct automation_conf *c = conf;
	json_t *list = NULL, *a;
	int json = want_json(c->output, err), rc;
	struct table *t;
	size_t i;

	(void)opts;
	rc = json < 0 ? json
		      : client_filter(cli, "/automations/filter", NULL, 0, &list, err);
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		t = table_new(cli, "Automations");
		table_column(t, "Automation");
		table_column(t, "ID");
		table_column(t, "Enabled");
		table_column(t, "Trigger");
		table_column(t, "Actions");
		json_array_foreach (list, i, a) {
			char *trigger = trigger_text(json_object_get(a, "trigger"));
			char *actions = actions_text(a);
			int on = json_is_true(json_object_get(a, "enabled"));

			table_cell(t, TONE_BOLD, "%s", member(a, "name"));
			table_cell(t, TONE_DIM, "%s", member(a, "id"));
			table_cell(t, on ? TONE_OK : TONE_WARN, on ? "True" : "False");
			table_cell(t, TONE_PLAIN, "%s", trigger);
			table_cell(t, TONE_PLAIN, "%s", actions);
			free(trigger);
			free(actions);
		}
		table_print(t);
		table_free(t);
	}
	json_decref(list);
	return rc;
}

static int automation_inspect(struct cli *cli, const void *conf,
			      const struct opts *opts, struct error *err)
{
	const struct automation_conf *c = conf;
	json_t *a = NULL;
	int json = want_json(c->output, err);
	int rc = json < 0 ? json : find(cli, c, opts, &a, err);

	if (rc == 0 && json) {
		print_json(a);
	} else if (rc == 0) {
		print_object(cli, a);
	}
	json_decref(a);
	return rc;
}

/* ---- create, update ---- */

/* Clients' defaults, which the API wants to see. */
static void complete(json_t *trigger)
{
	json_t *list = json_object_get(trigger, "triggers"), *item;
	size_t i;

	if (list == NULL && json_object_get(trigger, "posture") == NULL) {
		(void)json_object_set_new(trigger, "posture", json_string("Reactive"));
	}
	if (list != NULL && json_object_get(trigger, "within") == NULL) {
		(void)json_object_set_new(trigger, "within", json_null());
	}
	json_array_foreach (list, i, item) {
		complete(item);
	}
}

static int load(const struct automation_conf *c, json_t **ret, struct error *err)
{
	json_t *v = NULL, *list;
	int rc;

	if ((c->file[0] != '\0') == (c->json[0] != '\0')) {
		return err_set(err, ERR_USAGE,
			       "Give either --from-file or --from-json.");
	}
	if (c->file[0] != '\0') {
		rc = project_value(c->file, &v, err);
	} else {
		v = json_parse(c->json, strlen(c->json), (size_t)4 << 20, err);
		rc = v != NULL ? 0 : -err->code;
	}
	if (rc < 0) {
		return rc;
	}
	list = json_is_array(v) ? v : json_object_get(v, "automations");
	*ret = list != NULL ? json_incref(list) : json_pack("[O]", v);
	json_decref(v);
	return 0;
}

static int automation_create(struct cli *cli, const void *conf, const struct opts *opts,
			     struct error *err)
{
	const struct automation_conf *c = conf;
	json_t *list = NULL, *item, *made;
	int rc = load(c, &list, err), bad = 0;
	size_t i;

	(void)opts;
	if (rc < 0) {
		return rc;
	}
	json_array_foreach (list, i, item) {
		struct error why = {0};

		made = NULL;
		complete(json_object_get(item, "trigger"));
		if (client_post(cli, json_incref(item), &made, &why, "/automations/") ==
		    0) {
			say(cli, TONE_OK, "Created automation '%s' with id %s",
			    member(made, "name"), member(made, "id"));
		} else {
			bad++;
			*err = why;
			say(cli, TONE_BAD, "Automation '%s' was not created: %s",
			    member(item, "name"), why.msg);
		}
		json_decref(made);
	}
	json_decref(list);
	return bad > 0 ? -err->code : 0;
}

static int automation_update(struct cli *cli, const void *conf, const struct opts *opts,
			     struct error *err)
{
	const struct automation_conf *c = conf;
	json_t *list = NULL, *a = NULL, *body;
	char *path;
	int rc = load(c, &list, err);

	rc = rc < 0 ? rc : find(cli, c, opts, &a, err);
	if (rc == 0 && json_array_size(list) != 1) {
		rc = err_set(err, ERR_USAGE,
			     "The file describes %zu automations, not one.",
			     json_array_size(list));
	}
	if (rc == 0) {
		body = json_array_get(list, 0);
		(void)json_object_del(body, "id");
		(void)json_object_del(body, "owner_resource");
		complete(json_object_get(body, "trigger"));
		path = xasprintf("/automations/%s", member(a, "id"));
		rc = client_call(cli, "PUT", path, json_incref(body), NULL, err);
		free(path);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Updated automation '%s' (%s)",
		    member(json_array_get(list, 0), "name"), member(a, "id"));
	}
	json_decref(list);
	json_decref(a);
	return rc;
}

/* ---- pause, resume, delete ---- */

static int enable(struct cli *cli, const struct automation_conf *c,
		  const struct opts *opts, int on, struct error *err)
{
	json_t *a = NULL;
	int rc = find(cli, c, opts, &a, err);

	rc = rc < 0 ? rc
		    : client_patch(cli, json_pack("{s:b}", "enabled", on), err,
				   "/automations/%s", member(a, "id"));
	if (rc == 0) {
		say(cli, TONE_OK, "%s automation '%s' (%s)", on ? "Resumed" : "Paused",
		    member(a, "name"), member(a, "id"));
	}
	json_decref(a);
	return rc;
}

static int automation_pause(struct cli *cli, const void *conf, const struct opts *opts,
			    struct error *err)
{
	return enable(cli, conf, opts, 0, err);
}

static int automation_resume(struct cli *cli, const void *conf, const struct opts *opts,
			     struct error *err)
{
	return enable(cli, conf, opts, 1, err);
}

static int automation_delete(struct cli *cli, const void *conf, const struct opts *opts,
			     struct error *err)
{
	json_t *a = NULL;
	int rc = find(cli, conf, opts, &a, err);

	if (rc == 0 && !confirm(cli, 1, "Delete automation '%s'?", member(a, "name"))) {
		json_decref(a);
		return err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	rc = rc < 0 ? rc : client_delete(cli, err, "/automations/%s", member(a, "id"));
	if (rc == 0) {
		say(cli, TONE_OK, "Deleted automation '%s'", member(a, "name"));
	}
	json_decref(a);
	return rc;
}

/* ---- test ---- */

static long long count_of(const json_t *v, const char *key)
{
	return (long long)json_integer_value(json_object_get(v, key));
}

/* What is counted, against what it takes; of a single event trigger. */
static void show_counts(const struct cli *cli, const json_t *a, const json_t *v)
{
	const json_t *t = json_object_get(a, "trigger");
	int single = json_object_get(t, "threshold") != NULL;
	int absence = strcmp(member(t, "posture"), "Proactive") == 0;
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(v, "counting"), i, item) {
		char *key = json_text(json_object_get(item, "key"));
		long long count = count_of(item, "count");
		long long missing = count_of(t, "threshold") - count;

		say(cli, TONE_PLAIN, "Counting %s: %lld since %s, until %s", key, count,
		    member(item, "start"), member(item, "end"));
		if (single && missing > 0) {
			say(cli, TONE_PLAIN, "  %lld more are missing (until %s)%s",
			    missing, member(item, "end"),
			    absence ? ": if they do not come, it fires" : "");
		}
		free(key);
	}
}

static void show_test(const struct cli *cli, const json_t *a, const json_t *v)
{
	json_t *item;
	size_t i;

	if (!json_is_true(json_object_get(v, "enabled"))) {
		say(cli, TONE_WARN,
		    "The automation is paused: nothing fires. `wf "
		    "automation resume` switches it on.");
	}
	say(cli, TONE_PLAIN, "Of %lld events of the last %lld h %lld fit its trigger.",
	    count_of(v, "events"), count_of(v, "hours"), count_of(v, "fitting"));
	say(cli, TONE_PLAIN,
	    "Not: %lld by their name, %lld by match, %lld by match_related.",
	    count_of(v, "other_names"), count_of(v, "no_match"),
	    count_of(v, "no_match_related"));
	json_array_foreach (json_object_get(v, "near_misses"), i, item) {
		say(cli, TONE_DIM, "  %s of %s: %s", member(item, "event"),
		    member(item, "resource"), member(item, "reason"));
	}
	show_counts(cli, a, v);
	say(cli, TONE_BOLD, "It would have fired %zu times.",
	    json_array_size(json_object_get(v, "would_fire")));
	json_array_foreach (json_object_get(v, "would_fire"), i, item) {
		char *labels = json_text(json_object_get(item, "triggering_labels"));

		say(cli, TONE_OK, "  %s %s %s", member(item, "triggered"),
		    member(item, "event")[0] != '\0' ? member(item, "event")
						     : "(no event came)",
		    labels);
		free(labels);
	}
	if (count_of(v, "actions_pending") > 0) {
		say(cli, TONE_WARN, "%lld of its actions are not done yet.",
		    count_of(v, "actions_pending"));
	}
}

static int automation_test(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	const struct automation_conf *c = conf;
	json_t *a = NULL, *v = NULL;
	int json = want_json(c->output, err);
	int rc = json < 0 ? json : find(cli, c, opts, &a, err);

	rc = rc < 0
		 ? rc
		 : client_get(cli, &v, err, "/wf/v1/automations/%s/explain?hours=%lld",
			      member(a, "id"), (long long)c->hours);
	if (rc == 0 && json) {
		print_json(v);
	} else if (rc == 0) {
		show_test(cli, a, v);
	}
	json_decref(a);
	json_decref(v);
	return rc;
}

/* ---- wf explain automation ---- */

/* What it did last: fired, was held because it ran in a circle, failed. */
static int show_past(struct cli *cli, const char *id, struct error *err)
{
	static const struct {
		const char *event, *text;
	} told[] = {{"prefect.automation.triggered", "fired"},
		    {"prefect.automation.held",
		     "was held for a minute: it fires on what it does itself"},
		    {"prefect.automation.action.failed", "an action failed: "}};
	json_t *v = NULL, *e;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < sizeof(told) / sizeof(told[0]); i++) {
		rc = client_post(
		    cli,
		    json_pack("{s:{s:{s:[s]}, s:{s:[o]}}, s:i}", "filter", "event",
			      "name", told[i].event, "resource", "id",
			      json_sprintf("prefect.automation.%s", id), "limit", 1),
		    &v, err, "/events/filter");
		e = json_array_get(json_object_get(v, "events"), 0);
		if (rc == 0 && e != NULL) {
			say(cli, i == 0 ? TONE_PLAIN : TONE_WARN, "Last at %s: %s%s",
			    member(e, "occurred"), told[i].text,
			    member(json_object_get(e, "payload"), "reason"));
		} else if (rc == 0 && i == 0) {
			say(cli, TONE_PLAIN, "It has not fired yet.");
		}
		json_decref(v);
		v = NULL;
	}
	return rc;
}

int automation_explain(struct cli *cli, const char *name, int json, struct error *err)
{
	static char empty[] = "";
	const struct automation_conf c = {.id = empty};
	char *copy = xstrdup(name);
	char *args[] = {copy, NULL};
	const struct opts opts = {.args = args, .nargs = 1};
	json_t *a = NULL, *v = NULL;
	int rc = find(cli, &c, &opts, &a, err);

	rc = rc < 0 ? rc
		    : client_get(cli, &v, err, "/wf/v1/automations/%s/explain?hours=24",
				 member(a, "id"));
	if (rc == 0 && json) {
		print_json(v);
	} else if (rc == 0) {
		char *text = trigger_text(json_object_get(a, "trigger"));

		say(cli, TONE_BOLD, "Automation '%s': %s", member(a, "name"), text);
		free(text);
		rc = show_past(cli, member(a, "id"), err);
		show_test(cli, a, v);
	}
	free(copy);
	json_decref(a);
	json_decref(v);
	return rc;
}

/* ---- tables ---- */

#define WITH_ID CLI_STR(struct automation_conf, id, "id", 0, "ID", "Its id.")
#define FROM_FILE                                                                  \
	CLI_STR(struct automation_conf, file, "from-file", 'f', "FILE",            \
		"YAML or JSON: one automation, a list, or {automations: [...]}."), \
	    CLI_STR(struct automation_conf, json, "from-json", 'j', "JSON",        \
		    "The same as text.")

static const struct opt ls_opts[] = {CLI_OUTPUT(struct automation_conf, output)};
static const struct opt one_opts[] = {WITH_ID};
static const struct opt inspect_opts[] = {WITH_ID,
					  CLI_OUTPUT(struct automation_conf, output)};
static const struct opt create_opts[] = {FROM_FILE};
static const struct opt update_opts[] = {WITH_ID, FROM_FILE};
static const struct opt test_opts[] = {
    WITH_ID,
    CLI_INT(struct automation_conf, hours, "hours", 0, "1", "N",
	    "How far back events are replayed, at most 168."),
    CLI_OUTPUT(struct automation_conf, output)};
static const char *const name_arg[] = {"NAME"};

#define NAMED(var, prog, text, table)                    \
	static const struct opt_spec var = {             \
	    .program = (prog),                           \
	    .usage = "NAME [options]",                   \
	    .about = (text),                             \
	    .opts = (table),                             \
	    .count = sizeof(table) / sizeof((table)[0]), \
	    .conf_size = sizeof(struct automation_conf), \
	    .min_args = 0,                               \
	    .max_args = 1,                               \
	    .arg_names = name_arg}

CLI_SPEC(ls_spec, "wf automation ls", "[options]", "List all automations.", ls_opts,
	 struct automation_conf, 0, NULL);
NAMED(inspect_spec, "wf automation inspect", "Show an automation.", inspect_opts);
CLI_SPEC(create_spec, "wf automation create", "[options]",
	 "Make automations from a file or from JSON.", create_opts,
	 struct automation_conf, 0, NULL);
NAMED(update_spec, "wf automation update", "Replace an automation; counting restarts.",
      update_opts);
NAMED(pause_spec, "wf automation pause", "Stop an automation from firing.", one_opts);
NAMED(resume_spec, "wf automation resume", "Let an automation fire again.", one_opts);
NAMED(delete_spec, "wf automation delete", "Delete an automation.", one_opts);
NAMED(test_spec, "wf automation test",
      "Replay stored events: what would have fired, and why not.", test_opts);

static const struct command commands[] = {
    {"ls", "list", &ls_spec, automation_ls},
    {"inspect", NULL, &inspect_spec, automation_inspect},
    {"create", NULL, &create_spec, automation_create},
    {"update", NULL, &update_spec, automation_update},
    {"pause", "disable", &pause_spec, automation_pause},
    {"resume", "enable", &resume_spec, automation_resume},
    {"delete", NULL, &delete_spec, automation_delete},
    {"test", "explain", &test_spec, automation_test},
};

const struct command_group group_automation = {
    .name = "automation",
    .summary = "Make, change and test automations.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
