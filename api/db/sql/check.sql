-- SPDX-License-Identifier: Apache-2.0
-- What `wf server database` asks: is the database sound, who uses it, what is in it.

-- Each row: how many there are of something that must not be.
-- name: check_rows
SELECT 'flow runs whose state is not stored', count(*) FROM flow_run fr
WHERE fr.state_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM flow_run_state s WHERE s.id = fr.state_id)
UNION ALL
SELECT 'flow runs of another type than their state', count(*) FROM flow_run fr
JOIN flow_run_state s ON s.id = fr.state_id WHERE s.type <> fr.state_type
UNION ALL
SELECT 'task runs whose state is not stored', count(*) FROM task_run tr
WHERE tr.state_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM task_run_state s WHERE s.id = tr.state_id)
UNION ALL
SELECT 'task runs of another type than their state', count(*) FROM task_run tr
JOIN task_run_state s ON s.id = tr.state_id WHERE s.type <> tr.state_type
UNION ALL
SELECT 'artifact collections without their latest artifact', count(*)
FROM artifact_collection ac
WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.id = ac.latest_id);

-- name: check_foreign_keys
-- only: sqlite
SELECT count(*) FROM pragma_foreign_key_check;
-- name: check_indexes
-- only: pg
SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid;

-- Other servers that are connected.
-- name: check_sessions
-- only: pg
SELECT count(DISTINCT a.client_port::text || coalesce(host(a.client_addr), a.pid::text))
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.application_name = 'wf-api'
  AND a.pid <> pg_backend_pid();

-- A script that drops our tables.
-- name: reset_script
-- only: pg
SELECT coalesce(string_agg(format('DROP TABLE IF EXISTS %I CASCADE', c.relname), '; '), '')
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e');
