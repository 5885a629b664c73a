"""Paused pools and queues, limits, priorities: runs wait, explain says why, then they run."""
import pytest

import flows
import wf


@pytest.fixture
def place(server, workers, tmp_path):
    folder = flows.write(tmp_path / "flows")
    server.pool()
    workers(server)
    return server, folder


def reasons(server, run_id):
    return [w["reason"] for w in server.explain(run_id)["waiting_for"]]


def test_paused_pool(place):
    server, folder = place
    deployment = flows.native(server, folder, "quick")
    assert wf.wf("work-pool", "pause", "test-pool", server=server).returncode == 0
    run = server.submit(deployment)
    wf.wait_until(lambda: any("pool" in r for r in reasons(server, run["id"])), lambda: server.explain(run["id"]))
    said = wf.wf("explain", run["id"], server=server)
    assert said.returncode == 0 and "wf work-pool resume" in said.stdout, said.stdout
    assert server.run_state(run["id"])["type"] == "SCHEDULED"
    assert wf.wf("work-pool", "resume", "test-pool", server=server).returncode == 0
    assert server.wait_run(run["id"])["state_type"] == "COMPLETED"


def test_paused_queue(place):
    server, folder = place
    deployment = flows.native(server, folder, "quick", work_queue_name="slow")
    assert wf.wf("work-queue", "pause", "slow", "--pool", "test-pool", server=server).returncode == 0
    run = server.submit(deployment)
    wf.wait_until(lambda: any("queue" in r for r in reasons(server, run["id"])), lambda: server.explain(run["id"]))
    assert wf.wf("work-queue", "resume", "slow", "--pool", "test-pool", server=server).returncode == 0
    assert server.wait_run(run["id"])["state_type"] == "COMPLETED"


def test_pool_limit_is_never_exceeded(place, tmp_path):
    server, folder = place
    server.call("PATCH", "/work_pools/test-pool", {"concurrency_limit": 1})
    deployment = flows.native(server, folder, "sleeper")
    runs = [server.submit(deployment, parameters={"seconds": 0.5})["id"] for _ in range(3)]
    most = 0

    def finished():
        nonlocal most
        busy = server.call("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}})
        most = max(most, busy)
        return all(server.run_state(r)["type"] == "COMPLETED" for r in runs)
    wf.wait_until(finished, "three runs", 90)
    assert most == 1


def test_no_worker_is_explained(server, tmp_path):
    server.pool()
    run = server.submit(flows.native(server, flows.write(tmp_path), "quick"))
    assert any("worker" in r for r in reasons(server, run["id"])), server.explain(run["id"])


def test_future_run_waits_until_due(place):
    server, folder = place
    run = server.submit(flows.native(server, folder, "quick"),
                        state={"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}})
    assert any("due" in r for r in reasons(server, run["id"])), server.explain(run["id"])
