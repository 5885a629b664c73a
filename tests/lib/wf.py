"""What the Python tests share: our programs as processes in a folder of their own, and a small API client.

Programs are found in $WF_BIN (a build folder). Everything listens on loopback, on ports chosen by the system,
and is ended by pid when the test ends. Waiting is always for a condition, with a limit.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pg

BIN = pathlib.Path(os.environ.get("WF_BIN", pathlib.Path(__file__).parents[2] / "build"))
TOP = pathlib.Path(os.environ.get("WF_TOP", pathlib.Path(__file__).parents[2]))
# Sanitized programs on two busy cores are slow; a limit is for failing, not for measuring.
PATIENCE = float(os.environ.get("WF_TEST_PATIENCE", "60"))
TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def replicas():
    """How many servers stand behind each address (WF_TEST_REPLICAS): one, as a rule."""
    return int(os.environ.get("WF_TEST_REPLICAS", "1"))


def program(name):
    path = BIN / name
    if name == "wf-api" and replicas() > 1:
        path = pathlib.Path(__file__).with_name("replicas.py")
    if not path.exists():
        raise AssertionError(f"{path} does not exist: build first (WF_BIN names the build folder)")
    return str(path)


def wait_until(condition, what, limit=None, step=0.05):
    """Polls CONDITION until it is true; its value. Fails with WHAT after LIMIT seconds."""
    limit = PATIENCE if limit is None else limit
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit:.0f} s: {what() if callable(what) else what}")
        time.sleep(step)


def clean_env(**more):
    """The environment for our programs: nothing of the person who runs the tests but what is needed."""
    keep = {k: v for k, v in os.environ.items()
            if k in ("PATH", "HOME", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                     "TSAN_OPTIONS", "TMPDIR")}
    keep.update({k: str(v) for k, v in more.items()})
    return keep


def _die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: killed tests leave nothing behind


class Process:
    """A child with its output in a file; ended when the test ends."""

    def __init__(self, argv, log, env=None, cwd=None, **options):
        self.log = pathlib.Path(log)
        self.argv = [str(a) for a in argv]
        self.file = open(self.log, "ab")
        self.child = subprocess.Popen(self.argv, stdout=self.file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                      env=env if env is not None else clean_env(), cwd=cwd,
                                      preexec_fn=_die_with_us, **options)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def kill(self, signo=signal.SIGKILL):
        if self.running():
            self.child.send_signal(signo)

    def stop(self, limit=30, signo=signal.SIGTERM):
        """Asks to end, waits, kills when it does not; the exit status."""
        self.kill(signo)
        try:
            status = self.child.wait(limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.argv[0]} did not end within {limit} s of signal {signo}:\n{self.text()[-4000:]}")
        finally:
            self.file.close()
        return status


class Answer:
    def __init__(self, status, body, headers):
        self.status, self.text, self.headers = status, body.decode("utf-8", "replace"), headers

    @property
    def json(self):
        return json.loads(self.text)


class Server:
    """wf-api with its own data folder; with a database of its own in PostgreSQL when WF_TEST_DATABASE says so.

    DATABASE: the name of one in the session's cluster (tests/lib/pg.py).
    """

    def __init__(self, folder, env=None, args=(), database=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.env = clean_env(**(env or {}))
        if replicas() > 1:
            self.env.update(WF_TEST_REPLICAS=str(replicas()), WF_BIN=str(BIN))
        if database is None and (pg.wanted() or replicas() > 1) and "WF_DATABASE_URL" not in self.env:
            database = pg.cluster().new_database()
        self.database = database
        if database is not None:
            self.env["WF_DATABASE_URL"] = pg.cluster().url(database)
        self.args = list(args)
        self.process = None
        self.api = None
        self.port = 0

    def start(self, limit=None):
        (self.data / "url").unlink(missing_ok=True)
        self.process = Process([program("wf-api"), "--port", self.port, "--data-dir", self.data, *self.args],
                               self.folder / "wf-api.log", env=self.env)

        def ready():
            if not self.process.running():
                raise AssertionError(f"wf-api ended:\n{self.process.text()[-4000:]}")
            with contextlib.suppress(OSError, ValueError):
                self.api = (self.data / "url").read_text().strip()
                if not self.api:
                    return False
                return self.request("GET", "/ready", timeout=2).status == 200
            return False
        wait_until(ready, lambda: f"wf-api ready:\n{self.process.text()[-4000:]}", limit)
        self.port = int(self.api.rsplit(":", 1)[1].split("/")[0])
        return self

    def request(self, method, path, body=None, headers=None, timeout=30, raw=None):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        head = {"Content-Type": "application/json"} if data is not None else {}
        head.update(headers or {})
        request = urllib.request.Request(self.api + path, data=data, method=method, headers=head)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), error.headers)

    def call(self, method, path, body=None, expect=(200, 201, 202, 204), **options):
        """The JSON of an answer whose status must be one of EXPECT."""
        answer = self.request(method, path, body, **options)
        if answer.status not in (expect if isinstance(expect, (tuple, set)) else (expect,)):
            raise AssertionError(f"{method} {path}: {answer.status} {answer.text[:2000]}")
        return answer.json if answer.text else None

    def run_state(self, run_id):
        return self.call("GET", f"/flow_runs/{run_id}")["state"]

    def wait_run(self, run_id, states=TERMINAL, limit=None):
        """Waits until the run is in one of the state types; the run."""
        last = {}

        def there():
            last.update(self.call("GET", f"/flow_runs/{run_id}"))
            return last["state_type"] in states and dict(last)
        return wait_until(there, lambda: f"run {run_id} in {states}, it is {last.get('state')}", limit)

    def logs(self, run_id):
        return [entry["message"] for entry in self.call("POST", "/logs/filter", {
            "logs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200, "sort": "TIMESTAMP_ASC"})]

    def states(self, run_id):
        return [s["name"] for s in self.call("GET", f"/flow_run_states/?flow_run_id={run_id}")]

    def kill(self, signo=signal.SIGKILL):
        self.process.kill(signo)
        self.process.child.wait()
        self.process.file.close()

    def stop(self):
        if self.process and self.process.running():
            return self.process.stop()
        return self.process.child.returncode if self.process else 0

    def redis_pid(self):
        """The private redis-server, found by the folder it runs in."""
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and "redis-server" in (entry / "comm").read_text() \
                        and str(self.data) in os.readlink(entry / "cwd"):
                    return int(entry.name)
        return None

    # -- the everyday objects --
    def pool(self, name="test-pool", **more):
        return self.call("POST", "/work_pools/", {"name": name, "type": "process", **more})

    def flow(self, name="f"):
        return self.call("POST", "/flows/", {"name": name})

    def deploy(self, entrypoint, folder, flow="f", name="d", pool="test-pool", **more):
        return self.call("POST", "/deployments/", {
            "name": name, "flow_id": self.flow(flow)["id"], "work_pool_name": pool, "entrypoint": entrypoint,
            "path": None, "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}],
            **more})

    def submit(self, deployment, **more):
        return self.call("POST", f"/deployments/{deployment['id']}/create_flow_run", more)

    def explain(self, run_id):
        return self.call("GET", f"/wf/v1/flow_runs/{run_id}/explain")


class Worker:
    """wf-worker for one pool."""

    count = 0

    def __init__(self, server, folder, pool="test-pool", args=(), env=None, name=None, api=None):
        Worker.count += 1
        self.name = name or f"worker-{Worker.count}"
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {"PREFECT_API_URL": api or server.api, "PREFECT_HOME": self.folder / "home",
                    "WF_PYTHON": sys.executable, "WF_DATA_DIR": self.folder / self.name, **(env or {})}
        self.process = Process([program("wf-worker"), "--pool", pool, "--name", self.name, *args],
                               self.folder / f"{self.name}.log", env=clean_env(**settings), cwd=self.folder)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.process.text()

    def of_runs(self):
        """Pids of its runs' processes: all below it but its guard and the templates of warm starts."""
        templates = {int(pid) for pid in re.findall(r"wf-pyhost \(pid (\d+)\) is ready", self.text())}
        return [pid for pid in descendants(self.pid) if pid not in templates and comm(pid) != "wf-guard"]

    def stop(self, **options):
        return self.process.stop(**options) if self.process.running() else self.process.child.returncode

    def kill(self, signo=signal.SIGKILL):
        self.process.kill(signo)

    def wait_exit(self, limit=60):
        return self.process.child.wait(limit)


class Agent:
    """wf-agent for several pools."""

    def __init__(self, server, folder, *args, env=None, name="host"):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        settings = {"PREFECT_API_URL": server.api, "PREFECT_HOME": self.folder / "home", "WF_PYTHON": sys.executable,
                    "WF_DATA_DIR": self.data, "WF_AGENT_REFRESH": "500ms", **(env or {})}
        self.process = Process([program("wf-agent"), "--name", name, *args], self.folder / "wf-agent.log",
                               env=clean_env(**settings), cwd=self.folder)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.process.text()

    def wait_text(self, *words, limit=None):
        def there():
            if not self.process.running():
                raise AssertionError(f"wf-agent ended:\n{self.text()[-4000:]}")
            return all(w in self.text() for w in words)
        wait_until(there, lambda: f"{words} in the agent's log:\n{self.text()[-4000:]}", limit)
        return self

    def status(self):
        return json.loads((self.data / "agent" / "status.json").read_text())

    def pool(self, name):
        """What the status file says about a pool; {} when there is nothing yet."""
        with contextlib.suppress(OSError, ValueError):
            return next((p for p in self.status()["pools"] if p["pool"] == name), {})
        return {}

    def serving(self, *pools):
        wait_until(lambda: all(self.pool(p).get("state") == "serving" for p in pools),
                   lambda: f"serving {pools}:\n{self.text()[-4000:]}")
        return self

    def stop(self, **options):
        return self.process.stop(**options) if self.process.running() else self.process.child.returncode

    def kill(self, signo=signal.SIGKILL):
        self.process.kill(signo)


def wf(*args, server=None, env=None, cwd=None, limit=60, stdin=None):
    """Runs `wf ARGS`; the finished process with its text output."""
    settings = dict(env or {})
    if server is not None:
        settings.setdefault("WF_API_URL", server.api)
    return subprocess.run([program("wf"), *[str(a) for a in args]], env=clean_env(**settings), cwd=cwd, timeout=limit,
                          input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def descendants(pid):
    """Pids below PID, by /proc."""
    below = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                below.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in below.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def comm(pid):
    """The name of a process, "" when it is gone."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def alive(pid):
    """Whether PID runs (a zombie does not)."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
