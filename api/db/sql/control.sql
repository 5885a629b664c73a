-- SPDX-License-Identifier: Apache-2.0
-- What the database layer itself says: transactions, settings of a connection, migrations.

-- name: tx_begin_write
BEGIN IMMEDIATE;
-- pg:
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
-- name: tx_begin_read
BEGIN DEFERRED;
-- pg:
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- name: tx_begin_exclusive
BEGIN EXCLUSIVE;
-- pg:
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
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
-- only: sqlite
PRAGMA journal_mode = WAL;
-- Nothing less: the log is published after the sync only (api/db/wal_vfs.c).
-- name: set_sync
-- only: sqlite
PRAGMA synchronous = FULL;
-- name: sync_level
-- only: sqlite
PRAGMA synchronous;
-- name: integrity
-- only: sqlite
PRAGMA integrity_check;
-- name: foreign_key_check
-- only: sqlite
SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1;
-- name: set_foreign_keys
-- only: sqlite
PRAGMA foreign_keys = ON;
-- name: set_no_mmap
-- only: sqlite
PRAGMA mmap_size = 0;
-- name: set_checkpoint
-- only: sqlite
PRAGMA wal_autocheckpoint = 4096;
-- name: set_wal_limit
-- only: sqlite
PRAGMA journal_size_limit = 67108864;
-- name: set_temp_memory
-- only: sqlite
PRAGMA temp_store = MEMORY;
-- name: set_cache_writer
-- only: sqlite
PRAGMA cache_size = -4096;
-- name: set_cache_reader
-- only: sqlite
PRAGMA cache_size = -1024;
-- name: set_query_only
-- only: sqlite
PRAGMA query_only = ON;
-- name: set_analysis_limit
-- only: sqlite
PRAGMA analysis_limit = 400;

-- name: foreign_keys_of
-- only: sqlite
SELECT "from", "table" FROM pragma_foreign_key_list(?1);

-- A session of PostgreSQL.  A transaction whose owner is stopped holds the write lock: the
-- server ends it.
-- name: pg_session
-- only: pg
SELECT set_config('TimeZone', 'UTC', false),
  set_config('client_min_messages', 'warning', false),
  set_config('statement_timeout', ?1, false),
  set_config('lock_timeout', ?2, false),
  set_config('idle_in_transaction_session_timeout', ?3, false),
  set_config('jit', 'off', false);

-- One writer at a time, of all replicas: see docs/adr/0045-postgresql.md.  The id of the
-- transaction tells after a lost connection whether it was committed.
-- name: pg_write_lock
-- only: pg
SELECT txid_current()::text FROM pg_advisory_xact_lock(?1, ?2);
-- name: pg_tx_status
-- only: pg
SELECT txid_status(?1::text::bigint);

-- A text of db_select() that is not kept; its name follows.
-- name: pg_deallocate
-- only: pg
DEALLOCATE;

-- name: schema_count
SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%';
-- pg:
SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e');
-- name: migration_table
CREATE TABLE IF NOT EXISTS schema_migration (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied INTEGER NOT NULL
) STRICT;
-- pg:
CREATE TABLE IF NOT EXISTS schema_migration (
  version bigint PRIMARY KEY,
  name text NOT NULL,
  applied bigint NOT NULL
);
-- name: migration_table_exists
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration';
-- pg:
SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind = 'r' AND c.relname = 'schema_migration';
-- name: migration_version
SELECT coalesce(max(version), 0) FROM schema_migration;
-- name: migration_applied
INSERT INTO schema_migration (version, name, applied) VALUES (?1, ?2, ?3);
