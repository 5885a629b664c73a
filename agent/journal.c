/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.c - see journal.h.
 *
 * Indexes grow by one for each record and are never used again, also not by the next
 * process: its first segment begins behind the last one found.  The watermark file
 * holds the oldest index that was not acknowledged; it may be behind the truth, never
 * ahead.
 */
#include "agent/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/crc32c.h"
#include "agent/segment.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

#define MAX_BYTES      ((int64_t)256 << 20)
#define SEGMENT_BYTES  ((int64_t)4 << 20)
#define MARK_EVERY     64 /* acknowledgements between two writes of the watermark */
#define FOLDER_MODE    0700
#define FILE_MODE      0600
#define SEGMENTS_MAX   100000
#define MARK_FILE_LEN  12
#define SEGMENT_SUFFIX ".wfj"

TAILQ_HEAD(segment_list, segment);

struct journal {
	char *path;
	int lock_fd, mark_fd;
	int64_t max_bytes, segment_bytes;
	uint8_t owner[16];
	struct segment_list segments;
	struct segment *current; /* written to; NULL: none yet */
	uint64_t next;           /* index of the next record */
	uint64_t oldest;         /* oldest unacknowledged index, or next */
	uint64_t marked;         /* what the watermark file says */
	uint64_t live;
	int64_t bytes;
};

/* ---- the watermark ---- */

static void mark_write(struct journal *j)
{
	uint8_t b[MARK_FILE_LEN];
	uint32_t crc;

	memcpy(b, &j->oldest, sizeof(j->oldest));
	crc = crc32c(0, b, sizeof(j->oldest));
	memcpy(b + sizeof(j->oldest), &crc, sizeof(crc));
	/* A failure costs duplicates after a restart, nothing else. */
	if (pwrite(j->mark_fd, b, sizeof(b), 0) == (ssize_t)sizeof(b)) {
		j->marked = j->oldest;
	}
}

static uint64_t mark_read(const struct journal *j)
{
	uint8_t b[MARK_FILE_LEN];
	uint64_t mark = 0;
	uint32_t crc = 0;

	if (pread(j->mark_fd, b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
		return 0;
	}
	memcpy(&mark, b, sizeof(mark));
	memcpy(&crc, b + sizeof(mark), sizeof(crc));
	return crc == crc32c(0, b, sizeof(mark)) ? mark : 0;
}

/* ---- acknowledging ---- */

static void drop_segment(struct journal *j, struct segment *s)
{
	TAILQ_REMOVE(&j->segments, s, link);
	j->bytes -= s->size;
	if (j->current == s) {
		j->current = NULL;
	}
	segment_free(s, 1);
}

static uint64_t find_oldest(const struct journal *j)
{
	const struct segment *s;

	TAILQ_FOREACH (s, &j->segments, link) {
		if (s->live == 0) {
			continue;
		}
		uint64_t i = j->oldest > s->first ? j->oldest - s->first : 0;
		while (i < s->count && s->acked[i]) {
			i++;
		}
		if (i < s->count) {
			return s->first + i;
		}
	}
	return j->next;
}

static struct segment *find_segment(const struct journal *j, uint64_t index)
{
	struct segment *s;

	TAILQ_FOREACH (s, &j->segments, link) {
		if (index >= s->first && index - s->first < s->count) {
			return s;
		}
	}
	return NULL;
}

void journal_ack(struct journal *j, uint64_t index)
{
	struct segment *s = find_segment(j, index);

	if (s == NULL || !segment_ack(s, index)) {
		return;
	}
	j->live--;
	if (index == j->oldest) {
		j->oldest = find_oldest(j);
	}
	if (s->live == 0 && s != j->current) {
		drop_segment(j, s);
	}
	if (j->live == 0 || j->oldest - j->marked >= MARK_EVERY) {
		mark_write(j);
	}
}

/* ---- opening ---- */

static int take_slot(struct journal *j, const char *base, int slot, struct error *err)
{
	char *folder = xasprintf("%s/%d", base, slot);
	char *lock = xasprintf("%s/lock", folder);
	int rc = mkdir_p(folder, FOLDER_MODE, err);

	if (rc == 0) {
		j->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
		rc = j->lock_fd < 0 ? err_errno(err, "open %s", lock) : 0;
	}
	if (rc == 0 && flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK ? -ERR_BUSY : err_errno(err, "lock %s", lock);
		(void)close(j->lock_fd);
		j->lock_fd = -1;
	}
	free(lock);
	if (rc < 0) {
		free(folder);
		return rc;
	}
	j->path = folder;
	return 0;
}

static int take_any_slot(struct journal *j, const char *base, struct error *err)
{
	for (int slot = 0; slot < JOURNAL_SLOTS; slot++) {
		int rc = take_slot(j, base, slot, err);
		if (rc != -ERR_BUSY) {
			return rc;
		}
	}
	return err_set(
	    err, ERR_LIMIT,
	    "all %d journals below %s are in use by other processes: give this "
	    "one a folder of its own",
	    JOURNAL_SLOTS, base);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_segments(const char *folder, char ***ret_names, size_t *ret_count,
			 struct error *err)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	char **names = NULL;
	size_t n = 0;

	if (d == NULL) {
		return err_errno(err, "open %s", folder);
	}
	while ((e = readdir(d)) != NULL && n < SEGMENTS_MAX) {
		size_t len = strlen(e->d_name), suffix = strlen(SEGMENT_SUFFIX);
		if (len > suffix &&
		    strcmp(e->d_name + len - suffix, SEGMENT_SUFFIX) == 0) {
			names = xreallocarray(names, n + 1, sizeof(*names));
			names[n++] = xstrdup(e->d_name);
		}
	}
	(void)closedir(d);
	if (n > 0) {
		qsort(names, n, sizeof(*names), by_name);
	}
	*ret_names = names;
	*ret_count = n;
	return 0;
}

/* A file that is no segment is set aside, not deleted. */
static int load_segment(struct journal *j, const char *name,
			struct journal_stats *stats, struct error *err)
{
	char *path = xasprintf("%s/%s", j->path, name);
	uint64_t dropped = 0;
	struct segment *s = NULL;
	int rc = segment_open(path, &s, &dropped, err);

	if (dropped > 0) {
		stats->dropped_bytes += dropped;
		(void)snprintf(stats->dropped_file, sizeof(stats->dropped_file), "%s",
			       path);
	}
	if (rc == -ERR_PROTOCOL) {
		char *aside = xasprintf("%s.bad", path);
		rc = rename(path, aside) < 0 ? err_errno(err, "rename %s", path) : 0;
		free(aside);
	}
	free(path);
	if (rc < 0 || s == NULL) {
		return rc;
	}
	TAILQ_INSERT_TAIL(&j->segments, s, link);
	j->bytes += s->size;
	j->live += s->live;
	j->next = MAX_OF(j->next, s->first + s->count);
	return 0;
}

static int load(struct journal *j, struct journal_stats *stats, struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc = list_segments(j->path, &names, &n, err);

	for (size_t i = 0; i < n; i++) {
		if (rc == 0) {
			rc = load_segment(j, names[i], stats, err);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static void ack_below(struct journal *j, uint64_t mark)
{
	struct segment *s = TAILQ_FIRST(&j->segments);

	while (s != NULL) {
		struct segment *next = TAILQ_NEXT(s, link);
		for (uint64_t i = 0; i < s->count && s->first + i < mark; i++) {
			j->live -= (uint64_t)segment_ack(s, s->first + i);
		}
		if (s->live == 0) {
			drop_segment(j, s);
		}
		s = next;
	}
}

static int replay(const struct journal *j, journal_replay_fn fn, void *arg,
		  struct journal_stats *stats, struct error *err)
{
	const struct segment *s;
	struct buf b;
	int rc = 0;

	buf_init(&b);
	TAILQ_FOREACH (s, &j->segments, link) {
		for (uint64_t i = 0; rc == 0 && i < s->count; i++) {
			if (s->acked[i]) {
				continue;
			}
			buf_reset(&b);
			rc = segment_read(s, s->first + i, &b, err);
			if (rc == 0) {
				stats->replayed++;
				fn(s->first + i, s->owner, b.data, b.len, arg);
			}
		}
	}
	buf_release(&b);
	return rc;
}

static int open_mark(struct journal *j, struct error *err)
{
	char *path = xasprintf("%s/acked", j->path);

	j->mark_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	int rc = j->mark_fd < 0 ? err_errno(err, "open %s", path) : 0;
	free(path);
	return rc;
}

static void journal_free(struct journal *j)
{
	struct segment *s;

	while ((s = TAILQ_FIRST(&j->segments)) != NULL) {
		TAILQ_REMOVE(&j->segments, s, link);
		segment_free(s, s->live == 0);
	}
	if (j->mark_fd >= 0) {
		(void)close(j->mark_fd);
	}
	if (j->lock_fd >= 0) {
		(void)close(j->lock_fd);
	}
	free(j->path);
	free(j);
}

int journal_open(const struct journal_conf *conf, journal_replay_fn fn, void *arg,
		 struct journal_stats *ret_stats, struct journal **ret_journal,
		 struct error *err)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	struct journal_stats stats = {0};
	int rc;

	j->lock_fd = j->mark_fd = -1;
	j->max_bytes = conf->max_bytes > 0 ? conf->max_bytes : MAX_BYTES;
	j->segment_bytes =
	    conf->segment_bytes > 0 ? conf->segment_bytes : SEGMENT_BYTES;
	memcpy(j->owner, conf->owner, sizeof(j->owner));
	TAILQ_INIT(&j->segments);
	if (conf->held_path != NULL) {
		j->path = xstrdup(conf->held_path);
		j->lock_fd = conf->held_fd;
		rc = 0;
	} else {
		rc = take_any_slot(j, conf->dir, err);
	}
	if (rc == 0) {
		rc = open_mark(j, err);
	}
	if (rc == 0) {
		rc = load(j, &stats, err);
	}
	if (rc == 0) {
		uint64_t mark = mark_read(j);
		j->next = MAX_OF(j->next, mark);
		ack_below(j, mark);
		j->oldest = find_oldest(j);
		j->marked = mark;
		rc = replay(j, fn, arg, &stats, err);
	}
	if (rc < 0) {
		(void)err_wrap(err, "open the journal in %s", conf->dir);
		journal_free(j);
		return rc;
	}
	*ret_stats = stats;
	*ret_journal = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (j == NULL) {
		return;
	}
	(void)journal_sync(j, NULL); /* an error is told by the next start's replay */
	mark_write(j);
	journal_free(j);
}

int journal_leave(struct journal *j)
{
	mark_write(j);
	return j->lock_fd;
}

/* ---- appending and reading ---- */

static int roll(struct journal *j, struct error *err)
{
	struct segment *s = NULL;
	int rc = segment_create(j->path, j->next, j->owner, &s, err);

	if (rc < 0) {
		return rc;
	}
	struct segment *old = j->current;
	TAILQ_INSERT_TAIL(&j->segments, s, link);
	j->bytes += s->size;
	j->current = s;
	if (old != NULL && old->live == 0) {
		drop_segment(j, old);
	}
	return 0;
}

int journal_append(struct journal *j, const void *data, size_t len, uint64_t *ret_index,
		   struct error *err)
{
	int64_t more = (int64_t)len + SEGMENT_RECORD_LEN;
	int rc = 0;

	if (len > JOURNAL_RECORD_MAX) {
		return err_set(err, ERR_TOO_LARGE, "a record of %zu bytes is above %u",
			       len, JOURNAL_RECORD_MAX);
	}
	if (j->bytes + more > j->max_bytes) {
		return err_set(
		    err, ERR_LIMIT,
		    "the journal in %s is full (%lld of %lld bytes wait for the "
		    "API)",
		    j->path, (long long)j->bytes, (long long)j->max_bytes);
	}
	if (j->current == NULL || j->current->size + more > j->segment_bytes) {
		rc = roll(j, err);
	}
	if (rc == 0) {
		rc = segment_append(j->current, data, len, err);
	}
	if (rc < 0) {
		return rc;
	}
	j->bytes += more;
	j->live++;
	*ret_index = j->next++;
	return 0;
}

int journal_read(const struct journal *j, uint64_t index, struct buf *out,
		 struct error *err)
{
	const struct segment *s = find_segment(j, index);

	if (s == NULL) {
		return err_set(err, ERR_NOT_FOUND, "the journal has no record %llu",
			       (unsigned long long)index);
	}
	return segment_read(s, index, out, err);
}

/* ---- syncing ---- */

int journal_unsynced(struct journal *j, uint64_t *ret_upto)
{
	const struct segment *s;

	TAILQ_FOREACH (s, &j->segments, link) {
		if (s->synced < s->count && s->live > 0) {
			*ret_upto = s->first + s->count;
			return s->fd;
		}
	}
	return -1;
}

void journal_synced(struct journal *j, uint64_t upto)
{
	struct segment *s = upto > 0 ? find_segment(j, upto - 1) : NULL;

	if (s != NULL) {
		s->synced = MAX_OF(s->synced, upto - s->first);
	}
}

int journal_sync(struct journal *j, struct error *err)
{
	uint64_t upto = 0;
	int fd;

	while ((fd = journal_unsynced(j, &upto)) >= 0) {
		if (fdatasync(fd) < 0) {
			return err_errno(err, "sync the journal in %s", j->path);
		}
		journal_synced(j, upto);
	}
	return 0;
}

uint64_t journal_count(const struct journal *j)
{
	return j->live;
}

uint64_t journal_oldest(const struct journal *j)
{
	return j->oldest;
}

uint64_t journal_next(const struct journal *j)
{
	return j->next;
}

uint64_t journal_bytes(const struct journal *j)
{
	return (uint64_t)j->bytes;
}

const char *journal_path(const struct journal *j)
{
	return j->path;
}
