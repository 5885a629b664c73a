/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts_man.c - an mdoc(7) manual page from the table.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/opts_priv.h"

#define MAN_WIDTH 76 /* of lines in the page's source */

/* One word of a text: backslashes, points in front and double dashes are not roff. */
static void word(struct buf *out, const char *s, size_t len, int first)
{
	size_t i;

	if (first && (*s == '.' || *s == '\'')) {
		buf_adds(out, "\\&");
	}
	for (i = 0; i < len; i++) {
		if (s[i] == '\\') {
			buf_adds(out, "\\e");
		} else if (s[i] == '-' && i + 1 < len && s[i + 1] == '-') {
			buf_adds(out, "\\-");
		} else {
			buf_addc(out, s[i]);
		}
	}
}

/* Text between macros, in short lines.  A sentence begins on a new line, as mdoc wants
 * it; an empty line is a new paragraph. */
static void text(struct buf *out, const char *s)
{
	size_t len, start = out->len;
	int first = 1, end = 0; /* at the beginning of a line; the sentence ended */

	while (*s != '\0') {
		if (*s == '\n' || *s == ' ') {
			if (s[0] == '\n' && s[1] == '\n') {
				buf_adds(out, first ? ".Pp\n" : "\n.Pp\n");
				start = out->len;
				first = 1;
			}
			s++;
			continue;
		}
		for (len = 1; s[len] != '\0' && s[len] != ' ' && s[len] != '\n';
		     len++) {
		}
		if (!first && (end || out->len - start + 1 + len > MAN_WIDTH)) {
			buf_addc(out, '\n');
			start = out->len;
			first = 1;
		}
		buf_adds(out, first ? "" : " ");
		word(out, s, len, first);
		s += len;
		end = s[-1] == '.' || s[-1] == '!' || s[-1] == '?';
		first = 0;
	}
	buf_adds(out, first ? "" : "\n");
}

/* One argument of a macro: never taken for a macro or for punctuation, blanks kept. */
static void arg(struct buf *out, const char *s)
{
	buf_adds(out, " \"\\&");
	for (; *s != '\0'; s++) {
		if (*s == '\\') {
			buf_adds(out, "\\e");
		} else if (*s == '"') {
			buf_adds(out, "\\(dq");
		} else if (*s == '-') {
			buf_adds(out, "\\-");
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, '"');
}

static int on_command_line(const struct opt *opt)
{
	return (opt->flags & OPT_F_HIDDEN) == 0 &&
	       ((opt->flags & OPT_F_SECRET) == 0 || (opt->flags & OPT_F_ARGV_OK) != 0);
}

/* "wf work-pool create" is the page wf-work-pool-create. */
static void page_name(const struct opt_spec *spec, int upper, struct buf *out)
{
	const char *s;
	int c;

	for (s = spec->program; *s != '\0'; s++) {
		c = *s == ' ' ? '-' : (unsigned char)*s;
		buf_addc(out, (char)(upper ? toupper(c) : c));
	}
}

static void header(const struct opt_spec *spec, int section, struct buf *out)
{
	/* reproducible builds set the variable */
	const char *epoch = opts_env("SOURCE_DATE_EPOCH");
	time_t t = epoch != NULL ? (time_t)strtoll(epoch, NULL, 10)
				 : (time_t)(clock_wall_us() / CLOCK_US_PER_S);
	char date[64];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(date, sizeof(date), "%B %e, %Y", &tm) == 0) {
		date[0] = '\0';
	}
	buf_addf(out, ".Dd %s\n.Dt ", date);
	page_name(spec, 1, out);
	buf_addf(out, " %d\n.Os\n", section);
}

/* The first sentence of the description, in lower case and without its point. */
static void name_section(const struct opt_spec *spec, struct buf *out)
{
	const char *s = spec->about != NULL ? spec->about : "command of wf", *end;
	size_t at;

	end = strstr(s, ". ");
	if (end == NULL) {
		end = s + strlen(s);
		end -= end > s && end[-1] == '.';
	}
	buf_adds(out, ".Sh NAME\n.Nm ");
	page_name(spec, 0, out);
	buf_adds(out, "\n.Nd ");
	at = out->len;
	buf_add(out, s, (size_t)(end - s));
	for (; at < out->len; at++) {
		if (out->data[at] == '\n') {
			out->data[at] = ' ';
		}
	}
	buf_addc(out, '\n');
}

static void synopsis(const struct opt_spec *spec, struct buf *out)
{
	buf_adds(out, ".Sh SYNOPSIS\n.Nm");
	arg(out, spec->program);
	buf_adds(out, "\n.Ar");
	arg(out, spec->usage != NULL ? spec->usage : "[options]");
	buf_addc(out, '\n');
}

/* On by default: what one can say is --no-x. */
static int is_on(const struct opt *opt)
{
	return opt->type == OPT_TYPE_BOOL && opt->def != NULL &&
	       strcmp(opt->def, "true") == 0;
}

static void default_text(const struct opt *opt, struct buf *out)
{
	if (opt->def == NULL || opt->def[0] == '\0' || opt->type == OPT_TYPE_BOOL ||
	    (opt->flags & OPT_F_SECRET) != 0) {
		return;
	}
	buf_adds(out, "The default is\n.Cm");
	arg(out, opt->def);
	buf_adds(out, " .\n");
}

/* ".It Fl p , Fl -pool Ar NAME" and its text */
static void option(const struct opt *opt, struct buf *out)
{
	buf_adds(out, ".It ");
	if (opt->letter != '\0') {
		buf_addf(out, "Fl %c , ", opt->letter);
	}
	buf_addf(out, "Fl -%s%s", is_on(opt) ? "no-" : "", opt->name);
	if (opt_metavar(opt) != NULL) {
		buf_adds(out, " Ar");
		arg(out, opt_metavar(opt));
	}
	buf_addc(out, '\n');
	text(out, opt->help != NULL ? opt->help : "");
	if (opt->type == OPT_TYPE_LIST) {
		buf_adds(out, "May be given several times.\n");
	}
	default_text(opt, out);
}

static void options(const struct opt_spec *spec, struct buf *out)
{
	const struct opt *opt;
	const char *group = NULL;
	int open = 0;
	size_t i;

	for (i = 0; i < spec->count; i++) {
		opt = &spec->opts[i];
		group = opt->group != NULL ? opt->group : group;
		if (!on_command_line(opt)) {
			continue;
		}
		if (opt->group != NULL || !open) {
			buf_adds(out, open ? ".El\n" : "");
			buf_addf(out, ".Ss %s\n.Bl -tag -width Ds\n",
				 group != NULL ? group : "Options");
			open = 1;
		}
		option(opt, out);
	}
	buf_adds(out, open ? "" : ".Ss Options\n.Bl -tag -width Ds\n");
	buf_adds(out, ".It Fl h , Fl -help\nShow a short help.\n"
		      ".It Fl V , Fl -version\nShow the version.\n.El\n");
}

static void environment(const struct opt_spec *spec, struct buf *out)
{
	const struct opt *opt;
	size_t i, e;
	int open = 0;

	for (i = 0; i < spec->count; i++) {
		opt = &spec->opts[i];
		if (opt->env[0] == NULL ||
		    (opt->flags & (OPT_F_FLAGONLY | OPT_F_HIDDEN)) != 0) {
			continue;
		}
		buf_adds(out, open ? "" : ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n");
		open = 1;
		for (e = 0; e < ARRAY_LEN(opt->env) && opt->env[e] != NULL; e++) {
			buf_addf(out, ".It Ev %s\n", opt->env[e]);
			if (e > 0) {
				buf_addf(out, "Used when\n.Ev %s\nis not set.\n",
					 opt->env[0]);
			} else if (on_command_line(opt)) {
				buf_addf(out, "The same as\n.Fl -%s .\n", opt->name);
			} else {
				text(out, opt->help != NULL ? opt->help : "");
			}
		}
	}
	buf_adds(out, open ? ".El\n" : "");
}

/* Lines as they are. */
static void literal(struct buf *out, const char *s)
{
	const char *line, *end;

	buf_adds(out, ".Bd -literal -offset indent\n");
	for (line = s; *line != '\0'; line = *end != '\0' ? end + 1 : end) {
		end = strchrnul(line, '\n');
		for (; line < end && *line == ' '; line++) {
		}
		buf_adds(out,
			 line < end && (*line == '.' || *line == '\'') ? "\\&" : "");
		for (; line < end; line++) {
			if (*line == '\\') {
				buf_adds(out, "\\e");
			} else if (*line == '-') {
				buf_adds(out, "\\-");
			} else {
				buf_addc(out, *line);
			}
		}
		buf_addc(out, '\n');
	}
	buf_adds(out, ".Ed\n");
}

/* A command below the program: heading, synopsis, text, options, examples. */
static void command(const struct opt_spec *spec, struct buf *out)
{
	int open = 0;
	size_t i;

	buf_addf(out, ".Ss %s\n.Nm", spec->program);
	arg(out, spec->program);
	buf_addc(out, '\n');
	if (spec->usage != NULL && spec->usage[0] != '\0') {
		buf_adds(out, ".Ar");
		arg(out, spec->usage);
		buf_addc(out, '\n');
	}
	buf_adds(out, ".Pp\n");
	text(out, spec->about != NULL ? spec->about : "");
	for (i = 0; i < spec->count; i++) {
		if (on_command_line(&spec->opts[i])) {
			buf_adds(out, open ? "" : ".Bl -tag -width Ds\n");
			open = 1;
			option(&spec->opts[i], out);
		}
	}
	buf_adds(out, open ? ".El\n" : "");
	if (spec->examples != NULL) {
		literal(out, spec->examples);
	}
}

void opts_man_tree(const struct opt_spec *spec, int section,
		   const struct opt_spec *const *commands, size_t count, FILE *out)
{
	struct buf b;
	size_t i;

	buf_init(&b);
	header(spec, section, &b);
	name_section(spec, &b);
	synopsis(spec, &b);
	buf_adds(&b, ".Sh DESCRIPTION\n");
	text(&b, spec->about != NULL ? spec->about : "");
	options(spec, &b);
	buf_adds(&b, count > 0 ? ".Sh COMMANDS\n" : "");
	for (i = 0; i < count; i++) {
		command(commands[i], &b);
	}
	environment(spec, &b);
	buf_adds(&b, ".Sh EXIT STATUS\n");
	text(&b, spec->exit_text != NULL
		     ? spec->exit_text
		     : "0 on success; 64 for wrong usage, 65 for bad input, 69 when a "
		       "service is not available, 75 when a later try may succeed. The "
		       "numbers are those of sysexits.h.");
	if (spec->examples != NULL) {
		buf_adds(&b, ".Sh EXAMPLES\n");
		literal(&b, spec->examples);
	}
	(void)fwrite(b.data, 1, b.len, out);
	buf_release(&b);
}

void opts_man(const struct opt_spec *spec, FILE *out)
{
	opts_man_tree(spec, 1, NULL, 0, out);
}
