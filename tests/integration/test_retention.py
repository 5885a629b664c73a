"""What is old goes, with all that belongs to it, while others write."""
import os
import sqlite3
import time
import uuid

import pg
import wf

OLD = int((time.time() - 200 * 86400) * 1e6)
RUNS, TASKS, CACHED = 100, 20, 5000


def fill(path, flow):
    """Runs that ended long ago: states, task runs and their states, logs, events, artifacts; many cached results."""
    ids = {}

    def rows(kind, count):
        ids[kind] = [os.urandom(16) for _ in range(count)]
        return ids[kind]
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO flow_run (id, created, updated, name, flow_id, state_type, state_name, state_timestamp, end_time)"
                       " VALUES (?, ?1, 0, 'n', ?, 4, 'Completed', ?, ?)".replace("?1", str(OLD)),
                       [(r, flow, OLD, OLD) for r in rows("run", RUNS)])
        db.executemany("INSERT INTO flow_run_state (id, flow_run_id, created, type, timestamp, name) VALUES (?, ?, 0, 4, ?, 'C')",
                       [(os.urandom(16), r, OLD + k) for r in ids["run"] for k in range(3)])
        db.executemany("INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key, state_type, state_name,"
                       " end_time) VALUES (?, 0, 0, 'n', ?, 'k', ?, 4, 'Completed', ?)",
                       [(t, ids["run"][i % RUNS] if i >= TASKS else None, str(i), OLD)
                        for i, t in enumerate(rows("task", RUNS * TASKS))])
        db.executemany("INSERT INTO task_run_state (id, task_run_id, created, type, timestamp, name) VALUES (?, ?, 0, 4, ?, 'C')",
                       [(s, ids["task"][i % (RUNS * TASKS)], OLD) for i, s in enumerate(rows("state", RUNS * TASKS * 3))])
        db.executemany("INSERT INTO task_run_state_cache (id, cache_key, task_run_state_id) VALUES (?, 'c', ?)",
                       [(os.urandom(16), s) for s in ids["state"][:CACHED]])
        db.executemany("INSERT INTO log (id, created, name, level, flow_run_id, message, timestamp) VALUES (?, 0, 'l', 20, ?, 'm', ?)",
                       [(os.urandom(16), ids["run"][i % RUNS], OLD + i) for i in range(3000)])
        db.executemany("INSERT INTO event (id, occurred, received, event, resource_id, resource) VALUES (?, ?, 0, 'e', 'r', '{}')",
                       [(os.urandom(16), OLD + i) for i in range(3000)])
        db.executemany("INSERT INTO artifact (id, created, updated, key, type, flow_run_id) VALUES (?, 0, 0, 'report', 'markdown', ?)",
                       [(a, r) for a, r in zip(rows("artifact", RUNS), ids["run"])])
        db.execute("INSERT INTO artifact_collection (id, created, updated, key, latest_id) VALUES (?, 0, 0, 'report', ?)",
                   (os.urandom(16), ids["artifact"][-1]))


def counts(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in (
            "flow_run", "flow_run_state", "task_run", "task_run_state", "task_run_state_cache", "log", "artifact")}


@pg.file_only
def test_what_is_old_goes(tmp_path):
    server = wf.Server(tmp_path).start()
    flow = server.flow()["id"]
    young = server.call("POST", "/flow_runs/", {"flow_id": flow, "state": {"type": "COMPLETED"}})["id"]
    assert server.stop() == 0
    path = server.data / "wf.db"
    fill(path, uuid.UUID(flow).bytes)
    server.start()  # the leases of the services that stopped are free: no waiting
    left = {"flow_run": 1, "flow_run_state": 1, "task_run": 0, "task_run_state": 0, "task_run_state_cache": 0, "log": 0,
            "artifact": 1}  # the latest of its key
    wf.wait_until(lambda: counts(path) == left, lambda: counts(path), step=0.3)
    assert server.call("GET", f"/flow_runs/{young}")["state_type"] == "COMPLETED"
    assert server.call("GET", "/artifacts/report/latest")["key"] == "report"
    assert server.stop() == 0
