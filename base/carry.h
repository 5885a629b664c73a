/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry.h - what a program leaves to the new version that it executes in its own
 * process: descriptors that stay open, and lines of JSON in a memory file whose number
 * is in the environment.
 */
#ifndef BASE_CARRY_H
#define BASE_CARRY_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

struct error;
struct notify;

#define CARRY_LINE_MAX  (64u << 20)
#define CARRY_BYTES_MAX (1u << 30)

struct carry {
	struct buf text;
	int *fds; /* that stay open */
	size_t count;
};

void carry_init(struct carry *c);
void carry_release(struct carry *c);
/* FD (borrowed; -1 is accepted) stays open over the exec; the number, for the JSON. */
json_t *carry_fd(struct carry *c, int fd);
/* Adds O, which is taken, as a line. */
void carry_line(struct carry *c, json_t *o);

struct carry_exec {
	const char *variable; /* names the memory file in the environment */
	const char *program;
	char *const *argv;
	const struct notify *notify; /* gets its variables back; may be NULL */
};
/* Executes the program with what C holds.  Returns only when that failed: -code, and
 * everything is as before. */
int carry_exec(struct carry *c, const struct carry_exec *e, struct error *err);
/* A memory file with the lines of C, for a trial; -code. */
int carry_file(const struct carry *c, const char *name, struct error *err);

/*
 * The new program: the lines that VARIABLE names, or 0 bytes when there is no such
 * variable.  The variable is kept: carry_forget() drops it and closes the file.
 */
int carry_read(const char *variable, struct buf *ret, struct error *err);
void carry_forget(const char *variable);
/* The next line of TEXT from *AT on; NULL: the end (err->code 0), or what is no JSON.
 */
json_t *carry_next(const struct buf *text, size_t *at, struct error *err);
/* A descriptor of the line's KEY, closed on exec again from now on; -1: none. */
int carry_take_fd(const json_t *o, const char *key);

/* Bytes that need not be text. */
json_t *carry_bytes(const void *data, size_t len);
/* Appended to OUT; what is no such text adds nothing. */
void carry_take_bytes(const json_t *o, const char *key, struct buf *out);
long long carry_int(const json_t *o, const char *key);   /* 0 when absent */
const char *carry_str(const json_t *o, const char *key); /* "" when absent */

#endif
