"""A fleet on several hosts while parts of it are killed, stopped, cut off and filled: no run is lost, none runs twice.

WF_CHAOS_SECONDS (40) of faults, WF_CHAOS_RUNS (600) runs, WF_CHAOS_SEED; WF_CHAOS_DATABASE: sqlite, or postgresql for two
APIs on one PostgreSQL; else the seed decides. The long one by hand:
WF_CHAOS_DATABASE=postgresql WF_CHAOS_SECONDS=900 WF_CHAOS_RUNS=5000 ./test.sh chaos
"""
import json
import os
import random
import time

import pytest

import fleet as fleets
import history
import pg
import rediskeys
import wf
from hosts import Hosts

SECONDS = float(os.environ.get("WF_CHAOS_SECONDS", "40"))
RUNS = int(os.environ.get("WF_CHAOS_RUNS", "600"))
SEED = int(os.environ.get("WF_CHAOS_SEED", "0")) or random.randrange(1, 1 << 31)
DATABASE = os.environ.get("WF_CHAOS_DATABASE") or ("postgresql" if SEED % 2 else "sqlite")
QUIET = 120  # seconds for everything to end after the last fault


@pytest.fixture
def fleet(tmp_path):
    with Hosts(4) as hosts:
        f = fleets.Fleet(hosts, tmp_path, SEED, pg.Cluster() if DATABASE == "postgresql" else None)
        try:
            f.start()
            yield f
        finally:
            f.stop()


def submit(fleet, deployment, number, acknowledged):
    """Asks until it is acknowledged; the idempotency key makes asking again harmless."""
    key = f"run-{number}"
    try:
        run = fleet.call("POST", f"/deployments/{deployment['id']}/create_flow_run", {
            "idempotency_key": key, "name": key, "state": {"type": "SCHEDULED"},
            "parameters": {"folder": str(fleet.marks), "id": key, "nap": 5 if number % 20 == 0 else 0.05 + (number % 10) / 25}},
                         timeout=5, api=number % len(fleet.servers))
    except (OSError, AssertionError, ValueError):
        return False
    acknowledged[key] = run["id"]
    return True


def test_nothing_is_lost_and_nothing_runs_twice(fleet):
    dice = random.Random(SEED)
    faults = fleets.Faults(fleet, dice)
    deployment = fleet.deploy()
    acknowledged, number = {}, 0
    started = time.monotonic()
    next_fault = started + 2
    while (now := time.monotonic()) < started + SECONDS or number < RUNS:
        faults.tick()
        if now >= next_fault and now < started + SECONDS:
            faults.strike()
            next_fault = now + dice.uniform(0.3, 3)
        wanted = RUNS * (now - started) / SECONDS
        if number < min(RUNS, wanted) and submit(fleet, deployment, number, acknowledged):
            number += 1
        else:
            time.sleep(0.01)
        assert now < started + SECONDS + QUIET, f"{number} of {RUNS} runs submitted"
    faults.heal()
    healed = time.monotonic()
    open_runs = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]}}}}
    wf.wait_until(lambda: fleet.call("POST", "/flow_runs/count", open_runs) == 0,
                  lambda: json.dumps(fleet.call("POST", "/flow_runs/filter", {**open_runs, "limit": 5}))[:3000], QUIET, 0.2)
    took = time.monotonic() - healed
    wrongs, counts = history.check(fleet, {f"run-{i}" for i in range(RUNS)}, acknowledged)
    print(f"seed {SEED}: {len(acknowledged)} runs {counts}, faults {faults.told}, all ended {took:.1f} s after the last")
    assert not wrongs, f"seed {SEED}: {json.dumps(dict(list(wrongs.items())[:5]), indent=1)}"
    assert len(acknowledged) == RUNS and counts.get("COMPLETED", 0) > RUNS * 0.8, counts
    assert sum(faults.told.values()) >= 5, faults.told
    with fleet.hosts.on(0):
        redis = fleets.Redis((fleet.hosts.address(0), fleets.REDIS_PORT), fleet.password)
        found = []
        wf.wait_until(lambda: not found.clear() and not found.extend(rediskeys.check(redis)) and not found,
                      lambda: f"unexplained in Redis: {found[:5]}", 30, 0.5)


def test_the_checker_sees_what_is_wrong():
    good = {"state_type": "COMPLETED", "state": {"message": None}}
    states = [{"type": t, "name": t, "timestamp": f"2026-01-01T00:00:0{i}Z"}
              for i, t in enumerate(["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"])]
    assert history.wrongs_of_run(good, states, ["start", "end"]) == []
    assert history.wrongs_of_run(good, states, ["start", "start", "end"])
    assert history.wrongs_of_run(good, states, ["start"])
    assert history.wrongs_of_run(good, states, ["start", "double", "end"])
    assert history.wrongs_of_run(good, states + [dict(states[2], timestamp="2026-01-01T00:00:09Z")], ["start", "end"])
    assert history.wrongs_of_run(dict(good, state_type="RUNNING"), states[:3], ["start"])
    assert history.wrongs_of_run(dict(good, state_type="CRASHED"), states[:2] + [dict(states[3], type="CRASHED")],
                                 ["start"]) == ["no reason in the message"]
