"""YAML flows on a Redis-backed pool: states, task runs, logs, results, failures."""
import collections
import os
import signal
import time

import pytest

import flows
import wf


@pytest.fixture
def place(server, workers, tmp_path):
    """A server with a pool, a worker, and a folder of flows."""
    folder = flows.write(tmp_path / "flows")
    server.pool()
    worker = workers(server)
    return collections.namedtuple("Place", "server worker folder")(server, worker, folder)


def task_runs(server, run_id):
    return {t["name"].split("-")[0]: t for t in server.call("POST", "/task_runs/filter", {
        "task_runs": {"flow_run_id": {"any_": [run_id]}}})}


def test_run_completes_with_states_tasks_and_logs(place, tmp_path):
    s = place.server
    run = s.submit(flows.native(s, place.folder, "quick"), parameters={"mark": "hi", "file": str(tmp_path / "out")})
    done = s.wait_run(run["id"])
    assert done["state_type"] == "COMPLETED", (done["state"], place.worker.text())
    assert (tmp_path / "out").read_text() == "hi\n"
    names = s.states(run["id"])
    assert names[0] == "Scheduled" and names[-1] == "Completed" and "Pending" in names and "Running" in names
    tasks = wf.wait_until(lambda: task_runs(s, run["id"]), "task runs")
    assert tasks["write"]["state_name"] == "Completed"
    assert any("Finished in state Completed()" in line for line in s.logs(run["id"]))
    assert done["run_count"] == 1 and done["infrastructure_pid"]


def test_retries_and_their_states(place, tmp_path):
    s = place.server
    run = s.submit(flows.native(s, place.folder, "flaky"), parameters={"file": str(tmp_path / "tries")})
    assert s.wait_run(run["id"])["state_type"] == "COMPLETED"
    assert (tmp_path / "tries").read_text() == "attempt\n" * 3
    task = wf.wait_until(lambda: task_runs(s, run["id"]).get("try"), "task run")
    assert task["run_count"] == 3
    names = [x["name"] for x in s.call("GET", f"/task_run_states/?task_run_id={task['id']}")]
    assert names[0] == "Pending" and "AwaitingRetry" in names and "Retrying" in names and names[-1] == "Completed"


def test_failure_is_told_and_spreads(place):
    s = place.server
    run = s.submit(flows.native(s, place.folder, "failing"))
    done = s.wait_run(run["id"])
    assert done["state_type"] == "FAILED"
    tasks = wf.wait_until(lambda: (t := task_runs(s, run["id"])) and "after" in t and t, "task runs")
    assert tasks["good"]["state_name"] == "Completed"
    assert tasks["bad"]["state_name"] == "Failed" and "7" in tasks["bad"]["state"]["message"]
    assert tasks["after"]["state_name"] == "NotReady"


def test_unloadable_flow_crashes_or_fails_with_the_reason(place):
    s = place.server
    (place.folder / "native.flow.yaml").write_text("version: 1\nflows: {quick: {taks: {}}}\n")
    run = s.submit(flows.native(s, place.folder, "quick"))
    done = s.wait_run(run["id"])
    assert done["state_type"] in ("FAILED", "CRASHED")
    told = done["state"]["message"] + "\n".join(s.logs(run["id"]))
    assert "taks" in told and "did you mean" in told


def test_missing_folder_is_said(place):
    s = place.server
    run = s.submit(flows.native(s, place.folder / "nowhere", "quick"))
    done = s.wait_run(run["id"])
    assert done["state_type"] == "CRASHED" and "could not start" in done["state"]["message"]


def test_cancel_leaves_no_process(place, tmp_path):
    s, pidfile = place.server, tmp_path / "pid"
    run = s.submit(flows.native(s, place.folder, "sleeper"), parameters={"pidfile": str(pidfile)})
    wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "task started")
    below = place.worker.of_runs()
    assert len(below) >= 3
    answer = s.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert answer["status"] == "ACCEPT"
    assert s.wait_run(run["id"])["state_name"] == "Cancelled"
    wf.wait_until(lambda: not any(wf.alive(p) for p in below), "every process of the run to end", 20)


def subflows(server, run_id):
    return server.call("POST", "/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}})


def test_cancelling_a_parent_cancels_its_subflows(place, tmp_path):
    """One in its process, one by a deployment."""
    s = place.server
    flows.native(s, place.folder, "sleeper")
    run = s.submit(flows.native(s, place.folder, "family"), parameters={"folder": str(tmp_path)})
    for name in ("inside", "deployed"):
        wf.wait_until(lambda name=name: (tmp_path / name).exists() and (tmp_path / name).read_text(), place.worker.text)
    below = place.worker.of_runs()
    assert [r["state_type"] for r in subflows(s, run["id"])] == ["RUNNING", "RUNNING"]
    assert wf.wf("flow-run", "cancel", run["id"], server=s).returncode == 0
    assert s.wait_run(run["id"])["state_name"] == "Cancelled"
    wf.wait_until(lambda: [r["state_name"] for r in subflows(s, run["id"])] == ["Cancelled"] * 2,
                  lambda: [r["state"] for r in subflows(s, run["id"])])
    wf.wait_until(lambda: not any(wf.alive(p) for p in below), "every process of the runs to end", 20)
    tasks = s.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})
    assert [t["state_name"] for t in tasks] == ["Cancelled"] * 2, [t["state"] for t in tasks]


def test_a_deployed_subflow_ends_as_soon_as_its_parent(place, tmp_path):
    """Whoever the parent is: nobody has to wait for the pass of a service."""
    s, pidfile = place.server, tmp_path / "pid"
    parent = s.call("POST", "/flow_runs/", {"flow_id": s.flow("by hand")["id"], "state": {"type": "RUNNING"}})["id"]
    task = s.call("POST", "/task_runs/", {"flow_run_id": parent, "task_key": "t", "dynamic_key": "0"})["id"]
    child = s.submit(flows.native(s, place.folder, "sleeper"), parent_task_run_id=task, parameters={"pidfile": str(pidfile)})
    wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "task started")
    began = time.monotonic()
    s.call("POST", f"/flow_runs/{parent}/set_state", {"state": {"type": "CANCELLED"}})
    s.wait_run(child["id"])
    assert time.monotonic() - began < 10
    assert s.states(child["id"])[-2:] == ["Cancelling", "Cancelled"]


def test_cancel_of_a_waiting_run_is_immediate(server, tmp_path):
    server.pool()
    run = server.submit(flows.native(server, flows.write(tmp_path), "quick"))
    server.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert server.run_state(run["id"])["type"] == "CANCELLED"


def test_two_hundred_runs_on_two_workers_each_once(server, workers, tmp_path):
    folder, out = flows.write(tmp_path / "flows"), tmp_path / "out"
    server.pool()
    deployment = flows.native(server, folder, "quick")
    runs = [server.submit(deployment, parameters={"mark": f"run-{i}", "file": str(out)})["id"] for i in range(200)]
    workers(server, "--limit", "8")
    workers(server, "--limit", "8")

    def all_done():
        n = server.call("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})
        return n == len(runs)
    wf.wait_until(all_done, lambda: server.call("POST", "/flow_runs/filter", {"limit": 5, "flow_runs": {
        "state": {"type": {"not_any_": ["COMPLETED"]}}}}), 240)
    lines = out.read_text().split()
    assert sorted(lines) == sorted(f"run-{i}" for i in range(200))


def test_drain_lets_the_run_finish(place, tmp_path):
    s, pidfile = place.server, tmp_path / "pid"
    run = s.submit(flows.native(s, place.folder, "sleeper"), parameters={"seconds": 3, "pidfile": str(pidfile)})
    wf.wait_until(lambda: pidfile.exists(), "task started")
    later = s.submit(flows.native(s, place.folder, "quick"))
    place.worker.kill(signal.SIGTERM)
    assert place.worker.wait_exit(90) == 0
    assert s.run_state(run["id"])["type"] == "COMPLETED"
    # claimed or not when the signal came: it was not started, and the next worker has it at once
    if s.run_state(later["id"])["type"] != "COMPLETED":
        following = wf.Worker(s, tmp_path / "following")
        try:
            assert s.wait_run(later["id"], limit=20)["state_type"] == "COMPLETED"
        finally:
            following.stop()


def test_second_signal_stops_the_runs(place, tmp_path):
    s, pidfile = place.server, tmp_path / "pid"
    run = s.submit(flows.native(s, place.folder, "sleeper"), parameters={"pidfile": str(pidfile)})
    wf.wait_until(lambda: pidfile.exists(), "task started")
    place.worker.kill(signal.SIGTERM)
    wf.wait_until(lambda: "draining" in place.worker.text(), "draining")
    place.worker.kill(signal.SIGTERM)
    place.worker.wait_exit(90)
    assert s.run_state(run["id"])["type"] in ("CRASHED", "CANCELLED", "FAILED")
    assert os.path.exists(pidfile)


def test_engine_that_stands_still_is_noticed(place, tmp_path):
    s, pidfile = place.server, tmp_path / "pid"
    run = s.submit(flows.native(s, place.folder, "sleeper"), parameters={"pidfile": str(pidfile)},
                   job_variables={"env": {}})
    wf.wait_until(lambda: pidfile.exists(), "task started")
    engine = int(s.call("GET", f"/flow_runs/{run['id']}")["infrastructure_pid"])
    os.kill(engine, signal.SIGSTOP)
    done = s.wait_run(run["id"], limit=90)
    assert done["state_type"] == "CRASHED" and "heartbeat" in done["state"]["message"]
