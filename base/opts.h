/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.h - one table per program (or command) drives flags, environment, TOML file,
 * --help, the man page and `config view`.  The only home of getenv.
 *
 * Precedence: default, file, environment, flag.  The configuration is const after
 * opts_load.
 */
#ifndef BASE_OPTS_H
#define BASE_OPTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;

enum opt_type {
	OPT_TYPE_STR = 1, /* char *, owned by the configuration struct */
	OPT_TYPE_INT,     /* int64_t */
	OPT_TYPE_REAL,    /* double */
	OPT_TYPE_BOOL,    /* int; --x and --no-x */
	OPT_TYPE_MS, /* int64_t ms; "30s", "500ms", "5m", "2h", bare number = seconds */
	OPT_TYPE_BYTES, /* int64_t; "64k", "10M", "2G" */
	OPT_TYPE_LIST,  /* struct opt_list: repeatable; comma separated in env and file
			 */
};
enum opt_flags {
	OPT_F_SECRET = 1u << 0, /* never printed; not on argv unless OPT_F_ARGV_OK */
	OPT_F_RELOAD = 1u << 1,
	OPT_F_REQUIRED = 1u << 2,
	OPT_F_NOFILE = 1u << 3,   /* not read from the file */
	OPT_F_HIDDEN = 1u << 4,   /* not in --help */
	OPT_F_FLAGONLY = 1u << 5, /* no environment, no file */
	OPT_F_ARGV_OK = 1u << 6,
};
enum opt_source { OPT_FROM_DEFAULT = 0, OPT_FROM_FILE, OPT_FROM_ENV, OPT_FROM_FLAG };

struct opt_list {
	char **items; /* owned, NULL terminated */
	size_t count;
};

struct opt {
	const char *name; /* long name, without dashes */
	char letter;      /* 0: none */
	enum opt_type type;
	size_t offset;      /* into the configuration struct */
	const char *def;    /* text of the default; NULL: zero value */
	int64_t min, max;   /* INT, MS, BYTES, when max != 0 */
	const char *env[3]; /* variables in order of precedence, e.g. WF_X, PREFECT_X */
	const char *metavar; /* "NAME" */
	const char *help;    /* one sentence */
	unsigned int flags;
	const char *group; /* heading in --help; NULL: that of the previous option */
};
#define OPT_AT(st, member) .offset = offsetof(st, member)

struct opt_spec {
	const char *program;  /* "wf-worker" or "wf work-pool create" */
	const char *usage;    /* "--pool NAME [options]" */
	const char *about;    /* one paragraph */
	const char *examples; /* printed at the end of --help; may be NULL */
	const struct opt *opts;
	size_t count;
	size_t conf_size;
	int max_args; /* positional arguments allowed; -1: any */
	int min_args;
	const char *const *arg_names; /* for messages; may be NULL */
	const char *exit_text;        /* EXIT STATUS of the man page; NULL: sysexits */
	int raw; /* for commands: the words go to another program as they are */
};

struct opts {
	char **args; /* positional, borrowed from argv */
	int nargs;
	unsigned char *source; /* enum opt_source per option, owned */
	int want_help,
	    want_version; /* --help / --version seen: nothing else was checked */
};

/*
 * Fills CONF (zeroed, conf_size bytes) from defaults, FILE (TOML subset: tables,
 * strings, integers, floats, booleans, arrays of strings; NULL: none), the environment
 * and ARGV. Unknown flags and keys are errors that name the nearest known one.  On
 * failure CONF is released.
 */
int opts_load(const struct opt_spec *spec, int argc, char **argv, const char *file,
	      void *conf, struct opts *ret_opts, struct error *err);
void opts_release(const struct opt_spec *spec, void *conf, struct opts *opts);

void opts_help(const struct opt_spec *spec, FILE *out);
void opts_man(const struct opt_spec *spec, FILE *out); /* mdoc page, section 1 */
/* The page of a program in SECTION, with the COMMANDS (tables of their own) below it.
 */
void opts_man_tree(const struct opt_spec *spec, int section,
		   const struct opt_spec *const *commands, size_t count, FILE *out);
void opts_complete(const struct opt_spec *spec, FILE *out); /* one flag per line */
/* name, value (secrets as ***) and source per line. */
void opts_show(const struct opt_spec *spec, const void *conf, const struct opts *opts,
	       FILE *out);

int opts_parse_ms(const char *text, int64_t *ret_ms, struct error *err);
int opts_parse_bytes(const char *text, int64_t *ret_bytes, struct error *err);
int opts_parse_bool(const char *text, int *ret_bool, struct error *err);
/* Whether option NAME of the table was set by anything but its default. */
int opts_given(const struct opt_spec *spec, const struct opts *opts, const char *name);
/* getenv for the few places outside a table (NO_COLOR, HOME, XDG_*). */
const char *opts_env(const char *name);
/* For a command that is about to exec another program; never in a daemon.  VALUE NULL
 * takes the variable away. */
void opts_env_set(const char *name, const char *value);
/* The nearest of NAMES to WORD by edit distance (<= 3), or NULL: for "did you mean". */
const char *opts_nearest(const char *word, const char *const *names, size_t count);

#endif
