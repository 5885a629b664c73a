"""The unmodified prefect command line, worker and server together with ours: who creates, who runs, who cancels."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import flows
import wf

POOL = "tutorial-process-pool"
AGAIN = """\
version: 1
flows:
  again:
    retries: 1
    retry_delay_seconds: 1
    params: {file: {type: string}}
    tasks:
      try:
        run: |
          echo attempt >> "$WF_IN_file"
          [ "$(wc -l < "$WF_IN_file")" -ge 2 ]
        with: {file: "{{ params.file }}"}
"""
PREFECT = pathlib.Path(sys.executable).parent / "prefect"
SLOW = 3 * wf.PATIENCE  # imports of Python: seconds each on a busy machine, and several per run


class Client:
    """The prefect command line with a home of its own."""

    def __init__(self, home, api=None):
        self.env = wf.clean_env(PREFECT_HOME=home, DO_NOT_TRACK="1", NO_COLOR="1", COLUMNS="200", CI="1",
                                PREFECT_SERVER_ANALYTICS_ENABLED="false", PREFECT_WORKER_QUERY_SECONDS="2",
                                PYTHONUNBUFFERED="1",
                                PATH=f"{PREFECT.parent}:{os.environ['PATH']}", **({"PREFECT_API_URL": api} if api else {}))

    def popen(self, *args, cwd=None):
        return subprocess.Popen([PREFECT, "--no-prompt", *args], env=self.env, cwd=cwd, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ok(self, *args, cwd=None):
        """Runs a command that must succeed; what it said."""
        child = self.popen(*args, cwd=cwd)
        said, _ = child.communicate(timeout=SLOW)
        assert child.returncode == 0, f"prefect {' '.join(args)}: exit {child.returncode}\n{said}"
        return said


class Theirs(wf.Server):
    """A real Prefect server. It answers 503 when its database is busy; then one asks again, as its own clients do."""

    def __init__(self, folder):
        super().__init__(folder)
        self.api = f"http://127.0.0.1:{wf.free_port()}/api"
        port = self.api.split(":")[2].split("/")[0]
        self.process = wf.Process([PREFECT, "server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"],
                                  folder / "server.log", env=Client(folder / "home").env, cwd=folder)

    def request(self, *args, timeout=SLOW, **options):
        end = time.monotonic() + SLOW
        while (answer := super().request(*args, timeout=timeout, **options)).status == 503 and time.monotonic() < end:
            time.sleep(0.5)
        return answer

    def up(self):
        assert self.process.running(), self.process.text()
        try:
            return self.request("GET", "/health", timeout=5).status == 200
        except OSError:
            return False


class Place:
    def __init__(self, folder):
        self.folder = folder
        self.server = wf.Server(folder / "server").start()
        self.prefect = Client(folder / "home", self.server.api)
        self.flows = flows.write(folder / "flows")
        self.prefect.ok("work-pool", "create", POOL, "--type", "process")
        self.prefect.ok("deploy", "pyflows.py:two_tasks", "-n", "two", "--pool", POOL, cwd=self.flows)

    def watch(self, name, **parameters):
        """prefect deployment run two-tasks/two --watch in the background."""
        args = [a for k, v in parameters.items() for a in ("-p", f"{k}={v}")]
        return self.prefect.popen("deployment", "run", name, *args, "--watch")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    p = Place(tmp_path_factory.mktemp("worker"))
    yield p
    assert p.server.stop() == 0


@pytest.fixture
def worker(request, place, tmp_path):
    """Starts Python flows warm; with the parameter "cold", each with an interpreter of its own."""
    cold = ["--no-pyhost"] if getattr(request, "param", "") == "cold" else []
    w = wf.Worker(place.server, tmp_path / "worker", pool=POOL, args=cold)
    yield w
    assert w.stop() == 0, w.text()[-4000:]


both_ways = pytest.mark.parametrize("worker", ["warm", "cold"], indirect=True)


def good_and_bad(place, tmp_path):
    """Both branches of two_tasks, watched by the prefect command line at the same time."""
    good = place.watch("two-tasks/two", file=tmp_path / "good")
    bad = place.watch("two-tasks/two", file=tmp_path / "bad", fail="true")
    said, _ = good.communicate(timeout=SLOW)
    bad_said, _ = bad.communicate(timeout=SLOW)
    server = place.server
    runs = {run["parameters"]["file"]: run for run in server.call("POST", "/flow_runs/filter", {})}
    run, failed = runs[str(tmp_path / "good")], runs[str(tmp_path / "bad")]
    assert good.returncode == 0, said
    assert run["state_type"] == "COMPLETED" and run["id"] in said and "Completed" in said
    assert (tmp_path / "good").read_text() == "try\ntry\n"  # each try once
    assert "hello from python" in server.logs(run["id"])
    assert bad.returncode == 1, bad_said
    assert failed["state_type"] == "FAILED" and "branch fails" in failed["state"]["message"]
    assert "branch fails" in bad_said

    def tasks():
        found = server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})
        ended = {t["task_key"].split("-")[0]: (t["state_type"], t["run_count"]) for t in found}
        return ended == {"flaky": ("COMPLETED", 2), "branch": ("COMPLETED", 1)}
    wf.wait_until(tasks, lambda: server.call("POST", "/task_runs/filter", {}))
    names = server.states(run["id"])
    assert names[0] == "Scheduled" and names[-2:] == ["Running", "Completed"] and "Pending" in names, names


@both_ways
def test_our_worker(place, worker, tmp_path):
    good_and_bad(place, tmp_path)


def test_their_worker(place, tmp_path):
    worker = wf.Process([PREFECT, "worker", "start", "--pool", POOL, "--name", "theirs"], tmp_path / "worker.log",
                        env=place.prefect.env, cwd=tmp_path)
    try:
        good_and_bad(place, tmp_path)
    except BaseException:
        print(worker.text()[-6000:])
        raise
    finally:  # now and then it hangs after the signal; how it ends is not our matter
        worker.kill(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.child.wait(20)
        worker.kill()
        worker.child.wait()


@both_ways
def test_native_and_python_flows_share_a_pool(place, worker, tmp_path):
    server, file = place.server, tmp_path / "marks"
    runs = [server.submit(d, parameters={"file": str(file)}) for d in (
        flows.python(server, place.flows, "mark", pool=POOL), flows.native(server, place.flows, "quick", pool=POOL))]
    for run in runs:
        run = server.wait_run(run["id"], limit=SLOW)
        assert run["state_type"] == "COMPLETED", (run["state"], worker.text()[-4000:])
        assert run["work_pool_name"] == POOL
    assert sorted(file.read_text().split()) == ["done", "python"]


@both_ways
def test_cancel_a_running_python_flow(place, worker, tmp_path):
    server, hooked, started = place.server, tmp_path / "hooked", tmp_path / "started"
    run = server.submit(flows.python(server, place.flows, "napper", pool=POOL),
                        parameters={"hookfile": str(hooked), "started": str(started)})
    wf.wait_until(started.exists, lambda: f"the flow started: {server.run_state(run['id'])}\n{worker.text()}", SLOW)
    children = worker.of_runs()
    assert children
    place.prefect.ok("flow-run", "cancel", run["id"])
    state = server.wait_run(run["id"], limit=SLOW)["state"]
    assert state["type"] == "CANCELLED" and state["name"] == "Cancelled", (state, worker.text()[-4000:])
    wf.wait_until(hooked.exists, lambda: f"on_cancellation ran\n{server.logs(run['id'])}", SLOW)
    assert hooked.read_text().startswith("Cancel")
    wf.wait_until(lambda: not [p for p in children if wf.alive(p)], "no process is left")


def test_cancelling_a_python_parent_cancels_its_subflows(place, worker, tmp_path):
    """One by run_deployment, native, and one in the parent's process; long before a service would look (20 s)."""
    server = place.server
    flows.native(server, place.flows, "sleeper", pool=POOL)
    run = server.submit(flows.python(server, place.flows, "family", pool=POOL), parameters={"folder": str(tmp_path)})["id"]
    for name in ("deployed", "inside"):
        wf.wait_until((tmp_path / name).exists, worker.text, SLOW)
    below = worker.of_runs()
    place.prefect.ok("flow-run", "cancel", run)
    assert server.wait_run(run, limit=SLOW)["state_type"] == "CANCELLED"
    ended = time.monotonic()

    def subflows():
        found = server.call("POST", "/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}})
        return sorted(r["state_name"] for r in found)
    wf.wait_until(lambda: subflows() == ["Cancelled"] * 2, lambda: f"{subflows()}\n{worker.text()[-3000:]}", SLOW)
    assert time.monotonic() - ended < 10
    wf.wait_until(lambda: not [p for p in below if wf.alive(p)], "no process is left")


def why(server, run):
    return [w["reason"] for w in server.explain(run["id"])["waiting_for"]]


def test_pause_and_resume_by_prefect(place, worker, tmp_path):
    server, prefect = place.server, place.prefect
    deployment = flows.native(server, place.flows, "quick", pool=POOL)
    for kind, ending in (("work-pool", [POOL]), ("work-queue", ["default", "--pool", POOL])):
        prefect.ok(kind, "pause", *ending)
        run = server.submit(deployment)
        wf.wait_until(lambda: any(kind[5:] in r for r in why(server, run)), lambda: server.explain(run["id"]))
        assert server.run_state(run["id"])["type"] == "SCHEDULED"
        said = wf.wf("explain", run["id"], server=server)
        assert said.returncode == 0 and f"{kind} resume" in said.stdout, said.stdout
        prefect.ok(kind, "resume", *ending)
        assert server.wait_run(run["id"])["state_type"] == "COMPLETED", worker.text()[-4000:]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A real Prefect server with the pool; what it said is shown when a test fails."""
    server = Theirs(tmp_path_factory.mktemp("theirs"))
    wf.wait_until(server.up, lambda: f"prefect server: {server.process.text()[-3000:]}", max(90, SLOW), step=0.5)
    server.pool(POOL)
    yield server
    server.process.stop(limit=60)


@pytest.fixture
def polling(theirs, tmp_path):
    """wf-worker that serves it."""
    w = wf.Worker(theirs, tmp_path / "worker", args=["--cancel-grace", "1s"], pool=POOL)
    yield w
    w.stop()
    print(theirs.process.text()[-3000:], w.text()[-6000:])


def test_our_worker_serves_a_real_prefect_server(place, theirs, polling, tmp_path):
    server, file = theirs, tmp_path / "marks"
    runs = [server.submit(d, parameters={"file": str(file)}) for d in (
        flows.python(server, place.flows, "mark", pool=POOL), flows.native(server, place.flows, "quick", pool=POOL))]
    for run in runs:
        run = server.wait_run(run["id"], limit=SLOW)
        assert run["state_type"] == "COMPLETED", (run["state"], server.logs(run["id"]), server.states(run["id"]))
    assert sorted(file.read_text().split()) == ["done", "python"]
    python = server.call("GET", f"/flow_runs/{runs[0]['id']}")
    assert python["infrastructure_pid"] and python["labels"]["prefect.worker.name"] == polling.name, python
    (tmp_path / "again.flow.yaml").write_text(AGAIN)
    again = server.submit(server.deploy("again.flow.yaml:again", tmp_path, flow="again", name="again", pool=POOL),
                          parameters={"file": str(tmp_path / "attempts")})
    failing = server.submit(flows.native(server, place.flows, "failing", pool=POOL))
    assert server.wait_run(failing["id"], limit=SLOW)["state_type"] == "FAILED"
    assert server.wait_run(again["id"], limit=SLOW)["state_type"] == "COMPLETED", server.logs(again["id"])
    assert len((tmp_path / "attempts").read_text().split()) == 2 and "AwaitingRetry" in server.states(again["id"])


def test_cancelled_and_crashed_at_a_real_prefect_server(place, theirs, polling, tmp_path):
    server = theirs
    deployment = flows.native(server, place.flows, "sleeper", pool=POOL)
    cancelled, crashed = [server.submit(deployment, parameters={"pidfile": str(tmp_path / name)})["id"]
                          for name in ("cancelled", "crashed")]
    for name in ("cancelled", "crashed"):
        wf.wait_until(lambda name=name: (tmp_path / name).exists() and (tmp_path / name).read_text().strip(),
                      polling.text, SLOW)
    below = polling.of_runs()
    answer = server.call("POST", f"/flow_runs/{cancelled}/set_state", {"state": {"type": "CANCELLING"}})
    assert answer["status"] == "ACCEPT"
    engine = wf.wait_until(lambda: server.call("GET", f"/flow_runs/{crashed}")["infrastructure_pid"], "its pid", SLOW)
    os.kill(int(engine), signal.SIGKILL)
    ended = server.wait_run(crashed, limit=SLOW)
    assert ended["state_type"] == "CRASHED" and "-9" in ended["state"]["message"], ended["state"]
    ended = server.wait_run(cancelled, limit=SLOW)
    assert ended["state_type"] == "CANCELLED", (ended["state"], server.states(cancelled))
    wf.wait_until(lambda: not any(wf.alive(p) for p in below), "every process of the runs to end", 30)
