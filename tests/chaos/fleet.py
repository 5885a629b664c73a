"""A fleet for the chaos test: the API and Redis on host 0, a worker on each other host, and what can go wrong there."""
import contextlib
import os
import pathlib
import secrets
import signal
import sys
import time

import wf

POOL = "chaos-pool"
API_PORT = 4200  # of its own network namespace
REDIS_PORT = 6379
RELAY_API, RELAY_REDIS = 14200, 16379
FLOW = """\
version: 1
flows:
  mark:
    params: {folder: {type: string}, id: {type: string}, nap: {type: number, default: 0.1}}
    tasks:
      work:
        # The lock is held as long as any process of the task lives: who cannot take it runs beside another owner.
        run: |
          exec 9>>"$WF_IN_folder/$WF_IN_id.lock"
          flock -n 9 || echo "double" >>"$WF_IN_folder/$WF_IN_id"
          echo "start" >>"$WF_IN_folder/$WF_IN_id"
          sleep "$WF_IN_nap"
          echo "end" >>"$WF_IN_folder/$WF_IN_id"
        with: {folder: "{{ params.folder }}", id: "{{ params.id }}", nap: "{{ params.nap }}"}
"""


class Fleet:
    def __init__(self, hosts, folder, seed):
        self.hosts, self.folder, self.seed = hosts, pathlib.Path(folder), seed
        self.password = secrets.token_hex(8)
        self.server = wf.Server(self.folder / "api", args=["--host", hosts.address(0)],
                                env={"WF_REDIS_URL": self.redis_url(hosts.address(0), REDIS_PORT)})
        self.server.port = API_PORT
        self.redis = None
        self.relays = []
        self.workers = {}
        self.marks = self.folder / "marks"
        self.marks.mkdir(parents=True)
        (self.folder / "chaos.flow.yaml").write_text(FLOW)

    def redis_url(self, host, port):
        return f"redis://:{self.password}@{host}:{port}/0"

    def start_redis(self):
        folder = self.folder / "redis"
        folder.mkdir(exist_ok=True)
        conf = folder / "redis.conf"
        conf.write_text(f"bind {self.hosts.address(0)}\nport {REDIS_PORT}\nrequirepass {self.password}\n"
                        f"dir {folder}\nappendonly yes\nappendfsync everysec\nsave \"\"\n")
        with self.hosts.on(0):
            self.redis = wf.Process(["redis-server", conf], self.folder / "redis.log")

    def start_api(self):
        with self.hosts.on(0):
            self.server.start(limit=90)

    def start_worker(self, i):
        """On host I; the last host has the bad network."""
        bad = i == self.hosts.count - 1
        api = f"http://127.0.0.1:{RELAY_API}/api" if bad else self.server.api
        redis = self.redis_url("127.0.0.1", RELAY_REDIS) if bad else self.redis_url(self.hosts.address(0), REDIS_PORT)
        with self.hosts.on(i):
            self.workers[i] = wf.Worker(self.server, self.folder / f"host-{i}", pool=POOL, name=f"host-{i}", api=api,
                                        args=["--limit", "8"], env={"WF_REDIS_URL": redis})

    def start(self):
        self.start_redis()
        self.start_api()
        last = self.hosts.count - 1
        with self.hosts.on(last):
            for listen, port in ((RELAY_API, API_PORT), (RELAY_REDIS, REDIS_PORT)):
                self.relays.append(wf.Process(
                    [sys.executable, pathlib.Path(__file__).parents[1] / "lib" / "relay.py", listen,
                     self.hosts.address(0), port, 5, 0.2, self.seed], self.folder / f"relay-{listen}.log"))
        self.call("POST", "/work_pools/", {"name": POOL, "type": "process"})
        for i in range(1, self.hosts.count):
            self.start_worker(i)

    def call(self, *args, **options):
        with self.hosts.on(0):
            return self.server.call(*args, **options)

    def deploy(self):
        with self.hosts.on(0):
            return self.server.deploy("chaos.flow.yaml:mark", self.folder, flow="mark", name="mark", pool=POOL)

    def stop(self):
        for worker in self.workers.values():
            worker.kill(signal.SIGCONT)
            worker.kill(signal.SIGTERM)
        for worker in self.workers.values():
            worker.stop(limit=60)
        with contextlib.suppress(Exception):
            self.server.stop()
        for process in [self.redis, *self.relays]:
            if process:
                process.kill(signal.SIGCONT)
                process.stop()

    def journals(self):
        """Bytes of journal files that are left on all hosts."""
        return sum(f.stat().st_size for f in self.folder.glob("host-*/**/*.journal"))


class Faults:
    """One thing goes wrong at a time or several at once; each is undone after a while. Seeded."""

    def __init__(self, fleet, dice):
        self.fleet, self.dice = fleet, dice
        self.undo = []  # (when, what, function)
        self.told = {}

    def _later(self, after, what, fn):
        self.undo.append((time.monotonic() + after, what, fn))

    def _busy(self, what):
        return any(w == what for _, w, _ in self.undo)

    def tick(self):
        now = time.monotonic()
        due = [u for u in self.undo if u[0] <= now]
        self.undo = [u for u in self.undo if u[0] > now]
        for _, _, fn in due:
            fn()

    def heal(self):
        for _, _, fn in sorted(self.undo, key=lambda u: u[0]):
            fn()
        self.undo = []

    def strike(self):
        name = self.dice.choice(["kill_worker", "kill_worker", "stop_worker", "unplug", "unplug", "kill_api",
                                 "kill_redis", "stop_redis", "flush_redis", "kill_engine", "kill_engine", "kill_task"])
        if getattr(self, name)():
            self.told[name] = self.told.get(name, 0) + 1

    def _host(self):
        i = self.dice.randrange(1, self.fleet.hosts.count)
        return None if self._busy(f"host-{i}") else i

    def kill_worker(self):
        if (i := self._host()) is None:
            return False
        self.fleet.workers[i].kill()
        self.fleet.workers[i].process.child.wait()
        self._later(self.dice.uniform(0.2, 5), f"host-{i}", lambda: self.fleet.start_worker(i))
        return True

    def stop_worker(self):
        if (i := self._host()) is None:
            return False
        worker = self.fleet.workers[i]
        worker.kill(signal.SIGSTOP)
        self._later(self.dice.choice([2, 8, 20]), f"host-{i}", lambda: worker.kill(signal.SIGCONT))
        return True

    def unplug(self):
        if (i := self._host()) is None:
            return False
        self.fleet.hosts.unplug(i)
        self._later(self.dice.choice([1, 6, 18]), f"host-{i}", lambda: self.fleet.hosts.plug(i))
        return True

    def kill_api(self):
        if self._busy("api"):
            return False
        self.fleet.server.kill()
        self._later(self.dice.uniform(0.2, 4), "api", self.fleet.start_api)
        return True

    def _redis_idle(self):
        return not self._busy("redis") and self.fleet.redis.running()

    def kill_redis(self):
        if not self._redis_idle():
            return False
        self.fleet.redis.kill()
        self.fleet.redis.child.wait()
        self._later(self.dice.uniform(0.2, 4), "redis", self.fleet.start_redis)
        return True

    def stop_redis(self):
        if not self._redis_idle():
            return False
        process = self.fleet.redis
        process.kill(signal.SIGSTOP)
        self._later(5, "redis", lambda: process.kill(signal.SIGCONT))
        return True

    def flush_redis(self):
        if not self._redis_idle():
            return False
        with self.fleet.hosts.on(0):
            import socket
            with socket.create_connection((self.fleet.hosts.address(0), REDIS_PORT), timeout=5) as s:
                s.sendall(f"AUTH {self.fleet.password}\r\nFLUSHALL\r\n".encode())
                s.recv(100)
        return True

    def _victim(self, comm):
        found = [pid for w in self.fleet.workers.values() if w.process.running()
                 for pid in wf.descendants(w.pid) if wf.comm(pid) == comm]
        return self.dice.choice(sorted(found)) if found else None

    def kill_engine(self):
        return self._kill(self._victim("wf-engine"))

    def kill_task(self):
        return self._kill(self._victim("sleep"))

    @staticmethod
    def _kill(pid):
        if pid is None:
            return False
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        return True

