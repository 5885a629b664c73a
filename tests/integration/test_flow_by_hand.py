"""`wf flow run FILE:NAME`: recorded at the API over REST, interrupted, cancelled, and without any server."""
import hashlib
import json
import pathlib
import signal

import pytest

import flows
import wf


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return flows.write(tmp_path_factory.mktemp("flows"))


@pytest.fixture
def by_hand(shared_server, folder, tmp_path):
    """by_hand(flow, key=value...) starts the flow; the process, whose log has both of its outputs."""
    started = []

    def go(flow, *words, api=None, where=folder / "native.flow.yaml", **parameters):
        args = [a for k, v in parameters.items() for a in ("-p", f"{k}={v}")]
        env = wf.clean_env(HOME=tmp_path, WF_API_URL=api or shared_server.api, NO_COLOR="1")
        started.append(wf.Process([wf.program("wf"), "flow", "run", f"{where}:{flow}", *args, *words],
                                  tmp_path / f"log-{len(started)}", env=env, cwd=tmp_path))
        return started[-1]
    yield go
    for process in started:
        process.kill()
        process.child.wait()


def runs_of(server, flow):
    return server.call("POST", "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC"})


def napping(server, by_hand, tmp_path):
    """A running sleeper: its process, its run, its children."""
    pidfile = tmp_path / "pid"
    process = by_hand("sleeper", pidfile=pidfile)
    wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), process.text)
    run = runs_of(server, "sleeper")[0]
    assert run["state_type"] == "RUNNING"
    return process, run, wf.descendants(process.pid)


def test_a_run_is_recorded(shared_server, by_hand, tmp_path):
    process = by_hand("flaky", file=tmp_path / "tries")
    assert process.child.wait(60) == 0, process.text()
    run = runs_of(shared_server, "flaky")[0]
    assert run["state_type"] == "COMPLETED" and run["parameters"] == {"file": str(tmp_path / "tries")}
    assert run["deployment_id"] is None and run["run_count"] == 1
    assert shared_server.states(run["id"]) == ["Pending", "Running", "Completed"]
    task = shared_server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})[0]
    assert task["state_type"] == "COMPLETED" and task["run_count"] == 3
    names = [s["name"] for s in shared_server.call("GET", f"/task_run_states/?task_run_id={task['id']}")]
    assert names == ["Pending", "Running", "Retrying", "AwaitingRetry", "Retrying", "Completed"]  # no delay first
    assert "Finished in state Completed('All states completed.')" in shared_server.logs(run["id"])


def test_what_it_returns(shared_server, by_hand):
    process = by_hand("quick", mark="hi")
    assert process.child.wait(60) == 0 and process.text().rstrip().endswith('"hi"'), process.text()
    run = runs_of(shared_server, "quick")[0]
    found = shared_server.call("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
    assert [(a["type"], a["data"]) for a in found] == [("result", "hi")]


def test_a_failure(shared_server, by_hand):
    process = by_hand("failing")
    assert process.child.wait(60) == 1
    run = runs_of(shared_server, "failing")[0]
    assert run["state_type"] == "FAILED" and run["state"]["message"] == "1/3 states failed."


@pytest.mark.parametrize("signo, word", [(signal.SIGINT, "interrupt"), (signal.SIGTERM, "termination")])
def test_interrupted(shared_server, by_hand, tmp_path, signo, word):
    process, run, below = napping(shared_server, by_hand, tmp_path)
    process.kill(signo)
    assert process.child.wait(40) == 1, process.text()
    ended = shared_server.run_state(run["id"])
    assert ended["type"] == "CRASHED" and ended["message"] == f"Execution was aborted by {'an' if word[0] == 'i' else 'a'} {word} signal."
    wf.wait_until(lambda: not any(wf.alive(p) for p in below), "every process of the run to end", 20)


def test_cancelled_at_the_api(shared_server, by_hand, tmp_path):
    process, run, below = napping(shared_server, by_hand, tmp_path)
    answer = shared_server.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert answer["status"] == "ACCEPT"
    assert process.child.wait(60) == 3, process.text()
    assert shared_server.run_state(run["id"])["type"] == "CANCELLED"
    wf.wait_until(lambda: not any(wf.alive(p) for p in below), "every process of the run to end", 20)


BIG = """\
version: 1
flows:
  big:
    tasks:
      fill: {run: "printf '%100000s' | tr ' ' x", outputs: text}
    return: "{{ tasks.fill }}"
"""


def stored(server, run):
    """What the flow's result artifact says, and the value that is kept there."""
    found = server.call("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"any_": ["result"]}}})
    told = [a["data"] for a in found if a["task_run_id"] is None][0]["stored"]
    text = pathlib.Path(told["path"]).read_bytes()
    assert hashlib.sha256(text).hexdigest() == told["sha256"] and len(text) == told["size"]
    return told["path"], json.loads(text)


def test_large_results_are_stored(shared_server, by_hand, workers, tmp_path):
    (tmp_path / "big.flow.yaml").write_text(BIG)
    shared_server.pool("big")
    worker = workers(shared_server, pool="big", env={"WF_DATA_DIR": tmp_path / "data"})
    deployment = shared_server.deploy("big.flow.yaml:big", tmp_path, flow="big", name="big", pool="big")
    run = shared_server.submit(deployment)["id"]
    assert shared_server.wait_run(run)["state_type"] == "COMPLETED", worker.text()
    path, value = stored(shared_server, run)
    assert value == "x" * 100000 and path.startswith(str(tmp_path / "data" / "results"))
    process = by_hand("big", where=tmp_path / "big.flow.yaml")
    assert process.child.wait(60) == 0, process.text()
    path, value = stored(shared_server, runs_of(shared_server, "big")[0]["id"])
    assert value == "x" * 100000 and path.startswith(str(tmp_path / ".local" / "share" / "wf" / "results"))


def test_without_a_server(by_hand):
    nowhere = f"http://127.0.0.1:{wf.free_port()}/api"
    process = by_hand("quick", api=nowhere)
    assert process.child.wait(60) not in (0, 2)
    assert "the run cannot be recorded" in process.text() and "--offline" in process.text()
    process = by_hand("quick", "--offline", "-o", "json", api=nowhere, mark="alone")
    assert process.child.wait(60) == 0, process.text()
    told = json.loads(process.text())
    assert told["state"]["type"] == "COMPLETED" and told["result"] == "alone"
