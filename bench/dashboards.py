#!/usr/bin/env python3
"""What dashboards ask, timed on a database that bench/load_rows filled; see bench/README.md.

    dashboards.py API_URL [REPEATS]          prints p50 and p99 of each request in ms
"""
import datetime
import http.client
import json
import sys
import time
import urllib.parse


def at(now, **delta):
    return (now - datetime.timedelta(**delta)).isoformat()


class Api:
    def __init__(self, url):
        self.u = urllib.parse.urlsplit(url)
        self.c = http.client.HTTPConnection(self.u.hostname, self.u.port, timeout=120)

    def ask(self, method, path, body=None):
        begin = time.perf_counter()
        self.c.request(method, self.u.path + path, json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"})
        answer = self.c.getresponse()
        data = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            raise SystemExit(f"{method} {path} {body}: {answer.status} {data[:300]}")
        return took, json.loads(data)


def questions(api):
    """(name, method, path, body): bodies as the web page sends them, ranges that do not begin on a full hour."""
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=17)
    _, runs = api.ask("POST", "/flow_runs/filter", {"limit": 1, "sort": "EXPECTED_START_TIME_DESC"})
    _, flows = api.ask("POST", "/flows/filter", {"limit": 1, "sort": "NAME_ASC"})
    _, logs = api.ask("POST", "/logs/filter", {"limit": 1, "sort": "TIMESTAMP_DESC"})
    deployment, flow, run = runs[0]["deployment_id"], flows[0]["id"], logs[0]["flow_run_id"]
    day = {"start_time": {"after_": at(now, days=1), "before_": at(now, seconds=0)}}
    week = {"start_time": {"after_": at(now, days=7), "before_": at(now, seconds=0)}}
    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}

    def history(days, steps, **more):
        return {"history_start": at(now, days=days), "history_end": at(now, seconds=0),
                "history_interval_seconds": days * 86400 / steps, **more}

    def events(days):
        return {"occurred": {"since": at(now, days=days), "until": at(now, seconds=0)}}
    yield "flow runs: newest 200", "POST", "/flow_runs/filter", {"limit": 200, "sort": "EXPECTED_START_TIME_DESC"}
    yield "flow runs: newest failed", "POST", "/flow_runs/filter", {"limit": 50, "sort": "START_TIME_DESC", "flow_runs": {
        "state": {"type": {"any_": ["FAILED", "CRASHED"]}}}}
    yield "flow runs: newest of a flow", "POST", "/flow_runs/filter", {"limit": 50, "sort": "START_TIME_DESC",
                                                                     "flows": {"id": {"any_": [flow]}}}
    yield "flow runs: page 1 and the count", "POST", "/flow_runs/paginate", {"limit": 20, "page": 1, "sort": "START_TIME_DESC"}
    yield "flow runs: page 1 of a week", "POST", "/flow_runs/paginate", {"limit": 20, "page": 1, "sort": "START_TIME_DESC",
                                                                        "flow_runs": week}
    yield "flow runs: count, all", "POST", "/flow_runs/count", {}
    yield "flow runs: count, completed", "POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    yield "flow runs: count, a week by state", "POST", "/flow_runs/count", {"flow_runs": {**week, **ended}}
    yield "flow runs: count, not of subflows", "POST", "/flow_runs/count", {"flow_runs": {
        **week, "parent_task_run_id": {"is_null_": True}}}
    yield "flow runs: count, of a deployment", "POST", "/flow_runs/count", {"deployments": {"id": {"any_": [deployment]}}}
    yield "flow runs: count, late", "POST", "/flow_runs/count", {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}}
    yield "flow runs: history, a day", "POST", "/flow_runs/history", history(1, 30)
    yield "flow runs: history, 90 days", "POST", "/flow_runs/history", history(90, 60)
    yield "flow runs: history, a week of a flow", "POST", "/flow_runs/history", history(7, 30, flows={"id": {"any_": [flow]}})
    yield "flow runs: lateness, a week", "POST", "/flow_runs/lateness", {"flow_runs": week}
    yield "flow runs: lateness, all", "POST", "/flow_runs/lateness", {}
    yield "flow runs: points", "POST", "/ui/flow_runs/history", {"flow_runs": week, "limit": 1000, "sort": "START_TIME_DESC"}
    yield "task runs: count, all", "POST", "/task_runs/count", {}
    yield "task runs: count, a week", "POST", "/task_runs/count", {"task_runs": week}
    yield "task runs: history, a week", "POST", "/task_runs/history", history(7, 30)
    yield "task runs: page 1 and the count", "POST", "/task_runs/paginate", {"limit": 20, "page": 1}
    yield "task runs: by state, a day", "POST", "/ui/task_runs/count", {"task_runs": day}
    yield "task runs: dashboard, a day", "POST", "/ui/task_runs/dashboard/counts", {"task_runs": day}
    yield "task runs: dashboard, a week", "POST", "/ui/task_runs/dashboard/counts", {"task_runs": week}
    yield "task runs: of runs", "POST", "/ui/flow_runs/count-task-runs", {"flow_run_ids": [r["id"] for r in runs]}
    yield "flows: page 1", "POST", "/flows/paginate", {"limit": 20, "page": 1}
    yield "flows: next runs", "POST", "/ui/flows/next-runs", {"flow_ids": [flow]}
    yield "logs: of a run", "POST", "/logs/filter", {"limit": 200, "sort": "TIMESTAMP_ASC", "logs": {"flow_run_id": {"any_": [run]}}}
    yield "events: newest 50 of a week and the count", "POST", "/events/filter", {"limit": 50, "filter": events(7)}
    yield "events: count by time, a day", "POST", "/events/count-by/time", {"filter": events(1), "time_unit": "hour"}
    yield "events: count by event, an hour", "POST", "/events/count-by/event", {"filter": events(1 / 24)}


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def measure(url, repeats=50):
    """(name, p50, p99) in ms; the first request of each is not counted."""
    api, rows = Api(url), []
    for name, *question in questions(api):
        first, _ = api.ask(*question)
        took = [api.ask(*question)[0] for _ in range(repeats if first < 500 else min(repeats, 3))]
        rows.append((name, quantile(took, 0.5), quantile(took, 0.99)))
    return rows


if __name__ == "__main__":
    for row in measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50):
        print(f"{row[0]:45} {row[1]:9.1f} {row[2]:9.1f}", flush=True)
