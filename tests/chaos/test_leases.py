"""Both ends honour a lease, measured: a host that stands still, one that is cut off, a clock of Redis that is set.

WF_LEASE_STOP (18): seconds that the one host stands still; WF_LEASE_LOAD=1: all processors are busy meanwhile. By hand:
WF_LEASE_STOP=60 WF_LEASE_LOAD=1 pytest -s tests/chaos/test_leases.py
"""
import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

import fleet as fleets
import wf
from hosts import Hosts

STOP = float(os.environ.get("WF_LEASE_STOP", "18"))
RUNS = 5
TRUST = 13  # seconds from the last renewal until an owner ends what it has
LEASE = 15


@pytest.fixture
def fleet(tmp_path):
    with Hosts(4) as hosts:
        f = fleets.Fleet(hosts, tmp_path, 1)
        f.limit = RUNS
        try:
            f.start()
            yield f
        finally:
            f.stop()


@contextlib.contextmanager
def load():
    busy = []
    if os.environ.get("WF_LEASE_LOAD"):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


class Owners:
    """Who worked on a run from when to when: [(pid, first, last)] in order."""

    def __init__(self, fleet, key):
        self.path = fleet.marks / key

    def __call__(self):
        found = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            pid, at = line.split()
            found[pid] = (int(pid), found[pid][1] if pid in found else float(at), float(at))
        return sorted(found.values(), key=lambda o: o[1])


def everything_of(worker):
    return [worker.pid, *wf.descendants(worker.pid)]


def test_nobody_works_on_a_run_that_somebody_else_may_have(fleet):
    deployment = fleet.deploy("stamps", on_lost="requeue", max_attempts=3)
    runs = {}
    for i in range(RUNS * 2):
        key = f"run-{i}"
        runs[key] = fleet.call("POST", f"/deployments/{deployment['id']}/create_flow_run",
                               {"parameters": {"folder": str(fleet.marks), "id": key}})["id"]
    owners = {key: Owners(fleet, key) for key in runs}
    wf.wait_until(lambda: all(o() for o in owners.values()), "all runs to work")
    before = {key: o()[0] for key, o in owners.items()}
    below = {i: set(wf.descendants(w.pid)) for i, w in fleet.workers.items()}
    of = {i: sorted(k for k, o in before.items() if o[0] in below[i]) for i in (1, 2, 3)}
    still, cut = sorted(of, key=lambda i: -len(of[i]))[:2]
    healthy = ({1, 2, 3} - {still, cut}).pop()
    fleet.redis_clock.shift = 1.2  # within the margin
    frozen = [p for p in everything_of(fleet.workers[still]) if wf.comm(p) != "wf-guard"]
    with load():
        begin = time.time()
        for pid in frozen:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)
        fleet.hosts.unplug(cut)
        lost = of[still] + of[cut]
        takes = min(len(lost), fleet.limit - len(of[healthy]))
        wf.wait_until(lambda: sum(len(owners[k]()) > 1 for k in lost) >= takes, lambda: str({k: o() for k, o in owners.items()}), 60)
        time.sleep(max(0, begin + STOP - time.time()))
        resumed = time.time()
        for pid in frozen:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGCONT)
        fleet.hosts.plug(cut)
        wf.wait_until(lambda: not any(wf.alive(before[k][0]) for k in lost), "the old processes to end", 20)
    fleet.redis_clock.shift = -20
    (fleet.marks / "end").touch()
    for run in runs.values():
        fleet.call("GET", f"/flow_runs/{run}")
    wf.wait_until(lambda: fleet.call("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": [
        "SCHEDULED", "PENDING", "RUNNING"]}}}}) == 0, "all runs to end", 90)
    margins, ends, starts, late = [], [], [], -STOP
    for key in lost:
        seen = owners[key]()
        for old, new in zip(seen, seen[1:]):
            margins.append(new[1] - old[2])
        last = seen[0][2]
        if key in of[cut]:
            ends.append(last - begin)
        late = max(late, last - resumed)
        starts += [o[1] - begin for o in seen[1:2]]
    print(f"cut off: worked {max(ends, default=0):.1f} s more; next owner after {min(starts):.1f} to {max(starts):.1f} s; "
          f"between them at least {min(margins):.2f} s; worked after SIGCONT: {max(late, 0):.2f} s")
    assert min(margins) > 0, "two owners at once"
    assert max(ends, default=0) < TRUST + 1.5 and min(starts) > LEASE - 5 - 1.2, (ends, starts)
    assert late < 0, "what stood still worked on after its lease"
    states = {key: [s["name"] for s in fleet.call("GET", f"/flow_run_states/?flow_run_id={run}")] for key, run in runs.items()}
    assert all("AwaitingRetry" not in states[k] for k in of[healthy]), "a healthy owner lost a run"
    assert all(s[-1] == "Completed" for s in states.values()), states
