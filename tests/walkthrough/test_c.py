"""The walk-through's flows written in C (tests/c/twins*.c), held to the .expect files of their YAML twins."""
import subprocess
import uuid

import pytest

import expect
import wf
from test_yaml import Case, FOLDER, sink  # noqa: F401  (a fixture)

# name of the .expect file -> its flow when the file has one only
TWINS = {"basics": None, "handlers-order": "handlers-order", "handlers-replace": None, "handlers-retry": "handlers-retry", "handlers-fail": None,
         "state-data": "state-data", "callback": "callback", "on-failure": "on-failure", "retry-list": None, "retry-condition": "retry-condition",
         "retry-backoff": "retry-backoff", "retry-jitter": "retry-jitter", "timeout": None, "run-names": "my-flow", "log-prints": "log-prints",
         "map": "map", "cache": "cache", "cache-expiry": "cache-expiry", "generator": "generator", "allow-failure": None, "flow-retry": "flow-retry", "transaction": None}
# what only a file can have: a check of the lengths before the run begins
NOT_IN_C = {"map-unequal"}


@pytest.fixture(scope="session")
def twins():
    subprocess.run(["make", "-s", "-C", str(wf.BIN), "c-programs"], check=True)
    return str(wf.BIN / "tests" / "c" / "twins")


class Twin(Case):
    def __init__(self, program, *rest):
        super().__init__(*rest)
        self.program = program

    def command(self, want):
        return [self.program, "run", want.get("flow") or TWINS[self.name]]


def go(case):
    documents = expect.load(FOLDER / f"{case.name}.expect", {"$RUN": uuid.uuid4().hex, "$SINK": case.sink.url})
    for number, want in enumerate(documents, 1):
        if want.get("flow") in NOT_IN_C:
            continue
        want.pop("api_logs", None) if case.server is None else None
        outcome, text = case.run(want)
        wrong = expect.check(want, outcome)
        assert not wrong, f"{case.name}, document {number}:\n  " + "\n  ".join(wrong) + f"\n--- log:\n{text[-6000:]}"


@pytest.mark.parametrize("name", sorted(TWINS))
def test_twin_offline(name, twins, sink, tmp_path):  # noqa: F811
    go(Twin(twins, name, tmp_path, sink, None))


@pytest.mark.parametrize("name", ["basics", "handlers-order", "state-data", "log-prints", "transaction"])
def test_twin_with_a_server(name, twins, sink, shared_server, tmp_path):  # noqa: F811
    go(Twin(twins, name, tmp_path, sink, shared_server))
