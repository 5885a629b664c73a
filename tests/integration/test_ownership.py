"""One owner at a time: workers that stop, are cut off or die; lost runs crash or are tried again; stale owners are refused."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import threading
import time
import uuid

import pytest
import websockets.sync.client

import flows
import wf

# One line per event, in order: "start <attempt's engine or process>" and "end"; a second start before the
# first one's processes are gone would show as two live pids.
MARKS = """\
version: 1
flows:
  marks:
    params: {file: {type: string}, seconds: {type: number, default: 300}}
    tasks:
      work:
        run: |
          echo "start $$" >> "$WF_IN_file"
          sleep "$WF_IN_seconds"
          echo "end $$" >> "$WF_IN_file"
        with: {file: "{{ params.file }}", seconds: "{{ params.seconds }}"}
"""
PYTHON = '''\
import os
import pathlib
import time

from prefect import flow


@flow(log_prints=True)
def marks(file: str, gate: str):
    with open(file, "a") as f:
        f.write(f"start {os.getpid()}\\n")
    while not pathlib.Path(gate).exists():
        time.sleep(0.05)
    with open(file, "a") as f:
        f.write(f"end {os.getpid()}\\n")
'''


class Marks:
    def __init__(self, path):
        self.path = path

    def lines(self):
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def starts(self):
        return [int(pid) for what, pid in self.lines() if what == "start"]

    def ends(self):
        return [int(pid) for what, pid in self.lines() if what == "end"]


class Proxy:
    """Between a worker and Redis: a Unix socket that can be cut without either end noticing."""

    def __init__(self, path, target):
        self.path, self.target, self.cut, self.pairs = str(path), str(target), False, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    def copy(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                while self.cut:  # what is sent now waits, like in a network that lost its way
                    time.sleep(0.05)
                b.sendall(data)

    def close(self):
        self.socket.close()
        for pair in self.pairs:
            for s in pair:
                s.close()


def redis_url(server):
    words = [line.split(None, 1) for line in (server.data / "redis" / "redis.conf").read_text().splitlines() if " " in line]
    conf = {name: value.strip('"') for name, value in words}
    return conf["unixsocket"], conf["requirepass"]


@pytest.fixture
def place(server, tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "marks.flow.yaml").write_text(MARKS)
    (folder / "pymarks.py").write_text(PYTHON)
    server.pool()
    return server, folder, Marks(tmp_path / "marks")


def submit(server, folder, marks, seconds=300, **deployment):
    made = server.deploy("marks.flow.yaml:marks", folder, flow="marks", name="m", **deployment)
    run = server.submit(made, parameters={"file": str(marks.path), "seconds": seconds})["id"]
    wf.wait_until(marks.starts, "the first attempt")
    return run


def test_a_stopped_worker_ends_its_runs_before_anybody_else_may_have_them(place, workers):
    """Worker and engine stand still for longer than a lease; the run is tried again elsewhere, never twice at once."""
    server, folder, marks = place
    first = workers(server, name="first")
    run = submit(server, folder, marks, on_lost="requeue")
    task = marks.starts()[0]
    engine = int(server.call("GET", f"/flow_runs/{run}")["infrastructure_pid"])
    workers(server, name="second")
    stopped = time.monotonic()
    os.kill(first.pid, signal.SIGSTOP)
    os.kill(engine, signal.SIGSTOP)
    wf.wait_until(lambda: not wf.alive(task), "the task to end while its worker stands still", 20)
    gone = time.monotonic() - stopped
    assert gone < 14.5 and len(marks.starts()) == 1, (gone, marks.lines())
    wf.wait_until(lambda: len(marks.starts()) == 2, lambda: f"the second attempt: {server.states(run)}", 40)
    assert time.monotonic() - stopped > 14, "a lease is never given away early"
    os.kill(first.pid, signal.SIGCONT)
    wf.wait_until(lambda: "no longer ours" in first.text(), first.text, 20)
    assert server.run_state(run)["type"] == "RUNNING"
    assert server.call("GET", f"/wf/v1/flow_runs/{run}/explain")
    names = server.states(run)
    assert names == ["Scheduled", "Pending", "Running", "AwaitingRetry", "Pending", "Running"], names
    messages = [s["message"] for s in server.call("GET", f"/flow_run_states/?flow_run_id={run}")]
    assert messages[3] == "Lease expired on worker 'first'. Queued again (attempt 2 of 3).", messages
    server.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    assert server.wait_run(run)["state_type"] == "CANCELLED"
    assert len(marks.starts()) == 2 and marks.ends() == []


def test_a_worker_cut_off_from_redis_kills_its_runs(server, place, workers, tmp_path):
    server, folder, marks = place
    sock, password = redis_url(server)
    proxy = Proxy(tmp_path / "p.sock", sock)
    url = f"redis+unix://{proxy.path}" + (f"?password={password}" if password else "")
    first = workers(server, name="first", env={"WF_REDIS_URL": url})
    try:
        run = submit(server, folder, marks)
        task = marks.starts()[0]
        proxy.cut, cut = True, time.monotonic()
        wf.wait_until(lambda: not wf.alive(task), first.text, 20)
        assert 5 < time.monotonic() - cut < 14.5
        done = server.wait_run(run, limit=40)
        assert done["state_type"] == "CRASHED" and done["state"]["message"] == "Lease expired on worker 'first'.", done["state"]
        assert marks.ends() == []
        proxy.cut = False
        # it is of use again
        again = server.submit({"id": done["deployment_id"]}, parameters={"file": str(marks.path), "seconds": 0})["id"]
        assert server.wait_run(again)["state_type"] == "COMPLETED"
    finally:
        proxy.cut = False
        proxy.close()


def test_attempts_are_counted_and_told(place, workers):
    server, folder, marks = place
    first = workers(server, name="first")
    run = submit(server, folder, marks, on_lost="requeue", max_attempts=2)
    first.kill()
    second = workers(server, name="second")
    wf.wait_until(lambda: len(marks.starts()) == 2, lambda: server.states(run), 60)
    second.kill()
    done = server.wait_run(run, limit=60)
    message = done["state"]["message"]
    assert done["state_type"] == "CRASHED", done["state"]
    assert message.startswith("Lease expired on worker 'second'. Attempt 2 of 2. Before: 2"), message
    assert message.endswith("Lease expired on worker 'first'."), message
    assert done["run_count"] == 2


def task_event(run):
    """As Prefect's engine sends it when a task begins to run."""
    task, now = str(uuid.uuid4()), time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return {"id": str(uuid.uuid4()), "occurred": now, "event": "prefect.task-run.Running",
            "resource": {"prefect.resource.id": f"prefect.task-run.{task}", "prefect.resource.name": "t-0", "prefect.run-count": "1",
                         "prefect.state-message": "", "prefect.state-name": "Running", "prefect.state-timestamp": now,
                         "prefect.state-type": "RUNNING", "prefect.orchestration": "client"},
            "related": [{"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.role": "flow-run"}],
            "payload": {"intended": {"from": "PENDING", "to": "RUNNING"}, "initial_state": None,
                        "validated_state": {"type": "RUNNING", "name": "Running", "message": "", "state_details": {}, "data": None},
                        "task_run": {"id": task, "name": "t-0", "flow_run_id": run, "task_key": "t", "dynamic_key": task,
                                     "task_inputs": {}, "empirical_policy": {}, "tags": []}}}


def test_what_a_stale_owner_says_does_not_count(place, workers):
    """The process of a lost attempt lives on (nobody could kill it): its states, logs and facts are refused."""
    server, folder, marks = place
    worker = workers(server, "--no-pyhost", name="first")
    gate = marks.path.with_name("gate")
    made = server.deploy("pymarks.py:marks", folder, flow="marks", name="py", on_lost="requeue")
    run = server.submit(made, parameters={"file": str(marks.path), "gate": str(gate)})["id"]
    wf.wait_until(marks.starts, worker.text, 2 * wf.PATIENCE)
    environ = dict(line.split("=", 1) for line in
                   pathlib.Path(f"/proc/{marks.starts()[0]}/environ").read_text().split("\0") if "=" in line)
    assert "X-WF-Fence" in environ["PREFECT_CLIENT_CUSTOM_HEADERS"]
    fence = json.loads(environ["PREFECT_CLIENT_CUSTOM_HEADERS"])["X-WF-Fence"]
    worker.kill()
    workers(server, "--no-pyhost", name="second")
    wf.wait_until(lambda: len(marks.starts()) == 2, lambda: server.states(run), 2 * wf.PATIENCE)
    stale = {"X-WF-Fence": fence}
    for force in (False, True):
        answer = server.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "COMPLETED"}, "force": force},
                             headers=stale, expect=409)
        assert "newer owner" in answer["detail"], answer
    server.call("PATCH", f"/flow_runs/{run}", {"name": "stale"}, headers=stale, expect=409)
    line = {"flow_run_id": run, "name": "x", "level": 20, "timestamp": "2026-01-01T00:00:00Z"}
    other = "00000000-0000-0000-0000-000000000001"
    server.call("POST", "/logs/", [{**line, "message": "stale"}, {**line, "flow_run_id": other, "message": "of another"}],
                headers=stale)
    server.call("POST", "/logs/", [{**line, "message": "good"}])
    wf.wait_until(lambda: "good" in server.logs(run), lambda: server.logs(run))
    assert "stale" not in server.logs(run) and server.logs(other) == ["of another"]
    # whatever it writes: about its run, about others, as events over HTTP and the socket
    event = task_event(run)
    for path, body in (("/events", [event]), ("/artifacts/", {"key": "stale", "flow_run_id": run}),
                       ("/task_runs/", {"flow_run_id": run, "task_key": "t", "dynamic_key": "stale"}),
                       (f"/deployments/{made['id']}/create_flow_run", {}), ("/variables/", {"name": "stale", "value": 1})):
        answer = server.call("POST", path, body, headers=stale, expect=409)
        assert "newer owner" in answer["detail"], (path, answer)
    fresh = task_event(run)
    for headers, sent in ((stale, event), ({}, fresh)):
        with websockets.sync.client.connect(server.api.replace("http", "ws", 1) + "/events/in", subprotocols=["prefect"],
                                            additional_headers=headers) as socket:
            socket.send(json.dumps({"type": "auth", "token": None}))
            assert json.loads(socket.recv())["type"] == "auth_success"
            socket.send(json.dumps(sent))
            assert socket.ping().wait(20), "answered when it is stored, or dropped"
    known = {t["id"] for t in server.call("POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})}
    assert fresh["resource"]["prefect.resource.id"].rsplit(".", 1)[1] in known
    assert event["resource"]["prefect.resource.id"].rsplit(".", 1)[1] not in known
    stored = {e["id"] for e in server.call("POST", "/events/filter", {"filter": {"event": {"name": ["prefect.task-run.Running"]}}})["events"]}
    assert fresh["id"] in stored and event["id"] not in stored
    assert server.run_state(run)["type"] == "RUNNING"
    gate.touch()
    assert server.wait_run(run, limit=2 * wf.PATIENCE)["state_type"] == "COMPLETED"
    assert len(marks.starts()) == 2 and len(marks.ends()) == 1
