"""A short soak (soak.py has the long one): nothing is left behind, and the checks see what is."""
import json
import random

import pytest

import rediskeys
import soak
import wf
from resp import Redis

SECONDS = 12


def test_nothing_is_left_of_mixed_load(tmp_path):
    wrongs, figures = soak.run(tmp_path, SECONDS, rate=5, seed=random.randrange(1 << 30), tick=0.5)
    assert not wrongs, json.dumps([wrongs, figures], indent=1)
    told = figures["load"]
    assert all(told.get(what) for what in ("quick", "sleeper", "cancel", "python", "lease", "pool", "kill", "events")), told


def test_growth_is_seen_through_noise():
    dice = random.Random(1)
    flat = [(i, 4000 + dice.uniform(-200, 200) + (3000 if i % 9 == 0 else 0)) for i in range(600)]
    assert abs(soak.growth(flat)) < soak.GROWTH
    assert 0.08 < soak.growth([(x, y + x * 400 / 600) for x, y in flat]) < 0.12


@pytest.fixture
def redis(tmp_path):
    process = wf.Process(["redis-server", "--port", "0", "--unixsocket", tmp_path / "r.sock", "--save", ""], tmp_path / "log")
    wf.wait_until((tmp_path / "r.sock").exists, "redis-server")
    yield Redis(tmp_path / "r.sock")
    process.stop()


RUN = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize("command,wrong", [
    (("SET", "wf:{p}:new", 1), "does not know it"),
    (("SET", "other", 1), "does not know it"),
    (("SET", "wf:{p}:lease", 1), "is a string"),
    (("HSET", "wf:{gone}:pool", "paused", 0), "pool does not exist"),
    (("HSET", f"wf:{{p}}:run:{RUN}", "st", "done"), "has no end"),
    (("HSET", f"wf:{{p}}:run:{RUN}", "st", "leased"), "has no end"),
    (("SADD", "wf:{p}:held", RUN), "no record"),
    (("HSET", "wf:{p}:pool", "paused", 0), None),
    (("ZADD", "wf:{p}:t:my:queue", 1, "-"), None),
])
def test_keys_are_held_to_the_documentation(redis, command, wrong):
    redis(*command)
    found = rediskeys.check(redis, {"p"})
    assert [wrong in f for f in found] == [True] if wrong else found == [], found
