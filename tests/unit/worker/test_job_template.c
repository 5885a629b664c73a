/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_job_template.c - the job of a run: defaults, overrides, placeholders, bad input.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "worker/job_template.h"

#define PROCESS                                                                   \
	"'job_configuration': {'command': '{{ command }}', 'env': '{{ env }}', "  \
	"'labels': '{{ labels }}', 'name': '{{ name }}', "                        \
	"'stream_output': '{{ stream_output }}', 'working_dir': '{{ working_dir " \
	"}}'}"
#define DEFAULTS(props) "{" PROCESS ", 'variables': {'properties': {" props "}}}"

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
	char *s = text != NULL ? strdup(text) : NULL;
	json_error_t error;
	json_t *v;

	if (s == NULL) {
		return NULL;
	}
	for (char *p = s; *p != '\0'; p++) {
		*p = *p == '\'' ? '"' : *p;
	}
	v = json_loads(s, JSON_DECODE_ANY, &error);
	cr_assert_not_null(v, "%s: %s", s, error.text);
	free(s);
	return v;
}

struct inputs {
	struct job_input in;
	json_t *owned[7];
};

static void inputs_init(struct inputs *i, const char *template, const char *deployment,
			const char *run)
{
	memset(i, 0, sizeof(*i));
	i->owned[0] = parse(template);
	i->owned[1] = parse(deployment);
	i->owned[2] = parse(run);
	i->owned[3] = parse("{'name': 'etl', 'id': 'f1'}");
	i->owned[4] = parse("{'name': 'calm-otter', 'id': 'r1'}");
	i->owned[5] = parse("{'region': 'eu', 'limits': {'cpu': [1, 2]}}");
	i->owned[6] = parse("{'secret/db': {'value': 'hunter2'}, "
			    "'aws/prod': {'key': 'K', 'hosts': ['a', 'b']}, "
			    "'id:b1': {'A': '1'}}");
	i->in = (struct job_input){i->owned[0], i->owned[1], i->owned[2], i->owned[3],
				   i->owned[4], i->owned[5], i->owned[6]};
}

static void inputs_release(struct inputs *i)
{
	for (size_t k = 0; k < sizeof(i->owned) / sizeof(i->owned[0]); k++) {
		json_decref(i->owned[k]);
	}
}

static const struct good {
	const char *what, *template, *deployment, *run;
	const char *command, *working_dir, *name, *env; /* NULL: none */
} good[] = {
    {"an empty template is that of processes", "{}", "{'command': 'run it'}", NULL,
     "run it", NULL, NULL, "{}"},
    {"defaults of variables",
     DEFAULTS("'command': {'default': 'a b'}, 'working_dir': "
	      "{'default': '/w'}, 'name': {'default': null}"),
     NULL, NULL, "a b", "/w", NULL, "{}"},
    {"the deployment over defaults", DEFAULTS("'command': {'default': 'a'}"),
     "{'command': 'b'}", NULL, "b", NULL, NULL, "{}"},
    {"the run over the deployment", DEFAULTS(""), "{'command': 'b', 'name': 'n'}",
     "{'command': 'c'}", "c", NULL, "n", "{}"},
    {"env is merged key by key, the run wins",
     DEFAULTS("'env': {'default': {'A': '0', 'D': 'd'}}"),
     "{'env': {'A': '1', 'B': '1'}}", "{'env': {'B': '2', 'C': '2'}}", NULL, NULL, NULL,
     "{'A': '1', 'B': '2', 'C': '2', 'D': 'd'}"},
    {"env of the configuration is the lowest",
     "{'job_configuration': {'env': {'A': 'base', 'Z': 'base'}}, 'variables': "
     "{'properties': {'env': {'default': {'A': 'default'}}}}}",
     "{'env': {'B': 'x'}}", NULL, NULL, NULL, NULL,
     "{'A': 'default', 'B': 'x', 'Z': 'base'}"},
    {"null in env stays: it removes", DEFAULTS(""), "{'env': {'PATH': null}}", NULL,
     NULL, NULL, NULL, "{'PATH': null}"},
    {"values of env become text", DEFAULTS(""),
     "{'env': {'n': 3, 'f': 1.5, 't': true, 'f2': false}}", NULL, NULL, NULL, NULL,
     "{'n': '3', 'f': '1.5', 't': 'True', 'f2': 'False'}"},
    {"dotted keys", DEFAULTS(""), "{'env.A': '1', 'env.B': '2'}", NULL, NULL, NULL,
     NULL, "{'A': '1', 'B': '2'}"},
    {"the nested form wins over the dotted one", DEFAULTS(""),
     "{'env.A': 'dotted', 'env': {'A': 'nested'}, 'env.B': '2'}", NULL, NULL, NULL,
     NULL, "{'A': 'nested', 'B': '2'}"},
    {"dotted keys of run and deployment meet", DEFAULTS(""), "{'env.A': '1'}",
     "{'env.A': '2', 'env.B': '3'}", NULL, NULL, NULL, "{'A': '2', 'B': '3'}"},
    {"a whole placeholder keeps its type, inside of text it is text",
     "{'job_configuration': {'command': 'go -n {{ n }} {{on}} {{ none }}.', "
     "'env': {'N': '{{ n }}', 'X': '{{ none }}'}}}",
     "{'n': 3, 'on': true}", NULL, "go -n 3 True .", NULL, NULL, "{'N': '3'}"},
    {"paths", "{'job_configuration': {'command': '{{ a.b[1].c }} {{ a.b[9] }}'}}",
     "{'a': {'b': [0, {'c': 'deep'}]}}", NULL, "deep ", NULL, NULL, "{}"},
    {"things that are no placeholders stay",
     "{'job_configuration': {'command': '{{ a b }} {{}} {{ $nope }} { {x} }'}}", NULL,
     NULL, "{{ a b }} {{}} {{ $nope }} { {x} }", NULL, NULL, "{}"},
    {"variables",
     "{'job_configuration': {'command': 'in {{ prefect.variables.region }} "
     "{{ prefect.variables.none }}!', 'env': {'R': '{{ prefect.variables.region }}'}}}",
     NULL, NULL, "in eu !", NULL, NULL, "{'R': 'eu'}"},
    {"variables in a deployment's value", DEFAULTS(""),
     "{'working_dir': '/srv/{{ prefect.variables.region }}'}", NULL, NULL, "/srv/eu",
     NULL, "{}"},
    {"blocks", DEFAULTS(""),
     "{'env': {'PW': '{{ prefect.blocks.secret.db }}', "
     "'H': '{{ prefect.blocks.aws.prod.hosts[1] }}', "
     "'K': 'key={{ prefect.blocks.aws.prod.key }}'}}",
     NULL, NULL, NULL, NULL, "{'PW': 'hunter2', 'H': 'b', 'K': 'key=K'}"},
    {"a reference to a block", DEFAULTS(""),
     "{'env': {'$ref': {'block_document_id': 'b1'}}}", NULL, NULL, NULL, NULL,
     "{'A': '1'}"},
    {"the environment of the worker", DEFAULTS(""),
     "{'env': {'E': '{{ $WF_TEST_JOB }}', 'F': 'x{{ $WF_TEST_NONE }}'}}", NULL, NULL,
     NULL, NULL, "{'E': 'from outside', 'F': 'x{{ $WF_TEST_NONE }}'}"},
    {"the context in the name", DEFAULTS(""),
     "{'name': '{{ ctx.flow.name }}/{{ ctx.flow_run.name }} {{ ctx.none }}'}", NULL,
     NULL, NULL, NULL, "{}"},
    {"blank text is nothing", DEFAULTS(""),
     "{'command': '  ', 'working_dir': '', 'name': ''}", NULL, NULL, NULL, NULL, "{}"},
};

static void same_text(const char *what, const char *got, const char *want)
{
	cr_expect(got == NULL ? want == NULL : want != NULL && strcmp(got, want) == 0,
		  "%s: '%s' instead of '%s'", what, got != NULL ? got : "(none)",
		  want != NULL ? want : "(none)");
}

static void same_json(const char *what, const json_t *got, const char *want)
{
	json_t *w = parse(want);
	char *text = json_dumps(got, JSON_SORT_KEYS | JSON_ENCODE_ANY);

	cr_expect(json_equal(got, w), "%s: %s instead of %s", what, text, want);
	free(text);
	json_decref(w);
}

Test(job_template, values_come_from_where_they_should)
{
	setenv("WF_TEST_JOB", "from outside", 1);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		struct inputs in;
		struct error err = {0};
		struct job job;

		inputs_init(&in, g->template, g->deployment, g->run);
		cr_assert_eq(job_resolve(&in.in, &job, &err), 0, "%s: %s", g->what,
			     err.msg);
		same_text(g->what, job.command, g->command);
		same_text(g->what, job.working_dir, g->working_dir);
		if (strstr(g->what, "context") == NULL) {
			same_text(g->what, job.name, g->name);
		}
		same_json(g->what, job.env, g->env);
		job_release(&job);
		inputs_release(&in);
	}
}

Test(job_template, the_name_knows_flow_and_run)
{
	struct inputs in;
	struct job job;

	inputs_init(&in, DEFAULTS(""),
		    "{'name': '{{ ctx.flow.name }}/{{ ctx.flow_run.name }}'}", NULL);
	cr_assert_eq(job_resolve(&in.in, &job, NULL), 0);
	cr_assert_str_eq(job.name, "etl/calm-otter");
	job_release(&job);
	inputs_release(&in);
}

Test(job_template, output_is_shown_unless_switched_off)
{
	static const char *const off[] = {NULL, "{'stream_output': false}"};

	for (int i = 0; i < 2; i++) {
		struct inputs in;
		struct job job;

		inputs_init(&in, DEFAULTS("'stream_output': {'default': true}"), off[i],
			    NULL);
		cr_assert_eq(job_resolve(&in.in, &job, NULL), 0);
		cr_assert_eq(job.stream_output, i == 0);
		job_release(&job);
		inputs_release(&in);
	}
}

Test(job_template, limits)
{
	static const struct {
		const char *vars;
		long long memory, cpu;
		int nice;
	} cases[] = {
	    {"{}", 0, 0, 0},
	    {"{'memory_limit': 2097152, 'cpu_limit': 60, 'nice': 5}", 2097152, 60, 5},
	    {"{'memory_limit': '512M', 'cpu_limit': '3', 'nice': '-1'}", 512ll << 20, 3,
	     -1},
	    {"{'memory_limit': '2GiB'}", 2ll << 30, 0, 0},
	    {"{'memory_limit': '2048kb', 'nice': null}", 2 << 20, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inputs in;
		struct error err = {0};
		struct job job;

		inputs_init(&in, i % 2 == 0 ? "{}" : DEFAULTS(""), cases[i].vars, NULL);
		cr_assert_eq(job_resolve(&in.in, &job, &err), 0, "%s", err.msg);
		cr_expect_eq(job.limits.address_space_bytes, cases[i].memory);
		cr_expect_eq(job.limits.cpu_s, cases[i].cpu);
		cr_expect_eq(job.limits.nice, cases[i].nice);
		job_release(&job);
		inputs_release(&in);
	}
}

static const struct bad {
	const char *template, *deployment;
	int code;
	const char *message;
} bad[] = {
    {DEFAULTS(""), "{'env': 'A=1'}", ERR_INVALID,
     "job variable 'env' must be an object"},
    {DEFAULTS(""), "{'memory_limit': 'much'}", ERR_INVALID,
     "job variable 'memory_limit' must be bytes, or a text like 512M or 2G, not "
     "'much'"},
    {DEFAULTS(""), "{'memory_limit': '-1M'}", ERR_INVALID,
     "job variable 'memory_limit' must be bytes, or a text like 512M or 2G, not "
     "'-1M'"},
    {DEFAULTS(""), "{'cpu_limit': 0}", ERR_INVALID,
     "job variable 'cpu_limit' must be whole seconds, not '0'"},
    {DEFAULTS(""), "{'nice': 20}", ERR_INVALID,
     "job variable 'nice' must be -20 to 19, not '20'"},
    {DEFAULTS(""), "{'labels': [1]}", ERR_INVALID,
     "job variable 'labels' must be an object"},
    {DEFAULTS(""), "{'command': '{{ prefect.blocks.secret.none }}'}", ERR_NOT_FOUND,
     "block document 'secret/none' does not exist"},
    {DEFAULTS(""), "{'command': '{{ prefect.blocks.secret }}'}", ERR_INVALID,
     "'prefect.blocks.secret' is not a block: expected prefect.blocks.TYPE.NAME"},
    {DEFAULTS(""), "{'command': '{{ prefect.blocks.aws.prod.none }}'}", ERR_NOT_FOUND,
     "'prefect.blocks.aws.prod.none' is not in the block document"},
    {DEFAULTS(""), "{'command': 'x {{ prefect.blocks.aws.prod.hosts }}'}", ERR_INVALID,
     "'prefect.blocks.aws.prod.hosts' is an object or a list and cannot stand inside "
     "of text"},
    {DEFAULTS(""), "{'env': {'$ref': {'block_document_id': 'none'}}}", ERR_NOT_FOUND,
     "block document 'id:none' does not exist"},
};

Test(job_template, bad_input_is_named)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct inputs in;
		struct error err = {0};
		struct job job;

		inputs_init(&in, bad[i].template, bad[i].deployment, NULL);
		cr_expect_eq(job_resolve(&in.in, &job, &err), -bad[i].code, "%s",
			     bad[i].deployment);
		cr_expect_str_eq(err.msg, bad[i].message);
		inputs_release(&in);
	}
}

Test(job_template, nesting_has_a_limit)
{
	json_t *deep = json_string("x"), *vars;
	struct error err = {0};
	struct job_input in = {0};
	struct job job;

	for (int i = 0; i < 100; i++) {
		deep = json_pack("{s:o}", "k", deep);
	}
	vars = json_pack("{s:o}", "env", deep);
	in.deployment_variables = vars;
	cr_assert_eq(job_resolve(&in, &job, &err), -ERR_INVALID);
	json_decref(vars);
}

Test(job_template, what_must_be_looked_up_is_found_once)
{
	json_t *variables = json_array(), *blocks = json_array();
	struct inputs in;

	inputs_init(
	    &in,
	    "{'job_configuration': {'command': '{{ prefect.variables.a }} {{ "
	    "prefect.variables.a }} {{ prefect.variables.b }}', 'x': "
	    "{'$ref': {'block_document_id': '42'}}}}",
	    "{'env': {'P': '{{ prefect.blocks.secret.db }}', 'Q': '{{ "
	    "prefect.blocks.secret.db }}', 'R': '{{ prefect.blocks.aws.p.k }}'}}",
	    NULL);
	cr_assert_eq(job_refs(&in.in, variables, blocks, NULL), 0);
	same_json("variables", variables, "['a', 'b']");
	cr_assert_eq(json_array_size(blocks), 3);
	json_decref(variables);
	json_decref(blocks);
	inputs_release(&in);
}
