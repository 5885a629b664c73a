#!/usr/bin/env python3
"""The same stream of events at wf-api and at the reference server (`prefect server start`), by hand:

    WF_BIN=build-bench bench/peer_events.py PYTHON [COUNT [AUTOMATIONS]]

PYTHON: one with Prefect.  Each automation fires with the last of its events: the time of the last firing ends the stream.
"""
import datetime
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "lib"))
import wf  # noqa: E402


class Reference(wf.Server):
    """`prefect server start` with a database of its own."""

    def __init__(self, folder, python):
        folder.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        self.api = f"http://127.0.0.1:{self.port}/api"
        env = wf.clean_env(PREFECT_HOME=folder, DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false",
                           PATH=f"{pathlib.Path(python).parent}:{os.environ['PATH']}")
        self.process = wf.Process([pathlib.Path(python).parent / "prefect", "server", "start", "--port", str(self.port),
                                   "--no-ui"], folder / "log", env=env, cwd=folder)

        def ready():
            try:
                return self.request("GET", "/health").status == 200
            except OSError:
                return False
        wf.wait_until(ready, self.process.text, 120)


def measure(server, count, number):
    for i in range(number):
        server.call("POST", "/automations/", {
            "name": f"a{i}", "actions": [],
            "trigger": {"type": "event", "posture": "Reactive", "expect": [f"bench.{i}"], "within": 3600,
                        "match": {"prefect.resource.id": "bench.*"}, "threshold": count // number}})
    time.sleep(8)  # the reference loads automations every 5 s
    begin = time.time()
    took = float(subprocess.run([wf.program("bench/events"), "127.0.0.1", str(server.port), "4", str(count), "200",
                                 str(number)], check=True, stdout=subprocess.PIPE, text=True).stdout)
    fired = {"filter": {"event": {"name": ["prefect.automation.triggered"]}}, "limit": 1}
    end = time.monotonic() + 300
    while (got := server.call("POST", "/events/filter", fired))["total"] < number:
        if time.monotonic() > end:
            return count / took, None, got["total"]
        time.sleep(0.1)
    last = datetime.datetime.fromisoformat(got["events"][0]["occurred"].replace("Z", "+00:00")).timestamp()
    return count / took, count / (last - begin), got["total"]


def main():
    python, count, number = sys.argv[1], *[int(a) for a in (sys.argv[2:4] + ["4000", "10"][len(sys.argv) - 2:])]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wf-bench-"))
    for name, make in (("wf-api", lambda: wf.Server(folder / "ours").start(60)),
                       ("prefect server", lambda: Reference(folder / "theirs", python))):
        server = make()
        acknowledged, evaluated, fired = measure(server, count, number)
        print(f"{name}: {acknowledged:,.0f} events/s acknowledged, "
              f"{f'{evaluated:,.0f} events/s evaluated' if evaluated else f'only {fired} of {number} automations fired'}",
              flush=True)
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
