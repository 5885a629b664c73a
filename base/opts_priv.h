/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts_priv.h - shared by the opts_*.c files.
 */
#ifndef BASE_OPTS_PRIV_H
#define BASE_OPTS_PRIV_H

#include "base/buf.h"
#include "base/opts.h"

/* Sets the member of CONF that OPT describes from TEXT; a list is appended to.  The
 * message names neither the option nor the source. */
int opt_set(const struct opt *opt, void *conf, const char *text, struct error *err);
void opt_clear(const struct opt *opt, void *conf); /* frees strings and lists */
/* The value as text that opt_set() reads back. */
void opt_format(const struct opt *opt, const void *conf, struct buf *out);

const struct opt *opts_find(const struct opt_spec *spec, const char *name, size_t len);
const struct opt *opts_find_letter(const struct opt_spec *spec, char letter);
/* "NAME", or a word that fits the type; NULL for a boolean. */
const char *opt_metavar(const struct opt *opt);

#endif
