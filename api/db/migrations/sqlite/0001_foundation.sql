-- SPDX-License-Identifier: Apache-2.0
-- 0001 foundation: the entities of server-contract 3.1 that P0 needs.
--
-- id: 16-byte UUID (v7 for what grows: runs, states, logs, events; so id order is time order).
-- *_at and created/updated: Unix microseconds.  JSON: text.  state_type: enum StateType of
-- proto/control.proto.  Designed for 10^8 task runs: every list is a walk of an index in the
-- order of its answer; retention deletes by id or time range.
-- The same file serves PostgreSQL with BLOB -> uuid/bytea, INTEGER -> bigint, REAL -> double.

CREATE TABLE configuration (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE flow (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  tags TEXT NOT NULL DEFAULT '[]',
  labels TEXT                                   -- object or null
) STRICT;
CREATE INDEX flow_created ON flow (created);

CREATE TABLE work_pool (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  description TEXT,
  type TEXT NOT NULL,
  base_job_template TEXT NOT NULL DEFAULT '{}',
  is_paused INTEGER NOT NULL DEFAULT 0,
  concurrency_limit INTEGER,
  default_queue_id BLOB,
  status TEXT,                                  -- READY NOT_READY PAUSED, null for prefect-agent
  last_transitioned_status_at INTEGER,
  last_status_event_id BLOB,
  storage_configuration TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE work_queue (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  is_paused INTEGER NOT NULL DEFAULT 0,
  concurrency_limit INTEGER,
  priority INTEGER NOT NULL DEFAULT 1,
  last_polled INTEGER,
  status TEXT NOT NULL DEFAULT 'NOT_READY',
  last_status_event_id BLOB,
  work_pool_id BLOB NOT NULL REFERENCES work_pool (id) ON DELETE CASCADE,
  UNIQUE (work_pool_id, name)
) STRICT;
CREATE INDEX work_queue_pool_priority ON work_queue (work_pool_id, priority);

CREATE TABLE worker (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  work_pool_id BLOB NOT NULL REFERENCES work_pool (id) ON DELETE CASCADE,
  last_heartbeat_time INTEGER NOT NULL,
  heartbeat_interval_seconds INTEGER,
  status TEXT NOT NULL DEFAULT 'OFFLINE',
  metadata TEXT,                                -- wf: version, host, slots, load
  UNIQUE (work_pool_id, name)
) STRICT;
CREATE INDEX worker_heartbeat ON worker (last_heartbeat_time);

-- Global, tag and deployment limits.  A slot is a lease record (concurrency_slot); usage is the
-- sum over records.  Only rate limits (slot_decay_per_second > 0) keep a decaying number.
CREATE TABLE concurrency_limit_v2 (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  name TEXT NOT NULL UNIQUE,
  "limit" INTEGER NOT NULL,
  decayed_slots REAL NOT NULL DEFAULT 0,
  decayed_at INTEGER,
  denied_slots INTEGER NOT NULL DEFAULT 0,
  slot_decay_per_second REAL NOT NULL DEFAULT 0,
  avg_slot_occupancy_seconds REAL NOT NULL DEFAULT 2
) STRICT;

CREATE TABLE concurrency_lease (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,                     -- max value: until released
  holder_type TEXT,                             -- flow_run task_run, or null
  holder_id BLOB
) STRICT;
CREATE INDEX concurrency_lease_expires ON concurrency_lease (expires);
CREATE INDEX concurrency_lease_holder ON concurrency_lease (holder_id);

CREATE TABLE concurrency_slot (
  limit_id BLOB NOT NULL REFERENCES concurrency_limit_v2 (id) ON DELETE CASCADE,
  lease_id BLOB NOT NULL REFERENCES concurrency_lease (id) ON DELETE CASCADE,
  slots INTEGER NOT NULL,
  PRIMARY KEY (limit_id, lease_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX concurrency_slot_lease ON concurrency_slot (lease_id);

CREATE TABLE deployment (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
  version TEXT,
  description TEXT,
  work_queue_id BLOB REFERENCES work_queue (id) ON DELETE SET NULL,
  work_queue_name TEXT,
  job_variables TEXT NOT NULL DEFAULT '{}',
  path TEXT,
  entrypoint TEXT,
  last_polled INTEGER,
  status TEXT NOT NULL DEFAULT 'NOT_READY',
  paused INTEGER NOT NULL DEFAULT 0,
  concurrency_limit_id BLOB REFERENCES concurrency_limit_v2 (id) ON DELETE SET NULL,
  concurrency_options TEXT,
  tags TEXT NOT NULL DEFAULT '[]',
  labels TEXT NOT NULL DEFAULT '{}',
  parameters TEXT NOT NULL DEFAULT '{}',
  pull_steps TEXT,
  parameter_openapi_schema TEXT,
  enforce_parameter_schema INTEGER NOT NULL DEFAULT 1,
  created_by TEXT,
  updated_by TEXT,
  infrastructure_document_id BLOB,
  storage_document_id BLOB,
  version_info TEXT,
  on_lost TEXT NOT NULL DEFAULT 'crash',        -- crash | requeue (design.md 3.2)
  UNIQUE (flow_id, name)
) STRICT;
CREATE INDEX deployment_created ON deployment (created);
CREATE INDEX deployment_updated ON deployment (updated);
CREATE INDEX deployment_work_queue ON deployment (work_queue_id);

CREATE TABLE deployment_schedule (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  deployment_id BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  schedule TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  max_scheduled_runs INTEGER,
  parameters TEXT NOT NULL DEFAULT '{}',
  slug TEXT,
  horizon INTEGER,                              -- runs exist up to this instant
  UNIQUE (deployment_id, slug)
) STRICT;
CREATE INDEX deployment_schedule_horizon ON deployment_schedule (active, horizon);

CREATE TABLE flow_run (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
  deployment_id BLOB,
  deployment_version TEXT,
  work_queue_id BLOB REFERENCES work_queue (id) ON DELETE SET NULL,
  work_queue_name TEXT,
  flow_version TEXT,
  parameters TEXT NOT NULL DEFAULT '{}',
  idempotency_key TEXT,
  context TEXT NOT NULL DEFAULT '{}',
  empirical_policy TEXT NOT NULL DEFAULT '{}',
  tags TEXT NOT NULL DEFAULT '[]',
  labels TEXT NOT NULL DEFAULT '{}',
  parent_task_run_id BLOB,
  auto_scheduled INTEGER NOT NULL DEFAULT 0,
  schedule_id BLOB,                             -- created_by.id when a schedule made it
  infrastructure_document_id BLOB,
  infrastructure_pid TEXT,
  created_by TEXT,
  job_variables TEXT,
  state_id BLOB,
  state_type INTEGER,
  state_name TEXT,
  state_timestamp INTEGER,
  run_count INTEGER NOT NULL DEFAULT 0,
  expected_start_time INTEGER,
  next_scheduled_start_time INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  total_run_time INTEGER NOT NULL DEFAULT 0,    -- microseconds
  retry_in_process INTEGER NOT NULL DEFAULT 0,  -- empirical_policy.retry_type = in_process
  lease_id BLOB,                                -- deployment concurrency lease
  gen INTEGER NOT NULL DEFAULT 0,               -- entries into SCHEDULED
  fence INTEGER NOT NULL DEFAULT 0,             -- highest lease token seen
  owner TEXT,                                   -- worker that holds the lease
  attempts INTEGER NOT NULL DEFAULT 0,          -- requeues after a lost owner
  UNIQUE (flow_id, idempotency_key)
) STRICT;
CREATE INDEX flow_run_deployment ON flow_run (deployment_id, id);
CREATE INDEX flow_run_queue_due ON flow_run (work_queue_id, next_scheduled_start_time)
  WHERE state_type = 1;
CREATE INDEX flow_run_queue_busy ON flow_run (work_queue_id, state_type)
  WHERE state_type IN (2, 3, 9);
CREATE INDEX flow_run_due ON flow_run (next_scheduled_start_time) WHERE state_type = 1;
CREATE INDEX flow_run_state_type ON flow_run (state_type, id);
CREATE INDEX flow_run_state_name ON flow_run (state_name, id);
CREATE INDEX flow_run_name ON flow_run (name);
CREATE INDEX flow_run_expected ON flow_run (expected_start_time, id);
CREATE INDEX flow_run_start ON flow_run (coalesce(start_time, expected_start_time), id);
CREATE INDEX flow_run_end ON flow_run (end_time, id);
CREATE INDEX flow_run_parent_task ON flow_run (parent_task_run_id)
  WHERE parent_task_run_id IS NOT NULL;
CREATE INDEX flow_run_schedule ON flow_run (schedule_id, next_scheduled_start_time)
  WHERE schedule_id IS NOT NULL AND state_type = 1;

CREATE TABLE flow_run_state (
  id BLOB PRIMARY KEY,
  flow_run_id BLOB NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  type INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  name TEXT NOT NULL,
  message TEXT,
  state_details TEXT NOT NULL DEFAULT '{}',
  data TEXT,                                    -- result metadata
  UNIQUE (flow_run_id, timestamp)
) STRICT;

CREATE TABLE task_run (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  flow_run_id BLOB REFERENCES flow_run (id) ON DELETE CASCADE,
  task_key TEXT NOT NULL,
  dynamic_key TEXT NOT NULL,
  cache_key TEXT,
  cache_expiration INTEGER,
  task_version TEXT,
  flow_run_run_count INTEGER NOT NULL DEFAULT 0,
  empirical_policy TEXT NOT NULL DEFAULT '{}',
  task_inputs TEXT NOT NULL DEFAULT '{}',
  tags TEXT NOT NULL DEFAULT '[]',
  labels TEXT,
  state_id BLOB,
  state_type INTEGER,
  state_name TEXT,
  state_timestamp INTEGER,
  run_count INTEGER NOT NULL DEFAULT 0,
  expected_start_time INTEGER,
  next_scheduled_start_time INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  total_run_time INTEGER NOT NULL DEFAULT 0,
  UNIQUE (flow_run_id, task_key, dynamic_key)
) STRICT;
CREATE INDEX task_run_flow_run ON task_run (flow_run_id, id);
CREATE INDEX task_run_state_type ON task_run (state_type, id);
CREATE INDEX task_run_name ON task_run (name);
CREATE INDEX task_run_expected ON task_run (expected_start_time, id);
CREATE INDEX task_run_end ON task_run (end_time, id);

CREATE TABLE task_run_state (
  id BLOB PRIMARY KEY,
  task_run_id BLOB NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  type INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  name TEXT NOT NULL,
  message TEXT,
  state_details TEXT NOT NULL DEFAULT '{}',
  data TEXT
) STRICT;
CREATE INDEX task_run_state_run ON task_run_state (task_run_id, timestamp);

-- Results that tasks share by their cache key; id is a v7, so the newest is the highest.
CREATE TABLE task_run_state_cache (
  id BLOB PRIMARY KEY,
  cache_key TEXT NOT NULL,
  cache_expiration INTEGER,
  task_run_state_id BLOB NOT NULL REFERENCES task_run_state (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX task_run_state_cache_key ON task_run_state_cache (cache_key, id);

CREATE TABLE flow_run_input (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  flow_run_id BLOB NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  sender TEXT,
  UNIQUE (flow_run_id, key)
) STRICT;

CREATE TABLE log (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  name TEXT NOT NULL,
  level INTEGER NOT NULL,
  flow_run_id BLOB,
  task_run_id BLOB,
  message TEXT NOT NULL,
  timestamp INTEGER NOT NULL
) STRICT;
CREATE INDEX log_flow_run ON log (flow_run_id, timestamp, id);
CREATE INDEX log_task_run ON log (task_run_id, timestamp, id) WHERE task_run_id IS NOT NULL;
CREATE INDEX log_timestamp ON log (timestamp, id);

CREATE TABLE artifact (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  key TEXT,
  type TEXT,
  description TEXT,
  data TEXT,
  metadata_ TEXT,
  flow_run_id BLOB,
  task_run_id BLOB
) STRICT;
CREATE INDEX artifact_key ON artifact (key, id) WHERE key IS NOT NULL;
CREATE INDEX artifact_flow_run ON artifact (flow_run_id) WHERE flow_run_id IS NOT NULL;

CREATE TABLE artifact_collection (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  latest_id BLOB NOT NULL
) STRICT;

CREATE TABLE variable (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL,
  tags TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE TABLE automation (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1,
  tags TEXT NOT NULL DEFAULT '[]',
  "trigger" TEXT NOT NULL,
  actions TEXT NOT NULL DEFAULT '[]',
  actions_on_trigger TEXT NOT NULL DEFAULT '[]',
  actions_on_resolve TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE automation_related_resource (
  automation_id BLOB NOT NULL REFERENCES automation (id) ON DELETE CASCADE,
  resource_id TEXT NOT NULL,
  owned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (automation_id, resource_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX automation_related_by_resource ON automation_related_resource (resource_id);

CREATE TABLE event (
  id BLOB PRIMARY KEY,
  occurred INTEGER NOT NULL,
  received INTEGER NOT NULL,
  event TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  resource TEXT NOT NULL,
  related TEXT NOT NULL DEFAULT '[]',
  payload TEXT NOT NULL DEFAULT '{}',
  follows BLOB
) STRICT;
CREATE INDEX event_occurred ON event (occurred, id);
CREATE INDEX event_resource ON event (resource_id, occurred);
CREATE INDEX event_name ON event (event, occurred);

-- What has to be told to Redis; written in the transaction that made it true, deleted by the
-- relay after Redis has answered.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created INTEGER NOT NULL,
  kind INTEGER NOT NULL,       -- 1 enqueue run, 2 cancel run, 3 pool, 4 queue, 5 remove queue,
                               -- 6 remove pool
  pool TEXT NOT NULL,
  object_id BLOB,              -- run or queue
  body TEXT                    -- JSON for what the object can no longer tell (names of removed)
) STRICT;

-- Idempotency of the updates RPC: answers given, by update id; kept for a day.
CREATE TABLE applied_update (
  id BLOB PRIMARY KEY,
  flow_run_id BLOB NOT NULL,
  applied INTEGER NOT NULL,
  answer INTEGER NOT NULL,
  state_id BLOB,
  reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX applied_update_age ON applied_update (applied);

-- Fenced leader leases of the background services.
CREATE TABLE service_lease (
  name TEXT PRIMARY KEY,
  owner BLOB NOT NULL,
  fence INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
