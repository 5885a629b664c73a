/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_graph.c - wf-engine graph: the tasks of a flow and what waits for what, as a tree
 * of text, as DOT, or as an SVG picture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/cmd/load_file.h"
#include "engine/main.h"
#include "engine/plan.h"

#define TREE_DEPTH 200
#define BOX_W      170
#define BOX_H      34
#define GAP_X      60
#define GAP_Y      18
#define MARGIN     20

struct graph_conf {
	char *format;
};

static const struct opt graph_opts[] = {
    {.name = "format",
     .letter = 'f',
     .type = OPT_TYPE_STR,
     OPT_AT(struct graph_conf, format),
     .metavar = "tree|dot|svg",
     .help = "How the graph is drawn; tree unless given.",
     .flags = OPT_F_FLAGONLY},
};
static const char *const graph_args[] = {"FILE[:NAME]"};
const struct opt_spec graph_spec = {
    .program = "wf-engine graph",
    .usage = "FILE[:NAME] [--format tree|dot|svg]",
    .about = "Shows the tasks of a flow and what waits for what.",
    .examples = "wf-engine graph etl.flow.yaml\n"
		"wf-engine graph etl.flow.yaml --format dot | dot -Tpng -o etl.png",
    .opts = graph_opts,
    .count = ARRAY_LEN(graph_opts),
    .conf_size = sizeof(struct graph_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = graph_args,
};

/* What kind of task it is, for the reader: " [for_each]". */
static const char *kind_of(const struct plan_task *t)
{
	return t->uses != NULL     ? " [flow]"
	       : t->pause != NULL  ? (t->pause->suspend ? " [suspend]" : " [pause]")
	       : t->generator      ? " [generator]"
	       : t->each.count > 0 ? " [for_each]"
				   : "";
}

/* ---- tree ---- */

struct tree {
	const struct plan_flow *f;
	unsigned char *seen;
};

static void tree_task(struct tree *t, size_t i, const char *indent, int last, int depth)
{
	const struct plan_task *task = t->f->tasks[i];
	int again = t->seen[i];
	char *deeper;
	size_t k;

	(void)printf("%s%s%s%s%s%s\n", indent, last ? "└─ " : "├─ ", task->key,
		     kind_of(task), task->cond != NULL ? " [if]" : "",
		     again ? " (above)" : "");
	if (again || depth >= TREE_DEPTH) {
		return;
	}
	t->seen[i] = 1;
	deeper = xasprintf("%s%s", indent, last ? "   " : "│  ");
	for (k = 0; k < task->downstream.count; k++) {
		tree_task(t, task->downstream.tasks[k], deeper,
			  k + 1 == task->downstream.count, depth + 1);
	}
	free(deeper);
}

static void print_tree(const struct plan_flow *f)
{
	struct tree t = {.f = f, .seen = xcalloc(f->count + 1, 1)};
	size_t i, roots = 0, done = 0;

	for (i = 0; i < f->count; i++) {
		roots += f->tasks[i]->upstream.count == 0;
	}
	(void)printf("%s\n", f->name);
	for (i = 0; i < f->count; i++) {
		if (f->tasks[i]->upstream.count == 0) {
			tree_task(&t, i, "", ++done == roots, 0);
		}
	}
	free(t.seen);
}

/* ---- DOT ---- */

static void print_dot(const struct plan_flow *f)
{
	size_t i, k;

	(void)printf("digraph \"%s\" {\n  rankdir=LR;\n  node [shape=box];\n", f->name);
	for (i = 0; i < f->count; i++) {
		(void)printf("  \"%s\" [label=\"%s%s\"];\n", f->tasks[i]->key,
			     f->tasks[i]->key, kind_of(f->tasks[i]));
	}
	for (i = 0; i < f->count; i++) {
		for (k = 0; k < f->tasks[i]->upstream.count; k++) {
			size_t up = f->tasks[i]->upstream.tasks[k];

			(void)printf("  \"%s\" -> \"%s\"%s;\n", f->tasks[up]->key,
				     f->tasks[i]->key,
				     f->tasks[i]->stream_of == up ? " [style=dashed]"
								  : "");
		}
	}
	(void)puts("}");
}

/* ---- SVG ---- */

/* The column of each task: one behind the last of its upstream tasks. */
static void set_columns(const struct plan_flow *f, size_t *column)
{
	size_t i, k, *waiting = xcalloc(f->count + 1, sizeof(*waiting));
	size_t *queue = xcalloc(f->count + 1, sizeof(*queue)), head = 0, tail = 0;

	for (i = 0; i < f->count; i++) {
		waiting[i] = f->tasks[i]->upstream.count;
		if (waiting[i] == 0) {
			queue[tail++] = i;
		}
	}
	while (head < tail) {
		const struct plan_edges *e = &f->tasks[queue[head]]->downstream;

		for (k = 0; k < e->count; k++) {
			size_t d = e->tasks[k];

			column[d] = MAX_OF(column[d], column[queue[head]] + 1);
			if (--waiting[d] == 0) {
				queue[tail++] = d;
			}
		}
		head++;
	}
	free(waiting);
	free(queue);
}

static void svg_edges(const struct plan_flow *f, const size_t *x, const size_t *y)
{
	size_t i, k;

	for (i = 0; i < f->count; i++) {
		for (k = 0; k < f->tasks[i]->upstream.count; k++) {
			size_t up = f->tasks[i]->upstream.tasks[k];
			size_t from = x[up] + BOX_W, middle = from + GAP_X / 2;

			(void)printf("<path d=\"M%zu %zu C%zu %zu %zu %zu %zu %zu\" "
				     "fill=\"none\" stroke=\"#888\"%s/>\n",
				     from, y[up] + BOX_H / 2, middle, y[up] + BOX_H / 2,
				     middle, y[i] + BOX_H / 2, x[i], y[i] + BOX_H / 2,
				     f->tasks[i]->stream_of == up
					 ? " stroke-dasharray=\"4\""
					 : "");
		}
	}
}

static void print_svg(const struct plan_flow *f)
{
	size_t *x = xcalloc(f->count + 1, sizeof(*x));
	size_t *y = xcalloc(f->count + 1, sizeof(*y));
	size_t *column = xcalloc(f->count + 1, sizeof(*column));
	size_t *rows = xcalloc(f->count + 2, sizeof(*rows)), width = 0, height = 0, i;

	set_columns(f, column);
	for (i = 0; i < f->count; i++) {
		x[i] = MARGIN + column[i] * (BOX_W + GAP_X);
		y[i] = MARGIN + rows[column[i]]++ * (BOX_H + GAP_Y);
		width = MAX_OF(width, x[i] + BOX_W + MARGIN);
		height = MAX_OF(height, y[i] + BOX_H + MARGIN);
	}
	(void)printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" "
		     "height=\"%zu\" font-family=\"sans-serif\" font-size=\"13\">\n",
		     width, height);
	svg_edges(f, x, y);
	for (i = 0; i < f->count; i++) {
		(void)printf("<rect x=\"%zu\" y=\"%zu\" width=\"%d\" height=\"%d\" "
			     "rx=\"6\" fill=\"#eef3fb\" stroke=\"#345\"/>\n"
			     "<text x=\"%zu\" y=\"%zu\" text-anchor=\"middle\">%.24s%s"
			     "</text>\n",
			     x[i], y[i], BOX_W, BOX_H, x[i] + BOX_W / 2,
			     y[i] + BOX_H / 2 + 5, f->tasks[i]->key,
			     kind_of(f->tasks[i]));
	}
	(void)puts("</svg>");
	free(x);
	free(y);
	free(column);
	free(rows);
}

static int show(const struct graph_conf *conf, const char *arg)
{
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	const char *format = conf->format != NULL ? conf->format : "tree";
	struct error err;
	int rc;

	if (strcmp(format, "tree") != 0 && strcmp(format, "dot") != 0 &&
	    strcmp(format, "svg") != 0) {
		(void)fprintf(stderr,
			      "wf-engine graph: --format is tree, dot or svg, not "
			      "'%.40s'\n",
			      format);
		return 64;
	}
	rc = load_file(arg, &file, &flow);
	if (rc != 0) {
		return rc;
	}
	if (flow == NULL) {
		flow = plan_find(file, NULL, &err);
	}
	if (flow == NULL) {
		(void)fprintf(stderr, "wf-engine graph: %s\n", err.msg);
		rc = 64;
	} else if (*format == 't') {
		print_tree(flow);
	} else if (*format == 'd') {
		print_dot(flow);
	} else {
		print_svg(flow);
	}
	plan_free(file);
	return rc;
}

int cmd_graph(int argc, char **argv)
{
	struct graph_conf conf = {0};
	struct opts opts;
	struct error err;
	int rc = 0;

	if (opts_load(&graph_spec, argc, argv, NULL, &conf, &opts, &err) < 0) {
		(void)fprintf(stderr, "wf-engine graph: %s\n", err.msg);
		return err_exit_status(err.code);
	}
	if (opts.want_help || opts.want_version) {
		opts_help(&graph_spec, stdout);
	} else {
		rc = show(&conf, opts.args[0]);
	}
	opts_release(&graph_spec, &conf, &opts);
	return rc;
}
