"""A seeded campaign of the differential tester: the same calls to the reference server and to wf-api, the same answers.

Orchestration is what each run of the tests looks at; all areas, and longer, by hand: tests/compat/differential.py --calls 50000.
"""
import os

import pytest

import differential
from differ import sides

SEED = int(os.environ.get("WF_DIFF_SEED", "1"))
AREAS = os.environ.get("WF_DIFF_AREAS", "runs,tasks")
SECONDS = float(os.environ.get("WF_DIFF_SECONDS", "50"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    reference, ours = sides.both(tmp_path_factory.mktemp("differential"))
    yield differential.Pair(reference.api, ours.api, reference)
    reference.stop()
    assert ours.stop() == 0


def test_the_same_calls_have_the_same_answers(pair):
    calls, episodes, found, _ = differential.campaign(pair, SEED, 1000000, SECONDS, AREAS)
    assert not found, differential.report(found)
    assert calls > 200, f"{calls} calls in {episodes} episodes are few"
