/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guesses.h - how often an address has sent wrong credentials.  Pure: takes the time.
 *
 * An address has GUESSES_FREE attempts, and gets one back every GUESSES_EACH_MS.  When
 * none is left it has to wait, also with the right ones.  At most GUESSES_MAX addresses
 * are remembered; the one that has been silent longest is forgotten first.
 */
#ifndef API_HTTP_GUESSES_H
#define API_HTTP_GUESSES_H

#include <stdint.h>

#define GUESSES_FREE    20
#define GUESSES_EACH_MS 3000
#define GUESSES_MAX     4096

struct guesses; /* opaque */

struct guesses *guesses_new(void);
void guesses_free(struct guesses *g); /* accepts NULL */
/* Milliseconds until ADDRESS may try again; 0: now. */
int64_t guesses_wait_ms(struct guesses *g, const char *address, int64_t now_ms);
void guesses_failed(struct guesses *g, const char *address, int64_t now_ms);

#endif
