/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar.c - the core schema of YAML 1.2.
 */
#include "engine/yaml/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "engine/yaml/node.h"

static int is_one_of(const char *s, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(s, *words) == 0) {
			return 1;
		}
	}
	return 0;
}

/* [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ ; returns the base, 0 when it is no integer.
 */
static int int_base(const char *s, size_t len)
{
	size_t sign = s[0] == '-' || s[0] == '+' ? 1 : 0;

	if (len > 2 && s[0] == '0' && s[1] == 'o') {
		return strspn(s + 2, "01234567") == len - 2 ? 8 : 0;
	}
	if (len > 2 && s[0] == '0' && s[1] == 'x') {
		return strspn(s + 2, "0123456789abcdefABCDEF") == len - 2 ? 16 : 0;
	}
	if (len > sign && strspn(s + sign, "0123456789") == len - sign) {
		return 10;
	}
	return 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static int is_real(const char *s)
{
	size_t whole, part = 0, exp;

	s += *s == '-' || *s == '+' ? 1 : 0;
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		s++;
		part = strspn(s, "0123456789");
		s += part;
	}
	if (whole + part == 0) {
		return 0;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+' ? 1 : 0;
		exp = strspn(s, "0123456789");
		if (exp == 0) {
			return 0;
		}
		s += exp;
	}
	return *s == '\0';
}

static int special_real(const char *s, double *ret_real)
{
	static const char *const inf[] = {".inf", ".Inf", ".INF", "+.inf", NULL};
	static const char *const minus_inf[] = {"-.inf", "-.Inf", "-.INF", NULL};
	static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};

	if (is_one_of(s, inf)) {
		*ret_real = INFINITY;
	} else if (is_one_of(s, minus_inf)) {
		*ret_real = -INFINITY;
	} else if (is_one_of(s, nan_words)) {
		*ret_real = NAN;
	} else {
		return 0;
	}
	return 1;
}

static void resolve_number(const char *s, size_t len, struct yscalar *ret)
{
	int base = int_base(s, len);

	if (base != 0) {
		errno = 0;
		ret->i = strtoll(base == 10 ? s : s + 2, NULL, base);
		if (errno == 0) {
			ret->type = YSCALAR_INT;
			ret->r = (double)ret->i;
			return;
		}
		ret->i = 0;
	}
	if (special_real(s, &ret->r)) {
		ret->type = YSCALAR_REAL;
	} else if (is_real(s)) {
		ret->type = YSCALAR_REAL;
		ret->r = strtod(s, NULL);
	}
}

void yscalar_resolve(const struct ynode *n, struct yscalar *ret_scalar)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	const char *s = n->text;

	memset(ret_scalar, 0, sizeof(*ret_scalar));
	if (n->style != YSTYLE_PLAIN || strlen(s) != n->len) {
		return;
	}
	if (is_one_of(s, nulls)) {
		ret_scalar->type = YSCALAR_NULL;
	} else if (is_one_of(s, trues) || is_one_of(s, falses)) {
		ret_scalar->type = YSCALAR_BOOL;
		ret_scalar->i = s[0] == 't' || s[0] == 'T';
	} else {
		resolve_number(s, n->len, ret_scalar);
	}
}

int yscalar_is_old_bool(const struct ynode *n)
{
	static const char *const words[] = {"yes", "no", "on", "off", "y", "n"};
	size_t i;

	for (i = 0; n->style == YSTYLE_PLAIN && i < ARRAY_LEN(words); i++) {
		if (strcasecmp(n->text, words[i]) == 0) {
			return 1;
		}
	}
	return 0;
}
