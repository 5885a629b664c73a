/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_keys.c - see block_keys.h.
 */
#include "api/server/block_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/db/db.h"
#include "api/routes/blocks/block_secret.h"
#include "api/routes/blocks/builtin.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seal.h"

#define KEY_FILE_MAX 65536

struct start {
	const struct seal_keys *keys;
	int64_t count; /* documents that are sealed; or were just now */
};

static int count_work(struct db_conn *c, void *arg, struct error *err)
{
	struct start *s = arg;

	return block_seal_count(c, &s->count, err);
}

static int check_work(struct db_conn *c, void *arg, struct error *err)
{
	const struct start *s = arg;

	return block_seal_check(c, s->keys, err);
}

static int seal_work(struct db_conn *c, void *arg, struct error *err)
{
	struct start *s = arg;
	int rc = block_seal_old(c, s->keys, err);

	s->count = rc;
	return rc < 0 ? rc : 0;
}

static int builtins_work(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return block_builtins_install(c, clock_wall_us(), err);
}

/* ---- the file ---- */

static int make_file(const char *path, struct error *err)
{
	char *key = seal_key_new();
	char *text = xasprintf("# Seals the block documents of this data directory. "
			       "Without it they cannot be read.\n%s\n",
			       key);
	int rc = file_write_atomic(path, text, strlen(text), 0600, err);

	seal_text_free(key);
	seal_text_free(text);
	if (rc == 0) {
		log_info("made %s: keep a copy of it with those of the database", path);
	}
	return rc;
}

static void check_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		log_warn("%s can be read by others than its owner: chmod 600 it", path);
	}
}

static struct seal_keys *read_file(const char *path, struct error *err)
{
	struct seal_keys *keys = NULL;
	struct buf b;

	buf_init(&b);
	check_mode(path);
	if (buf_read_file(&b, path, KEY_FILE_MAX, err) == 0) {
		keys = seal_keys_parse(b.data, err);
	}
	explicit_bzero(b.data, b.len);
	buf_release(&b);
	if (keys == NULL) {
		err_wrap(err, "the key file %s", path);
	}
	return keys;
}

/* Made only when there is nothing that it could not open. */
static int own_file(struct db *db, const char *path, struct error *err)
{
	struct start s = {.count = 0};
	int rc;

	if (access(path, F_OK) == 0) {
		return 0;
	}
	rc = db_run(db, DB_READ, count_work, &s, err);
	if (rc == 0 && s.count > 0) {
		rc = err_set(err, ERR_DENIED,
			     "%lld block documents are sealed and %s is not there: put "
			     "it back, or give the key with --block-key-file",
			     (long long)s.count, path);
	}
	return rc == 0 ? make_file(path, err) : rc;
}

static int use_keys(struct db *db, const struct seal_keys *keys, const char *path,
		    struct error *err)
{
	struct start s = {.keys = keys, .count = BLOCK_SEAL_SLICE};
	int rc = db_run(db, DB_READ, check_work, &s, err);

	if (rc < 0) {
		return err_wrap(err, "%s lacks a key", path);
	}
	while (rc == 0 && s.count == BLOCK_SEAL_SLICE) {
		rc = db_run(db, DB_WRITE, seal_work, &s, err);
	}
	return rc == 0 ? db_run(db, DB_WRITE, builtins_work, NULL, err) : rc;
}

int block_keys_start(struct db *db, const char *dir, const char *file,
		     struct seal_keys **ret_keys, struct error *err)
{
	int ours = file == NULL || file[0] == '\0';
	char *path = ours ? xasprintf("%s/block.key", dir) : xstrdup(file);
	struct seal_keys *keys = NULL;
	int rc = ours ? own_file(db, path, err) : 0;

	if (rc == 0) {
		keys = read_file(path, err);
		rc = keys != NULL ? use_keys(db, keys, path, err) : -err->code;
	}
	if (rc == 0) {
		*ret_keys = keys;
		keys = NULL;
	}
	seal_keys_free(keys);
	free(path);
	return rc;
}
