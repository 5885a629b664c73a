"""Every flow of yaml/ as its .expect says, recorded by a server and, where it needs none, without."""
import datetime
import json
import os
import pathlib
import shlex
import subprocess
import time
import uuid

import pytest

import expect
import wf

FOLDER = pathlib.Path(__file__).parent / "yaml"
NAMES = sorted(p.name[:-len(".expect")] for p in FOLDER.glob("*.expect"))
NEEDS_SERVER = {"tags"}  # limits are the server's
# A sanitized program on a busy machine is slower than the upper bounds of the files, which were meant for a quiet one.
SLACK = float(os.environ.get("WF_WALK_SLACK", "4"))


@pytest.fixture(scope="module")
def sink():
    s = expect.Sink()
    yield s
    s.close()


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def state_of(s):
    return {"type": s["type"], "name": s["name"], "message": s["message"], "at": at(s["timestamp"])}


def run_of_record(doc):
    """The document of --record."""
    return {"state": doc["state"], "states": ["Pending"] + [s["name"] for s in doc["states"]], "run_count": doc["run_count"],
            "name": doc["name"], "tags": doc["tags"], "flow": doc["flow"], "id": doc["id"],
            "tasks": [{"id": t["id"], "name": t["name"], "states": [state_of(s) for s in t["states"]], "run_count": t["run_count"],
                       "tags": t["tags"], "inputs": t["task_inputs"],
                       "child": run_of_record(t["child"]) if t.get("child") else None} for t in doc["tasks"]]}


def run_of_server(server, run_id, flow, depth=2):
    run = server.call("GET", f"/flow_runs/{run_id}")
    found = server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200})
    tasks = []
    for t in sorted(found, key=lambda t: (at(t["expected_start_time"]), t["id"])):
        states = server.call("GET", f"/task_run_states/?task_run_id={t['id']}")
        child = (t["state"].get("state_details") or {}).get("child_flow_run_id")
        tasks.append({"id": t["id"], "name": t["name"], "run_count": t["run_count"], "tags": t["tags"],
                      "inputs": t["task_inputs"], "states": [state_of(s) for s in states],
                      "child": run_of_server(server, child, None, depth - 1) if child and depth else None})
    name = server.call("GET", f"/flows/{run['flow_id']}")["name"]
    return {"state": run["state"], "states": server.states(run_id), "run_count": run["run_count"], "name": run["name"],
            "tags": run["tags"], "flow": name, "id": run_id, "tasks": tasks}


def settled(server, run_id, document):
    """The server's view, once the last events of the tasks have been taken in."""
    ends = {t["id"]: t["states"][-1]["name"] for t in document["tasks"] if not t.get("child")}

    def there():
        seen = run_of_server(server, run_id, None)
        have = {t["id"]: t["states"][-1]["name"] if t["states"] else "" for t in seen["tasks"]}
        return all(have.get(k) == v for k, v in ends.items()) and seen
    return wf.wait_until(there, f"the task runs of {run_id}", 20)


class Case:
    def __init__(self, name, folder, sink, server):
        self.name, self.folder, self.sink, self.server = name, folder, sink, server
        self.number = 0

    def wf(self, line):
        done = subprocess.run([wf.program("wf"), *shlex.split(line)], env=self.env({}), cwd=self.folder, capture_output=True, text=True)
        if "No such command" in done.stdout + done.stderr:
            return self.by_api(shlex.split(line))
        assert done.returncode == 0, f"wf {line}: {done.stdout}{done.stderr}"

    def by_api(self, words):
        """What `concurrency-limit` and `gcl` do, for a wf that does not have these commands."""
        group, verb, name = words[:3]
        path = "/v2/concurrency_limits/" if group == "gcl" else "/concurrency_limits/"
        if verb == "create":
            named = {"name": name, "limit": int(words[-1])} if group == "gcl" else {"tag": name, "concurrency_limit": int(words[-1])}
            self.server.call("POST", path, named)
        else:
            self.server.call("DELETE", path + ("" if group == "gcl" else "tag/") + name)

    def env(self, more):
        address = {"WF_API_URL": self.server.api} if self.server else {}
        return wf.clean_env(HOME=self.folder, WF_RESULTS_DIR=self.folder / "results", NO_COLOR="1", TERM="dumb", **address, **more)

    def command(self, want):
        flow = f":{want['flow']}" if "flow" in want else ""
        return [wf.program("wf"), "flow", "run", f"{FOLDER / self.name}.flow.yaml{flow}"]

    def run(self, want):
        self.number += 1
        record = self.folder / f"record-{self.number}.json"
        argv = [*self.command(want), "--record", str(record)]
        argv += [] if self.server else ["--offline"]
        for key, value in want.get("params", {}).items():
            argv += ["-p", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        self.sink.requests.clear()
        started = time.monotonic()
        done = subprocess.run(argv, env=self.env(want.get("env", {})), cwd=self.folder, capture_output=True, text=True, timeout=120)
        seconds = time.monotonic() - started
        document = json.loads(record.read_text()) if record.exists() else None
        run = document and run_of_record(document)
        if document and self.server:
            run = settled(self.server, document["id"], run)
        logs = None
        if self.server and document and want.get("api_logs"):
            logs = self.server.call("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [document["id"]]}}, "limit": 200})
        return {"exit": done.returncode, "seconds": seconds, "lines": done.stderr.splitlines(), "stdout": done.stdout, "slack": SLACK,
                "run": run, "requests": list(self.sink.requests), "logs": logs}, done.stderr


def go(case):
    documents = expect.load(FOLDER / f"{case.name}.expect", {"$RUN": uuid.uuid4().hex, "$SINK": case.sink.url})
    for line in documents[0].get("setup", []) if case.server else []:
        case.wf(line)
    try:
        for number, want in enumerate(documents, 1):
            outcome, text = case.run(want)
            wrong = expect.check(want, outcome)
            assert not wrong, f"{case.name}, document {number}:\n  " + "\n  ".join(wrong) + f"\n--- log:\n{text[-6000:]}"
    finally:
        for line in documents[-1].get("teardown", []) if case.server else []:
            case.wf(line)


@pytest.mark.parametrize("name", NAMES)
def test_with_a_server(name, shared_server, sink, tmp_path):
    go(Case(name, tmp_path, sink, shared_server))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NEEDS_SERVER])
def test_offline(name, sink, tmp_path):
    go(Case(name, tmp_path, sink, None))
