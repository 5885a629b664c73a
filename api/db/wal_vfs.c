/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wal_vfs.c - appends to the write-ahead log are gathered and written before the sync.
 *
 * SQLite writes a header of 24 bytes and a page of 4 KiB for each changed page: some 45
 * pages and 90 system calls for the states of one run.  Here they go into a buffer, and
 * the buffer goes to the file in one piece
 *
 *	- before xSync: with synchronous=FULL a commit is not acknowledged, and the
 *index of the log not published to other connections, before the sync has returned;
 *	- before anything else that looks at the file or changes it elsewhere;
 *	- when it is full.
 *
 * So nobody can see a file that lacks what SQLite wrote, and what is lost when the
 * process dies was acknowledged to nobody.  A write that fails later than SQLite issued
 * it is reported by the call that needed it; the transaction fails then as a whole.
 * All other files are the system's layer itself.
 */
#include "api/db/wal_vfs.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/compiler.h"
#include "base/mem.h"

/* 30 pages.  SQLite's own layer cuts what it is given at 128 KiB - 1 (and takes no
 * multiple of 128 KiB at all). */
#define GATHER_BYTES ((size_t)124 << 10)

struct wal_file {
	sqlite3_file base;  /* first: SQLite sees this */
	sqlite3_file *real; /* behind us, in the same memory */
	char *data;         /* NULL until the first write */
	size_t len;
	sqlite3_int64 at; /* offset of data in the file */
};

static struct wal_file *self(sqlite3_file *f)
{
	return container_of(f, struct wal_file, base);
}

static int flush(struct wal_file *w)
{
	size_t len = w->len;

	w->len = 0;
	return len == 0 ? SQLITE_OK
			: w->real->pMethods->xWrite(w->real, w->data, (int)len, w->at);
}

static int wal_close(sqlite3_file *f)
{
	struct wal_file *w = self(f);
	int rc = flush(w), closed = w->real->pMethods->xClose(w->real);

	free(w->data);
	w->data = NULL;
	return rc != SQLITE_OK ? rc : closed;
}

static int wal_read(sqlite3_file *f, void *dst, int len, sqlite3_int64 at)
{
	struct wal_file *w = self(f);
	int rc = flush(w);

	return rc != SQLITE_OK ? rc : w->real->pMethods->xRead(w->real, dst, len, at);
}

static int wal_write(sqlite3_file *f, const void *src, int len, sqlite3_int64 at)
{
	struct wal_file *w = self(f);
	size_t n = (size_t)len;
	int rc;

	if (w->len > 0 &&
	    (at != w->at + (sqlite3_int64)w->len || w->len + n > GATHER_BYTES)) {
		rc = flush(w);
		if (rc != SQLITE_OK) {
			return rc;
		}
	}
	if (n > GATHER_BYTES) {
		return w->real->pMethods->xWrite(w->real, src, len, at);
	}
	if (w->data == NULL) {
		w->data = xmalloc(GATHER_BYTES);
	}
	if (w->len == 0) {
		w->at = at;
	}
	memcpy(w->data + w->len, src, n);
	w->len += n;
	return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct wal_file *w = self(f);
	int rc = flush(w);

	return rc != SQLITE_OK ? rc : w->real->pMethods->xTruncate(w->real, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
	struct wal_file *w = self(f);
	int rc = flush(w);

	return rc != SQLITE_OK ? rc : w->real->pMethods->xSync(w->real, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret_size)
{
	struct wal_file *w = self(f);
	int rc = flush(w);

	return rc != SQLITE_OK ? rc : w->real->pMethods->xFileSize(w->real, ret_size);
}

static int wal_lock(sqlite3_file *f, int level)
{
	struct wal_file *w = self(f);

	return w->real->pMethods->xLock(w->real, level);
}

static int wal_unlock(sqlite3_file *f, int level)
{
	struct wal_file *w = self(f);

	return w->real->pMethods->xUnlock(w->real, level);
}

static int wal_check_lock(sqlite3_file *f, int *ret_locked)
{
	struct wal_file *w = self(f);

	return w->real->pMethods->xCheckReservedLock(w->real, ret_locked);
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
	struct wal_file *w = self(f);
	int rc = flush(w);

	return rc != SQLITE_OK ? rc : w->real->pMethods->xFileControl(w->real, op, arg);
}

static int wal_sector_size(sqlite3_file *f)
{
	struct wal_file *w = self(f);

	return w->real->pMethods->xSectorSize(w->real);
}

static int wal_device(sqlite3_file *f)
{
	struct wal_file *w = self(f);

	return w->real->pMethods->xDeviceCharacteristics(w->real);
}

/* Version 1: shared memory and mapping belong to the database file. */
static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_device,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
		    int *ret_flags)
{
	sqlite3_vfs *real = vfs->pAppData;
	struct wal_file *w = self(f);
	int rc;

	if ((flags & SQLITE_OPEN_WAL) == 0) {
		return real->xOpen(real, name, f, flags, ret_flags);
	}
	*w = (struct wal_file){.real = (sqlite3_file *)(void *)(w + 1)};
	rc = real->xOpen(real, name, w->real, flags, ret_flags);
	if (w->real->pMethods != NULL) {
		w->base.pMethods = &wal_methods;
	}
	return rc;
}

void wal_vfs_register(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	if (real == NULL || vfs.pAppData != NULL) {
		return;
	}
	/* The other calls are the real layer's own: they use no part of the structure
	 * that is changed here. */
	vfs = *real;
	vfs.zName = WAL_VFS_NAME;
	vfs.pNext = NULL;
	vfs.szOsFile = real->szOsFile + (int)sizeof(struct wal_file);
	vfs.pAppData = real;
	vfs.xOpen = vfs_open;
	(void)sqlite3_vfs_register(&vfs, 0);
}
