"""The programs that use threads, built with --enable-sanitizers=thread, under load: no data race, and right answers.

These need a build folder of that kind in $WF_BIN; `./test.sh stress` makes one.
"""
import concurrent.futures
import os
import subprocess
import time
import uuid

import pytest
import wf

SECONDS = float(os.environ.get("WF_STRESS_SECONDS", "5"))
CLIENTS = 8


@pytest.fixture(autouse=True)
def thread_sanitizer():
    """A build without it would prove nothing."""
    libs = subprocess.run(["ldd", wf.program("wf-api")], text=True, stdout=subprocess.PIPE, check=True).stdout
    assert "libtsan" in libs, "wf-api is not built with --enable-sanitizers=thread"


def run(*argv):
    done = subprocess.run([str(a) for a in argv], env=wf.clean_env(), text=True, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert "ThreadSanitizer" not in done.stdout, done.stdout[:8000]
    assert done.returncode == 0, done.stdout[-4000:]


def test_database_threads(tmp_path):
    run(wf.program("tests/stress/stress_db"), tmp_path)


def test_name_lookups():
    run(wf.program("tests/stress/stress_resolve"))


def test_a_busy_server(tmp_path):
    """Clients that create, change, filter and delete at once, in every part that has work in a database thread."""
    server = wf.Server(tmp_path).start(limit=120)
    try:
        server.pool()
        flow = server.flow()
        end = time.monotonic() + SECONDS

        def client(number):
            rounds = 0
            while time.monotonic() < end:
                run_id = server.call("POST", "/flow_runs/", {"flow_id": flow["id"], "name": f"c{number}",
                                                             "state": {"type": "PENDING"}})["id"]
                for state in ("RUNNING", "COMPLETED"):
                    server.call("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": state}})
                server.call("POST", "/logs/", [{"name": "n", "level": 20, "message": "m" * 200, "flow_run_id": run_id,
                                                "timestamp": "2026-01-01T00:00:00Z"}])
                server.call("POST", "/flow_runs/filter", {"limit": 20, "sort": "START_TIME_DESC"})
                server.call("POST", "/logs/filter", {"limit": 20})
                server.call("POST", "/variables/", {"name": f"v_{uuid.uuid4().hex}", "value": number})
                server.call("POST", "/work_pools/filter", {})
                server.call("POST", "/work_pools/test-pool/get_scheduled_flow_runs", {})
                server.request("GET", f"/flow_runs/{uuid.uuid4()}")
                server.request("POST", "/flows/", raw=b"{broken")
                if rounds % 2 == 0:
                    server.request("DELETE", f"/flow_runs/{run_id}")
                rounds += 1
            return rounds

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            rounds = sum(pool.map(client, range(CLIENTS)))
        assert rounds >= CLIENTS, rounds
        left = server.call("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})
        assert 0 < left <= rounds
    finally:
        status = server.stop()
    text = server.process.text()
    assert "ThreadSanitizer" not in text, text[:8000]
    assert status == 0, text[-4000:]
