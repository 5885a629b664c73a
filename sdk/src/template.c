/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.c - "{url: %s, depth: %d}" and its arguments to JSON.
 *
 *     value  := object | array | text | number | word | spec
 *     object := "{" [key ":" value ("," key ":" value)* [","]] "}"
 *     key    := text | bare word
 *     text   := '...' | "..." (JSON escapes; %s %d %ld %lld %f inside; %% is %)
 *     spec   := %s %d %ld %lld %f %b %J %F
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "sdk/src/body.h"

#define MAX_DEPTH 64

struct parser {
	const char *file;
	int line;
	const char *text, *at;
	va_list ap;
	int depth, failed;
};

static void *bad(struct parser *p, const char *what)
{
	if (!p->failed) {
		p->failed = 1;
		body_error(p->file, p->line, "template: %s at byte %zu of \"%.120s\"",
			   what, (size_t)(p->at - p->text), p->text);
	}
	return NULL;
}

static char peek(struct parser *p)
{
	while (isspace((unsigned char)*p->at)) {
		p->at++;
	}
	return *p->at;
}

/* %s, %d, ...; behind the percent sign.  NULL is a text that is not there: null. */
static json_t *spec_value(struct parser *p)
{
	const char *s;
	wf_fut *f;
	json_t *v;

	switch (*p->at++) {
	case 's':
		s = va_arg(p->ap, const char *);
		v = s != NULL ? json_string(s) : json_null();
		return v != NULL ? v : bad(p, "a %s that is not UTF-8");
	case 'd':
		return json_integer(va_arg(p->ap, int));
	case 'b':
		return json_boolean(va_arg(p->ap, int));
	case 'f':
		v = json_real(va_arg(p->ap, double));
		return v != NULL ? v : json_null();
	case 'l':
		if (*p->at == 'l') {
			p->at++;
		}
		if (*p->at++ != 'd') {
			break;
		}
		return json_integer(va_arg(p->ap, long long));
	case 'J': {
		wf_json j = va_arg(p->ap, wf_json);

		return j != NULL ? json_incref(raw(j)) : json_null();
	}
	case 'F':
		f = va_arg(p->ap, wf_fut *);
		return f != NULL ? json_pack("{s:i}", FUT_KEY, f->id) : json_null();
	default:
		break;
	}
	p->at--;
	return bad(p, "unknown % letter (s d ld lld f b J F)");
}

/* A % inside a text: its value as text. */
static void add_spec(struct parser *p, struct buf *b)
{
	json_t *v;

	if (*p->at == '%') {
		p->at++;
		buf_addc(b, '%');
		return;
	}
	v = spec_value(p);
	if (json_is_string(v)) {
		buf_add(b, json_string_value(v), json_string_length(v));
	} else if (v != NULL) {
		char *text = json_text(v);

		buf_adds(b, text);
		free(text);
	}
	json_decref(v);
}

static void add_escape(struct parser *p, struct buf *b)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	const char *hit = *p->at != '\0' ? strchr(from, *p->at) : NULL;

	if (*p->at == '\0') {
		(void)bad(p, "text without end");
		return;
	}
	buf_addc(b, (char)(hit != NULL ? to[hit - from] : *p->at));
	p->at++;
}

static int parse_text(struct parser *p, struct buf *b)
{
	char quote = *p->at++;

	while (*p->at != quote && !p->failed) {
		if (*p->at == '\0') {
			(void)bad(p, "text without end");
		} else if (*p->at == '\\') {
			p->at++;
			add_escape(p, b);
		} else if (*p->at == '%') {
			p->at++;
			add_spec(p, b);
		} else {
			buf_addc(b, *p->at++);
		}
	}
	if (p->failed) {
		return -1;
	}
	p->at++;
	return 0;
}

static json_t *parse_value(struct parser *p);

static int is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static int parse_key(struct parser *p, struct buf *key)
{
	char c = peek(p);

	if (c == '\'' || c == '"') {
		return parse_text(p, key);
	}
	while (is_word(*p->at)) {
		buf_addc(key, *p->at++);
	}
	if (key->len == 0) {
		(void)bad(p, "a key was expected");
		return -1;
	}
	return 0;
}

static void parse_members(struct parser *p, json_t *obj)
{
	struct buf key;
	json_t *v;

	buf_init(&key);
	while (!p->failed && peek(p) != '}') {
		buf_reset(&key);
		if (parse_key(p, &key) < 0) {
			break;
		}
		if (peek(p) != ':') {
			(void)bad(p, "':' was expected");
			break;
		}
		p->at++;
		v = parse_value(p);
		if (v == NULL || json_object_set_new(obj, key.data, v) != 0) {
			(void)bad(p, "a value was expected");
			break;
		}
		if (peek(p) == ',') {
			p->at++;
		} else if (peek(p) != '}') {
			(void)bad(p, "',' or '}' was expected");
		}
	}
	buf_release(&key);
}

static void parse_items(struct parser *p, json_t *arr)
{
	json_t *v;

	while (!p->failed && peek(p) != ']') {
		v = parse_value(p);
		if (v == NULL) {
			(void)bad(p, "a value was expected");
			break;
		}
		(void)json_array_append_new(arr, v);
		if (peek(p) == ',') {
			p->at++;
		} else if (peek(p) != ']') {
			(void)bad(p, "',' or ']' was expected");
		}
	}
}

static json_t *parse_scalar(struct parser *p)
{
	const char *start = p->at;
	char *word;
	json_t *v;

	while (is_word(*p->at) || *p->at == '+') {
		p->at++;
	}
	word = xstrndup(start, (size_t)(p->at - start));
	v = json_parse(word, strlen(word), BODY_FRAME_MAX, NULL);
	free(word);
	if (v == NULL) {
		p->at = start;
		return bad(p, "a text needs quotes; a value was expected");
	}
	return v;
}

/* Bounded by MAX_DEPTH. */
static json_t *parse_value(struct parser *p)
{
	char c = peek(p);
	json_t *v = NULL;
	struct buf b;

	if (++p->depth > MAX_DEPTH) {
		return bad(p, "too deep");
	}
	if (c == '{' || c == '[') {
		p->at++;
		v = c == '{' ? json_object() : json_array();
		if (c == '{') {
			parse_members(p, v);
		} else {
			parse_items(p, v);
		}
		p->at += p->failed ? 0 : 1;
	} else if (c == '\'' || c == '"') {
		buf_init(&b);
		if (parse_text(p, &b) == 0) {
			v = json_stringn(b.data, b.len);
		}
		buf_release(&b);
		v = v != NULL ? v : bad(p, "a text that is not UTF-8");
	} else if (c == '%') {
		p->at++;
		v = spec_value(p);
	} else {
		v = parse_scalar(p);
	}
	p->depth--;
	if (p->failed) {
		json_decref(v);
		return NULL;
	}
	return v;
}

json_t *template_make(const char *file, int line, const char *fmt, va_list *ap)
{
	struct parser p = {.file = file, .line = line, .text = fmt, .at = fmt};
	json_t *v;

	if (fmt == NULL) {
		body_error(file, line, "the template is NULL");
		return NULL;
	}
	va_copy(p.ap, *ap);
	v = parse_value(&p);
	va_end(p.ap);
	if (v != NULL && peek(&p) != '\0') {
		json_decref(v);
		return bad(&p, "the value is over here");
	}
	return v;
}
