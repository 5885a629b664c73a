"""Limits hold exactly: wf workers and Prefect's own share one pool; pool 3, queue 2, one deployment 1, 60 runs; one worker
is killed on the way and its runs are tried again."""
import os
import pathlib
import signal
import sys
import time

import pytest

import wf

PREFECT = pathlib.Path(sys.executable).parent / "prefect"
# The marks are written by the runs themselves: "<ns> + <deployment> <queue> <run> <kind of worker>" at the start, "-" at
# the end.
# `python -m prefect.engine` would take seconds per run: Prefect's worker is given a command that talks to the API.
RUNNER = '''\
import json, os, sys, time, urllib.request

api, run = os.environ["PREFECT_API_URL"], os.environ["PREFECT__FLOW_RUN_ID"]


def call(method, path, body=None):
    request = urllib.request.Request(api + path, json.dumps(body).encode() if body else None, method=method,
                                     headers={"Content-Type": "application/json"})
    extra = json.loads(os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}")
    for name, value in extra.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def propose(type):
    return call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": type}})["status"]


me = call("GET", f"/flow_runs/{run}")
if propose("RUNNING") != "ACCEPT":
    sys.exit(0)
who = f'{me["deployment_id"]} {me["work_queue_name"]} {run} ' + ("wf" if "X-WF-Fence" in os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS", "") else "theirs")
with open(os.environ["MARKS"], "a") as f:
    f.write(f"{time.monotonic_ns()} + {who}\\n")
time.sleep(0.15)
with open(os.environ["MARKS"], "a") as f:
    f.write(f"{time.monotonic_ns()} - {who}\\n")
propose("COMPLETED")
'''


def most_at_once(lines, wanted):
    """The largest number of runs between their marks at the same time, of those for which WANTED is true."""
    now, most = 0, 0
    for _, what, deployment, queue, _, _ in sorted(lines, key=lambda line: int(line[0])):
        if wanted(deployment, queue):
            now += 1 if what == "+" else -1
            most = max(most, now)
    return most


def seen(marks):
    return [line.split() for line in marks.read_text().splitlines(keepends=True) if line.endswith("\n")]


def holds(server, worker):
    """Has WORKER a run that has begun?"""
    return any(h["worker"] == worker for limit in server.call("GET", "/wf/v1/concurrency?name=test-pool") for h in limit["holders"])


@pytest.fixture
def place(server, tmp_path):
    (tmp_path / "runner.py").write_text(RUNNER)
    template = {"job_configuration": {"command": "{{ command }}", "env": "{{ env }}", "working_dir": "{{ working_dir }}",
                                      "name": "{{ name }}", "labels": "{{ labels }}"},
                "variables": {"type": "object", "properties": {
                    "command": {"type": "string"}, "working_dir": {"type": "string"}, "name": {"type": "string"},
                    "env": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
                    "labels": {"type": "object"}}}}
    server.call("POST", "/work_pools/", {"name": "test-pool", "type": "process", "concurrency_limit": 3,
                                         "base_job_template": template})
    server.call("POST", "/work_pools/test-pool/queues", {"name": "narrow", "concurrency_limit": 2, "priority": 1})
    marks = tmp_path / "marks"
    variables = {"command": f"{sys.executable} {tmp_path}/runner.py", "env": {"MARKS": str(marks)}}

    def deploy(name, **more):
        return server.deploy("runner.py:none", tmp_path, flow=name, name=name, job_variables=variables, **more)["id"]
    yield server, marks, deploy


def test_limits_of_pool_queue_and_deployment_with_both_kinds_of_workers(place, workers, tmp_path):
    server, marks, deploy = place
    wide = deploy("wide", on_lost="requeue")
    narrow = deploy("narrow", work_queue_name="narrow", on_lost="requeue")
    single = deploy("single", concurrency_limit=1, on_lost="requeue")
    runs = [server.call("POST", f"/deployments/{d}/create_flow_run", {})["id"]
            for _ in range(20) for d in (wide, narrow, single)]
    env = wf.clean_env(PREFECT_HOME=tmp_path / "prefect", PREFECT_API_URL=server.api, DO_NOT_TRACK="1", CI="1",
                       PREFECT_SERVER_ANALYTICS_ENABLED="false", PREFECT_WORKER_QUERY_SECONDS="1",
                       PREFECT_LOGGING_TO_API_ENABLED="false", PATH=f"{PREFECT.parent}:{os.environ['PATH']}")
    theirs = wf.Process([PREFECT, "worker", "start", "--pool", "test-pool", "--name", "theirs", "--limit", "2"],
                        tmp_path / "theirs.log", env=env, cwd=tmp_path)
    try:
        # theirs first: it takes long to start, and has to get its share
        wf.wait_until(marks.exists, lambda: theirs.text()[-3000:], 3 * wf.PATIENCE)
        # the victim before ours: among four, it might not get one of the last runs; and only when all slots were in use at once,
        # for its own stay taken until its leases end
        victim = workers(server, name="victim")
        wf.wait_until(lambda: most_at_once(seen(marks), lambda d, q: True) == 3 and holds(server, "victim"),
                      lambda: f"no run for the victim; {marks.read_text()[-2000:]}", 3 * wf.PATIENCE)
        victim.kill()
        victim.wait_exit()
        killed = time.monotonic_ns()
        ours = [workers(server, name=f"ours-{i}") for i in range(2)]

        def ended():
            return server.call("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}) == len(runs)
        said = {}

        def look():
            if not said:  # while it goes on: the holders are named
                for limit in server.call("GET", "/wf/v1/concurrency"):
                    assert len(limit["holders"]) == limit["in_use"] <= limit["limit"], limit
                    if limit["kind"] == "pool" and limit["in_use"] == 3:
                        said.update(limit)
            return ended()
        wf.wait_until(look, lambda: f"{marks.read_text().count('+')} started; {theirs.text()[-2000:]}", 4 * wf.PATIENCE)
    finally:
        theirs.kill(signal.SIGKILL)
        theirs.child.wait()
    lines = seen(marks)
    started = [line for line in lines if line[1] == "+"]
    ended = {line[4] for line in lines if line[1] == "-"}
    again = [line for line in started if [other[4] for other in started].count(line[4]) == 2 and int(line[0]) < killed]
    assert ended == set(runs) and len(started) == len(runs) + len(again), "each run once, but for those that died"
    lines += [[str(killed), "-", *line[2:]] for line in again]
    assert {line[5] for line in started} == {"wf", "theirs"}
    assert most_at_once(lines, lambda d, q: True) == 3
    assert most_at_once(lines, lambda d, q: q == "narrow") == 2
    assert most_at_once(lines, lambda d, q: d == single) == 1
    assert said["holders"][0]["type"] == "flow-run", said
    inspected = wf.wf("concurrency", "inspect", "test-pool/narrow", server=server)
    assert inspected.returncode == 0 and "0 of 2 in use" in inspected.stdout, inspected.stdout
    listed = wf.wf("concurrency", "ls", server=server)
    assert all(text in listed.stdout for text in ("test-pool/narrow", "single/single", "deployment")), listed.stdout
    # nothing is left behind: no slot, no lease
    wf.wait_until(lambda: all(limit["in_use"] == 0 for limit in server.call("GET", "/wf/v1/concurrency")), "all slots free")
    assert all(w.process.running() for w in ours)
