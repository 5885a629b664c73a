/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - stdout and stderr of a function over its line, so that what it prints and
 * what it logs keep their order.  What does not go through stdio takes the pipes.
 */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sdk/src/body.h"

static ssize_t put(int stream, const char *data, size_t len)
{
	json_t *text = json_stringn(data, len);

	if (text == NULL) { /* not UTF-8, or half a character */
		return write(stream, data, len);
	}
	line_send(json_pack("{s:s, s:i, s:o}", "op", "print", "s", stream, "t", text));
	return (ssize_t)len;
}

static ssize_t put_out(void *cookie, const char *data, size_t len)
{
	(void)cookie;
	return put(STDOUT_FILENO, data, len);
}

static ssize_t put_err(void *cookie, const char *data, size_t len)
{
	(void)cookie;
	return put(STDERR_FILENO, data, len);
}

void print_capture(void)
{
	FILE *out = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put_out});
	FILE *err = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put_err});

	if (out != NULL) {
		(void)setvbuf(out, NULL, _IOLBF, BUFSIZ);
		stdout = out;
	}
	if (err != NULL) {
		(void)setvbuf(err, NULL, _IONBF, 0);
		stderr = err;
	}
}
