"""How wf grows with workers, slots and load, and how fast it recovers: the rows of `bench/run scaling`.

Each row is bounded in time; the whole set takes less than 6 minutes. `run()` gives {section: (header, rows)}.
"""
import contextlib
import datetime
import http.client
import os
import pathlib
import signal
import statistics
import threading
import time

import wf
from resp import Redis

FLOWS = """version: 1
flows:
  nap: {tasks: {t: {cmd: [sleep, "0.1"]}}}
  one: {tasks: {t: {cmd: ["true"]}}}
  idle: {tasks: {t: {cmd: [sleep, "300"]}}}
"""
ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


class Scaling:
    def __init__(self, folder, quick, spawn_floor):
        self.folder, self.quick, self.spawn_floor = pathlib.Path(folder), quick, spawn_floor
        self.server = wf.Server(self.folder / "scaling").start(60)
        self.code = self.folder / "scaling-flows"
        self.code.mkdir()
        (self.code / "s.flow.yaml").write_text(FLOWS)
        self.count, self.notes = 0, ""
        self.workers = []

    def pool(self, *flows):
        """A new pool and the deployments of FLOWS in it."""
        self.count += 1
        name = f"scale-{self.count}"
        self.server.pool(name)
        return name, *(self.server.deploy(f"s.flow.yaml:{f}", self.code, flow=f, name=f"{f}-{name}", pool=name) for f in flows)

    def start(self, pool, count, slots):
        new = [wf.Worker(self.server, self.folder / "scaling-workers", pool=pool, args=["--limit", str(slots)])
               for _ in range(count)]
        for w in new:
            wf.wait_until(lambda w=w: "started!" in w.text(), w.text, 60)
        self.workers += new
        return new

    def end(self):
        for w in self.workers:
            w.kill(signal.SIGTERM)
        for w in self.workers:
            with contextlib.suppress(AssertionError):
                w.stop(limit=20)
        self.workers = []

    def close(self):
        self.end()
        self.server.stop()

    def redis(self):
        folder = self.server.data / "redis"
        return Redis(folder / "redis.sock", (folder / "password").read_text().strip())

    def submit(self, deployment, count, rate=None, threads=4):
        """COUNT runs, at RATE per second when given; seconds that it took."""
        path, begin = f"/api/deployments/{deployment['id']}/create_flow_run", time.monotonic()

        def some(k):
            c = http.client.HTTPConnection("127.0.0.1", self.server.port)
            for i in range(k, count, threads):
                if rate:
                    time.sleep(max(0, begin + i / rate - time.monotonic()))
                c.request("POST", path, b"{}", {"Content-Type": "application/json"})
                c.getresponse().read()
        work = [threading.Thread(target=some, args=(k,)) for k in range(threads)]
        for t in work:
            t.start()
        for t in work:
            t.join()
        return time.monotonic() - begin

    def runs(self, deployment, limit):
        """All runs of the deployment, when they have ended or after LIMIT seconds."""
        mine = {"deployments": {"id": {"any_": [deployment["id"]]}}}
        busy = {**mine, "flow_runs": {"state": {"type": {"not_any_": ENDED}}}}
        with contextlib.suppress(AssertionError):
            wf.wait_until(lambda: self.server.call("POST", "/flow_runs/count", busy) == 0, "runs", limit, 0.1)
        found = []
        while True:
            some = self.server.call("POST", "/flow_runs/filter", {**mine, "limit": 200, "offset": len(found), "sort": "ID_DESC"})
            found += some
            if len(some) < 200:
                return found

    # -- rows --

    def throughput(self):
        rows = []
        for slots in (1, 100, 1000):
            for count in (1, 2, 4, 8):
                if self.quick and (slots, count) not in ((1, 1), (1, 4), (100, 2)):
                    continue
                pool, nap = self.pool("nap")
                self.server.call("PATCH", f"/work_pools/{pool}", {"is_paused": True})
                self.start(pool, count, slots)
                n = min(int(count * slots * 10 * 3), 150 if self.quick else 700)
                self.submit(nap, n)
                self.server.call("PATCH", f"/work_pools/{pool}", {"is_paused": False})
                done = [r for r in self.runs(nap, 15) if r["state_type"] == "COMPLETED"]
                took = max(instant(r["end_time"]) for r in done) - min(instant(r["start_time"]) for r in done)
                ideal, rate = count * slots / 0.1, len(done) / took
                bound = min(ideal, self.spawn_floor / 2)
                rows.append((count, slots, f"{rate:.0f}", f"{ideal:,.0f}", f"{rate / ideal:.2f}" if ideal < self.spawn_floor / 2 else
                             f"(CPU) {rate / bound:.2f} of two bare processes each"))
                self.end()
        return ("workers", "slots each", "runs/s", "slots / 0.1 s", "efficiency"), rows

    def burst(self):
        pool, one = self.pool("one")
        n = 300 if self.quick else 5000
        self.start(pool, 2, 16)
        sent = self.submit(one, n, threads=8)
        done = self.runs(one, 60)
        ok = [r for r in done if r["state_type"] == "COMPLETED"]
        took = max(instant(r["end_time"]) for r in ok) - min(instant(r["created"]) for r in done)
        self.end()
        return ("runs", "submitted in", "all ended after", "runs/s", "completed"), [
            (n, f"{sent:.1f} s", f"{took:.1f} s", f"{len(ok) / took:.0f}", f"{len(ok)} of {n}")]

    def latency(self):
        rows = []
        for rate in (50, 200) if self.quick else (50, 100, 200, 500):
            pool, one = self.pool("one")
            self.start(pool, 2, 32)
            n = rate * (2 if self.quick else 4)
            sent = self.submit(one, n, rate, threads=8)
            waits = [(instant(r["start_time"]) - instant(r["created"])) * 1000 for r in self.runs(one, 25) if r["start_time"]]
            rows.append((rate, f"{n / sent:.0f}", f"{statistics.median(waits):.0f} ms", f"{percentile(waits, 99):.0f} ms"))
            self.end()
        return ("wanted runs/s", "submitted runs/s", "submit to running p50", "p99"), rows

    def _sleeper(self):
        pool, idle = self.pool("idle")
        worker = self.start(pool, 1, 4)[0]
        run = self.server.submit(idle)["id"]
        self.server.wait_run(run, {"RUNNING"}, 30)
        wf.wait_until(lambda: any(wf.comm(p) == "sleep" for p in worker.of_runs()), "its task", 20)
        return worker, run

    def _until_state(self, run, begin, limit=40):
        done = self.server.wait_run(run, limit=limit)
        return f"{time.monotonic() - begin:.2f} s", f"the run is {done['state']['name']}"

    def _until_next(self, one, begin):
        """Until a run that is submitted now has ended; asks until the API answers."""
        run = None
        while run is None:
            with contextlib.suppress(OSError, AssertionError, ValueError):
                run = self.server.submit(one)["id"]
        self.server.wait_run(run, limit=40)
        return f"{time.monotonic() - begin:.2f} s", "the next run has ended"

    def recovery(self):
        rows = []

        def pid_of(worker, name):
            return next(p for p in worker.of_runs() if wf.comm(p) == name)
        for what, comm in (("kill -9 of a task", "sleep"), ("kill -9 of an engine", "wf-engine")):
            worker, run = self._sleeper()
            begin = time.monotonic()
            os.kill(pid_of(worker, comm), signal.SIGKILL)
            rows.append((what, *self._until_state(run, begin)))
            self.end()
        pool, idle = self.pool("idle")
        agent = wf.Agent(self.server, self.folder / "scaling-agent", "--pool", pool).serving(pool)
        run = self.server.submit(idle)["id"]
        self.server.wait_run(run, {"RUNNING"}, 30)
        begin = time.monotonic()
        os.kill(next(p for p in wf.descendants(agent.pid) if wf.comm(p) == "wf-worker"), signal.SIGKILL)
        rows.append(("kill -9 of a worker, its agent lives", *self._until_state(run, begin)))
        agent.stop()
        if not self.quick:
            worker, run = self._sleeper()
            begin = time.monotonic()
            worker.kill()
            rows.append(("kill -9 of a worker, nobody sees it", *self._until_state(run, begin)))
            self.end()
        pool, one = self.pool("one")
        self.start(pool, 1, 4)
        self._until_next(one, 0)
        for what in ("kill -9 of the API, started again at once", "kill -9 of Redis", "FLUSHALL"):
            begin = time.monotonic()
            if what.startswith("FLUSH"):
                self.redis()("FLUSHALL")
            elif what.endswith("Redis"):
                os.kill(self.server.redis_pid(), signal.SIGKILL)
            else:
                self.server.kill()
                self.server.start(60)
            rows.append((what, *self._until_next(one, begin)))
        self.end()
        return ("fault", "time", "until"), rows

    def idle(self):
        """What idle workers cost the API and Redis, from so many of them; and 10,000 from that."""
        count, seconds = (10, 10) if self.quick else (60, 40)
        pool, = self.pool()
        redis, api = self.redis(), self.server.process.pid

        def look():
            stats = dict(line.split(":", 1) for line in redis("INFO", "all").split("\r\n") if ":" in line)
            return {"at": time.monotonic(), "api cpu": cpu_s(api), "redis cpu": float(stats["used_cpu_user"]) + float(
                stats["used_cpu_sys"]), "scripts": int(stats.get("cmdstat_evalsha", "calls=0").split(",")[0][6:]),
                "bytes": int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"]), "http": self.http()}

        def over(seconds):
            a = look()
            time.sleep(seconds)
            b = look()
            return {k: (b[k] - a[k]) / (b["at"] - a["at"]) for k in a if k != "at"}
        empty = over(seconds / 2)
        new = self.start(pool, count, 4)
        time.sleep(3)
        full = over(seconds)
        memory = statistics.median(int(line.split()[1]) for w in new for line in pathlib.Path(
            f"/proc/{w.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        self.end()
        each = {k: max(full[k] - empty[k], 0) / count for k in full}
        rows = [("API requests/s", f"{each['http']:.3f}", f"{each['http'] * 10000:,.0f}"),
                ("API CPU", f"{each['api cpu'] * 1e6:.0f} us/s", f"{each['api cpu'] * 10000:.2f} cores"),
                ("Redis scripts/s", f"{each['scripts']:.2f}", f"{each['scripts'] * 10000:,.0f}"),
                ("Redis bytes/s, both ways", f"{each['bytes']:,.0f}", f"{each['bytes'] * 10000 / 1e6:.1f} MB/s"),
                ("Redis CPU", f"{each['redis cpu'] * 1e6:.0f} us/s", f"{each['redis cpu'] * 10000:.2f} cores"),
                ("memory of the worker", f"{memory / 1024:.1f} MB", "on its own host")]
        self.notes = "With these numbers " + ", ".join(f"{what} is full at about {1 / max(each[k], 1e-9):,.0f} idle workers" for k, what in (
            ("redis cpu", "one core of Redis"), ("api cpu", "one core of the API"))) + "."
        return (f"an idle worker (from {count})", "each", "10,000 of them"), rows

    def http(self):
        """Requests that the API has answered, by /metrics."""
        c = http.client.HTTPConnection("127.0.0.1", self.server.port)
        c.request("GET", "/metrics")
        text = c.getresponse().read().decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("wf_http_requests_total"))


SECTIONS = {"throughput": "Throughput: runs of `sleep 0.1`", "burst": "A burst of native runs",
            "latency": "Submit to running under load", "recovery": "Recovery after faults", "idle": "What idle workers cost"}


def run(folder, quick, spawn_floor, only=None, say=print):
    """Markdown of all sections."""
    parts = []
    for name, title in SECTIONS.items():
        if only and name not in only:
            continue
        begin, s = time.monotonic(), Scaling(pathlib.Path(folder) / name, quick, spawn_floor)
        try:
            head, rows = getattr(s, name)()
        finally:
            s.close()
        say(f"{name}: {time.monotonic() - begin:.0f} s")
        parts.append(f"### {title}\n\n| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n" + "\n".join(
            "| " + " | ".join(str(v) for v in row) + " |" for row in rows) + "\n" + (f"\n{s.notes}\n" if s.notes else ""))
    return "\n".join(parts)
