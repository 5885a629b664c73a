-- SPDX-License-Identifier: Apache-2.0
-- What the database layer itself says: transactions, settings of a connection, migrations.

-- name: tx_begin_write
BEGIN IMMEDIATE;
-- name: tx_begin_read
BEGIN DEFERRED;
-- name: tx_begin_exclusive
BEGIN EXCLUSIVE;
-- name: tx_commit
COMMIT;
-- name: tx_rollback
ROLLBACK;

-- One savepoint around each work of a group, and the nested ones a work makes itself (a name
-- used twice nests: RELEASE and ROLLBACK TO mean the innermost).
-- name: work_save
SAVEPOINT work;
-- name: work_release
RELEASE work;
-- name: work_back
ROLLBACK TO work;
-- name: nested_save
SAVEPOINT nested;
-- name: nested_release
RELEASE nested;
-- name: nested_back
ROLLBACK TO nested;

-- name: set_wal
PRAGMA journal_mode = WAL;
-- Nothing less: the log is published after the sync only (api/db/wal_vfs.c).
-- name: set_sync
PRAGMA synchronous = FULL;
-- name: sync_level
PRAGMA synchronous;
-- name: integrity
PRAGMA integrity_check;
-- name: set_foreign_keys
PRAGMA foreign_keys = ON;
-- name: set_no_mmap
PRAGMA mmap_size = 0;
-- name: set_checkpoint
PRAGMA wal_autocheckpoint = 4096;
-- name: set_wal_limit
PRAGMA journal_size_limit = 67108864;
-- name: set_temp_memory
PRAGMA temp_store = MEMORY;
-- name: set_cache_writer
PRAGMA cache_size = -4096;
-- name: set_cache_reader
PRAGMA cache_size = -1024;
-- name: set_query_only
PRAGMA query_only = ON;
-- name: set_analysis_limit
PRAGMA analysis_limit = 400;

-- name: foreign_keys_of
SELECT "from", "table" FROM pragma_foreign_key_list(?1);

-- name: schema_count
SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%';
-- name: migration_table
CREATE TABLE IF NOT EXISTS schema_migration (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied INTEGER NOT NULL
) STRICT;
-- name: migration_table_exists
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration';
-- name: migration_version
SELECT coalesce(max(version), 0) FROM schema_migration;
-- name: migration_applied
INSERT INTO schema_migration (version, name, applied) VALUES (?1, ?2, ?3);
