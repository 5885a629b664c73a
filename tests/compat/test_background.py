"""Background tasks with the unmodified client: prefect task serve, my_task.delay(), and the channel of its worker."""
import os
import re
import sys
import urllib.request

import pytest

import wf
from test_worker import PREFECT, SLOW, Client

TASKS = '''\
import sys
import pathlib

from prefect import task


@task(retries=1, retry_delay_seconds=0)
def note(file: str, text: str):
    with open(file, "a") as f:
        f.write(text + "\\n")
    if text == "twice" and pathlib.Path(file).read_text().count("twice") < 2:
        raise ValueError("once more")
    return text


if __name__ == "__main__":
    for text in sys.argv[2:]:
        print("run", note.delay(sys.argv[1], text).task_run_id)
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    s = wf.Server(tmp_path_factory.mktemp("background")).start()
    yield s
    assert s.stop() == 0


def test_delayed_tasks_are_run_by_who_serves_them(server, tmp_path):
    client = Client(tmp_path / "home", server.api)
    (tmp_path / "tasks.py").write_text(TASKS)
    out = tmp_path / "out"
    serve = [PREFECT, "--no-prompt", "task", "serve", "tasks.py:note"]
    worker = wf.Process(serve, tmp_path / "worker.log", env=client.env, cwd=tmp_path)
    delayed = wf.Process([sys.executable, "tasks.py", out, "early", "twice"], tmp_path / "delay.log", env=client.env, cwd=tmp_path)
    try:
        assert delayed.child.wait(SLOW) == 0, delayed.text()
        ids = re.findall(r"^run (\S+)$", delayed.text(), re.M)

        def ended():
            runs = [server.call("GET", f"/task_runs/{i}") for i in ids]
            return all(r["state_type"] == "COMPLETED" for r in runs) and runs
        early, twice = wf.wait_until(ended, lambda: f"both to complete:\n{worker.text()[-3000:]}", SLOW)
        assert sorted(out.read_text().split()) == ["early", "twice", "twice"]  # nothing was given out twice
        assert (early["run_count"], twice["run_count"]) == (1, 2) and early["flow_run_id"] is None
        states = [s["name"] for s in server.call("GET", f"/task_run_states/?task_run_id={twice['id']}")]
        assert states == ["Scheduled", "Pending", "Running", "Retrying", "Completed"]
        there, = server.call("POST", "/task_workers/filter", {})
        assert there["identifier"].endswith(f"-{worker.pid}")
    finally:
        worker.stop()
    wf.wait_until(lambda: server.call("POST", "/task_workers/filter", {}) == [], "the task worker to be gone")


def asked(server, route):
    """How often ROUTE was answered."""
    with urllib.request.urlopen(server.api.removesuffix("/api") + "/metrics", timeout=20) as answer:
        lines = [x for x in answer.read().decode().splitlines() if x.startswith("wf_http_requests_total") and route in x]
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines)


def test_prefects_worker_uses_its_channel(server, tmp_path):
    client = Client(tmp_path / "home", server.api)
    env = {**client.env, "PREFECT_WORKER_HEARTBEAT_SECONDS": "1"}
    worker = wf.Process([PREFECT, "--no-prompt", "worker", "start", "--pool", "channel-pool", "--type", "process", "--name", "w"],
                        tmp_path / "worker.log", env=env, cwd=os.fspath(tmp_path))
    try:
        def there():
            if server.request("GET", "/work_pools/channel-pool").status != 200:
                return None
            found = server.call("POST", "/work_pools/channel-pool/workers/filter", {})
            return found[0] if found else None
        first = wf.wait_until(there, lambda: f"the worker:\n{worker.text()[-3000:]}", SLOW)
        wf.wait_until(lambda: there()["last_heartbeat_time"] > first["last_heartbeat_time"], "a second heartbeat", SLOW)
        assert "worker w of pool channel-pool is connected" in server.process.text()
        assert asked(server, "/workers/filter") > 0 and asked(server, "/workers/heartbeat") == 0
    finally:
        worker.kill()  # how it ends is Prefect's matter: on a busy machine it may take minutes
        worker.stop()
