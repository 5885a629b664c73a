-- SPDX-License-Identifier: Apache-2.0
-- 0007 usage: what the processes of a run used, a row for each owner (fence).

CREATE TABLE run_usage (
  flow_run_id BLOB NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
  fence INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  cpu_us INTEGER NOT NULL,
  peak_rss_kb INTEGER NOT NULL,
  read_bytes INTEGER NOT NULL,
  written_bytes INTEGER NOT NULL,
  oom INTEGER NOT NULL,
  PRIMARY KEY (flow_run_id, fence)
) STRICT, WITHOUT ROWID;
