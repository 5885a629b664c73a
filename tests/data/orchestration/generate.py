#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
r"""Records what a reference server answers to every (current, proposed) pair of run states.

    export PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED=false \
        PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED=false \
        PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED=false
    prefect server start --port 4299 &          # Prefect 3.8.x
    ./generate.py http://127.0.0.1:4299/api flow > flow_pairs.tsv
    ./generate.py http://127.0.0.1:4299/api task > task_pairs.tsv

Only the standard library is needed.  One line per case; tests/unit/api/test_orc_pairs.c reads
the files.  Columns are named in the first line.
"""
import datetime
import itertools
import json
import sys
import time
import urllib.request
import uuid

API, KIND = sys.argv[1], sys.argv[2]
SKIP = int(sys.argv[3]) if len(sys.argv) > 3 else 0  # cases already recorded
NOW = datetime.datetime.now(datetime.timezone.utc)
PAST = (NOW - datetime.timedelta(hours=1)).isoformat()
FUTURE = (NOW + datetime.timedelta(hours=10)).isoformat()
RESULT = {"type": "reference", "storage_key": "k"}
UNPERSISTED = {"type": "unpersisted"}


def call(method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json", "User-Agent": "prefect/3.8.8 (API 0.8.4)"}
    head.update(headers or {})
    for _ in range(20):
        req = urllib.request.Request(API + path, data=data, headers=head, method=method)
        try:
            with urllib.request.urlopen(req, timeout=60) as r:
                text = r.read()
                return r.status, json.loads(text) if text else None
        except urllib.error.HTTPError as e:
            if e.code != 503:
                text = e.read()
                return e.code, json.loads(text) if text else None
        time.sleep(0.3)
    raise SystemExit("the server stays busy")


# token -> (type, name, details, data); tokens are what the table and the C test share
STATES = {
    "Scheduled": ("SCHEDULED", None, {"scheduled_time": PAST}, None),
    "Scheduled+future": ("SCHEDULED", None, {"scheduled_time": FUTURE}, None),
    "Late": ("SCHEDULED", "Late", {"scheduled_time": PAST}, None),
    "AwaitingRetry": ("SCHEDULED", "AwaitingRetry", {"scheduled_time": PAST}, None),
    "AwaitingConcurrencySlot": ("SCHEDULED", "AwaitingConcurrencySlot",
                                {"scheduled_time": PAST}, None),
    "Resuming": ("SCHEDULED", "Resuming", {"scheduled_time": PAST}, None),
    "Pending": ("PENDING", None, {}, None),
    "Pending+future": ("PENDING", None, {"scheduled_time": FUTURE}, None),
    "Submitting": ("PENDING", "Submitting", {}, None),
    "Running": ("RUNNING", None, {}, None),
    "Retrying": ("RUNNING", "Retrying", {}, None),
    "Paused": ("PAUSED", None, {"pause_timeout": FUTURE, "pause_key": "new"}, None),
    "Paused+nokey": ("PAUSED", None, {"pause_timeout": FUTURE}, None),
    "Paused+used": ("PAUSED", None, {"pause_timeout": FUTURE, "pause_key": "used"}, None),
    "Paused+expired": ("PAUSED", None, {"pause_timeout": PAST, "pause_key": "new"}, None),
    "Suspended": ("PAUSED", "Suspended", {"pause_timeout": FUTURE, "pause_key": "new",
                                          "pause_reschedule": True}, None),
    "Suspended+used": ("PAUSED", "Suspended", {"pause_timeout": FUTURE, "pause_key": "used",
                                               "pause_reschedule": True}, None),
    "Cancelling": ("CANCELLING", None, {}, None),
    "Completed": ("COMPLETED", None, {}, None),
    "Completed+result": ("COMPLETED", None, {}, RESULT),
    "Completed+unpersisted": ("COMPLETED", None, {}, UNPERSISTED),
    "Failed": ("FAILED", None, {}, None),
    "Failed+noretry": ("FAILED", None, {"retriable": False}, None),
    "Cancelled": ("CANCELLED", None, {}, None),
    "Crashed": ("CRASHED", None, {}, None),
}


def state(token):
    kind, name, details, data = STATES[token]
    return {"type": kind, "name": name, "state_details": details, "data": data}


def flag(value):
    return "1" if value else "0"


def text(value):
    if value is None or value == "":
        return "-"
    return str(value).replace("\t", " ").replace("\n", " ")


def result_columns(before, status, answer, run):
    s = answer.get("state") or {}
    d = s.get("state_details") or {}
    written = s.get("id") is not None and s.get("id") != before
    policy = run["empirical_policy"]
    when = d.get("scheduled_time")
    due = "-"
    if when:
        at = datetime.datetime.fromisoformat(when.replace("Z", "+00:00"))
        due = {True: "past", False: "now"}[at < NOW] if at < NOW + datetime.timedelta(
            hours=5) else "future"
    return [answer["status"], flag(written), text(s.get("type")), text(s.get("name")),
            text(s.get("message")),
            "result" if isinstance(s.get("data"), dict) and s["data"].get("type") !=
            "unpersisted" else "unpersisted" if s.get("data") else "-",
            due, text(answer["details"].get("reason")), str(run["run_count"]),
            flag(run["start_time"]), flag(run["end_time"]),
            flag(run["next_scheduled_start_time"]), policy]


HEAD = ["status", "written", "type", "name", "message", "data", "due", "reason",
        "run_count", "started", "ended", "next"]
FLOW_ID = call("POST", "/flows/", {"name": f"orc-{uuid.uuid4()}"})[1]["id"]


def deployment(limit=None, strategy=None):
    body = {"name": f"d-{uuid.uuid4()}", "flow_id": FLOW_ID}
    if limit is not None:
        body["concurrency_limit"] = limit
        body["concurrency_options"] = {"collision_strategy": strategy}
    return call("POST", "/deployments/", body)[1]["id"]


def flow_case(case):
    current, proposed, dep, force, extra = case
    body = {"flow_id": FLOW_ID, "state": state(current),
            "empirical_policy": {"retries": extra.get("retries"), "retry_delay": 7,
                                 "pause_keys": ["used"], "resuming": False}}
    if extra.get("limit") is not None:
        dep_id = deployment(extra["limit"], extra["strategy"])
        body["deployment_id"] = dep_id
        if extra.get("full"):
            run = call("POST", "/flow_runs/", {"flow_id": FLOW_ID, "deployment_id": dep_id,
                                               "state": {"type": "SCHEDULED"}})[1]
            call("POST", f"/flow_runs/{run['id']}/set_state",
                 {"state": {"type": "PENDING"}, "force": False})
    elif dep:
        body["deployment_id"] = DEPLOYMENT
    if extra.get("parent"):
        parent = call("POST", "/flow_runs/", {"flow_id": FLOW_ID})[1]["id"]
        body["parent_task_run_id"] = call("POST", "/task_runs/", {
            "flow_run_id": parent, "task_key": "t", "dynamic_key": "0"})[1]["id"]
    status, run = call("POST", "/flow_runs/", body)
    if status == 500:  # the reference cannot answer with a run whose state has data
        del body["state"]
        run = call("POST", "/flow_runs/", body)[1]
        status, made = call("POST", f"/flow_runs/{run['id']}/set_state",
                            {"state": state(current), "force": True})
        run["state_id"] = made["state"]["id"]
    if status != 201:
        raise SystemExit(f"{case}: {status} {run}")
    if extra.get("pid"):
        call("PATCH", f"/flow_runs/{run['id']}", {"infrastructure_pid": "1"})
    before = run["state_id"]
    status, answer = call("POST", f"/flow_runs/{run['id']}/set_state",
                          {"state": state(proposed), "force": force})
    if status >= 300:
        print(f"{case}: {status} {answer}", file=sys.stderr)
        return None
    code, after = call("GET", f"/flow_runs/{run['id']}")
    if code != 200:
        print(f"{case}: GET {code}", file=sys.stderr)
        return None
    cols = result_columns(before, status, answer, after)
    policy = cols.pop()
    keys = sorted("uuid" if len(k) > 30 else k for k in policy["pause_keys"])
    name = ",".join(sorted(k if v is True else f"{k}={v}" for k, v in extra.items())) or "-"
    return [current, proposed, flag(dep or extra.get("limit") is not None), flag(force),
            name] + cols + [flag(policy["resuming"]), text(policy["retry_type"]),
                            ",".join(keys) or "-"]


def flow_cases():
    for c, p, d, f in itertools.product(STATES, STATES, (False, True), (False, True)):
        if c not in ("Paused+nokey", "Paused+used", "Suspended+used", "Failed+noretry") and \
                p not in ("Paused+expired", "Failed+noretry", "Pending+future"):
            yield c, p, d, f, {}
    for retries in (0, 1, 2):
        for p in ("Failed", "Completed", "Crashed"):
            yield "Running", p, False, False, {"retries": retries}
    for c in ("Scheduled", "Late", "Resuming", "Suspended", "Paused"):
        for f in (False, True):
            yield c, "Cancelling", True, f, {"pid": True}
    for p in ("Paused", "Suspended"):
        for d in (False, True):
            yield "Running", p, d, False, {"parent": True}
    for strategy in ("ENQUEUE", "CANCEL_NEW"):
        for c, p in itertools.product(("Scheduled", "Late", "Pending", "Completed", "Failed",
                                       "Suspended", "Cancelling"), ("Pending", "Submitting",
                                                                    "Running", "Late")):
            for limit, full in ((1, True), (1, False)):
                e = {"limit": limit, "strategy": strategy}
                if full:
                    e["full"] = True
                yield c, p, True, False, e


def task_case(case):
    current, proposed, flow, force, extra = case
    run = call("POST", "/flow_runs/", {"flow_id": FLOW_ID, "state": state(flow)})[1]
    body = {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0",
            "state": state(current),
            "empirical_policy": {"retries": extra.get("retries", 0), "retry_delay": 7}}
    status, task = call("POST", "/task_runs/", body)
    if status == 500:
        del body["state"]
        body["dynamic_key"] = "1"
        task = call("POST", "/task_runs/", body)[1]
        made = call("POST", f"/task_runs/{task['id']}/set_state",
                    {"state": state(current), "force": True})[1]
        task["state_id"] = made["state"]["id"]
    new = state(proposed)
    if extra.get("deferred"):
        new["state_details"] = dict(new["state_details"], deferred=True)
    status, answer = call("POST", f"/task_runs/{task['id']}/set_state",
                          {"state": new, "force": force})
    if status >= 300:
        print(f"{case}: {status} {answer}", file=sys.stderr)
        return None
    after = call("GET", f"/task_runs/{task['id']}")[1]
    cols = result_columns(task["state_id"], status, answer, after)
    cols.pop()
    cols[7] = cols[7].replace(run["id"], "<flow run>")
    name = ",".join(sorted(k if v is True else f"{k}={v}" for k, v in extra.items())) or "-"
    return [current, proposed, flow, flag(force), name] + cols


def task_cases():
    skip = ("Paused+nokey", "Paused+used", "Suspended", "Suspended+used", "Paused+expired",
            "Late", "AwaitingConcurrencySlot", "Resuming", "Submitting")
    kinds = [s for s in STATES if s not in skip]
    for c, p, f in itertools.product(kinds, kinds, (False, True)):
        yield c, p, "Running", f, {}
    for c, p in itertools.product(kinds, ("Pending", "Running", "Failed")):
        yield c, p, "Running", False, {"deferred": True}
    for c in ("Scheduled", "Pending", "Failed"):
        for flow in ("Pending", "Paused", "Suspended", "Completed", "Cancelling"):
            yield c, "Running", flow, False, {}
    for retries in (1, 2):
        for p in ("Failed", "Failed+noretry"):
            yield "Running", p, "Running", False, {"retries": retries}


if KIND == "flow":
    DEPLOYMENT = deployment()
    head = ["current", "proposed", "deployment", "force", "extra"] + HEAD + \
        ["resuming", "retry_type", "pause_keys"]
    cases, run_case = list(flow_cases()), flow_case
else:
    head = ["current", "proposed", "flow", "force", "extra"] + HEAD
    cases, run_case = list(task_cases()), task_case
print("# recorded by generate.py; do not edit")
print("\t".join(head))
for row in map(run_case, cases[SKIP:]):
    if row is not None:
        print("\t".join(row), flush=True)
