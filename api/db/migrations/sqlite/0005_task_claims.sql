-- SPDX-License-Identifier: Apache-2.0
-- 0005 background tasks: who was given which task run, until when.  A worker that is
-- connected keeps its claims; those of one that went away end and are given to another.

CREATE TABLE task_run_claim (
  task_run_id BLOB PRIMARY KEY REFERENCES task_run (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  until INTEGER NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0              -- the worker said that it has it
) STRICT, WITHOUT ROWID;
CREATE INDEX task_run_claim_client ON task_run_claim (client_id);
CREATE INDEX task_run_claim_until ON task_run_claim (until);

-- waiting background tasks of one key, oldest first
CREATE INDEX task_run_waiting ON task_run (task_key, created, id)
  WHERE state_type = 1 AND state_name = 'Scheduled';
