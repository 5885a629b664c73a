/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_opts.c - option tables: sources, messages, help and the manual page.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/proc.h"

struct conf {
	char *pool, *url, *key;
	int64_t limit, ttl_ms, body_bytes;
	double ratio;
	int quiet, color;
	struct opt_list queues;
};

static const struct opt table[] = {
    {.name = "pool",
     .letter = 'p',
     .type = OPT_TYPE_STR,
     OPT_AT(struct conf, pool),
     .env = {"WF_TEST_POOL", "OTHER_TEST_POOL"},
     .metavar = "NAME",
     .help = "Work pool to serve. Must exist.",
     .flags = OPT_F_REQUIRED},
    {.name = "work-queue",
     .letter = 'q',
     .type = OPT_TYPE_LIST,
     OPT_AT(struct conf, queues),
     .env = {"WF_TEST_QUEUES"},
     .help = "Queue to pull from."},
    {.name = "limit",
     .letter = 'l',
     .type = OPT_TYPE_INT,
     OPT_AT(struct conf, limit),
     .def = "5",
     .min = 1,
     .max = 100,
     .env = {"WF_TEST_LIMIT"},
     .help = "How many flow runs at once, on this host and in this pool, whatever the "
	     "queues have."},
    {.name = "lease-ttl",
     .type = OPT_TYPE_MS,
     OPT_AT(struct conf, ttl_ms),
     .def = "30s",
     .min = 1000,
     .max = 3600000,
     .help = "How long a claimed run stays ours.",
     .group = "Tuning"},
    {.name = "body-limit",
     .type = OPT_TYPE_BYTES,
     OPT_AT(struct conf, body_bytes),
     .def = "1M",
     .help = "Largest request."},
    {.name = "ratio", .type = OPT_TYPE_REAL, OPT_AT(struct conf, ratio), .def = "0.5"},
    {.name = "quiet",
     .letter = 'Q',
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct conf, quiet),
     .help = "Say less."},
    {.name = "color",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct conf, color),
     .def = "true",
     .help = "No colours."},
    {.name = "redis-url",
     .type = OPT_TYPE_STR,
     OPT_AT(struct conf, url),
     .def = "redis://127.0.0.1:6379/0",
     .metavar = "URL",
     .help = "Where the pools are.",
     .flags = OPT_F_NOFILE},
    {.name = "api-key",
     .type = OPT_TYPE_STR,
     OPT_AT(struct conf, key),
     .env = {"WF_TEST_API_KEY"},
     .help = "Key of the API.",
     .flags = OPT_F_SECRET},
};
static const char *const arg_names[] = {"FLOW", "NAME"};
static const struct opt_spec spec = {
    .program = "wf-worker",
    .usage = "--pool NAME [options] [FLOW]",
    .about = "Serves one work pool on this host. Claims runs and supervises them.",
    .examples = "  wf-worker --pool local\n",
    .opts = table,
    .count = ARRAY_LEN(table),
    .conf_size = sizeof(struct conf),
    .max_args = 1,
    .arg_names = arg_names,
};

static struct conf conf;
static struct opts opts;
static struct error err;
static char words[16][128];
static char *argv_[17];

/* Loads from the words of LINE ("_" stands for a blank) and FILE. */
static int load_with(const char *line, const char *file)
{
	char copy[512], *save = NULL, *word, *c;
	int argc = 1;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	(void)snprintf(words[0], sizeof(words[0]), "wf-worker");
	argv_[0] = words[0];
	for (word = strtok_r(copy, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save), argc++) {
		(void)snprintf(words[argc], sizeof(words[argc]), "%s", word);
		for (c = words[argc]; *c != '\0'; c++) {
			*c = *c == '_' ? ' ' : *c;
		}
		argv_[argc] = words[argc];
	}
	argv_[argc] = NULL;
	err = (struct error){0};
	return opts_load(&spec, argc, argv_, file, &conf, &opts, &err);
}

static void load(const char *line)
{
	cr_assert_eq(load_with(line, NULL), 0, "%s: %s", line, err.msg);
}

static void release(void)
{
	opts_release(&spec, &conf, &opts);
}

static const char *file_with(const char *text)
{
	static char path[] = "/tmp/wf-test-opts-XXXXXX";
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static int load_file(const char *text, const char *line)
{
	const char *path = file_with(text);
	int rc = load_with(line, path);

	unlink(path);
	return rc;
}

/* ---- values ---- */

Test(opts, defaults_apply)
{
	load("--pool local");
	cr_assert_str_eq(conf.pool, "local");
	cr_assert_str_eq(conf.url, "redis://127.0.0.1:6379/0");
	cr_assert_null(conf.key);
	cr_assert_eq(conf.limit, 5);
	cr_assert_eq(conf.ttl_ms, 30000);
	cr_assert_eq(conf.body_bytes, 1048576);
	cr_assert_float_eq(conf.ratio, 0.5, 1e-9);
	cr_assert_eq(conf.quiet, 0);
	cr_assert_eq(conf.color, 1);
	cr_assert_eq(conf.queues.count, 0);
	cr_assert_eq(opts.source[0], OPT_FROM_FLAG);
	cr_assert_eq(opts.source[2], OPT_FROM_DEFAULT);
	release();
}

Test(opts, every_spelling_of_a_flag)
{
	static const struct {
		const char *line;
		int64_t limit;
		int quiet, color;
	} cases[] = {
	    {"-p a --limit 7", 7, 0, 1},
	    {"-pa --limit=7 --quiet", 7, 1, 1},
	    {"-Qp a -l7 --no-color", 7, 1, 0},
	    {"-Q -l 7 -p a --no-quiet", 7, 0, 1},
	    {"--quiet=yes --color=off -p a -l 007", 7, 1, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		load(cases[i].line);
		cr_assert_str_eq(conf.pool, "a");
		cr_assert_eq(conf.limit, cases[i].limit, "%s", cases[i].line);
		cr_assert_eq(conf.quiet, cases[i].quiet, "%s", cases[i].line);
		cr_assert_eq(conf.color, cases[i].color, "%s", cases[i].line);
		release();
	}
}

Test(opts, values_may_look_like_anything)
{
	load("--pool= --ratio -2.5 -q - -q --x_y -q=a");
	cr_assert_str_eq(conf.pool, "");
	cr_assert_float_eq(conf.ratio, -2.5, 1e-9);
	cr_assert_eq(conf.queues.count, 3);
	cr_assert_str_eq(conf.queues.items[0], "-");
	cr_assert_str_eq(conf.queues.items[1], "--x y");
	cr_assert_str_eq(conf.queues.items[2], "=a");
	cr_assert_null(conf.queues.items[3]);
	release();
}

Test(opts, arguments_may_stand_between_flags)
{
	load("my.yaml --pool a");
	cr_assert_eq(opts.nargs, 1);
	cr_assert_str_eq(opts.args[0], "my.yaml");
	cr_assert_null(opts.args[1]);
	release();
	load("--pool a -- --pool");
	cr_assert_eq(opts.nargs, 1);
	cr_assert_str_eq(opts.args[0], "--pool");
	release();
	load("--pool a -");
	cr_assert_str_eq(opts.args[0], "-");
	release();
}

/* ---- precedence ---- */

Test(opts, a_flag_beats_the_environment_beats_the_file_beats_the_default)
{
	const char *file = "limit = 7\nlease-ttl = '1m'\npool = 'f'\nratio = 0.25\n";

	setenv("WF_TEST_LIMIT", "8", 1);
	setenv("WF_TEST_POOL", "e", 1);
	cr_assert_eq(load_file(file, "-p a"), 0, "%s", err.msg);
	cr_assert_str_eq(conf.pool, "a");
	cr_assert_eq(conf.limit, 8);
	cr_assert_eq(conf.ttl_ms, 60000);
	cr_assert_float_eq(conf.ratio, 0.25, 1e-9);
	cr_assert_eq(opts.source[0], OPT_FROM_FLAG);
	cr_assert_eq(opts.source[2], OPT_FROM_ENV);
	cr_assert_eq(opts.source[3], OPT_FROM_FILE);
	cr_assert_eq(opts.source[4], OPT_FROM_DEFAULT);
	release();
}

Test(opts, the_first_variable_that_is_set_counts)
{
	setenv("OTHER_TEST_POOL", "o", 1);
	setenv("WF_TEST_POOL", "", 1); /* empty is not set */
	load("");
	cr_assert_str_eq(conf.pool, "o");
	release();
	setenv("WF_TEST_POOL", "w", 1);
	load("");
	cr_assert_str_eq(conf.pool, "w");
	release();
}

Test(opts, a_list_of_a_stronger_source_replaces_the_weaker_one)
{
	const char *file = "pool = 'p'\nwork-queue = ['a', 'b,c']\n";

	cr_assert_eq(load_file(file, ""), 0, "%s", err.msg);
	cr_assert_eq(conf.queues.count, 2);
	cr_assert_str_eq(conf.queues.items[1], "b,c");
	release();
	setenv("WF_TEST_QUEUES", "x,,y", 1);
	cr_assert_eq(load_file(file, ""), 0, "%s", err.msg);
	cr_assert_eq(conf.queues.count, 2);
	cr_assert_str_eq(conf.queues.items[1], "y");
	release();
	cr_assert_eq(load_file(file, "-q one -q two"), 0, "%s", err.msg);
	cr_assert_eq(conf.queues.count, 2);
	cr_assert_str_eq(conf.queues.items[0], "one");
	release();
}

Test(opts, the_table_of_the_program_wins_and_others_are_left_alone)
{
	cr_assert_eq(load_file("pool = 'p'\nlimit = 2\n[api]\nport = 4200\n"
			       "[worker]\nlimit = 3\nlease_ttl = 45\n",
			       ""),
		     0, "%s", err.msg);
	cr_assert_eq(conf.limit, 3);
	cr_assert_eq(conf.ttl_ms, 45000);
	release();
}

/* ---- messages ---- */

static void expect_error(int rc, int code, const char *msg)
{
	cr_expect_eq(rc, -code, "%s: %d", msg, rc);
	cr_expect_eq(err.code, code, "%s", err.msg);
	cr_expect_str_eq(err.msg, msg);
	cr_expect_null(opts.source, "released");
	cr_expect_null(conf.pool, "released");
}

Test(opts, messages_about_flags)
{
	static const struct {
		const char *line, *msg;
	} cases[] = {
	    {"--pol a", "unknown option --pol: did you mean --pool?"},
	    {"--wrok-queue=a",
	     "unknown option --wrok-queue: did you mean --work-queue?"},
	    {"--zzzzzz", "unknown option --zzzzzz (see wf-worker --help)"},
	    {"-z", "unknown option -z (see wf-worker --help)"},
	    {"--pool", "--pool needs a value: --pool NAME"},
	    {"--pool --quiet", "--pool needs a value: --pool NAME"},
	    {"-p", "--pool needs a value: --pool NAME"},
	    {"--limit 0", "--limit: must be between 1 and 100"},
	    {"--limit 1x", "--limit: \"1x\" is not an integer"},
	    {"--limit 99999999999999999999",
	     "--limit: \"99999999999999999999\" does not fit in 64 bits"},
	    {"--lease-ttl 1ms", "--lease-ttl: must be between 1s and 1h"},
	    {"--ratio nan", "--ratio: \"nan\" is not a number"},
	    {"--quiet=maybe", "--quiet: \"maybe\" is neither true nor false"},
	    {"--no-limit", "unknown option --no-limit: did you mean --limit?"},
	    {"-p a x y", "unexpected argument \"y\" (see wf-worker --help)"},
	    {"", "missing option --pool NAME (or set WF_TEST_POOL)"},
	    {"-p a --api-key k",
	     "--api-key is a secret and every user of this host can read a command "
	     "line: set the environment variable WF_TEST_API_KEY instead"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		expect_error(load_with(cases[i].line, NULL), ERR_USAGE, cases[i].msg);
	}
}

Test(opts, messages_about_the_file)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
	    {"limt = 3", ":1:1: unknown key limt: did you mean limit?"},
	    {"\n[worker]\n  limit = 0",
	     ":3:3: worker.limit: must be between 1 and 100"},
	    {"redis-url = 'x'", ":1:1: redis-url cannot be set in a file"},
	    {"limit = ['1']", ":1:1: limit: takes one value, not an array"},
	    {"[other]\nx = 1", ":2:1: unknown key other.x"},
	    {"pool = ", ":1:8: expected a value"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		cr_expect_eq(load_file(cases[i].text, "-p a"), -ERR_INVALID);
		cr_expect_eq(strncmp(err.msg, "/tmp/wf-test-opts-", 18), 0);
		cr_expect_str_eq(err.msg + strcspn(err.msg, ":"), cases[i].msg);
	}
	expect_error(load_with("-p a", "/no/such.toml"), ERR_NOT_FOUND, err.msg);
	cr_assert_not_null(strstr(err.msg, "/no/such.toml"), "%s", err.msg);
}

Test(opts, messages_about_the_environment)
{
	setenv("WF_TEST_LIMIT", "many", 1);
	expect_error(load_with("-p a", NULL), ERR_INVALID,
		     "environment variable WF_TEST_LIMIT: \"many\" is not an integer");
}

Test(opts, help_and_version_win_over_mistakes)
{
	load("--nonsense --help");
	cr_assert(opts.want_help);
	release();
	load("-V");
	cr_assert(opts.want_version);
	release();
	load("-p --help x"); /* a flag that we know is no value */
	release();
}

/* ---- texts ---- */

static char text[16384];

static const char *written(void (*fn)(const struct opt_spec *, FILE *))
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	fn(&spec, f);
	fclose(f);
	return text;
}

Test(opts, help_fits_the_screen)
{
	/* clang-format off */
	static const char want[] =
	    "Usage: wf-worker --pool NAME [options] [FLOW]\n"
	    "\n"
	    "Serves one work pool on this host. Claims runs and supervises them.\n"
	    "\n"
	    "Options:\n"
	    "  -p, --pool NAME        Work pool to serve. Must exist. (required;\n"
	    "                         env: WF_TEST_POOL)\n"
	    "  -q, --work-queue TEXT  Queue to pull from. (repeatable; env: WF_TEST_QUEUES)\n"
	    "  -l, --limit N          How many flow runs at once, on this host and in this\n"
	    "                         pool, whatever the queues have. (default: 5;\n"
	    "                         env: WF_TEST_LIMIT)\n"
	    "\n"
	    "Tuning:\n"
	    "      --lease-ttl TIME   How long a claimed run stays ours. (default: 30s)\n"
	    "      --body-limit SIZE  Largest request. (default: 1M)\n"
	    "      --ratio NUMBER     (default: 0.5)\n"
	    "  -Q, --quiet            Say less.\n"
	    "      --no-color         No colours.\n"
	    "      --redis-url URL    Where the pools are.\n"
	    "                         (default: redis://127.0.0.1:6379/0)\n"
	    "\n"
	    "General:\n"
	    "  -h, --help             Show this help.\n"
	    "  -V, --version          Show the version.\n"
	    "\n"
	    "Secrets, from the environment:\n"
	    "  WF_TEST_API_KEY             Key of the API.\n"
	    "\n"
	    "Examples:\n"
	    "  wf-worker --pool local\n";
	/* clang-format on */

	cr_assert_str_eq(written(opts_help), want);
}

Test(opts, the_manual_page_is_clean)
{
	char *mandoc = proc_find_program("mandoc");
	FILE *f;

	if (mandoc == NULL) {
		cr_log_warn("mandoc is not installed: the page is not checked");
		return;
	}
	free(mandoc);
	f = popen("mandoc -Tlint -Wstyle", "w");
	setenv("SOURCE_DATE_EPOCH", "1767225600", 1);
	cr_assert_not_null(f);
	opts_man(&spec, f);
	cr_assert_eq(pclose(f), 0, "mandoc has complaints");
	written(opts_man);
	cr_assert_not_null(strstr(text, ".Dd January  1, 2026\n"), "%s", text);
	cr_assert_not_null(strstr(text, ".It Fl p , Fl -pool Ar \"\\&NAME\"\n"));
	cr_assert_not_null(strstr(text, ".It Ev OTHER_TEST_POOL\n"));
}

Test(opts, completion_has_one_flag_per_line)
{
	written(opts_complete);
	cr_assert_eq(strncmp(text, "--pool\n-p\n--work-queue\n-q\n", 26), 0);
	cr_assert_not_null(strstr(text, "--quiet\n--no-quiet\n-Q\n"));
	cr_assert_null(strstr(text, "api-key"));
}

Test(opts, show_hides_secrets_and_names_sources)
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	setenv("WF_TEST_API_KEY", "hunter2", 1);
	load("-p local --lease-ttl 90");
	cr_assert_str_eq(conf.key, "hunter2");
	opts_show(&spec, &conf, &opts, f);
	fclose(f);
	release();
	cr_assert_not_null(strstr(text, "pool        local"), "%s", text);
	cr_assert_not_null(strstr(text, "lease-ttl   90s"), "%s", text);
	cr_assert_not_null(strstr(text, "body-limit  1m"), "%s", text);
	cr_assert_null(strstr(text, "hunter2"));
	cr_assert_not_null(strstr(text, "api-key     ***"), "%s", text);
	cr_assert_not_null(strstr(text, "  environment\n"), "%s", text);
}

/* ---- helpers ---- */

Test(opts, durations)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
	    {"0", 0},           {"30", 30000},    {"30s", 30000},
	    {"500ms", 500},     {"5m", 300000},   {"5min", 300000},
	    {"2h", 7200000},    {"1d", 86400000}, {"1.5s", 1500},
	    {"1h30m", 5400000}, {"2H", 7200000},  {"0.25", 250},
	    {"", -1},           {"s", -1},        {"-1s", -1},
	    {"1x", -1},         {"1 s", -1},      {"1s2", -1},
	    {"1..5s", -1},      {".5s", -1},      {"5.s", -1},
	    {"1e3", -1},        {"0x10", -1},     {"inf", -1},
	    {" 1", -1},         {"1s ", -1},      {"99999999999999999999d", -1},
	};
	size_t i;
	int64_t ms;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		ms = -1;
		cr_expect_eq(opts_parse_ms(cases[i].text, &ms, NULL),
			     cases[i].ms < 0 ? -ERR_INVALID : 0, "%s", cases[i].text);
		cr_expect_eq(ms, cases[i].ms, "%s: %lld", cases[i].text, (long long)ms);
	}
}

Test(opts, sizes)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = {
	    {"512", 512},          {"64k", 65536},     {"64K", 65536}, {"64KiB", 65536},
	    {"10M", 10485760},     {"2G", 2147483648}, {"1.5k", 1536}, {"7b", 7},
	    {"1t", 1099511627776}, {"x", -1},          {"1q", -1},     {"", -1},
	};
	size_t i;
	int64_t bytes;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		bytes = -1;
		cr_expect_eq(opts_parse_bytes(cases[i].text, &bytes, NULL),
			     cases[i].bytes < 0 ? -ERR_INVALID : 0, "%s",
			     cases[i].text);
		cr_expect_eq(bytes, cases[i].bytes, "%s", cases[i].text);
	}
}

Test(opts, the_nearest_name)
{
	static const char *const names[] = {"pool", "limit", "work-queue", "log-level"};
	static const struct {
		const char *word, *near;
	} cases[] = {
	    {"pol", "pool"},
	    {"pools", "pool"},
	    {"lmiit", "limit"},
	    {"work", "work-queue"},
	    {"wrok-queue", "work-queue"},
	    {"loglevel", "log-level"},
	    {"x", NULL},
	    {"", NULL},
	    {"abc", NULL},
	    {"quite-something-else", NULL},
	};
	const char *near;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		near = opts_nearest(cases[i].word, names, ARRAY_LEN(names));
		cr_expect_str_eq(near != NULL ? near : "-",
				 cases[i].near != NULL ? cases[i].near : "-", "%s",
				 cases[i].word);
	}
}

Test(opts, the_environment_can_be_set_for_another_program)
{
	opts_env_set("WF_TEST_X", "1");
	cr_assert_str_eq(opts_env("WF_TEST_X"), "1");
	opts_env_set("WF_TEST_X", NULL);
	cr_assert_null(opts_env("WF_TEST_X"));
}
