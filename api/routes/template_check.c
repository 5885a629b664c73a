/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_check.c - a walk over the text of a template.
 *
 * The messages are those of the engine that clients know.
 */
#include "api/routes/template_check.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

#define DEPTH_MAX 64 /* of blocks, and of brackets in one expression */

/* What opens a block, and what closes it. */
static const struct block {
	const char *open, *close, *between;
} blocks[] = {
    {"if", "endif", "'elif' or 'else' or 'endif'"},
    {"for", "endfor", "'else' or 'endfor'"},
    {"filter", "endfilter", "'endfilter'"},
    {"with", "endwith", "'endwith'"},
    {"macro", "endmacro", "'endmacro'"},
    {"call", "endcall", "'endcall'"},
    {"block", "endblock", "'endblock'"},
    {"autoescape", "endautoescape", "'endautoescape'"},
};
static const char *const single[] = {"else",   "elif",    "set",  "do",
				     "import", "include", "from", "extends"};

struct check {
	const char *at;
	int line;
	const struct block *open[DEPTH_MAX];
	size_t depth;
	struct error *err;
};

/* Moves to END, counting lines. */
static void move_to(struct check *c, const char *end)
{
	for (; c->at < end; c->at++) {
		c->line += *c->at == '\n';
	}
}

static size_t skip_string(const char *s)
{
	const char quote = s[0];
	size_t i = 1;

	while (s[i] != '\0' && s[i] != quote) {
		i += s[i] == '\\' && s[i + 1] != '\0' ? 2 : 1;
	}
	return s[i] == quote ? i + 1 : 0;
}

static int bad_end(struct check *c, const char *what)
{
	return err_set(c->err, ERR_INVALID,
		       "unexpected end of template, expected 'end of %s'.", what);
}

/* One character of an expression: 0, or what is wrong with the brackets. */
static int bracket(struct check *c, char ch, char *stack, size_t *depth)
{
	static const char open[] = "([{", close[] = ")]}";
	const char *o = strchr(open, ch), *cl = strchr(close, ch);

	if (ch == '\0' || (o == NULL && cl == NULL)) {
		return 0;
	}
	if (o != NULL) {
		if (*depth == DEPTH_MAX) {
			return err_set(c->err, ERR_INVALID,
				       "the expression is nested too deeply");
		}
		stack[(*depth)++] = close[o - open];
		return 0;
	}
	if (*depth == 0) {
		return err_set(c->err, ERR_INVALID, "unexpected '%c'", ch);
	}
	if (stack[--*depth] != ch) {
		return err_set(c->err, ERR_INVALID, "unexpected '%c', expected '%c'",
			       ch, stack[*depth]);
	}
	return 0;
}

/* From behind the opening delimiter to in front of END; strings may contain it. */
static int expression(struct check *c, const char *end, const char *what,
		      const char **ret_begin)
{
	char stack[DEPTH_MAX];
	size_t depth = 0, n;
	int rc = 0;

	c->at += 2;
	*ret_begin = c->at;
	while (*c->at != '\0' && (depth > 0 || strncmp(c->at, end, 2) != 0)) {
		n = 1;
		if (*c->at == '"' || *c->at == '\'') {
			n = skip_string(c->at);
			if (n == 0) {
				return err_set(c->err, ERR_INVALID,
					       "unexpected char %c%c%c", '"', *c->at,
					       '"');
			}
		} else {
			rc = bracket(c, *c->at, stack, &depth);
		}
		if (rc < 0) {
			return rc;
		}
		move_to(c, c->at + n);
	}
	return *c->at == '\0' ? bad_end(c, what) : 0;
}

static int is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(s, word, len) == 0;
}

static int close_block(struct check *c, const char *s, size_t len)
{
	const struct block *b = c->depth > 0 ? c->open[c->depth - 1] : NULL;

	if (b != NULL && is_word(s, len, b->close)) {
		c->depth--;
		return 0;
	}
	if (b != NULL) {
		return err_set(c->err, ERR_INVALID,
			       "Encountered unknown tag '%.*s'. Jinja was looking for "
			       "the following tags: %s. The innermost block that needs "
			       "to be closed is '%s'.",
			       (int)len, s, b->between, b->open);
	}
	return err_set(c->err, ERR_INVALID, "Encountered unknown tag '%.*s'.", (int)len,
		       s);
}

static int tag(struct check *c, const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t len;

	s += strspn(s, "-+ \t\r\n");
	len = strspn(s, letters);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		if (!is_word(s, len, blocks[i].open)) {
			continue;
		}
		if (c->depth == DEPTH_MAX) {
			return err_set(c->err, ERR_INVALID,
				       "blocks are nested too deeply");
		}
		c->open[c->depth++] = &blocks[i];
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(single); i++) {
		if (is_word(s, len, single[i])) {
			return 0;
		}
	}
	return close_block(c, s, len < 60 ? len : 60);
}

/* The text of {% raw %} is no template. */
static int raw(struct check *c)
{
	const char *end = strstr(c->at, "endraw");

	if (end == NULL) {
		return err_set(c->err, ERR_INVALID, "Missing end of raw directive");
	}
	move_to(c, end);
	return 0;
}

static int is_raw(const char *s)
{
	s += strspn(s, "-+ \t\r\n");
	return strncmp(s, "raw", 3) == 0 && strchr("-+ \t\r\n%", s[3]) != NULL;
}

static int step(struct check *c)
{
	const char *begin, *end;
	int rc = 0;

	if (strncmp(c->at, "{#", 2) == 0) {
		end = strstr(c->at + 2, "#}");
		if (end == NULL) {
			return err_set(c->err, ERR_INVALID,
				       "Missing end of comment tag");
		}
		move_to(c, end + 2);
	} else if (strncmp(c->at, "{{", 2) == 0) {
		rc = expression(c, "}}", "print statement", &begin);
		if (rc == 0 && begin + strspn(begin, "-+ \t\r\n") == c->at) {
			rc = err_set(c->err, ERR_INVALID,
				     "Expected an expression, got 'end of print "
				     "statement'");
		}
		move_to(c, c->at + (rc == 0 ? 2 : 0));
	} else if (strncmp(c->at, "{%", 2) == 0) {
		rc = is_raw(c->at + 2) ? raw(c) : 0;
		c->at -= rc == 0 && strncmp(c->at, "{%", 2) != 0 ? 2 : 0;
		rc = rc == 0 ? expression(c, "%}", "statement block", &begin) : rc;
		rc = rc == 0 && strncmp(begin, "endraw", 6) != 0 ? tag(c, begin) : rc;
		move_to(c, c->at + (rc == 0 ? 2 : 0));
	} else {
		move_to(c, c->at + 1);
	}
	return rc;
}

int template_text_check(const char *text, int *ret_line, struct error *err)
{
	struct check c = {.at = text, .line = 1, .err = err};
	int rc = 0;

	while (rc == 0 && *c.at != '\0') {
		rc = step(&c);
	}
	*ret_line = c.line;
	if (rc == 0 && c.depth > 0) {
		rc = err_set(err, ERR_INVALID,
			     "Unexpected end of template. Jinja was looking for the "
			     "following tags: %s. The innermost block that needs to be "
			     "closed is '%s'.",
			     c.open[c.depth - 1]->between, c.open[c.depth - 1]->open);
	}
	return rc;
}
