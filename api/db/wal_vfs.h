/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wal_vfs.h - SQLite's file layer with one large write per commit instead of two small
 * ones per page.
 */
#ifndef API_DB_WAL_VFS_H
#define API_DB_WAL_VFS_H

#define WAL_VFS_NAME "wf-wal"

/* Registers WAL_VFS_NAME above the system's layer; later calls change nothing. */
void wal_vfs_register(void);

#endif
