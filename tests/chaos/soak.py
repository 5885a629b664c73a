#!/usr/bin/env python3
"""Mixed load for an hour; nothing may grow that has no reason to.

    WF_BIN=$PWD/build VENV/bin/python tests/chaos/soak.py --minutes 60 [--rate 4] [--out figures.json]

One wf-api, two wf-workers, a wf-agent; native and warm Python runs, cancellations, pauses, retries, limits, deleted pools,
commands, subscribers of events that read, that come and go, and that do not read; the agent's worker is killed now and then.
Samples memory, descriptors, threads, Redis' keys and the files of each program. Wrong is, after the warm-up (a quarter of the
time): memory that a robust line (Theil and Sen) has grow by more than 5 %, more descriptors or threads at the end, at rest,
than after the warm-up, keys that docs/redis-keys.md does not explain, files of runs or journals that are left.
"""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import flows  # noqa: E402
import rediskeys  # noqa: E402
import wf  # noqa: E402
from resp import Redis  # noqa: E402

GROWTH = 0.05
MEASURED = 300  # seconds of samples below which memory is not judged
KEPT_ALIVE = 4  # connections that may be more: those of the last minutes are kept for the next request
SEGMENT = 4 << 20  # bytes of a journal's file
POOLS = ("one", "two", "shared")
OPEN = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING", "PAUSED"]}}}}


def theil_sen(points):
    """The slope of [(x, y)]: the median of the slopes between points; some ten thousand pairs are enough."""
    step = max(1, len(points) // 150)
    few = points[::step]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(few) for b in few[i + 1:] if b[0] > a[0]]
    return statistics.median(slopes) if slopes else 0.0


def growth(points):
    """How much of its median a quantity grows over the time of its samples."""
    middle = statistics.median(y for _, y in points)
    return theil_sen(points) * (points[-1][0] - points[0][0]) / middle if middle else 0.0


def memory_kb(pid):
    """What is resident, and what of it is in no file."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]), int(status["RssAnon"].split()[0])


class Place:
    """The programs, and what is deployed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.server = wf.Server(self.folder / "server").start()
        for pool in POOLS:
            self.server.pool(pool, concurrency_limit=6 if pool == "two" else None)
        self.server.call("POST", "/work_pools/one/queues", {"name": "narrow", "concurrency_limit": 2})
        self.server.call("POST", "/v2/concurrency_limits/", {"name": "global", "limit": 3})
        self.server.call("POST", "/concurrency_limits/", {"tag": "few", "concurrency_limit": 2})
        code = flows.write(self.folder / "flows")
        self.deployments = {}
        for pool in POOLS:
            for flow in ("quick", "flaky", "failing", "sleeper"):
                self._deploy(f"native.flow.yaml:{flow}", code, flow, f"{flow}-{pool}", pool)
        self._deploy("native.flow.yaml:quick", code, "quick", "narrow", "one", work_queue_name="narrow")
        self._deploy("native.flow.yaml:quick", code, "quick", "limited", "two", concurrency_limit=2)
        self._deploy("pyflows.py:mark", code, "mark", "python", "one")
        self.workers = [wf.Worker(self.server, self.folder / "w", pool=p, name=f"worker-{p}", args=["--limit", "6"])
                        for p in ("one", "two")]
        self.agent = wf.Agent(self.server, self.folder / "agent", "--pool", "shared", "--pool", "two", "--limit", "6").serving(
            "shared", "two")

    def _deploy(self, entrypoint, code, flow, name, pool, **more):
        self.deployments[name] = self.server.deploy(entrypoint, code, flow=flow, name=name, pool=pool, **more)

    def redis(self):
        folder = self.server.data / "redis"
        return Redis(folder / "redis.sock", (folder / "password").read_text().strip())

    def processes(self):
        """{name: pid} of what stays for the whole time; a child that comes and goes has its pid in its name."""
        found = {"wf-api": self.server.process.pid, "redis-server": self.server.redis_pid(), "wf-agent": self.agent.pid}
        for worker in self.workers:
            found[worker.name] = worker.pid
        for pid in wf.descendants(self.agent.pid) + [p for w in self.workers for p in wf.descendants(w.pid)]:
            name = wf.comm(pid)
            if name in ("wf-worker", "wf-guard") or name == "wf-pyhost" and self._is_template(pid):
                found[f"{name} {pid}"] = pid
        return {name: pid for name, pid in found.items() if pid}

    def _is_template(self, pid):
        return any(f"wf-pyhost (pid {pid}) is ready" in w.text() for w in self.workers)

    def files(self):
        """Files of the workers and the agent, by kind: (count, bytes)."""
        found = {}
        for root in (self.folder / "w", self.folder / "agent"):
            for path in root.rglob("*"):
                with contextlib.suppress(OSError):
                    if path.is_file() and path.suffix != ".log":
                        kind = "journal" if path.suffix == ".wfj" else "other"
                        count, size = found.get(kind, (0, 0))
                        found[kind] = (count + 1, size + path.stat().st_size)
        return found

    def journals_left(self):
        """Journals that are more than the segment that is being written."""
        files = {}
        for root in (self.folder / "w", self.folder / "agent"):
            for path in root.rglob("*.wfj"):
                files.setdefault(path.parent, []).append(path.stat().st_size)
        return {str(folder): sizes for folder, sizes in files.items() if len(sizes) > 1 or sizes[0] > SEGMENT}

    def stop(self):
        for process in [*self.workers, self.agent]:
            with contextlib.suppress(AssertionError):
                process.stop()
        self.server.stop()


class Load:
    """What users do, each kind at its own pace; one thread, and one for subscribers."""

    def __init__(self, place, rate, seed):
        self.place, self.rate, self.dice = place, rate, random.Random(seed)
        self.over = threading.Event()
        self.told, self.errors, self.open = {}, [], []
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._runs, self._rare, self._subscribers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def _count(self, what):
        self.told[what] = self.told.get(what, 0) + 1

    def _submit(self, name, **more):
        self._count(name.split("-")[0])
        return self.place.server.submit(self.place.deployments[name], **more)["id"]

    def _one(self):
        pool, x = self.dice.choice(POOLS), self.dice.random()
        if x < 0.5:
            self._submit(f"quick-{pool}", parameters={"mark": "m"}, tags=["few"] if x < 0.1 else [])
        elif x < 0.6:
            self._submit("narrow" if x < 0.55 else "limited")
        elif x < 0.7:
            file = self.place.folder / "flaky" / str(time.monotonic_ns())
            file.parent.mkdir(exist_ok=True)
            self._submit(f"flaky-{pool}", parameters={"file": str(file)})
        elif x < 0.8:
            self.open.append((time.monotonic() + 1.5, "retry", self._submit(f"failing-{pool}")))
        elif x < 0.9:
            run = self._submit(f"sleeper-{pool}", parameters={"seconds": 20})
            self.open.append((time.monotonic() + self.dice.uniform(0, 4), "cancel", run))
        elif x < 0.95:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
            self._submit(f"quick-{pool}", state={"type": "SCHEDULED", "state_details": {"scheduled_time": at}})
        else:
            run = self._submit(f"quick-{pool}")
            self.open.append((time.monotonic() + 3, "delete", run))

    def _follow_up(self):
        due = [o for o in self.open if o[0] <= time.monotonic()]
        self.open = [o for o in self.open if o not in due]
        for _, what, run in due:
            self._count(what)
            if what == "delete":
                self.place.server.call("DELETE", f"/flow_runs/{run}", expect=(204, 404))
            else:
                self._wf("flow-run", what, run, fine=(0, 73, 1))

    def _wf(self, *args, fine=(0,)):
        done = wf.wf(*args, server=self.place.server)
        if done.returncode not in fine:
            self.errors.append(f"wf {' '.join(map(str, args))}: {done.returncode} {done.stdout[-300:]}")

    def _guard(self, fn, *args):
        try:
            fn(*args)
        except Exception as error:  # noqa: BLE001  # listed at the end
            self.errors.append(f"{getattr(fn, '__name__', fn)}: {type(error).__name__} {error}"[:500])

    def _runs(self):
        at = time.monotonic()
        while not self.over.is_set():
            at = max(at + 1 / self.rate, time.monotonic() - 1)
            self.over.wait(max(0, at - time.monotonic()))
            self._guard(self._one)
            self._guard(self._follow_up)
        for item in self.open:
            self._guard(self.place.server.call, "POST", f"/flow_runs/{item[2]}/set_state",
                        {"state": {"type": "CANCELLING"}})

    def _rare(self):
        """[every so many seconds, what]; everything at least twice in a short soak."""
        jobs = [[8, self._python], [5, self._commands], [9, self._pause], [6, self._lease], [7, self._pool], [11, self._kill]]
        slow = 4 / self.rate * 3
        due = [(i + 1) * 1.0 for i in range(len(jobs))]
        began = time.monotonic()
        while not self.over.wait(0.2):
            for i, (every, fn) in enumerate(jobs):
                if time.monotonic() - began > due[i]:
                    due[i] += every * (slow if due[i] > 20 else 1)
                    self._count(fn.__name__[1:])
                    self._guard(fn)

    def _python(self):
        self._submit("python", parameters={"file": str(self.place.folder / "python-marks")})

    def _commands(self):
        for args in (("flow-run", "ls"), ("worker", "ls"), ("concurrency", "ls"), ("work-pool", "ls")):
            self._wf(*args)

    def _pause(self):
        for kind, name, more in (("work-pool", "two", ()), ("work-queue", "narrow", ("--pool", "one"))):
            self._wf(kind, "pause", name, *more)
            self.over.wait(1)
            self._wf(kind, "resume", name, *more)

    def _lease(self):
        """Slots of a global limit: given back, or left to their end."""
        for keep in (True, False):
            got = self.place.server.call("POST", "/v2/concurrency_limits/increment-with-lease", {
                "names": ["global"], "slots": 1, "mode": "concurrency", "lease_duration": 60}, expect=(200, 423))
            if got and "lease_id" in got and not keep:
                self.place.server.call("POST", "/v2/concurrency_limits/decrement-with-lease", {"lease_id": got["lease_id"]})

    def _pool(self):
        """A pool with a queue and a run that nobody takes is made and deleted."""
        server, name = self.place.server, f"gone-{time.monotonic_ns()}"
        server.pool(name)
        server.call("POST", f"/work_pools/{name}/queues", {"name": "extra"})
        deployment = server.deploy("native.flow.yaml:quick", self.place.folder / "flows", flow="quick", name=name, pool=name,
                                   work_queue_name="extra")
        run = server.submit(deployment)["id"]
        server.call("DELETE", f"/deployments/{deployment['id']}")
        server.call("DELETE", f"/flow_runs/{run}", expect=(204, 404))
        server.call("DELETE", f"/work_pools/{name}")

    def _kill(self):
        pids = [p for p in wf.descendants(self.place.agent.pid) if wf.comm(p) == "wf-worker"]
        if pids:
            os.kill(self.dice.choice(pids), 9)

    # -- subscribers --

    def _subscribers(self):
        async def both():
            await asyncio.gather(self._reader(1e9), self._reader(5), self._deaf())
        asyncio.run(both())

    @contextlib.asynccontextmanager
    async def _subscribed(self):
        import websockets
        url = self.place.server.api.replace("http", "ws", 1) + "/events/out"
        async with websockets.connect(url, subprotocols=["prefect"], max_queue=4) as socket:
            await socket.send('{"type": "auth", "token": null}')
            await socket.recv()
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30))
            await socket.send(json.dumps({"type": "filter", "filter": {"event": {"prefix": ["prefect."]}, "occurred": {
                "since": since, "until": "2100-01-01T00:00:00Z"}}}))
            yield socket

    async def _reader(self, seconds):
        while not self.over.is_set():
            try:
                async with self._subscribed() as socket:
                    end = time.monotonic() + seconds
                    while not self.over.is_set() and time.monotonic() < end:
                        with contextlib.suppress(asyncio.TimeoutError):
                            await asyncio.wait_for(socket.recv(), 0.5)
                            self._count("events")
            except Exception as error:  # noqa: BLE001
                self._count(f"subscriber: {type(error).__name__}")
                await asyncio.sleep(0.5)

    async def _deaf(self):
        """Does not read, then vanishes without a word."""
        while not self.over.is_set():
            with contextlib.suppress(Exception):
                async with self._subscribed() as socket:
                    socket.transport.pause_reading()
                    for _ in range(50):
                        if not self.over.is_set():
                            await asyncio.sleep(0.1)
                    socket.transport.abort()


class Samples:
    def __init__(self, place):
        self.place, self.began = place, time.monotonic()
        self.series = {}  # name -> [(s, KB resident, KB of them in no file, descriptors)]
        self.redis = place.redis()
        self.keys = []  # (s, keys, bytes of data)
        self.files = []

    def take(self):
        at = time.monotonic() - self.began
        for name, pid in self.place.processes().items():
            with contextlib.suppress(OSError, KeyError):  # gone meanwhile
                self.series.setdefault(name, []).append((at, *memory_kb(pid), len(os.listdir(f"/proc/{pid}/fd"))))
        data = dict(line.split(":", 1) for line in self.redis("INFO", "memory").split("\r\n") if ":" in line)
        self.keys.append((at, self.redis("DBSIZE"), int(data["used_memory_dataset"])))
        self.files.append((at, self.place.files()))

    def judge(self, warm, rest):
        """Wrongs of memory, and of descriptors and threads AT REST after the warm-up and at the end; and the figures."""
        wrongs, figures = [], {}
        for name, points in self.series.items():
            steady = [p for p in points if p[0] >= warm]
            if name == "redis-server" or not steady or steady[-1][0] - steady[0][0] < max(
                    MEASURED, 0.5 * (self.keys[-1][0] - warm)):
                continue
            grown = growth([(p[0], p[1]) for p in steady])
            figures[name] = {
                "KB": statistics.median(p[1] for p in steady), "growth": round(grown, 4),
                "own KB, first and last quarter": [statistics.median(p[2] for p in part) for part in (
                    steady[:len(steady) // 4], steady[-(len(steady) // 4):])],
                "descriptors": [steady[0][3], max(p[3] for p in steady), steady[-1][3]]}
            if grown > GROWTH:
                wrongs.append(f"{name}: its memory grows by {grown:.1%} in {(steady[-1][0] - steady[0][0]) / 60:.0f} min")
        # Redis keeps the records of ended runs for an hour: what counts is what a key needs.
        per_key = [(at, size / keys) for at, keys, size in self.keys if at >= warm and keys]
        if per_key and per_key[-1][0] - per_key[0][0] > MEASURED:
            figures["redis-server"] = {"keys": self.keys[-1][1], "bytes of a key": round(per_key[-1][1]),
                                       "growth": round(growth(per_key), 4)}
            if growth(per_key) > GROWTH:
                wrongs.append(f"redis-server: what a key needs grows by {growth(per_key):.1%}")
        first, last = rest
        for name in first.keys() & last.keys():
            more = {kind: n - first[name].get(kind, 0) for kind, n in last[name].items()
                    if n > first[name].get(kind, 0) + (KEPT_ALIVE if kind.startswith("socket") else 0)}
            if more:
                wrongs.append(f"{name}: more at the end than at rest after the warm-up: {more}")
        return wrongs, figures


def settle(place, limit=120):
    """Waits until nothing is on its way: no open run, no journal with updates, nothing below the workers."""
    wf.wait_until(lambda: place.server.call("POST", "/flow_runs/count", OPEN) == 0,
                  lambda: json.dumps(place.server.call("POST", "/flow_runs/filter", {**OPEN, "limit": 3}))[:3000], limit, 0.5)
    wf.wait_until(lambda: not any(w.of_runs() for w in place.workers), "the processes of runs to end", limit, 0.2)
    wf.wait_until(lambda: not place.journals_left(), lambda: f"journals are left: {place.journals_left()}", limit)


def holds(pid):
    """What a process holds: {kind: how many}."""
    found = {"threads": len(os.listdir(f"/proc/{pid}/task"))}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            kind = re.sub(r"[0-9a-f]{16}[.]wfj|[0-9]+", "N", os.readlink(f"/proc/{pid}/fd/{fd}"))
            found[kind] = found.get(kind, 0) + 1
    return found


def at_rest(place):
    """{name: what it holds}, the least of some looks: a request may be under way."""
    least = {}
    for _ in range(10):
        for name, pid in place.processes().items():
            with contextlib.suppress(OSError):
                now = holds(pid)
                old = least.get(name, now)
                least[name] = {kind: min(n, now.get(kind, 0)) for kind, n in old.items()}
        time.sleep(0.2)
    return least


def run(folder, seconds, rate, seed=1, say=print, tick=2.0):
    """The whole soak: (wrongs, figures)."""
    place = Place(folder)
    try:
        samples = Samples(place)
        warm = max(seconds / 4, 8)
        load = Load(place, rate, seed).start()
        _sample(samples, warm, tick, say, load)
        load.stop()
        settle(place)
        first = at_rest(place)
        warm = time.monotonic() - samples.began
        again = Load(place, rate, seed + 1).start()
        _sample(samples, warm + seconds * 3 / 4, tick, say, again)
        again.stop()
        settle(place)
        wrongs, figures = samples.judge(warm, (first, at_rest(place)))
        pools = {p["name"] for p in place.server.call("POST", "/work_pools/filter", {})}
        wrongs += rediskeys.check(place.redis(), pools)
        wrongs += load.errors + again.errors
        figures["load"] = {k: load.told.get(k, 0) + v for k, v in again.told.items()}
        figures["files at the end"] = place.files()
        figures["journal bytes, largest"] = max(f.get("journal", (0, 0))[1] for _, f in samples.files)
        return wrongs, figures
    finally:
        place.stop()


def _sample(samples, until, tick, say, load):
    told = time.monotonic()
    while time.monotonic() - samples.began < until:
        samples.take()
        if time.monotonic() - told > 60:
            told = time.monotonic()
            say(f"{(told - samples.began) / 60:5.1f} min: " + ", ".join(
                f"{n} {p[-1][1]} KB ({p[-1][2]}) {p[-1][3]} fd" for n, p in samples.series.items() if p[-1][0] > told - samples.began - 10)
                + f", {samples.keys[-1][1]} keys, {sum(load.told.values())} actions, {len(load.errors)} errors")
        time.sleep(tick)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=4, help="runs each second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="the figures as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="wf-soak-")

    def say(text):
        print(text, flush=True)
    say(f"in {folder}")
    try:
        wrongs, figures = run(folder, args.minutes * 60, args.rate, args.seed, say)
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps({"wrongs": wrongs, "figures": figures}, indent=1)
    say(text)
    if args.out:
        pathlib.Path(args.out).write_text(text + "\n")
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
