/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_init.c - wf init: writes a small project that runs, is tested and can be
 * deployed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/init.h"
#include "cli/output.h"
#include "cli/spec.h"

struct init_conf {
	int c;
};
struct template
{
	const char *name, *text;
};

static const char hello_flow[] =
    "version: 1\n"
    "flows:\n"
    "  hello:\n"
    "    description: Greets somebody\n"
    "    params:\n"
    "      name: {type: string, default: world, description: Whom to greet}\n"
    "    log_prints: true\n"
    "    tasks:\n"
    "      fetch:\n"
    "        # a service that may be busy: tried three times more, a minute apart\n"
    "        run: echo Hello\n"
    "        outputs: text\n"
    "        retries: 3\n"
    "        retry_delay_seconds: 60\n"
    "      greet:\n"
    "        with: {word: \"{{ tasks.fetch }}\", name: \"{{ params.name }}\"}\n"
    "        run: echo \"$WF_IN_word, $WF_IN_name!\"\n"
    "        outputs: text\n"
    "    return: \"{{ tasks.greet }}\"\n";

static const char hello_test[] =
    "# wf flow test hello.flow.yaml\n"
    "tests:\n"
    "  greets the world:\n"
    "    expect: {result: \"Hello, world!\", order: [fetch, greet]}\n"
    "  waits for a busy service:\n"
    "    params: {name: marvin}\n"
    "    stubs: {fetch: {fails: 2, message: the service is busy, returns: Hi}}\n"
    "    expect:\n"
    "      result: Hi, marvin!\n"
    "      tasks: {fetch: {state: Completed, attempts: 3}}\n"
    "      seconds: [120, 121]\n";

static const char yaml_deploy[] = "# What `wf deploy --all` deploys from here.\n"
				  "name: hello\n"
				  "deployments:\n"
				  "  - name: hello\n"
				  "    entrypoint: hello.flow.yaml:hello\n"
				  "    parameters: {name: world}\n"
				  "    work_pool: {name: default-pool}\n";

static const char yaml_readme[] =
    "# hello\n"
    "\n"
    "A flow in `hello.flow.yaml`, its tests in `hello.test.yaml`, its deployment in "
    "`wf.yaml`.\n"
    "\n"
    "Without a server:\n"
    "\n"
    "```sh\n"
    "wf flow test hello.flow.yaml\n"
    "wf flow run hello.flow.yaml --offline -p name=marvin\n"
    "```\n"
    "\n"
    "With a server (`wf server start --background`):\n"
    "\n"
    "```sh server\n"
    "wf work-pool create default-pool\n"
    "wf deploy --all\n"
    "wf-worker --pool default-pool &\n"
    "wf deployment run hello/hello -p name=marvin --watch\n"
    "```\n";

static const char c_flow[] =
    "/* flow.c - greets somebody, with a task that is tried again. */\n"
    "#include <wf.h>\n"
    "\n"
    "WF_TASK(greet, wf_json, .retries = 3, .retry_delay = 60)\n"
    "{\n"
    "\tif (wf_attempt(ctx) <= wf_i64_or(in, \"busy\", 0)) {\n"
    "\t\treturn wf_fail(ctx, 75, \"the service is busy\");\n"
    "\t}\n"
    "\treturn wf_ok_text(ctx, wf_fmt(ctx, \"Hello, %s!\", wf_str(in, \"name\")));\n"
    "}\n"
    "\n"
    "WF_FLOW(hello, .params = \"{name: string = 'world', busy: integer = 0}\",\n"
    "\t.description = \"Greets somebody\")\n"
    "{\n"
    "\twf_json text = wf_get(wf_call(ctx, greet, \"{name: %s, busy: %lld}\",\n"
    "\t\t\t\t      wf_str(in, \"name\"),\n"
    "\t\t\t\t      (long long)wf_i64(in, \"busy\")));\n"
    "\n"
    "\twf_info(ctx, \"%s\", wf_as_str(text));\n"
    "\treturn wf_ok(ctx, text);\n"
    "}\n"
    "\n"
    "#ifndef WF_TESTED\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "\treturn wf_main(argc, argv);\n"
    "}\n"
    "#endif\n";

static const char c_test[] =
    "/* test.c - hours of retries take no time: see wf_test_flow() in wf.h. */\n"
    "#define WF_TESTED\n"
    "#include \"flow.c\"\n"
    "\n"
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "\n"
    "int main(void)\n"
    "{\n"
    "\twf_report *r;\n"
    "\tint good;\n"
    "\n"
    "\tif (wf_test_flow(hello, \"{\\\"name\\\": \\\"marvin\\\", \\\"busy\\\": 2}\", "
    "&r) < 0) {\n"
    "\t\treturn 1;\n"
    "\t}\n"
    "\tgood = strcmp(wf_report_state(r), \"Completed\") == 0 &&\n"
    "\t       strcmp(wf_as_str(wf_report_result(r)), \"Hello, marvin!\") == 0 &&\n"
    "\t       wf_report_seconds(r) >= 120;\n"
    "\twf_report_free(r);\n"
    "\tputs(good ? \"ok\" : \"not ok\");\n"
    "\treturn !good;\n"
    "}\n";

static const char c_make[] = "CFLAGS ?= -O2 -g -Wall -Wextra\n"
			     "WF_CFLAGS := $(shell pkg-config --cflags wf)\n"
			     "WF_LIBS := $(shell pkg-config --libs wf)\n"
			     "\n"
			     "all: flow\n"
			     "flow: flow.c\n"
			     "\t$(CC) $(CFLAGS) $(WF_CFLAGS) -o $@ $< $(WF_LIBS)\n"
			     "test: flow.c test.c\n"
			     "\t$(CC) $(CFLAGS) $(WF_CFLAGS) -o $@ test.c $(WF_LIBS)\n"
			     "check: test\n"
			     "\t./test\n"
			     "clean:\n"
			     "\trm -f flow test\n"
			     ".PHONY: all check clean\n";

static const char c_readme[] =
    "# hello\n"
    "\n"
    "A flow in C: `flow.c`, its test in `test.c`. `pkg-config wf` must know the "
    "library.\n"
    "\n"
    "Without a server:\n"
    "\n"
    "```sh\n"
    "make check\n"
    "make\n"
    "./flow run hello --offline -p name=marvin\n"
    "```\n"
    "\n"
    "With a server (`wf server start --background`):\n"
    "\n"
    "```sh server\n"
    "wf work-pool create default-pool\n"
    "./flow deploy hello -n hello --pool default-pool\n"
    "wf-worker --pool default-pool &\n"
    "wf deployment run hello/hello -p name=marvin --watch\n"
    "```\n";

static const struct template yaml_files[] = {
    {"README.md", yaml_readme},
    {"hello.flow.yaml", hello_flow},
    {"hello.test.yaml", hello_test},
    {"wf.yaml", yaml_deploy},
};
static const struct template c_files[] = {
    {"Makefile", c_make},
    {"README.md", c_readme},
    {"flow.c", c_flow},
    {"test.c", c_test},
};

static const struct {
	const struct template *files;
	size_t count;
} projects[] = {
    {yaml_files, ARRAY_LEN(yaml_files)},
    {c_files, ARRAY_LEN(c_files)},
};

static int must_not_exist(const char *dir, const struct template *files, size_t count,
			  struct error *err)
{
	struct stat st;
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		char *path = xasprintf("%s/%s", dir, files[i].name);

		if (lstat(path, &st) == 0) {
			rc = err_set(err, ERR_CONFLICT,
				     "%s is there already and is not overwritten: "
				     "nothing was written. Name another folder: `wf "
				     "init DIR`.",
				     path);
		}
		free(path);
	}
	return rc;
}

/* What editors read the keys from, when it was installed beside this program, or "". */
static char *schema_line(void)
{
	char *program = proc_find_program("wf"), *path = NULL, *line = NULL, *slash;

	slash = program != NULL ? strrchr(program, '/') : NULL;
	if (slash != NULL) {
		path = xasprintf("%.*s/../share/wf/flow.schema.json",
				 (int)(slash - program), program);
		char *real = realpath(path, NULL);
		if (real != NULL) {
			line = xasprintf("# yaml-language-server: $schema=%s\n", real);
		}
		free(real);
	}
	free(path);
	free(program);
	return line != NULL ? line : xstrdup("");
}

static int write_file(const char *dir, const struct template *f, struct error *err)
{
	char *path = xasprintf("%s/%s", dir, f->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), rc = 0;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	char *first = f->text == hello_flow ? schema_line() : xstrdup("");

	if (out == NULL || fputs(first, out) == EOF || fputs(f->text, out) == EOF) {
		rc = err_set(err, ERR_IO, "%s cannot be written: %s", path,
			     strerror(errno));
	}
	if (out != NULL && fclose(out) != 0 && rc == 0) {
		rc = err_set(err, ERR_IO, "%s cannot be written: %s", path,
			     strerror(errno));
	}
	free(first);
	free(path);
	return rc;
}

/* With the folders above it. */
static int make_dir(const char *dir, struct error *err)
{
	char *path = xstrdup(dir), *slash = path;
	int rc = 0;

	do {
		slash = strchr(slash + 1, '/');
		if (slash != NULL) {
			*slash = '\0';
		}
		if (mkdir(path, 0777) < 0 && errno != EEXIST) {
			rc = err_set(err, ERR_IO, "the folder %s cannot be made: %s",
				     path, strerror(errno));
		}
		if (slash != NULL) {
			*slash = '/';
		}
	} while (rc == 0 && slash != NULL);
	free(path);
	return rc;
}

static void say_next(struct cli *cli, const char *dir, int c)
{
	const char *first = c ? "make check" : "wf flow test hello.flow.yaml";

	say(cli, TONE_PLAIN, "Next:");
	if (strcmp(dir, ".") == 0) {
		say(cli, TONE_LINK, "  %s", first);
	} else {
		say(cli, TONE_LINK, "  cd %s && %s", dir, first);
	}
	say(cli, TONE_LINK, "  %s",
	    c ? "make && ./flow run hello --offline -p name=marvin"
	      : "wf flow run hello.flow.yaml --offline -p name=marvin");
}

int init(struct cli *cli, const void *conf, const struct opts *opts, struct error *err)
{
	const struct init_conf *c = conf;
	const struct template *files = projects[c->c != 0].files;
	size_t i, count = projects[c->c != 0].count;
	const char *dir = opts->nargs > 0 ? opts->args[0] : ".";
	int rc = must_not_exist(dir, files, count, err);

	if (rc == 0 && *dir == '\0') {
		rc = err_set(err, ERR_USAGE, "the name of the folder is empty");
	}
	if (rc == 0) {
		rc = make_dir(dir, err);
	}
	for (i = 0; i < count && rc == 0; i++) {
		rc = write_file(dir, &files[i], err);
		if (rc == 0) {
			say(cli, TONE_DIM, "%s/%s", dir, files[i].name);
		}
	}
	if (rc == 0) {
		say_next(cli, dir, c->c);
	}
	return rc;
}

static const struct opt init_opts[] = {
    CLI_BOOL(struct init_conf, c, "c", 0, "A project in C instead of YAML."),
};
static const char *const dir_arg[] = {"DIR"};
const struct opt_spec init_spec = {
    .program = "wf init",
    .usage = "[DIR] [options]",
    .about = "Write a first project: a flow, its tests, and how it is deployed.",
    .examples = "wf init hello\n"
		"wf init --c hello",
    .opts = init_opts,
    .count = ARRAY_LEN(init_opts),
    .conf_size = sizeof(struct init_conf),
    .min_args = 0,
    .max_args = 1,
    .arg_names = dir_arg,
};
