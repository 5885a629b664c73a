/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_concurrency.c - wf concurrency: every limit there is, its use and who holds it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

#define NAMED_MAX 3 /* holders named in a line of the list */

struct concurrency_conf {
	char *kind, *output;
};

static long long number(const json_t *obj, const char *key)
{
	return (long long)json_integer_value(json_object_get(obj, key));
}

/* "a, b, c and 2 more" */
static char *names_of(const json_t *holders)
{
	struct buf b;
	size_t i;
	json_t *h;

	buf_init(&b);
	json_array_foreach (holders, i, h) {
		if (i < NAMED_MAX) {
			const char *name = member(h, "name");
			buf_addf(&b, "%s%s", i > 0 ? ", " : "",
				 name[0] != '\0' ? name : member(h, "id"));
		}
	}
	if (json_array_size(holders) > NAMED_MAX) {
		buf_addf(&b, " and %zu more", json_array_size(holders) - NAMED_MAX);
	}
	buf_adds(&b, "");
	return buf_take(&b, NULL);
}

static void limits_table(const struct cli *cli, const json_t *list, const char *kind)
{
	struct table *t = table_new(cli, "Concurrency Limits");
	size_t i;
	json_t *l;

	table_column(t, "Kind");
	table_column(t, "Name");
	table_column(t, "In Use");
	table_column(t, "Limit");
	table_column(t, "Held By");
	json_array_foreach (list, i, l) {
		char *names = names_of(json_object_get(l, "holders"));
		int full = number(l, "in_use") >= number(l, "limit");

		if (kind[0] == '\0' || strcmp(kind, member(l, "kind")) == 0) {
			table_cell(t, TONE_PLAIN, "%s", member(l, "kind"));
			table_cell(t, TONE_BOLD, "%s", member(l, "name"));
			table_cell(t, full ? TONE_WARN : TONE_PLAIN, "%lld",
				   number(l, "in_use"));
			table_cell(t, TONE_PLAIN, "%lld", number(l, "limit"));
			table_cell(t, TONE_DIM, "%s", names);
		}
		free(names);
	}
	table_print(t);
	table_free(t);
}

static int concurrency_ls(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	const struct concurrency_conf *c = conf;
	json_t *list = NULL;
	int json = want_json(c->output, err);
	int rc = json < 0 ? json : client_get(cli, &list, err, "/wf/v1/concurrency");

	(void)opts;
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		limits_table(cli, list, c->kind);
	}
	json_decref(list);
	return rc;
}

static void holders_table(const struct cli *cli, const json_t *l)
{
	char *title =
	    xasprintf("%s '%s': %lld of %lld in use", member(l, "kind"),
		      member(l, "name"), number(l, "in_use"), number(l, "limit"));
	struct table *t = table_new(cli, title);
	char since[64];
	size_t i;
	json_t *h;

	table_column(t, "Holder");
	table_column(t, "Name");
	table_column(t, "ID");
	table_column(t, "Slots");
	table_column(t, "Since");
	table_column(t, "Worker");
	json_array_foreach (json_object_get(l, "holders"), i, h) {
		table_cell(t, TONE_PLAIN, "%s", member(h, "type"));
		table_cell(t, TONE_BOLD, "%s", member(h, "name"));
		table_cell(t, TONE_DIM, "%s", member(h, "id"));
		table_cell(t, TONE_PLAIN, "%lld", number(h, "slots"));
		table_cell(t, TONE_PLAIN, "%s",
			   relative_time(h, "since", since, sizeof(since)));
		table_cell(t, TONE_PLAIN, "%s", member(h, "worker"));
	}
	if (cli->width == 0) {
		say(cli, TONE_PLAIN, "%s", title);
	}
	table_print(t);
	table_free(t);
	free(title);
}

static int concurrency_inspect(struct cli *cli, const void *conf,
			       const struct opts *opts, struct error *err)
{
	const struct concurrency_conf *c = conf;
	json_t *list = NULL, *l;
	char *name = url_encode(opts->args[0]);
	int json = want_json(c->output, err);
	int rc = json < 0
		     ? json
		     : client_get(cli, &list, err, "/wf/v1/concurrency?name=%s", name);
	size_t i;

	if (rc == 0 && json_array_size(list) == 0) {
		rc = err_set(err, ERR_NOT_FOUND,
			     "No concurrency limit found: '%s'. `wf concurrency ls` "
			     "names them: POOL, POOL/QUEUE, FLOW/DEPLOYMENT, tag:TAG "
			     "or the name of a global limit.",
			     opts->args[0]);
	} else if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		json_array_foreach (list, i, l) {
			holders_table(cli, l);
		}
	}
	json_decref(list);
	free(name);
	return rc;
}

static const char *const name_arg[] = {"NAME"};
static const struct opt ls_opts[] = {
    CLI_STR(struct concurrency_conf, kind, "kind", 'k', "KIND",
	    "Only limits of pool, queue, deployment, tag or global."),
    CLI_OUTPUT(struct concurrency_conf, output),
};
static const struct opt inspect_opts[] = {CLI_OUTPUT(struct concurrency_conf, output)};

CLI_SPEC(ls_spec, "wf concurrency ls", "[options]",
	 "List all concurrency limits, their use and who holds them.", ls_opts,
	 struct concurrency_conf, 0, NULL);
CLI_SPEC(inspect_spec, "wf concurrency inspect", "NAME [options]",
	 "Show who holds the slots of a limit, since when, on which worker.",
	 inspect_opts, struct concurrency_conf, 1, name_arg);

static const struct command commands[] = {
    {"ls", "list", &ls_spec, concurrency_ls},
    {"inspect", NULL, &inspect_spec, concurrency_inspect},
};

const struct command_group group_concurrency = {
    .name = "concurrency",
    .summary = "Show what holds the slots of concurrency limits.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
