"""No descendant of a run survives it: double forks, sessions of their own, with and without a control group."""
import contextlib
import os
import pathlib
import signal
import sys

import pytest

import wf

UNIFIED = pathlib.Path("/sys/fs/cgroup/unified" if pathlib.Path("/sys/fs/cgroup/unified").exists() else "/sys/fs/cgroup")
NATIVE = """\
version: 1
flows:
  runaway:
    params: {file: {type: string}, clear: {type: string, default: ""}}
    tasks:
      go:
        run: |
          setsid sh -c 'echo $$ >> "$WF_IN_file"; exec sleep 300' &
          ( setsid sh -c 'trap "" TERM; echo $$ >> "$WF_IN_file"; sleep 301; :' & )
          if [ -n "$WF_IN_clear" ]; then
            ( env -i setsid sh -c 'trap "" TERM; echo $$ >> "$0"; sleep 302; :' "$WF_IN_file" & )
          else
            echo 0 >> "$WF_IN_file"
          fi
          echo $$ >> "$WF_IN_file"
          sleep 300
        with: {file: "{{ params.file }}", clear: "{{ params.clear }}"}
"""
PYTHON = '''\
import os
import signal
import subprocess
import time

from prefect import flow


@flow(name="pyaway")
def pyaway(file: str, end: bool = False):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            with open(file, "a") as f:
                f.write(f"{os.getpid()}\\n")
            os.closerange(0, 3)
            time.sleep(300)
        os._exit(0)
    os.wait()
    subprocess.Popen(["sh", "-c", f"echo $$ >> {file}; exec sleep 300"], start_new_session=True)
    while len(open(file).readlines()) < 2:
        time.sleep(0.02)
    if not end:
        time.sleep(300)
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "runaway.flow.yaml").write_text(NATIVE)
    (tmp_path / "pyaway.py").write_text(PYTHON)
    return tmp_path


@pytest.fixture
def group():
    """A control group (v2) of the test's own."""
    path = UNIFIED / f"wf-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield path
    wf.wait_until(lambda: not [d for d in path.iterdir() if d.is_dir() and d.name != "wf-main"], "the runs' groups are removed")
    for leaf in path.iterdir():
        with contextlib.suppress(OSError):
            leaf.rmdir()
    path.rmdir()


def pids(file, count):
    wf.wait_until(lambda: file.exists() and len(file.read_text().split()) >= count, f"{count} pids in {file}")
    return [int(p) for p in file.read_text().split() if p != "0"]


def cancel(server, run):
    server.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})


def stays(server, folder, tmp_path):
    """A run that goes on: only so orphans have to be told apart."""
    other = server.deploy("runaway.flow.yaml:runaway", folder, flow="runaway", name="other")
    file = tmp_path / "other.pids"
    run = server.submit(other, parameters={"file": str(file)})["id"]
    return run, pids(file, 4)


def test_native_descendants_end_with_a_cancelled_run(server, workers, folder, tmp_path):
    server.pool()
    worker = workers(server, "--cancel-grace", "1s")
    other, others = stays(server, folder, tmp_path)
    deployment = server.deploy("runaway.flow.yaml:runaway", folder, flow="runaway", name="d")
    run = server.submit(deployment, parameters={"file": str(tmp_path / "pids"), "clear": "yes"})["id"]
    mine = pids(tmp_path / "pids", 4)
    cancel(server, run)
    assert server.wait_run(run)["state_type"] == "CANCELLED"
    wf.wait_until(lambda: not any(wf.alive(p) for p in mine), lambda: [p for p in mine if wf.alive(p)], 15)
    assert all(wf.alive(p) for p in others), "another run's are left alone"
    # an engine that is killed cannot look after its own: the worker finds the marked ones
    engine = next(p for p in worker.of_runs() if wf.comm(p) == "wf-engine")
    os.kill(engine, signal.SIGKILL)
    assert server.wait_run(other)["state_type"] == "CRASHED"
    wf.wait_until(lambda: not any(wf.alive(p) for p in others), lambda: [p for p in others if wf.alive(p)], 15)


def test_python_descendants_end_with_their_run(server, workers, folder, tmp_path):
    server.pool()
    worker = workers(server, "--cancel-grace", "1s")
    other, others = stays(server, folder, tmp_path)
    runs, mine = {}, []
    for name, variables, end in (("warm", {}, False), ("ended", {}, True), ("cold", {"command": f"{sys.executable} -m prefect.engine"}, False)):
        deployment = server.deploy("pyaway.py:pyaway", folder, flow="pyaway", name=name, job_variables=variables)
        runs[name] = server.submit(deployment, parameters={"file": str(tmp_path / name), "end": end})["id"]
    for name in runs:
        mine += pids(tmp_path / name, 2)
    assert worker.text().count(", warm)") == 2
    for name, run in runs.items():
        if name != "ended":
            cancel(server, run)
    assert {name: server.wait_run(run)["state_type"] for name, run in runs.items()} == {
        "warm": "CANCELLED", "cold": "CANCELLED", "ended": "COMPLETED"}
    wf.wait_until(lambda: not any(wf.alive(p) for p in mine), lambda: [p for p in mine if wf.alive(p)], 15)
    assert all(wf.alive(p) for p in others)
    assert server.run_state(other)["type"] == "RUNNING"
    cancel(server, other)
    assert server.wait_run(other)["state_type"] == "CANCELLED"


def test_a_control_group_for_each_run(group, server, workers, folder, tmp_path):
    server.pool()
    worker = workers(server, "--cancel-grace", "500ms", "--cgroup", group)
    _, others = stays(server, folder, tmp_path)
    deployment = server.deploy("runaway.flow.yaml:runaway", folder, flow="runaway", name="d",
                               job_variables={"memory_max": "1G", "cpu_max": 1.5})
    run = server.submit(deployment, parameters={"file": str(tmp_path / "pids"), "clear": "yes"})["id"]
    mine = pids(tmp_path / "pids", 4)
    mine_group = next(d for d in group.iterdir() if d.name.startswith(run))
    assert set(mine) <= {int(p) for p in (mine_group / "cgroup.procs").read_text().split()}
    worker.kill(signal.SIGUSR2)  # the group goes over to the next version
    wf.wait_until(lambda: "took over 2 runs" in worker.text(), worker.text)
    engine = next(p for p in worker.of_runs() if str(run) in (pathlib.Path(f"/proc/{p}/cgroup").read_text()) and wf.comm(p) == "wf-engine")
    os.kill(engine, signal.SIGKILL)
    assert server.wait_run(run)["state_type"] == "CRASHED"
    wf.wait_until(lambda: not any(wf.alive(p) for p in mine), lambda: [p for p in mine if wf.alive(p)], 15)
    wf.wait_until(lambda: not mine_group.exists(), "the group is removed")
    assert all(wf.alive(p) for p in others)
    usage = server.call("GET", f"/wf/v1/flow_runs/{run}/usage")
    assert usage["cpu_seconds"] > 0, usage
    if "memory" not in (group / "cgroup.controllers").read_text():
        assert any("memory_max is not kept" in line for line in server.logs(run))
    # a worker that is killed leaves a group: the next one ends what is in it
    worker.kill(signal.SIGKILL)
    worker.wait_exit()
    wf.wait_until(lambda: "wf-engine" not in {wf.comm(p) for p in others}, "its engines died with it")
    again = workers(server, "--cgroup", group)
    wf.wait_until(lambda: "started!" in again.text(), again.text)
    wf.wait_until(lambda: not any(wf.alive(p) for p in others), lambda: [p for p in others if wf.alive(p)], 15)
