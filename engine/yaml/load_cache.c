/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_cache.c - `cache` and `retry_if` of a task.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/regex.h"
#include "engine/yaml/load.h"
#include "engine/yaml/scalar.h"

#define MAX_PARTS 50u
#define MAX_CODES 256u

/* ---- cache ---- */

static const struct {
	const char *name;
	unsigned int policy;
} policies[] = {
    {"INPUTS", PLAN_CACHE_INPUTS},
    {"TASK_SOURCE", PLAN_CACHE_SOURCE},
    {"RUN_ID", PLAN_CACHE_RUN_ID},
    {"FLOW_PARAMETERS", PLAN_CACHE_PARAMS},
    {"FILES", PLAN_CACHE_FILES},
    {"DEFAULT", PLAN_CACHE_DEFAULT},
    {"NONE", 0},
    {"NO_CACHE", 0},
};

static void add_minus(struct plan_cache *c, const char *name)
{
	c->minus.items =
	    xreallocarray(c->minus.items, c->minus.count + 1, sizeof(char *));
	c->minus.items[c->minus.count++] = xstrdup(name);
}

static void policy_word(struct loader *l, const struct ynode *n, const char *word,
			char sign, struct plan_cache *c)
{
	const char *names[ARRAY_LEN(policies)];
	char hint[80];
	size_t i;

	if (sign == '-') {
		add_minus(c, word);
		return;
	}
	for (i = 0; i < ARRAY_LEN(policies); i++) {
		names[i] = policies[i].name;
		if (strcmp(word, policies[i].name) == 0) {
			c->policy |= policies[i].policy;
			return;
		}
	}
	diag_node(l->d, n,
		  "unknown cache policy '%.60s' (INPUTS, TASK_SOURCE, RUN_ID, "
		  "FLOW_PARAMETERS, FILES, DEFAULT, NO_CACHE; together with + and - "
		  "input)%s",
		  word, load_hint(word, names, ARRAY_LEN(names), hint, sizeof(hint)));
}

/* INPUTS + TASK_SOURCE - token */
static void cache_policy(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_cache *c = obj;
	char word[128], sign = '+';
	const char *p;
	size_t len;

	c->policy = 0;
	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n, "'policy' must be text like INPUTS + TASK_SOURCE");
		return;
	}
	for (p = n->text; *p != '\0';) {
		p += strspn(p, " \t");
		if (*p == '+' || *p == '-') {
			sign = *p++;
			continue;
		}
		len = strcspn(p, " \t+-");
		if (len == 0 || len >= sizeof(word)) {
			break;
		}
		memcpy(word, p, len);
		word[len] = '\0';
		p += len;
		policy_word(l, n, word, sign, c);
		sign = '+';
	}
}

static void cache_key(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_cache *)obj)->key = load_text_tmpl(l, n, "key", ROOTS_START);
}

static void cache_expires(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_span(l, n, "expires_in", &((struct plan_cache *)obj)->expires_s);
}

static void cache_isolation(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_cache *c = obj;

	if (n->kind == YNODE_SCALAR && strcmp(n->text, "SERIALIZABLE") == 0) {
		c->serializable = 1;
	} else if (n->kind != YNODE_SCALAR || strcmp(n->text, "READ_COMMITTED") != 0) {
		diag_node(l->d, n,
			  "'isolation' must be READ_COMMITTED or SERIALIZABLE");
	}
}

static void cache_files(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_some(l, n, "files", &((struct plan_cache *)obj)->files);
}

static const struct field cache_fields[] = {
    {"expires_in", FIELD_FN, .fn = cache_expires},
    {"files", FIELD_FN, .fn = cache_files},
    {"isolation", FIELD_FN, .fn = cache_isolation},
    {"key", FIELD_FN, .fn = cache_key},
    {"policy", FIELD_FN, .fn = cache_policy},
    {"refresh", FIELD_BOOL, FIELD_AT(struct plan_cache, refresh)},
};

void load_cache(struct loader *l, const struct ynode *n, struct plan_cache **cache)
{
	struct plan_cache *c = xcalloc(1, sizeof(*c));

	plan_cache_free(*cache);
	*cache = c;
	c->policy = PLAN_CACHE_DEFAULT;
	if (n->kind == YNODE_SCALAR) { /* the policy alone */
		cache_policy(l, n, c);
		return;
	}
	load_fields(l, n, cache_fields, ARRAY_LEN(cache_fields), "'cache'", c);
	if ((c->policy & PLAN_CACHE_FILES) != 0 && c->files.count == 0) {
		diag_node(l->d, n, "the policy FILES needs the key 'files'");
	}
}

/* ---- retry_if ---- */

static int one_range(struct loader *l, const struct ynode *n, const char *what,
		     struct plan_range *ret)
{
	char *end;
	long from, to;

	if (n->kind == YNODE_SCALAR && n->len > 0) {
		from = to = strtol(n->text, &end, 10);
		if (*end == '-' && end > n->text) {
			to = strtol(end + 1, &end, 10);
		}
		if (*end == '\0' && from >= 0 && to >= from && to <= 1000000) {
			*ret = (struct plan_range){(int)from, (int)to};
			return 0;
		}
	}
	diag_node(l->d, n, "'%s' must be numbers or ranges like 5-8", what);
	return -ERR_INVALID;
}

static void load_ranges(struct loader *l, const struct ynode *n, const char *what,
			struct plan_range **ret, size_t *ret_count)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (count == 0 || count > MAX_CODES) {
		diag_node(l->d, n, "'%s' must have 1 to %u entries", what, MAX_CODES);
		return;
	}
	free(*ret);
	*ret = xcalloc(count, sizeof(**ret));
	*ret_count = 0;
	for (i = 0; i < count; i++) {
		if (one_range(l, n->kind == YNODE_SEQ ? n->items[i] : n, what,
			      &(*ret)[*ret_count]) == 0) {
			++*ret_count;
		}
	}
}

static void retry_code(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;

	load_ranges(l, n, "exit_code", &r->codes, &r->code_count);
}

static void retry_attempt(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;

	load_ranges(l, n, "attempt", &r->attempts, &r->attempt_count);
}

static const struct {
	const char *name;
	int number;
} signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP}, {"ABRT", SIGABRT}, {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"XCPU", SIGXCPU},
};

static int signal_number(const struct ynode *n)
{
	const char *name = n->text;
	char *end;
	long v;
	size_t i;

	if (n->kind != YNODE_SCALAR || n->len == 0) {
		return -1;
	}
	v = strtol(name, &end, 10);
	if (*end == '\0') {
		return v > 0 && v < 65 ? (int)v : -1;
	}
	name += strncmp(name, "SIG", 3) == 0 ? 3 : 0;
	for (i = 0; i < ARRAY_LEN(signals); i++) {
		if (strcmp(name, signals[i].name) == 0) {
			return signals[i].number;
		}
	}
	return -1;
}

static void retry_signal(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	free(r->signals);
	r->signals = xcalloc(count + 1, sizeof(*r->signals));
	r->signal_count = 0;
	for (i = 0; i < count; i++) {
		const struct ynode *item = n->kind == YNODE_SEQ ? n->items[i] : n;
		int number = signal_number(item);

		if (number < 0) {
			diag_node(l->d, item,
				  "'signal' must be names or numbers like KILL or 9");
		} else {
			r->signals[r->signal_count++] = number;
		}
	}
}

static struct regex *load_regex(struct loader *l, const struct ynode *n,
				const char *what)
{
	struct regex *r = NULL;
	struct error err;
	char *text = NULL;
	size_t at = 0;

	if (load_text(l, n, what, &text) < 0) {
		return NULL;
	}
	if (regex_parse(text, strlen(text), &r, &at, &err) < 0) {
		diag_add(l->d, diag_mark(l->d, n, at), 0, "%s", err.msg);
		r = NULL;
	}
	free(text);
	return r;
}

static void retry_out(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_retry_if *)obj)->out = load_regex(l, n, "stdout_matches");
}

static void retry_err(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_retry_if *)obj)->err = load_regex(l, n, "stderr_matches");
}

static void retry_expr(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_retry_if *)obj)->expr = load_text_tmpl(l, n, "expr", ROOTS_RETRY);
}

static struct plan_retry_if *load_condition(struct loader *l, const struct ynode *n);

static void load_parts(struct loader *l, const struct ynode *n,
		       struct plan_retry_if ***ret_parts, size_t *ret_count)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (count == 0 || count > MAX_PARTS || *ret_parts != NULL) {
		diag_node(l->d, n, "there must be 1 to %u conditions", MAX_PARTS);
		return;
	}
	*ret_parts = xcalloc(count, sizeof(struct plan_retry_if *));
	for (i = 0; i < count; i++) {
		(*ret_parts)[(*ret_count)++] =
		    load_condition(l, n->kind == YNODE_SEQ ? n->items[i] : n);
	}
}

static void retry_all(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;

	load_parts(l, n, &r->all, &r->all_count);
}

static void retry_any(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;

	load_parts(l, n, &r->any, &r->any_count);
}

static void retry_not(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_retry_if *r = obj;

	load_parts(l, n, &r->none, &r->none_count);
}

static const struct field retry_fields[] = {
    {"all", FIELD_FN, .fn = retry_all},
    {"any", FIELD_FN, .fn = retry_any},
    {"attempt", FIELD_FN, .fn = retry_attempt},
    {"exit_code", FIELD_FN, .fn = retry_code},
    {"expr", FIELD_FN, .fn = retry_expr},
    {"not", FIELD_FN, .fn = retry_not},
    {"signal", FIELD_FN, .fn = retry_signal},
    {"stderr_matches", FIELD_FN, .fn = retry_err},
    {"stdout_matches", FIELD_FN, .fn = retry_out},
    {"timed_out", FIELD_BOOL, FIELD_AT(struct plan_retry_if, timed_out)},
};

/* The depth of conditions is that of the document. */
static struct plan_retry_if *load_condition(struct loader *l, const struct ynode *n)
{
	struct plan_retry_if *r = xcalloc(1, sizeof(*r));

	r->timed_out = -1;
	load_fields(l, n, retry_fields, ARRAY_LEN(retry_fields), "'retry_if'", r);
	return r;
}

void load_retry_if(struct loader *l, const struct ynode *n,
		   struct plan_retry_if **retry_if)
{
	plan_retry_if_free(*retry_if);
	*retry_if = load_condition(l, n);
}
