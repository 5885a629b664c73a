"""The golden scenarios mostly wait: they start first, run beside the other tests, and are looked at last."""
import pathlib

import pytest

import test_golden


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: pathlib.Path(item.fspath).name == "test_golden.py")


@pytest.fixture(scope="session", autouse=True)
def runs(request, tmp_path_factory):
    """The scenarios that were asked for, under way."""
    wanted = sorted({item.callspec.params["nn"] for item in request.session.items
                     if pathlib.Path(item.fspath).name == "test_golden.py" and hasattr(item, "callspec")})
    r = test_golden.Runs(tmp_path_factory.mktemp("golden"), wanted)
    yield r
    r.pool.shutdown(cancel_futures=True)
