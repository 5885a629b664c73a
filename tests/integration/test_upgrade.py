"""SIGUSR2: a new wf-worker takes over in the same process; nothing that runs ends, no line is lost."""
import os
import shutil
import signal
import sys

import pytest

import flows
import wf
from test_delivery import OwnRedis

CHATTY = """\
version: 1
flows:
  chatty:
    log_prints: true
    params: {gate: {type: string}, marks: {type: string}}
    tasks:
      first:
        run: |
          echo first >> "$WF_IN_marks"
          n=0; while [ ! -e "$WF_IN_gate.1" ]; do n=$((n + 1)); echo "first $n"; sleep 0.02; done; echo "first last"
        with: {gate: "{{ params.gate }}", marks: "{{ params.marks }}"}
      second:
        needs: [first]
        run: |
          echo second >> "$WF_IN_marks"
          n=0; while [ ! -e "$WF_IN_gate.2" ]; do n=$((n + 1)); echo "second $n"; sleep 0.02; done; echo "second last"
        with: {gate: "{{ params.gate }}", marks: "{{ params.marks }}"}
"""
PYTHON = """\
import os
import time

from prefect import flow, get_run_logger, task


@task
def step(gate, marks, n):
    with open(marks, "a") as f:
        f.write(f"step {n}\\n")
    logger = get_run_logger()
    count = 0
    while not os.path.exists(f"{gate}.{n}"):
        count += 1
        logger.info("step %d line %d", n, count)
        print("printed", n, count, flush=True)
        time.sleep(0.05)
    logger.info("step %d last of %d", n, count)
    return count


@flow(name="patient")
def patient(gate: str, marks: str):
    return step(gate, marks, 1), step(gate, marks, 2)
"""


def upgrade(worker, times):
    """The number of handovers that the log tells."""
    worker.kill(signal.SIGUSR2)
    wf.wait_until(lambda: worker.text().count("took over") == times, lambda: worker.text()[-3000:])


def count_lines(lines, word):
    """N of "WORD N" for N = 1, 2, ...: each once, none missing."""
    numbers = [int(m.rsplit(" ", 1)[1]) for m in lines if m.rsplit(" ", 1)[0] == word and m.rsplit(" ", 1)[1].isdigit()]
    assert numbers == list(range(1, len(numbers) + 1)), (word, numbers)
    return len(numbers)


def all_logs(server, run):
    out = []
    while True:
        page = server.call("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200,
                                                    "offset": len(out), "sort": "TIMESTAMP_ASC"})
        out += page
        if len(page) < 200:
            return [line["message"] for line in out]


@pytest.fixture
def redis(tmp_path):
    r = OwnRedis(tmp_path).start()
    yield r
    r.process.stop()


@pytest.fixture
def server(tmp_path, redis):
    s = wf.Server(tmp_path / "server", args=["--redis-url", f"redis+unix://{redis.path}"]).start()
    yield s
    s.stop()


def test_runs_survive_two_upgrades(server, redis, workers, tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "chatty.flow.yaml").write_text(CHATTY)
    (folder / "patient.py").write_text(PYTHON)
    server.pool()
    native = server.deploy("chatty.flow.yaml:chatty", folder, flow="chatty", name="native")
    warm = server.deploy("patient.py:patient", folder, flow="patient", name="warm")
    cold = server.deploy("patient.py:patient", folder, flow="patient", name="cold",
                         job_variables={"command": f"{sys.executable} -m prefect.engine"})
    worker = workers(server, "--limit", "10")
    runs, marks = {}, {}
    for name, deployment in (("native", native), ("warm", warm), ("cold", cold)):
        marks[name] = tmp_path / f"{name}.marks"
        runs[name] = server.submit(deployment, parameters={"gate": str(tmp_path / "gate"), "marks": str(marks[name])})["id"]
    wf.wait_until(lambda: all(m.exists() for m in marks.values()), worker.text, 3 * wf.PATIENCE)
    pid, of_runs = worker.pid, set(worker.of_runs())
    leases = {r: redis.client()("HMGET", f"wf:{{test-pool}}:run:{r}", "tok", "exp", "attempts") for r in runs.values()}
    upgrade(worker, 1)
    assert worker.process.running() and worker.pid == pid
    (tmp_path / "gate.1").touch()
    wf.wait_until(lambda: all("2" in m.read_text() or "second" in m.read_text() for m in marks.values()), worker.text)
    upgrade(worker, 2)
    quick = server.submit(server.deploy("chatty.flow.yaml:chatty", folder, flow="chatty", name="quick"),
                          parameters={"gate": str(tmp_path / "gate"), "marks": str(tmp_path / "quick.marks")})["id"]
    for r, (token, expiry, attempts) in leases.items():
        def renewed():
            now = redis.client()("HMGET", f"wf:{{test-pool}}:run:{r}", "tok", "exp", "attempts")
            assert (now[0], now[2]) == (token, attempts), "nobody else claimed it"
            return int(now[1]) > int(expiry)
        wf.wait_until(renewed, "the successor renews the lease")
    guards = [p for p in wf.descendants(pid) if wf.comm(p) == "wf-guard"]
    assert len(guards) == 1, "the guard of the program before is gone"
    assert of_runs & set(worker.of_runs()), "the processes are the same"
    (tmp_path / "gate.2").touch()
    for name, run in {**runs, "quick": quick}.items():
        done = server.wait_run(run)
        assert done["state_type"] == "COMPLETED", (name, done["state"], worker.text()[-3000:])
        assert server.states(run).count("Running") == 1 and done["run_count"] == 1, (name, server.states(run))
    for name in runs:
        assert len(marks[name].read_text().splitlines()) == 2, "each task ran once"
    lines = all_logs(server, runs["native"])
    assert count_lines(lines, "first") > 1 and count_lines(lines, "second") > 1
    assert lines.count("first last") == 1 and lines.count("second last") == 1
    for name in ("warm", "cold"):
        # Prefect sends its logs when the flow is over
        wf.wait_until(lambda: any(line.startswith("step 2 last") for line in all_logs(server, runs[name])), worker.text)
        lines = all_logs(server, runs[name])
        for n in (1, 2):
            count = count_lines(lines, f"step {n} line")
            assert f"step {n} last of {count}" in lines
    assert "no longer ours" not in worker.text() and "superseded" not in worker.text()
    assert worker.stop() == 0
    assert not [p for p in of_runs if wf.alive(p)]


def test_a_new_program_that_does_not_start_changes_nothing(server, tmp_path):
    folder = flows.write(tmp_path / "flows")
    bin = tmp_path / "bin"
    bin.mkdir()
    for name in ("wf-worker", "wf-engine"):
        shutil.copy(wf.program(name), bin / name)
    server.pool()
    env = wf.clean_env(PREFECT_API_URL=server.api, WF_DATA_DIR=tmp_path / "data")
    process = wf.Process([bin / "wf-worker", "--pool", "test-pool"], tmp_path / "log", env=env, cwd=tmp_path)
    try:
        wf.wait_until(lambda: "started!" in process.text(), process.text)
        pidfile = tmp_path / "pid"
        run = server.submit(flows.native(server, folder, "sleeper"), parameters={"seconds": 2, "pidfile": str(pidfile)})["id"]
        wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), process.text)
        (bin / "new").write_text("#!/bin/sh\necho this version is broken >&2\nexit 3\n")
        (bin / "new").chmod(0o755)
        os.rename(bin / "new", bin / "wf-worker")
        process.kill(signal.SIGUSR2)
        wf.wait_until(lambda: "no upgrade: " in process.text() and "exit status 3" in process.text(), process.text)
        assert "this version is broken" in process.text() and "this version goes on" in process.text()
        (bin / "wf-worker").unlink()
        process.kill(signal.SIGUSR2)
        wf.wait_until(lambda: process.text().count("no upgrade: ") == 2, process.text)
        assert server.wait_run(run)["state_type"] == "COMPLETED"
        quick = server.submit(flows.native(server, folder, "quick"))["id"]
        assert server.wait_run(quick)["state_type"] == "COMPLETED", "it claims again"
    finally:
        process.stop()


def test_an_upgrade_while_the_api_is_away_and_a_run_has_just_ended(server, workers, tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "chatty.flow.yaml").write_text(CHATTY)
    server.pool()
    deployment = server.deploy("chatty.flow.yaml:chatty", folder, flow="chatty", name="native")
    worker = workers(server)
    marks = tmp_path / "marks"
    run = server.submit(deployment, parameters={"gate": str(tmp_path / "gate"), "marks": str(marks)})["id"]
    wf.wait_until(marks.exists, worker.text)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        (tmp_path / "gate.1").touch()
        (tmp_path / "gate.2").touch()  # its end is proposed, and nobody answers
        wf.wait_until(lambda: "second" in marks.read_text(), worker.text)
        upgrade(worker, 1)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert server.wait_run(run)["state_type"] == "COMPLETED"
    lines = all_logs(server, run)
    count_lines(lines, "first"), count_lines(lines, "second")
    assert lines.count("second last") == 1
    assert server.states(run).count("Completed") == 1


def test_without_redis_runs_survive_as_well(server, workers, tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "chatty.flow.yaml").write_text(CHATTY)
    server.pool()
    deployment = server.deploy("chatty.flow.yaml:chatty", folder, flow="chatty", name="native")
    worker = workers(server, "--query-seconds", "1", env={"WF_WORKER_MODE": "rest"})
    marks = tmp_path / "marks"
    run = server.submit(deployment, parameters={"gate": str(tmp_path / "gate"), "marks": str(marks)})["id"]
    wf.wait_until(marks.exists, worker.text)
    upgrade(worker, 1)
    (tmp_path / "gate.1").touch()
    (tmp_path / "gate.2").touch()
    assert server.wait_run(run)["state_type"] == "COMPLETED"
    lines = all_logs(server, run)
    count_lines(lines, "first"), count_lines(lines, "second")
    assert lines.count("second last") == 1 and server.states(run).count("Running") == 1
