"""The server and the engine under valgrind: no invalid access, nothing definitely lost."""
import os
import re
import subprocess

import wf

# Nothing is suppressed. What is reachable at the end is no leak (tables of libraries that live as long as the
# program); a child between fork and exec has a copy of everything and frees nothing.
VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--error-exitcode=99", "--child-silent-after-fork=yes"]


def test_engine_runs_the_example(tmp_path):
    done = subprocess.run([*VALGRIND, wf.program("wf-engine"), "run", str(wf.TOP / "examples/hello/hello.flow.yaml"),
                           "--offline"], env=wf.clean_env(), cwd=tmp_path, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "== " not in done.stdout, done.stdout[-4000:]


def test_server_serves_and_stops(tmp_path):
    server = wf.Server(tmp_path)
    argv = [*VALGRIND, wf.program("wf-api"), "--port", "0", "--data-dir", str(server.data)]
    server.process = wf.Process(argv, tmp_path / "log", env=wf.clean_env())

    def ready():
        url = server.data / "url"
        if not url.exists():
            return False
        server.api = url.read_text().strip()
        return server.request("GET", "/health").status == 200
    try:
        wf.wait_until(ready, server.process.text, 90)
        server.pool()
        flow = server.flow()
        run = server.call("POST", "/flow_runs/", {"flow_id": flow["id"], "state": {"type": "PENDING"}})
        server.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}})
        server.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "COMPLETED"}})
        server.call("POST", "/flow_runs/filter", {})
        server.request("POST", "/flows/", raw=b"{broken")
    finally:
        status = server.process.stop(60)
    text = server.process.text()
    assert status == 0, text[-4000:]
    assert not re.search(r"^==\d+==", text, re.M), text[-4000:]
