"""Python flows that start warm (a fork of wf-pyhost) behave exactly as those that start cold."""
import contextlib
import difflib
import json
import os
import pathlib
import re
import signal
import sys
import sysconfig

import pytest

import wf

SLOW = 3 * wf.PATIENCE
FLOWS = r'''\
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time

from prefect import flow, get_run_logger, task
from prefect.logging.handlers import APILogWorker


def links():
    found = []
    for fd in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            found.append((int(fd), os.readlink(f"/proc/self/fd/{fd}").split("[")[0]))
        except OSError:
            pass
    return found


AT_IMPORT = {"threads": sorted(t.name for t in threading.enumerate() if "MainThread" in t.name),
             "stdio": links()[:3], "stdin": sys.stdin.fileno()}


@flow(name="world")
def world(file: str):
    import logging
    import ctypes
    import ssl
    from prefect.settings import get_current_settings
    from prefect.logging import configuration
    main, death = sys.modules["__main__"], ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(death))  # PR_GET_PDEATHSIG
    settings = get_current_settings()
    pathlib.Path(file).write_text(json.dumps({
        **AT_IMPORT,
        "env": dict(os.environ), "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "cwd": os.getcwd(),
        "executable": sys.executable, "flags": str(sys.flags), "main": [main.__spec__.name, main.__file__, main.__package__],
        "leads": os.getsid(0) == os.getpid() == os.getpgid(0), "ppid": os.getppid(), "death": death.value,
        "umask": os.umask(0o22), "niceness": os.nice(0), "limits": [resource.getrlimit(n) for n in range(10)],
        "signals": [str(signal.getsignal(s)).split(" at ")[0] for s in range(1, 32) if s not in (signal.SIGTERM,)],
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "encoding": [sys.stdout.encoding, sys.stdout.errors,
        sys.stdout.line_buffering, sys.stdout.write_through, sys.getfilesystemencoding()], "tz": time.tzname,
        "settings": settings.model_dump_json(), "set": settings.to_environment_variables(exclude_unset=True),
        "logging": repr(configuration.PROCESS_LOGGING_CONFIG),
        "loggers": {n: [logging.getLogger(n).level, [type(h).__name__ for h in logging.getLogger(n).handlers]]
                    for n in ("", "prefect", "prefect.flow_runs", "prefect.engine", "prefect.task_runs", "httpx")},
        "tls": [str(ssl.create_default_context().verify_mode), ssl.create_default_context.__name__],
        "pyhost": [n for n in sys.modules if "pyhost" in n]}, default=str))


@task(retries=1, retry_delay_seconds=0)
def once(file):
    with open(file, "a+") as f:
        f.seek(0)
        first = not f.read()
        f.write("x")
    if first:
        raise ValueError("first try fails")


@task
def double(x):
    return 2 * x


@flow(name="child")
def child():
    return [f.result() for f in double.map([1, 2, 3])]


@flow(name="ends", log_prints=True)
def ends(how: str, file: str = ""):
    log = get_run_logger()
    print("begins")
    if how in ("os-exit", "os-exit-0", "abort", "killed", "terminated"):
        APILogWorker.drain_all(timeout=30)  # what was logged until here is sent, what follows is lost
        log.info("never sent")
    if how == "tasks":
        once(file)
        log.info("child gave %s", child())
    elif how == "fails":
        raise ValueError("on purpose")
    elif how == "sys-exit":
        sys.exit(3)
    elif how == "os-exit":
        sys.stdout.write("on its way out")  # not flushed, no line end
        os._exit(7)
    elif how == "os-exit-0":
        os._exit(0)
    elif how == "unflushed-logs":
        log.warning("the last words")  # still in the queue when the interpreter leaves in the normal way
    elif how == "abort":
        os.abort()
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "terminated":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
    elif how == "interrupted":
        raise KeyboardInterrupt
    elif how == "thread":
        threading.Thread(target=lambda: (time.sleep(0.3), pathlib.Path(file).write_text("done"))).start()
    elif how == "left-behind":
        subprocess.Popen(["sleep", "300"])
    elif how == "huge":
        for _ in range(200):
            sys.__stdout__.write("y" * 20000 + "\n")
        raise ValueError("much was said")
    return "fine"


@flow(name="naps")
def naps(file: str, seconds: float = 60):
    pathlib.Path(file).write_text(str(os.getpid()))
    end = time.time() + seconds
    while time.time() < end and not pathlib.Path(file + ".end").exists():
        time.sleep(0.05)
'''
ENDS = ["tasks", "fails", "sys-exit", "os-exit", "os-exit-0", "unflushed-logs", "abort", "killed", "terminated",
        "interrupted", "thread", "left-behind", "huge"]
WAYS = {"warm": (), "cold": ("--no-pyhost",)}


class Place:
    """One server with a pool and a worker for each way."""

    def __init__(self, folder):
        self.folder = folder
        self.server = wf.Server(folder / "server").start()
        (folder / "flows").mkdir()
        (folder / "flows" / "pyflows.py").write_text(FLOWS)
        self.workers, self.count = {}, 0
        for way, options in WAYS.items():
            self.server.pool(way)
            self.workers[way] = wf.Worker(self.server, folder / way, pool=way, name=way,
                                          args=["--limit", "2", "--log-level", "debug", *options])

    def submit(self, way, function, parameters, entrypoint=None, **more):
        deployment = self.server.deploy(entrypoint or f"pyflows.py:{function}", self.folder / "flows", flow=function,
                                        name=f"{way}-{function}-{len(str(more))}", pool=way, **more)
        self.count += 1
        return self.server.submit(deployment, parameters=parameters, name=f"run-{self.count}-{way}")

    def both(self, function, parameters=lambda way: {}, **more):
        return {way: self.submit(way, function, parameters(way), **more) for way in WAYS}

    def file(self, *names):
        return str(self.folder / "-".join(names))

    def story(self, way, run):
        """All that is to be the same: states with messages, logs, what the worker says of the end."""
        run = self.server.wait_run(run["id"], limit=SLOW)

        def plain(text):
            for known in (run["id"], run["name"], str(self.folder / way), self.file(way), f"'{way}'"):
                text = text.replace(known, "<>")
            text = re.sub(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", text)
            text = re.sub(r'\n *File "[^"]*(wf-pyhost|wf_pyhost/[a-z]*.py|<frozen runpy>)", line \d+, in .*(\n    .*)?', "", text)
            text = re.sub(r"'[a-z]+-[a-z]+(-[0-9a-f]{3})?'|\d+:\d\d:\d\d\.\d+|\(pid \d+\)|(?m:^[a-z]+-[a-z]+ \|)", "<>", text)
            # how far Prefect's own event thread gets while its process is torn down is chance
            text = re.sub(r"<> \| ERROR   \| prefect\.events(.|\n)*?RuntimeError: .*\n|<> \| \w+ +\| EventsWorker - .*\n", "", text)
            return re.sub(r"\w+( \|)? <>", "<>", text) if "Worker" in text else text
        states = self.server.call("GET", f"/flow_run_states/?flow_run_id={run['id']}")
        logs = self.server.call("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200,
                                                         "sort": "TIMESTAMP_ASC"})
        said = re.search(rf"run={run['name']} ended (\(.*\))", wf.wait_until(
            lambda: f"run={run['name']} ended" in self.workers[way].text() and self.workers[way].text(), "its end", SLOW))
        return {"states": [(s["type"], s["name"], plain(s["message"] or "")) for s in states if s["name"] != "Late"], "end": said.group(1),
                "logs": sorted((entry["level"], plain(entry["message"])) for entry in logs)}

    def assert_alike(self, runs):
        """Logs and task runs arrive a moment after the end."""
        found = {way: self.story(way, runs[way]) for way in WAYS}  # waits for both

        def same():
            found.update({way: self.story(way, runs[way]) for way in WAYS})
            return found["warm"] == found["cold"]
        try:
            wf.wait_until(same, "", limit=10, step=0.3)
        except AssertionError:
            texts = [json.dumps(found[way], indent=1).splitlines() for way in WAYS]
            raise AssertionError("\n".join(difflib.unified_diff(*texts, *WAYS, lineterm=""))) from None

    def started(self, way):
        return re.findall(r"started \(pid \d+(?:, (warm))?\)", self.workers[way].text())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    p = Place(tmp_path_factory.mktemp("pyhost"))
    yield p
    for w in p.workers.values():
        w.stop()
    p.server.stop()


@pytest.fixture(scope="module")
def ended(place):
    """Every way to end, cold and warm, under way at once."""
    return {how: place.both("ends", lambda way, how=how: {"how": how, "file": place.file(way, how)}) for how in ENDS}


@pytest.mark.parametrize("how", ENDS)
def test_ends_alike(place, ended, how):
    place.assert_alike(ended[how])
    if how == "thread":
        assert all(pathlib.Path(place.file(way, how)).read_text() == "done" for way in WAYS)


def test_all_were_warm(place, ended):
    for runs in ended.values():
        place.server.wait_run(runs["warm"]["id"], limit=SLOW)
    assert set(place.started("warm")) == {"warm"}, place.workers["warm"].text()[-5000:]
    assert set(place.started("cold")) == {""}


def test_the_same_world(place):
    job = {"job_variables": {"env": {"MINE": "1 2", "PREFECT_LOGGING_LEVEL": "DEBUG", "TZ": "Asia/Tokyo"},
                             "memory_limit": "4G", "cpu_limit": 100, "nice": 5}}
    for more in ({}, job):  # the template's surroundings, and others
        runs = place.both("world", lambda way: {"file": place.file(way, "world")}, **more)
        worlds = {}
        for way, run in runs.items():
            assert place.server.wait_run(run["id"], limit=SLOW)["state_type"] == "COMPLETED", place.server.logs(run["id"])
            text = pathlib.Path(place.file(way, "world")).read_text()
            w = json.loads(text.replace(run["id"], "<run>").replace(str(place.folder / way), "<folder>")
                           .replace(f'"{way}"', '"<way>"'))
            assert w.pop("ppid") == place.workers[way].pid and w["leads"] and w["death"] == signal.SIGKILL
            assert w.pop("pyhost") == []
            if more:
                assert w["niceness"] == 5 and [4 << 30] * 2 in w["limits"]
                assert w["limits"][0] == [100, 105]
            worlds[way] = re.sub(r"wf-[A-Za-z0-9_]{6}\b|\d{12,}|[0-9a-f]{8}-[0-9a-f-]{27}", "<>", json.dumps(
                {k: v for k, v in w.items() if k != "env"}, sort_keys=True, indent=1))
            worlds[way, "env"] = {k: v for k, v in w["env"].items() if not re.search("RUN|DEPLOYMENT|WORKER|HEADERS|DATA_DIR", k)}
        assert worlds["warm"] == worlds["cold"]
        assert worlds["warm", "env"] == worlds["cold", "env"]


@pytest.mark.parametrize("what, more", [
    ("no such folder", {"job_variables": {"working_dir": "/no/such/folder"}}),
    ("no such file", {"entrypoint": "gone.py:ends"}),
    ("bad settings", {"job_variables": {"env": {"PREFECT_LOGGING_LEVEL": "NONSENSE"}}}),
    ("command", {"job_variables": {"command": f"{sys.executable} -m prefect.engine"}}),
    ("plugins", {"job_variables": {"env": {"OTEL_SERVICE_NAME": "x"}}}),
])
def test_what_cannot_be_warm_is_cold(place, what, more):
    place.assert_alike(place.both("ends", lambda way: {"how": "nothing"}, **more))


def pyhost(worker):
    """The pid of the newest template."""
    return int(re.findall(r"wf-pyhost \(pid (\d+)\) is ready", worker.text())[-1])


def nap(place, way, name, **more):
    file = place.file(way, name)
    run = place.submit(way, "naps", {"file": file}, **more)
    wf.wait_until(lambda: pathlib.Path(file).exists() and pathlib.Path(file).read_text(), lambda: place.workers[way].text(), SLOW)
    return run, file, int(pathlib.Path(file).read_text())


def test_usage_is_recorded(place):
    run = place.server.wait_run(place.submit("warm", "ends", {"how": "nothing"})["id"], limit=SLOW)
    path = f"/wf/v1/flow_runs/{run['id']}/usage"
    used = wf.wait_until(lambda: (u := place.server.call("GET", path))["processes"] and u, "its usage", SLOW)
    assert used["processes"] == 1 and 0 < used["cpu_seconds"] < 60 and used["out_of_memory_kills"] == 0
    assert 10 << 20 < used["peak_memory_bytes"] < 1 << 30
    said = wf.wf("flow-run", "inspect", run["id"], server=place.server).stdout
    assert "usage:" in said and f"peak_memory_bytes: {used['peak_memory_bytes']}" in said
    assert place.server.request("GET", path.replace(run["id"], "01a20d40-0000-7d4b-ae3e-514b1acc05a4")).status == 404


def test_a_run_outlives_its_template(place):
    run, file, pid = nap(place, "warm", "outlives")
    old = pyhost(place.workers["warm"])
    os.kill(old, signal.SIGKILL)
    wf.wait_until(lambda: not wf.alive(old), "the template is gone")
    assert wf.alive(pid)
    pathlib.Path(file + ".end").touch()
    assert place.server.wait_run(run["id"], limit=SLOW)["state_type"] == "COMPLETED"
    run, file, pid = nap(place, "warm", "after")  # the next one is warm again
    pathlib.Path(file + ".end").touch()
    assert pyhost(place.workers["warm"]) != old and place.started("warm")[-1] == "warm"
    place.server.wait_run(run["id"], limit=SLOW)


def test_cancel_and_timeout_reach_a_warm_run(place):
    run, _, pid = nap(place, "warm", "cancelled")
    assert wf.wf("flow-run", "cancel", run["id"], server=place.server).returncode == 0
    state = place.server.wait_run(run["id"], limit=SLOW)["state"]
    assert (state["type"], state["name"]) == ("CANCELLED", "Cancelled")
    wf.wait_until(lambda: not wf.alive(pid), "its process ended")


def test_changed_packages_and_a_dead_worker(place, tmp_path):
    """An interpreter of its own, whose site-packages can be touched."""
    server, site = place.server, tmp_path / "venv" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    (site / "all.pth").write_text(sysconfig.get_path("purelib") + "\n")
    server.pool("own")
    place.workers["own"] = worker = wf.Worker(server, tmp_path / "own", pool="own", name="own",
                                              env={"WF_PYTHON": tmp_path / "venv" / "bin" / "python", "WF_PYHOST_PRELOAD": "yaml,nosuch"})
    run, file, _ = nap(place, "own", "before")
    pathlib.Path(file + ".end").touch()
    old = pyhost(worker)
    assert "WF_PYHOST_PRELOAD: nosuch cannot be imported" in worker.text()
    (site / "new.dist-info").mkdir()
    run, file, pid = nap(place, "own", "changed")
    assert pyhost(worker) != old and "the installed packages changed" in worker.text()
    children = wf.descendants(worker.pid)
    assert pid in children and pyhost(worker) in children
    worker.kill(signal.SIGKILL)
    worker.wait_exit()
    with contextlib.suppress(OSError):
        wf.wait_until(lambda: not [p for p in children if wf.alive(p)], "what the worker ran ends with it")
