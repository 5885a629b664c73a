/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts_help.c - --help, shell completion and `config view` from the table.
 */
#include <string.h>

#include "base/error.h"
#include "base/opts_priv.h"

#define HELP_WIDTH  80
#define HELP_COLUMN 30     /* where the texts begin at most */
#define GLUE        '\x1f' /* a blank at which no line is broken */

/* Terminal cells of S, one per character. */
static int cells(const char *s, size_t len)
{
	size_t i;
	int n = 0;

	for (i = 0; i < len; i++) {
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	}
	return n;
}

/* Writes TEXT in lines of at most HELP_WIDTH cells.  The cursor stands in column AT;
 * the lines begin in column INDENT.  A newline in TEXT is kept. */
static void wrap(struct buf *out, const char *text, int at, int indent)
{
	size_t len, start;
	int n, fresh = 1; /* nothing stands on this line yet */

	while (*text != '\0') {
		if (*text == '\n') {
			buf_addc(out, '\n');
			at = 0;
			fresh = 1;
			text++;
			continue;
		}
		len = strcspn(text, " \n");
		n = cells(text, len);
		if (!fresh && at + 1 + n > HELP_WIDTH) {
			buf_addc(out, '\n');
			at = 0;
			fresh = 1;
		}
		if (fresh) {
			buf_addf(out, "%*s", at < indent ? indent - at : 0, "");
			at = at < indent ? indent : at;
		} else {
			buf_addc(out, ' ');
			at++;
		}
		start = out->len;
		buf_add(out, text, len);
		for (; start < out->len; start++) {
			if (out->data[start] == GLUE) {
				out->data[start] = ' ';
			}
		}
		at += n;
		fresh = 0;
		text += len;
		while (*text == ' ') {
			text++;
		}
	}
	buf_addc(out, '\n');
}

/* "  -p, --pool NAME" */
static void flag_text(const struct opt *opt, struct buf *out)
{
	const char *meta = opt_metavar(opt);
	int yes = opt->type == OPT_TYPE_BOOL && opt->def != NULL &&
		  strcmp(opt->def, "true") == 0;

	if (opt->letter != '\0') {
		buf_addf(out, "  -%c, ", opt->letter);
	} else {
		buf_adds(out, "      ");
	}
	buf_addf(out, "--%s%s", yes ? "no-" : "", opt->name);
	if (meta != NULL) {
		buf_addf(out, " %s", meta);
	}
}

/* One of the remarks in parentheses behind the text: "(default: 30s; env: WF_X)". */
static void remark(struct buf *out, int *any, const char *word, const char *value)
{
	if (!*any) {
		buf_adds(out, out->len > 0 ? " (" : "(");
	} else {
		buf_adds(out, "; ");
	}
	*any = 1;
	buf_adds(out, word);
	if (value != NULL) {
		buf_addc(out, GLUE);
		buf_adds(out, value);
	}
}

/* "What it does. (default: 30s; env: WF_X)" */
static void help_text(const struct opt *opt, struct buf *out)
{
	int any = 0;

	buf_adds(out, opt->help != NULL ? opt->help : "");
	if ((opt->flags & OPT_F_REQUIRED) != 0) {
		remark(out, &any, "required", NULL);
	}
	if (opt->def != NULL && opt->def[0] != '\0' && opt->type != OPT_TYPE_BOOL &&
	    (opt->flags & OPT_F_SECRET) == 0) {
		remark(out, &any, "default:", opt->def);
	}
	if (opt->type == OPT_TYPE_LIST) {
		remark(out, &any, "repeatable", NULL);
	}
	if (opt->env[0] != NULL && (opt->flags & OPT_F_FLAGONLY) == 0) {
		remark(out, &any, "env:", opt->env[0]);
	}
	buf_adds(out, any ? ")" : "");
}

/* Is OPT only in the environment and the file? */
static int is_env_only(const struct opt *opt)
{
	return (opt->flags & OPT_F_SECRET) != 0 && (opt->flags & OPT_F_ARGV_OK) == 0;
}

static int text_column(const struct opt_spec *spec)
{
	struct buf b;
	size_t i;
	int widest = 15; /* "      --version" */

	buf_init(&b);
	for (i = 0; i < spec->count; i++) {
		buf_reset(&b);
		flag_text(&spec->opts[i], &b);
		if ((spec->opts[i].flags & OPT_F_HIDDEN) == 0 &&
		    !is_env_only(&spec->opts[i]) &&
		    cells(b.data, b.len) + 2 <= HELP_COLUMN) {
			widest = MAX_OF(widest, cells(b.data, b.len));
		}
	}
	buf_release(&b);
	return widest + 2;
}

static void option_line(struct buf *out, const char *flag, const char *help, int col)
{
	int at = cells(flag, strlen(flag));

	buf_adds(out, flag);
	if (at + 2 > col) {
		buf_addc(out, '\n');
		at = 0;
	}
	wrap(out, help, at, col);
}

static void options(const struct opt_spec *spec, struct buf *out)
{
	int col = text_column(spec), any = 0;
	const char *group = "Options";
	const struct opt *opt;
	struct buf flag, help;
	size_t i;

	buf_init(&flag);
	buf_init(&help);
	for (i = 0; i < spec->count; i++) {
		opt = &spec->opts[i];
		if (opt->group != NULL && strcmp(opt->group, group) != 0) {
			group = opt->group;
			any = 0;
		}
		if ((opt->flags & OPT_F_HIDDEN) != 0 || is_env_only(opt)) {
			continue;
		}
		if (!any) {
			buf_addf(out, "\n%s:\n", group);
			any = 1;
		}
		buf_reset(&flag);
		buf_reset(&help);
		flag_text(opt, &flag);
		help_text(opt, &help);
		option_line(out, flag.data, help.data, col);
	}
	buf_adds(out, any && strcmp(group, "Options") == 0 ? "" : "\nGeneral:\n");
	option_line(
	    out, opts_find_letter(spec, 'h') == NULL ? "  -h, --help" : "      --help",
	    "Show this help.", col);
	option_line(out,
		    opts_find_letter(spec, 'V') == NULL ? "  -V, --version"
							: "      --version",
		    "Show the version.", col);
	buf_release(&flag);
	buf_release(&help);
}

/* Secrets are read from the environment: they have their own list. */
static void environment(const struct opt_spec *spec, struct buf *out)
{
	const struct opt *opt;
	struct buf head;
	size_t i;
	int any = 0;

	buf_init(&head);
	for (i = 0; i < spec->count; i++) {
		opt = &spec->opts[i];
		if (!is_env_only(opt) || opt->env[0] == NULL ||
		    (opt->flags & OPT_F_HIDDEN) != 0) {
			continue;
		}
		buf_adds(out, any ? "" : "\nSecrets, from the environment:\n");
		any = 1;
		buf_reset(&head);
		buf_addf(&head, "  %s", opt->env[0]);
		option_line(out, head.data, opt->help != NULL ? opt->help : "",
			    HELP_COLUMN);
	}
	buf_release(&head);
}

void opts_help(const struct opt_spec *spec, FILE *out)
{
	struct buf b;

	buf_init(&b);
	buf_adds(&b, "Usage: ");
	buf_adds(&b, spec->program);
	buf_addc(&b, ' ');
	wrap(&b, spec->usage != NULL ? spec->usage : "[options]", cells(b.data, b.len),
	     cells(b.data, b.len));
	if (spec->about != NULL) {
		buf_addc(&b, '\n');
		wrap(&b, spec->about, 0, 0);
	}
	options(spec, &b);
	environment(spec, &b);
	if (spec->examples != NULL) {
		buf_adds(&b, "\nExamples:\n");
		buf_adds(&b, spec->examples);
		buf_adds(&b, b.data[b.len - 1] == '\n' ? "" : "\n");
	}
	(void)fwrite(b.data, 1, b.len, out);
	buf_release(&b);
}

void opts_complete(const struct opt_spec *spec, FILE *out)
{
	const struct opt *opt;
	struct buf b;
	size_t i;

	buf_init(&b);
	for (i = 0; i < spec->count; i++) {
		opt = &spec->opts[i];
		if ((opt->flags & OPT_F_HIDDEN) != 0 || is_env_only(opt)) {
			continue;
		}
		buf_addf(&b, "--%s\n", opt->name);
		if (opt->type == OPT_TYPE_BOOL) {
			buf_addf(&b, "--no-%s\n", opt->name);
		}
		if (opt->letter != '\0') {
			buf_addf(&b, "-%c\n", opt->letter);
		}
	}
	buf_adds(&b, "--help\n--version\n");
	(void)fwrite(b.data, 1, b.len, out);
	buf_release(&b);
}

void opts_show(const struct opt_spec *spec, const void *conf, const struct opts *opts,
	       FILE *out)
{
	static const char *const sources[] = {"default", "file", "environment", "flag"};
	const struct opt *opt;
	int name_width = 0, value_width = 0;
	struct buf b, value;
	size_t i, pass;

	buf_init(&b);
	buf_init(&value);
	/* the first pass measures, the second writes */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < spec->count; i++) {
			opt = &spec->opts[i];
			buf_reset(&value);
			opt_format(opt, conf, &value);
			if ((opt->flags & OPT_F_SECRET) != 0 && value.len > 0) {
				buf_reset(&value);
				buf_adds(&value, "***");
			}
			if (pass == 0) {
				name_width = MAX_OF(name_width, (int)strlen(opt->name));
				value_width =
				    MAX_OF(value_width,
					   MIN_OF(cells(value.data, value.len), 40));
				continue;
			}
			buf_addf(&b, "%-*s  %s%*s  %s\n", name_width, opt->name,
				 value.data,
				 MAX_OF(value_width - cells(value.data, value.len), 0),
				 "", sources[opts->source[i]]);
		}
	}
	(void)fwrite(b.data, 1, b.len, out);
	buf_release(&b);
	buf_release(&value);
}
