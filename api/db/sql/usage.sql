-- SPDX-License-Identifier: Apache-2.0
-- What the processes of runs used: one row per owner of a run.

-- The same again when the update comes twice.
-- name: usage_put
-- hot
INSERT INTO run_usage (flow_run_id, fence, ended, cpu_us, peak_rss_kb, read_bytes,
  written_bytes, oom)
SELECT fr.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM flow_run fr WHERE fr.id = ?1
ON CONFLICT (flow_run_id, fence) DO UPDATE SET ended = excluded.ended,
  cpu_us = excluded.cpu_us, peak_rss_kb = excluded.peak_rss_kb,
  read_bytes = excluded.read_bytes, written_bytes = excluded.written_bytes,
  oom = excluded.oom;

-- name: usage_of_run
SELECT count(u.fence), coalesce(sum(u.cpu_us), 0), coalesce(max(u.peak_rss_kb), 0),
  coalesce(sum(u.read_bytes), 0), coalesce(sum(u.written_bytes), 0), coalesce(sum(u.oom), 0)
FROM flow_run fr LEFT JOIN run_usage u ON u.flow_run_id = fr.id
WHERE fr.id = ?1 GROUP BY fr.id;
