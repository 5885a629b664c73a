/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_table.c - see run_table.h.
 */
#include "agent/run_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

#define MAGIC "WFRT1\0\0"

struct head {
	char magic[8];
	uint32_t entries;
	char pad[52];
};
struct entry {
	uint32_t state, zero;
	uint64_t token;
	char id[37];
	char pad[11];
};
_Static_assert(sizeof(struct head) == 64 && sizeof(struct entry) == 64,
	       "the file's layout");
enum { FREE = 0, HELD = 1, ENDING = 2 };

struct run_table {
	int fd;
	size_t size, count;
	struct head *head; /* the mapping */
	struct entry *entries;
	struct map by_id; /* run id -> struct entry */
	size_t *free_list, free_count;
};

static size_t file_size(size_t entries)
{
	return sizeof(struct head) + entries * sizeof(struct entry);
}

int run_table_create(const char *path, size_t entries, struct error *err)
{
	struct head head = {.magic = MAGIC, .entries = (uint32_t)entries};
	int fd, rc = 0, e;

	PRE(entries > 0 && entries <= RUN_TABLE_MAX);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return err_errno(err, "create %s", path);
	}
	/* all of it now: a full disk must not kill the worker at a page fault */
	e = posix_fallocate(fd, 0, (off_t)file_size(entries));
	if (e != 0) {
		errno = e;
		rc = err_errno(err, "make room for %s", path);
	} else if (pwrite(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head)) {
		rc = err_errno(err, "write %s", path);
	}
	(void)close(fd);
	if (rc < 0) {
		(void)unlink(path);
	}
	return rc;
}

/* Maps FD; checks the head. */
static int map_file(int fd, int prot, struct run_table *t, struct error *err)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0) {
		return err_errno(err, "look at the run table");
	}
	t->size = (size_t)st.st_size;
	if (t->size < sizeof(struct head)) {
		return err_set(err, ERR_INVALID, "it is no run table: too short");
	}
	at = mmap(NULL, t->size, prot, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		return err_errno(err, "map the run table");
	}
	/* a fork that lives on (the guard) would keep the file open, and its lock */
	(void)madvise(at, t->size, MADV_DONTFORK);
	t->head = at;
	t->count = t->head->entries;
	if (memcmp(t->head->magic, MAGIC, sizeof(t->head->magic)) != 0 ||
	    t->count > RUN_TABLE_MAX || file_size(t->count) > t->size) {
		(void)munmap(at, t->size);
		t->head = NULL;
		return err_set(err, ERR_INVALID, "it is no run table");
	}
	t->entries = (struct entry *)(void *)(t->head + 1);
	return 0;
}

int run_table_open(const char *path, struct run_table **ret_table, struct error *err)
{
	struct run_table *t = xcalloc(1, sizeof(*t));
	int rc;

	map_init(&t->by_id, RUN_TABLE_MAX);
	t->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0) {
		rc = err_errno(err, "open %s", path);
	} else if (flock(t->fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_set(err, ERR_BUSY, "%s is another worker's", path);
	} else {
		rc = map_file(t->fd, PROT_READ | PROT_WRITE, t, err);
	}
	if (rc < 0) {
		run_table_close(t);
		return rc;
	}
	t->free_list = xcalloc(t->count + 1, sizeof(*t->free_list));
	for (size_t i = t->count; i > 0; i--) {
		struct entry *e = &t->entries[i - 1];

		if (e->state == FREE) {
			t->free_list[t->free_count++] = i - 1;
		} else {
			(void)map_set(&t->by_id, e->id, e, NULL);
		}
	}
	*ret_table = t;
	return 0;
}

void run_table_close(struct run_table *t)
{
	if (t == NULL) {
		return;
	}
	if (t->head != NULL) {
		(void)munmap(t->head, t->size);
	}
	if (t->fd >= 0) {
		(void)close(t->fd);
	}
	map_release(&t->by_id);
	free(t->free_list);
	free(t);
}

/* The entry is whole before it counts: the reader may find any moment. */
static void set_state(struct entry *e, uint32_t state)
{
	__atomic_store_n(&e->state, state, __ATOMIC_RELEASE);
}

int run_table_hold(struct run_table *t, const char *run_id, uint64_t token,
		   struct error *err)
{
	struct entry *e = map_get(&t->by_id, run_id);

	if (e == NULL) {
		if (t->free_count == 0) {
			return err_set(err, ERR_LIMIT,
				       "the run table has room for %zu runs", t->count);
		}
		e = &t->entries[t->free_list[--t->free_count]];
	}
	set_state(e, FREE);
	e->token = token;
	(void)snprintf(e->id, sizeof(e->id), "%s", run_id);
	set_state(e, HELD);
	(void)map_set(&t->by_id, run_id, e, NULL);
	return 0;
}

void run_table_ending(struct run_table *t, const char *run_id)
{
	struct entry *e = map_get(&t->by_id, run_id);

	if (e != NULL) {
		set_state(e, ENDING);
	}
}

void run_table_drop(struct run_table *t, const char *run_id, uint64_t token, int ending)
{
	struct entry *e = map_get(&t->by_id, run_id);

	if (e != NULL && e->token == token && (e->state == ENDING) == (ending != 0)) {
		(void)map_remove(&t->by_id, run_id);
		set_state(e, FREE);
		t->free_list[t->free_count++] = (size_t)(e - t->entries);
	}
}

int run_table_read(const char *path, struct run_table_entry **ret_entries,
		   size_t *ret_count, struct error *err)
{
	struct run_table t = {.fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
	struct run_table_entry *out;
	size_t n = 0;
	int rc;

	if (t.fd < 0) {
		return err_errno(err, "open %s", path);
	}
	if (flock(t.fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_set(err, ERR_BUSY, "the worker of %s lives", path);
	} else {
		rc = map_file(t.fd, PROT_READ, &t, err);
	}
	if (rc < 0) {
		(void)close(t.fd);
		return rc;
	}
	PRE(t.entries != NULL);
	out = xcalloc(t.count + 1, sizeof(*out));
	for (size_t i = 0; i < t.count; i++) {
		const struct entry *e = &t.entries[i];

		if (e->state == HELD || e->state == ENDING) {
			out[n].token = e->token;
			out[n].ending = e->state == ENDING;
			(void)snprintf(out[n].run_id, sizeof(out[n].run_id), "%.36s",
				       e->id);
			n++;
		}
	}
	(void)munmap(t.head, t.size);
	(void)close(t.fd);
	*ret_entries = out;
	*ret_count = n;
	return 0;
}
