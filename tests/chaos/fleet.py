"""A fleet for the chaos test: APIs and Redis on host 0, a worker on each other host, and what can go wrong there."""
import contextlib
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time

import wf
from clock import Clock
from resp import Redis

POOL = "chaos-pool"
API_PORT = 4200  # of its own network namespace; a second API has the next one
DISK = "24m"  # of each worker's host, and four times that for the database file: small enough to be filled
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
  stamps:
    params: {folder: {type: string}, id: {type: string}}
    tasks:
      work:
        # Says five times a second that it lives, until it is told to end.
        run: |
          until [ -e "$WF_IN_folder/end" ]; do
            echo "$$ $(date +%s.%N)" >>"$WF_IN_folder/$WF_IN_id"
            sleep 0.2
          done
        with: {folder: "{{ params.folder }}", id: "{{ params.id }}"}
"""


class Fleet:
    def __init__(self, hosts, folder, seed, cluster=None):
        """CLUSTER: a PostgreSQL (pg.Cluster), for two APIs; else SQLite and one."""
        self.hosts, self.folder, self.seed, self.cluster = hosts, pathlib.Path(folder), seed, cluster
        self.password = secrets.token_hex(8)
        self.disks = []
        for i in range(hosts.count):
            self._disk(f"host-{i}" if i else "api-0", 1 if i else 4)
        env = {"WF_REDIS_URL": self.redis_url(hosts.address(0), REDIS_PORT)}
        if cluster:
            env["WF_DATABASE_URL"] = cluster.url(cluster.new_database())
        self.servers = [wf.Server(self.folder / f"api-{i}", args=["--host", hosts.address(0)], env=env)
                        for i in range(2 if cluster else 1)]
        for i, server in enumerate(self.servers):
            server.port = API_PORT + i
        self.server = self.servers[0]
        self.redis = None
        self.redis_clock = Clock(self.folder)
        self.relays = []
        self.workers = {}
        self.limit = 8
        self.marks = self.folder / "marks"
        self.marks.mkdir(parents=True)
        (self.folder / "chaos.flow.yaml").write_text(FLOW)

    def _disk(self, name, times):
        (self.folder / name).mkdir()
        size = f"{int(DISK[:-1]) * times}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "wf-test", self.folder / name], check=True)
        self.disks.append(self.folder / name)

    def redis_url(self, host, port):
        return f"redis://:{self.password}@{host}:{port}/0"

    def start_redis(self):
        folder = self.folder / "redis"
        folder.mkdir(exist_ok=True)
        conf = folder / "redis.conf"
        conf.write_text(f"bind {self.hosts.address(0)}\nport {REDIS_PORT}\nrequirepass {self.password}\n"
                        f"dir {folder}\nappendonly yes\nappendfsync everysec\nsave \"\"\n")
        with self.hosts.on(0):
            self.redis = wf.Process(["redis-server", conf], self.folder / "redis.log", env=wf.clean_env(**self.redis_clock.env()))

    def start_api(self, i=0):
        with self.hosts.on(0):
            self.servers[i].start(limit=90)

    def start_worker(self, i):
        """On host I; the last host has the bad network."""
        bad = i == self.hosts.count - 1
        api = f"http://127.0.0.1:{RELAY_API}/api" if bad else self.servers[i % len(self.servers)].api
        redis = self.redis_url("127.0.0.1", RELAY_REDIS) if bad else self.redis_url(self.hosts.address(0), REDIS_PORT)
        with self.hosts.on(i):
            self.workers[i] = wf.Worker(self.server, self.folder / f"host-{i}", pool=POOL, name=f"host-{i}", api=api,
                                        args=["--limit", str(self.limit)], env={"WF_REDIS_URL": redis})

    def start(self):
        self.start_redis()
        for i in range(len(self.servers)):
            self.start_api(i)
        last = self.hosts.count - 1
        with self.hosts.on(last):
            for listen, port in ((RELAY_API, API_PORT), (RELAY_REDIS, REDIS_PORT)):
                self.relays.append(wf.Process(
                    [sys.executable, pathlib.Path(__file__).parents[1] / "lib" / "relay.py", listen,
                     self.hosts.address(0), port, 5, 0.2, self.seed], self.folder / f"relay-{listen}.log"))
        self.call("POST", "/work_pools/", {"name": POOL, "type": "process"})
        for i in range(1, self.hosts.count):
            self.start_worker(i)

    def call(self, *args, api=0, **options):
        with self.hosts.on(0):
            return self.servers[api].call(*args, **options)

    def deploy(self, flow="mark", **more):
        with self.hosts.on(0):
            return self.server.deploy(f"chaos.flow.yaml:{flow}", self.folder, flow=flow, name=flow, pool=POOL, **more)

    def stop(self):
        for worker in self.workers.values():
            worker.kill(signal.SIGCONT)
            worker.kill(signal.SIGTERM)
        for worker in self.workers.values():
            worker.stop(limit=60)
        for server in self.servers:
            with contextlib.suppress(Exception):
                server.stop()
        for process in [self.redis, *self.relays]:
            if process:
                process.kill(signal.SIGCONT)
                process.stop()
        for disk in self.disks:
            subprocess.run(["umount", "-l", disk], check=False)

    def tell_redis(self, *command):
        with self.hosts.on(0):
            return Redis((self.hosts.address(0), REDIS_PORT), self.password)(*command)

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
                                 "kill_redis", "stop_redis", "flush_redis", "kill_engine", "kill_engine", "kill_task",
                                 "fill_disk", "jump_redis", "kill_database" if self.fleet.cluster else "fill_api_disk"])
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
        i = self.dice.randrange(len(self.fleet.servers))
        if self._busy(f"api-{i}") or self._busy("database") or self._busy("api disk"):
            return False
        self.fleet.servers[i].kill()
        self._later(self.dice.uniform(0.2, 4), f"api-{i}", lambda: self.fleet.start_api(i))
        return True

    def kill_database(self):
        """PostgreSQL goes down at once (connections break) or as after a crash, and comes back."""
        if self._busy("database") or any(self._busy(f"api-{i}") for i in range(len(self.fleet.servers))):
            return False
        self.fleet.cluster.stop(self.dice.choice([signal.SIGINT, signal.SIGQUIT]))
        self._later(self.dice.uniform(0.2, 3), "database", self.fleet.cluster.start)
        return True

    def _fill(self, folder, what):
        filler = folder / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as f:
            while True:
                f.write(bytes(1 << 16))
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as f:
            while True:
                f.write(bytes(1))
        self._later(self.dice.uniform(1, 6), what, filler.unlink)
        return True

    def fill_disk(self):
        """No room for a worker's journal."""
        i = self._host()
        return i is not None and self._fill(self.fleet.folder / f"host-{i}", f"host-{i}")

    def fill_api_disk(self):
        """No room for SQLite."""
        return not self._busy("api disk") and not self._busy("api-0") and self._fill(self.fleet.folder / "api-0", "api disk")

    def jump_redis(self):
        """The clock that leases are counted with is set: within their margin, far forward, or back."""
        if not self._redis_idle():
            return False
        self.fleet.redis_clock.shift += self.dice.choice([self.dice.uniform(0, 1.5), self.dice.uniform(20, 60),
                                                          -self.dice.uniform(1, 30)])
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
        with contextlib.suppress(OSError, AssertionError):  # just started: it reads its file
            return self.fleet.tell_redis("FLUSHALL") == "OK"
        return False

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

