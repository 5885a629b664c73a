/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_pred.c - whatever is put into the predicate builder, a closed expression comes
 * out that has as many placeholders as values, and nothing of the values in its text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "base/compiler.h"

static void check(const struct db_pred *p, enum sql_dialect dialect)
{
	const char *s = pred_text(p, dialect);
	size_t count, marks = 0;
	int depth = 0, quoted = 0;

	(void)pred_args(p, &count);
	for (; *s != '\0'; s++) {
		quoted ^= *s == '\'';
		depth += !quoted && *s == '(';
		depth -= !quoted && *s == ')';
		marks += *s == PRED_MARK;
		if (depth < 0 || *s == ';' || *s == '!') {
			abort();
		}
	}
	if (depth != 0 || quoted || marks != count) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct db_arg args[8];
	struct db_pred *p = pred_new();
	int open = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(args); i++) {
		args[i] = db_a_textn("!;')--", i < 6 ? i : 6);
	}
	for (i = 0; i + 1 < size && i < 4000; i += 2) {
		enum sql_frag frag =
		    (enum sql_frag)(1 + data[i + 1] % (SQL_FRAG_MAX - 1));
		const struct sql_fragment *f = &sql_fragments[frag];

		if (data[i] < 60 && (f->flags & FRAG_F_BODY) != 0 && f->marks == 0) {
			pred_open_in(p, frag, data[i] & 1);
			open++;
		} else if (data[i] < 90) {
			pred_open(p, data[i] & 1);
			open++;
		} else if (data[i] < 130 && open > 0) {
			pred_close(p);
			open--;
		} else if (f->flags == 0 && f->marks <= 8) {
			pred_add(p, frag, args, (size_t)f->marks);
		} else if ((f->flags & FRAG_F_LIST) != 0 && f->marks == 0) {
			pred_add_list(p, frag, args, data[i] % 9);
		}
	}
	for (; open > 0; open--) {
		pred_close(p);
	}
	if (!pred_is_poisoned(p)) {
		check(p, DIALECT_SQLITE);
		check(p, DIALECT_PG);
	}
	pred_free(p);
	return 0;
}
