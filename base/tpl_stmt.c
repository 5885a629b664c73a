/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_stmt.c - statements, and the whole template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "base/tpl_priv.h"

#define ARENA_MAX ((size_t)64 << 20)

static int expect_block_end(struct parser *p)
{
	char got[80];

	if (p->tok->type == TOK_BLOCK_END) {
		p->tok++;
		return 0;
	}
	return p->tok->type == TOK_EOF
		   ? parse_fail(p, "unexpected end of template, expected 'end of "
				   "statement block'.")
		   : parse_fail(p, "expected token 'end of statement block', got %s",
				tok_describe(p->tok, got, sizeof(got)));
}

/* ---- unknown and misplaced tags ---- */

/* ENDS: "elif|else|endif" as "'elif' or 'else' or 'endif'". */
static void write_ends(const char *ends, char *dst, size_t size)
{
	size_t n = 0;

	dst[0] = '\0';
	while (*ends != '\0' && n + 40 < size) {
		size_t len = strcspn(ends, "|");

		n += (size_t)snprintf(dst + n, size - n, "%s'%.*s'",
				      n > 0 ? " or " : "", (int)len, ends);
		ends += len + (ends[len] == '|');
	}
}

static int ends_have(const char *ends, const char *name)
{
	size_t n = strlen(name);

	for (; *ends != '\0'; ends += strcspn(ends, "|"), ends += *ends == '|') {
		if (strncmp(ends, name, n) == 0 &&
		    (ends[n] == '|' || ends[n] == '\0')) {
			return 1;
		}
	}
	return 0;
}

static int fail_unknown(struct parser *p, const char *name)
{
	char looking[160] = "", text[160], innermost[80] = "", wanted[260] = "";
	int i, expected = 0;

	if (p->open_n > 0) {
		write_ends(p->ends[p->open_n - 1], looking, sizeof(looking));
		(void)snprintf(innermost, sizeof(innermost),
			       " The innermost block that needs to be closed is '%s'.",
			       p->open[p->open_n - 1]);
		for (i = 0; name != NULL && i < p->open_n; i++) {
			expected |= ends_have(p->ends[i], name);
		}
		(void)snprintf(wanted, sizeof(wanted),
			       expected
				   ? " You probably made a nesting mistake. Jinja is "
				     "expecting this tag, but currently looking for %s."
				   : " Jinja was looking for the following tags: %s.",
			       looking);
	}
	(void)snprintf(text, sizeof(text),
		       name != NULL ? "Encountered unknown tag '%s'."
				    : "Unexpected end of template.",
		       name);
	return parse_fail(p, "%s%s%s", text, wanted, innermost);
}

static int open_block(struct parser *p, const char *name, const char *ends)
{
	if (p->open_n > TEMPLATE_DEPTH_MAX) {
		return parse_fail(p, "blocks are nested too deeply");
	}
	p->open[p->open_n] = name;
	p->ends[p->open_n++] = ends;
	return 0;
}

/* Statements up to one of ENDS ("endif|else"); the parser stands behind its name. */
static int block_body(struct parser *p, const char *name, const char *ends,
		      struct node ***ret, size_t *ret_n, const char **ret_end)
{
	const char *const list[] = {ends, NULL};
	int rc = open_block(p, name, ends);

	rc = rc < 0 ? rc : parse_body(p, ret, ret_n, list);
	if (rc < 0) {
		return rc;
	}
	p->open_n--;
	*ret_end = p->tok->s;
	p->tok++;
	return 0;
}

/* ---- statements ---- */

static struct node *parse_if(struct parser *p)
{
	struct node *n = node_new(p, N_IF), *at = n;
	const char *end = "elif";

	while (n != NULL && strcmp(end, "elif") == 0) {
		if (at != n) {
			at->kind = N_IF;
		}
		at->a = parse_tuple(p, 0, 0);
		if (at->a == NULL || expect_block_end(p) < 0 ||
		    block_body(p, "if", "elif|else|endif", &at->list, &at->n, &end) <
			0) {
			return NULL;
		}
		if (strcmp(end, "elif") == 0) {
			struct node *next = node_new(p, N_IF);

			at->other = arena_alloc(p->arena, sizeof(struct node *));
			if (next == NULL || at->other == NULL) {
				return NULL;
			}
			at->other[0] = next;
			at->other_n = 1;
			at = next;
		} else if (strcmp(end, "else") == 0 &&
			   (expect_block_end(p) < 0 ||
			    block_body(p, "if", "endif", &at->other, &at->other_n,
				       &end) < 0)) {
			return NULL;
		}
	}
	return n;
}

static struct node *parse_for(struct parser *p)
{
	struct node *n = node_new(p, N_FOR);
	const char *end;
	char got[80];

	if (n == NULL) {
		return NULL;
	}
	p->t->fors++;
	p->for_depth++;
	p->t->nest = MAX_OF(p->t->nest, p->for_depth);
	n->a = parse_target(p);
	if (n->a == NULL) {
		return NULL;
	}
	if (!tok_is_name(p, "in")) {
		(void)parse_fail(p, "expected token 'in', got %s",
				 tok_describe(p->tok, got, sizeof(got)));
		return NULL;
	}
	p->tok++;
	n->b = parse_tuple(p, 0, 0);
	if (n->b == NULL) {
		return NULL;
	}
	if (tok_is_name(p, "if")) {
		p->tok++;
		n->c = parse_expr(p);
		if (n->c == NULL) {
			return NULL;
		}
	}
	if (tok_is_name(p, "recursive")) {
		p->tok++;
		n->op[0] = 'r';
	}
	if (expect_block_end(p) < 0 ||
	    block_body(p, "for", "endfor|else", &n->list, &n->n, &end) < 0 ||
	    (strcmp(end, "else") == 0 &&
	     (expect_block_end(p) < 0 ||
	      block_body(p, "for", "endfor", &n->other, &n->other_n, &end) < 0))) {
		return NULL;
	}
	p->for_depth--;
	return n;
}

static struct node *parse_set(struct parser *p)
{
	struct node *n = node_new(p, N_SET);
	const char *end;

	if (n == NULL) {
		return NULL;
	}
	n->a = parse_target(p);
	if (n->a == NULL) {
		return NULL;
	}
	if (tok_is_op(p, "=")) {
		p->tok++;
		n->b = parse_tuple(p, 1, 0);
		return n->b != NULL ? n : NULL;
	}
	n->kind = N_SET_BLOCK;
	if (tok_is_op(p, "|")) {
		struct node *in = node_new(p, N_NAME);

		if (in == NULL) {
			return NULL;
		}
		in->s = "\001body"; /* no name that a template can write */
		n->c = parse_filters(p, in, 0);
		if (n->c == NULL) {
			return NULL;
		}
	}
	return expect_block_end(p) == 0 &&
		       block_body(p, "set", "endset", &n->list, &n->n, &end) == 0
		   ? n
		   : NULL;
}

static struct node *parse_with(struct parser *p)
{
	struct node *n = node_new(p, N_WITH), *target, *value;
	struct nodes targets = {0};
	const char *end;

	while (n != NULL && p->tok->type != TOK_BLOCK_END) {
		if (targets.n > 0 && expect_op(p, ",") < 0) {
			return NULL;
		}
		target = parse_target(p);
		value = target != NULL && expect_op(p, "=") == 0 ? parse_expr(p) : NULL;
		if (value == NULL || nodes_add(p, &targets, target) < 0 ||
		    nodes_add(p, &targets, value) < 0) {
			return NULL;
		}
	}
	if (n == NULL) {
		return NULL;
	}
	n->other = targets.v; /* targets and values in turn */
	n->other_n = targets.n;
	return expect_block_end(p) == 0 &&
		       block_body(p, "with", "endwith", &n->list, &n->n, &end) == 0
		   ? n
		   : NULL;
}

static struct node *parse_filter_block(struct parser *p)
{
	struct node *n = node_new(p, N_FILTER_BLOCK), *in = node_new(p, N_NAME);
	const char *end;

	if (n == NULL || in == NULL) {
		return NULL;
	}
	in->s = "\001body";
	n->c = parse_filters(p, in, 1);
	return n->c != NULL && expect_block_end(p) == 0 &&
		       block_body(p, "filter", "endfilter", &n->list, &n->n, &end) == 0
		   ? n
		   : NULL;
}

/* "(a, b=1)": names in args, defaults as values. */
static int parse_signature(struct parser *p, struct node *n)
{
	size_t size = 0;
	int rc = expect_op(p, "(");

	while (rc == 0 && !tok_is_op(p, ")")) {
		struct arg a = {0};

		if (n->arg_n > 0 && (rc = expect_op(p, ",")) < 0) {
			break;
		}
		if (p->tok->type != TOK_NAME) {
			return parse_fail(p, "expected the name of an argument");
		}
		a.name = p->tok->s;
		p->tok++;
		if (tok_is_op(p, "=")) {
			p->tok++;
			a.value = parse_expr(p);
			if (a.value == NULL) {
				return -ERR_INVALID;
			}
		} else if (n->arg_n > 0 && n->args[n->arg_n - 1].value != NULL) {
			return parse_fail(
			    p, "non-default argument follows default argument");
		}
		if (n->arg_n == size) {
			struct arg *args;

			size = size == 0 ? 4 : size * 2;
			args = arena_alloc(p->arena, size * sizeof(*args));
			if (args == NULL) {
				return parse_fail(p, "the template is too long");
			}
			if (n->arg_n > 0) {
				memcpy(args, n->args, n->arg_n * sizeof(*args));
			}
			n->args = args;
		}
		n->args[n->arg_n++] = a;
	}
	return rc < 0 ? rc : expect_op(p, ")");
}

static struct node *parse_macro(struct parser *p)
{
	struct node *n = node_new(p, N_MACRO);
	const char *end;

	if (n == NULL || p->tok->type != TOK_NAME) {
		(void)parse_fail(p, "expected the name of a macro");
		return NULL;
	}
	n->s = p->tok->s;
	p->tok++;
	return parse_signature(p, n) == 0 && expect_block_end(p) == 0 &&
		       block_body(p, "macro", "endmacro", &n->list, &n->n, &end) == 0
		   ? n
		   : NULL;
}

static struct node *parse_call_block(struct parser *p)
{
	struct node *n = node_new(p, N_CALL_BLOCK);
	const char *end;

	if (n == NULL || (tok_is_op(p, "(") && parse_signature(p, n) < 0)) {
		return NULL;
	}
	n->a = parse_expr(p);
	if (n->a == NULL) {
		return NULL;
	}
	if (n->a->kind != N_CALL) {
		(void)parse_fail(p, "expected call");
		return NULL;
	}
	return expect_block_end(p) == 0 &&
		       block_body(p, "call", "endcall", &n->list, &n->n, &end) == 0
		   ? n
		   : NULL;
}

static struct node *parse_scope(struct parser *p, const char *name)
{
	int is_block = strcmp(name, "block") == 0;
	const char *end, *ends = is_block ? "endblock" : "endautoescape";
	struct node *n = node_new(p, N_SCOPE);

	if (n == NULL) {
		return NULL;
	}
	if (is_block && p->tok->type == TOK_NAME) {
		p->tok++;
	} else if (parse_expr(p) == NULL) {
		return NULL;
	}
	while (p->tok->type == TOK_NAME) { /* scoped, required */
		p->tok++;
	}
	if (expect_block_end(p) < 0 ||
	    block_body(p, name, ends, &n->list, &n->n, &end) < 0) {
		return NULL;
	}
	if (is_block && p->tok->type == TOK_NAME) {
		p->tok++;
	}
	return n;
}

/* extends, include, import, from: parsed as far as needed, refused when rendered. */
static struct node *parse_refused(struct parser *p, const char *name)
{
	struct node *n = node_new(p, N_REFUSED);

	if (n == NULL || parse_expr(p) == NULL) {
		return NULL;
	}
	n->s = name;
	while (p->tok->type == TOK_NAME || tok_is_op(p, ",")) {
		p->tok++;
	}
	return n;
}

static struct node *statement(struct parser *p)
{
	const char *name = p->tok->s;

	if (p->tok->type != TOK_NAME) {
		(void)parse_fail(p, "tag name expected");
		return NULL;
	}
	p->tok++;
	if (strcmp(name, "if") == 0) {
		return parse_if(p);
	}
	if (strcmp(name, "for") == 0) {
		return parse_for(p);
	}
	if (strcmp(name, "set") == 0) {
		return parse_set(p);
	}
	if (strcmp(name, "with") == 0) {
		return parse_with(p);
	}
	if (strcmp(name, "filter") == 0) {
		return parse_filter_block(p);
	}
	if (strcmp(name, "macro") == 0) {
		return parse_macro(p);
	}
	if (strcmp(name, "call") == 0) {
		return parse_call_block(p);
	}
	if (strcmp(name, "block") == 0 || strcmp(name, "autoescape") == 0) {
		return parse_scope(p, name);
	}
	if (strcmp(name, "extends") == 0 || strcmp(name, "include") == 0 ||
	    strcmp(name, "import") == 0 || strcmp(name, "from") == 0) {
		return parse_refused(p, name);
	}
	p->tok--;
	(void)fail_unknown(p, name);
	return NULL;
}

static struct node *parse_print(struct parser *p)
{
	struct node *n = node_new(p, N_PRINT);
	char got[80];

	if (n == NULL) {
		return NULL;
	}
	p->tok++;
	n->line = p->tok->line;
	n->column = p->tok->column;
	n->a = parse_tuple(p, 1, 0);
	if (n->a == NULL) {
		return NULL;
	}
	if (p->tok->type != TOK_PRINT_END) {
		if (p->tok->type == TOK_EOF) {
			(void)parse_fail(p, "unexpected end of template, expected 'end "
					    "of print statement'.");
		} else {
			(void)parse_fail(
			    p, "expected token 'end of print statement', got %s",
			    tok_describe(p->tok, got, sizeof(got)));
		}
		return NULL;
	}
	p->tok++;
	return n;
}

static struct node *parse_text(struct parser *p)
{
	struct node *n = node_new(p, N_TEXT);

	if (n != NULL) {
		n->s = p->tok->s;
		n->len = p->tok->len;
		p->tok++;
	}
	return n;
}

/* ENDS NULL: to the end of the template. */
int parse_body(struct parser *p, struct node ***ret, size_t *ret_n,
	       const char *const *ends)
{
	struct nodes l = {0};
	struct node *n = NULL;

	for (;;) {
		if (p->tok->type == TOK_EOF) {
			if (ends != NULL) {
				return fail_unknown(p, NULL);
			}
			break;
		}
		if (p->tok->type == TOK_BLOCK_BEGIN) {
			p->tok++;
			if (ends != NULL && p->tok->type == TOK_NAME &&
			    ends_have(ends[0], p->tok->s)) {
				break;
			}
			n = statement(p);
			if (n == NULL || expect_block_end(p) < 0) {
				return -ERR_INVALID;
			}
		} else {
			n = p->tok->type == TOK_DATA ? parse_text(p) : parse_print(p);
		}
		if (n == NULL || nodes_add(p, &l, n) < 0) {
			return -ERR_INVALID;
		}
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

/* ---- the whole ---- */

/* Line ends are \n; one at the very end does not count. */
static char *normalised(const char *text)
{
	char *out = xstrdup(text), *w = out;
	const char *s;

	for (s = text; *s != '\0'; s++) {
		if (*s == '\r') {
			*w++ = '\n';
			s += s[1] == '\n';
		} else {
			*w++ = *s;
		}
	}
	if (w > out && w[-1] == '\n') {
		w--;
	}
	*w = '\0';
	return out;
}

int template_parse(const char *text, struct template **ret_template,
		   struct template_place *ret_place, struct error *err)
{
	struct template *t;
	struct toks toks = {0};
	struct parser p = {.err = err, .place = {1, 1}};
	struct error own = {0};
	int rc;

	if (p.err == NULL) {
		p.err = &own;
	}
	if (strlen(text) > TEMPLATE_TEXT_MAX) {
		if (ret_place != NULL) {
			*ret_place = (struct template_place){0, 0};
		}
		return err_set(err, ERR_INVALID, "the template is longer than %u bytes",
			       TEMPLATE_TEXT_MAX);
	}
	t = xcalloc(1, sizeof(*t));
	t->arena.max = ARENA_MAX;
	t->text = normalised(text);
	p.t = t;
	p.arena = &t->arena;
	p.place.line = 0;
	rc = tpl_lex(&t->arena, t->text, &toks, &p.place, p.err);
	if (rc == 0) {
		p.tok = toks.list;
		rc = parse_body(&p, &t->body, &t->n, NULL);
	}
	if (rc < 0) {
		if (ret_place != NULL) {
			*ret_place = p.place;
		}
		template_free(t);
		return -ERR_INVALID;
	}
	*ret_template = t;
	return 0;
}

void template_free(struct template *t)
{
	if (t != NULL) {
		arena_release(&t->arena);
		free(t->text);
		free(t);
	}
}

int template_check_limits(const struct template *t, struct error *err)
{
	if (t->fors > TEMPLATE_FORS_MAX) {
		return err_set(err, ERR_INVALID,
			       "Contains %d for loops. Templates can contain no more "
			       "than %d for loops.",
			       t->fors, TEMPLATE_FORS_MAX);
	}
	if (t->nest > TEMPLATE_NEST_MAX) {
		return err_set(err, ERR_INVALID,
			       "Contains nested for loops at a depth of %d. Templates "
			       "can nest for loops no more than %d loops deep.",
			       t->nest, TEMPLATE_NEST_MAX);
	}
	return 0;
}

int template_is_plain(const char *text)
{
	return strstr(text, "{{") == NULL && strstr(text, "{%") == NULL;
}

int template_mentions(const char *text, const char *name)
{
	return strstr(text, name) != NULL;
}
