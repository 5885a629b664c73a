"""Fixtures of the Python tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

import wf  # noqa: E402


@pytest.fixture
def server(tmp_path):
    """A wf-api of its own."""
    s = wf.Server(tmp_path / "server").start()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One wf-api for a file whose tests do not disturb each other."""
    s = wf.Server(tmp_path_factory.mktemp("server")).start()
    yield s
    s.stop()


@pytest.fixture
def workers(tmp_path):
    """workers(server, ...) starts wf-workers that end with the test."""
    started = []

    def start(server, *args, **options):
        w = wf.Worker(server, tmp_path / "workers", args=args, **options)
        started.append(w)
        return w
    yield start
    for w in started:
        w.stop()
