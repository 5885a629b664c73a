/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - where results are kept by key: a folder, or a bucket that speaks S3.
 *
 *     /var/lib/results                                 a folder (also file://...)
 *     s3://BUCKET/PREFIX?endpoint=http://host:9000&region=eu-1
 *
 * A record is one JSON document, the same that Prefect writes, so that a Python task
 * reads a native result and the other way round (see record below).  A file appears
 * whole or not at all.  The keys of S3 come from AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY; requests run in a child process, so that the loop never waits.
 */
#ifndef ENGINE_STORE_STORE_H
#define ENGINE_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct error;
struct loop;
struct store;

#define STORE_RECORD_MAX (64u << 20)
#define STORE_KEY_MAX    200u /* bytes; a longer key becomes its sha256 */

/* WHERE NULL: the folder of results_dir(). */
struct store *store_open(struct loop *loop, const char *where, struct error *err);
void store_free(struct store *s); /* accepts NULL; answers on their way are dropped */

/*
 * FN is called once, maybe before the call returns: RC 0 and the record (get), or
 * -ERR_NOT_FOUND, or another code and WHY.
 */
typedef void (*store_fn)(int rc, const char *text, size_t len, const char *why,
			 void *arg);
void store_get(struct store *s, const char *key, store_fn fn, void *arg);
void store_put(struct store *s, const char *key, const char *text, size_t len,
	       store_fn fn, void *arg);
void store_remove(struct store *s, const char *key, store_fn fn, void *arg);
/* The absolute path (or the URL) of KEY, as metadata carries it; owned. */
char *store_path(const struct store *s, const char *key);

/* ---- records ---- */

struct store_record {
	json_t *value;
	int64_t expires_us; /* TIME_NONE: never */
};
/* The document; owned. */
char *record_write(const struct store *s, const char *key, const json_t *value,
		   int64_t expires_us);
/*
 * Reads records whose serializer is json; -ERR_UNSUPPORTED for others (pickle), which
 * count as not there.  A wrong sha256 is -ERR_INVALID.
 */
int record_read(const char *text, size_t len, struct store_record *ret_record,
		struct error *err);

/* ---- keys ---- */

/* "wf1-" and the sha256 of the canonical JSON of PARTS; owned. */
char *store_key(const json_t *parts);
/* KEY fit for a file: itself, or its sha256 when it is too long or leads elsewhere. */
char *store_key_clean(const char *key);

/* ---- locks ---- */

/*
 * A lock on KEY that ends with its holder, on this host or on all that share the
 * folder (flock).  >= 0: held until closed; -ERR_BUSY: somebody else has it.
 */
int store_lock(const struct store *s, const char *key, struct error *err);
void store_unlock(int fd);

#endif
