/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_priv.h - the state behind store.h; s3.c speaks to buckets.
 */
#ifndef ENGINE_STORE_STORE_PRIV_H
#define ENGINE_STORE_STORE_PRIV_H

#include "engine/store/store.h"

struct s3_call;

struct store {
	struct loop *loop;
	char *dir; /* also the place of locks when the records are in a bucket */
	char *endpoint, *bucket, *prefix, *region; /* endpoint NULL: a folder */
	struct s3_call *calls;                     /* on their way */
};

enum s3_verb { S3_GET = 1, S3_PUT, S3_DELETE };
int s3_parse(struct store *s, const char *where, struct error *err);
char *s3_url(const struct store *s, const char *key);
struct s3_ask {
	enum s3_verb verb;
	const char *key;
	const char *text; /* of S3_PUT */
	size_t len;
};
void s3_start(struct store *s, const struct s3_ask *ask, store_fn fn, void *arg);
/* Nobody waits for the answers any more. */
void s3_drop(struct store *s);

#endif
