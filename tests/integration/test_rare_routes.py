"""Routes that few clients call: downloads, the old graph, runs of a span, templates, the result storage."""
import base64
import csv
import datetime
import io
import uuid

import pytest

NOBODY = str(uuid.uuid4())


def test_logs_as_csv(shared_server):
    server = shared_server
    run = server.call("POST", "/flow_runs/", {"flow_id": server.flow()["id"], "name": "my run/1", "state": {"type": "RUNNING"}})
    task = str(uuid.uuid4())
    said = ["plain", 'with "quotes", commas\nand lines', "ünïcode"]
    server.call("POST", "/logs/", [
        {"name": "l", "level": 20 + i, "message": text, "timestamp": f"2026-11-24T10:00:0{i}.5Z", "flow_run_id": run["id"],
         "task_run_id": task if i == 1 else None} for i, text in enumerate(said)])
    answer = server.request("GET", f"/flow_runs/{run['id']}/logs/download")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == \
        "attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''my%20run%2F1-logs.csv"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["timestamp", "level", "flow_run_id", "task_run_id", "message"]
    assert rows[2] == ["2026-11-24 10:00:01.500000+00:00", "21", run["id"], task, said[1]]
    assert [r[4] for r in rows[1:]] == said
    missing = server.request("GET", f"/flow_runs/{NOBODY}/logs/download")
    assert (missing.status, missing.json) == (404, {"detail": "Flow run not found"})


def test_the_old_graph(shared_server):
    server = shared_server
    run = server.call("POST", "/flow_runs/", {"flow_id": server.flow()["id"], "state": {"type": "RUNNING"}})["id"]

    def task(name, **inputs):
        return server.call("POST", "/task_runs/", {
            "name": name, "task_key": name, "dynamic_key": "0", "flow_run_id": run, "state": {"type": "RUNNING"},
            "task_inputs": inputs})["id"]
    first = task("first")
    uses = {"input_type": "task_run", "id": first}
    second = task("second", a=[uses], b=[uses, {"input_type": "constant", "type": "int"}])
    nodes = server.call("GET", f"/flow_runs/{run}/graph")
    assert [(n["id"], n["name"], n["upstream_dependencies"]) for n in nodes] == [(first, "first", []), (second, "second", [uses])]
    assert set(nodes[0]) == {"id", "name", "upstream_dependencies", "state", "expected_start_time", "start_time", "end_time",
                             "total_run_time", "estimated_run_time", "untrackable_result"}
    assert nodes[0]["state"]["type"] == "RUNNING" and nodes[0]["untrackable_result"] is False
    missing = server.request("GET", f"/flow_runs/{NOBODY}/graph")
    assert (missing.status, missing.json) == (404, {"exception_message": f"Flow run with id {NOBODY} not found"})


def test_runs_of_a_span(shared_server, tmp_path):
    server = shared_server
    server.pool("span-pool")
    hourly = {"interval": 3600, "anchor_date": "2020-01-01T00:00:00Z"}
    deployment = server.deploy("x.py:x", tmp_path, flow="span", pool="span-pool", schedules=[
        {"schedule": hourly, "slug": "on"}, {"schedule": {"cron": "0 0 * * *"}, "active": False, "slug": "off"}])
    path = f"/deployments/{deployment['id']}/schedule"

    def starts():
        runs = server.call("POST", "/flow_runs/filter", {
            "deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC",
            "flow_runs": {"expected_start_time": {"before_": "2025-01-01T00:00:00Z"}}})
        return [datetime.datetime.fromisoformat(r["expected_start_time"]).hour for r in runs]
    # a span in the past: all of it, once, however often it is asked for
    span = {"start_time": "2024-05-01T00:30:00Z", "end_time": "2024-05-01T04:00:00Z", "min_time": 36000}
    for _ in range(2):
        assert server.call("POST", path, span) is None
        assert starts() == [1, 2, 3, 4]
    server.call("POST", path, {"start_time": "2024-05-01T10:00:00Z", "min_runs": 2, "min_time": 1})
    assert starts() == [1, 2, 3, 4, 10, 11]
    server.call("POST", path, {"start_time": "2024-05-01T20:00:00Z", "max_runs": 1})
    assert starts() == [1, 2, 3, 4, 10, 11, 20]
    assert server.request("POST", f"/deployments/{NOBODY}/schedule", {}).status == 404
    assert server.request("POST", path, {"start_time": "soon"}).status == 422


@pytest.mark.parametrize("path", ["/templates/validate", "/automations/templates/validate"])
def test_templates(shared_server, path):
    assert shared_server.request("POST", path, "{{ event.id }} {% if x %}y{% endif %}").status == 204
    bad = shared_server.request("POST", path, "one\n{{ event.id ")
    assert bad.status == 422 and bad.json == {"error": {
        "line": 2, "message": "unexpected end of template, expected 'end of print statement'.", "source": "one\n{{ event.id "}}
    assert shared_server.request("POST", path, {"a": 1}).json["exception_detail"][0]["type"] == "string_type"


def test_a_bad_schedule_is_told_why_it_is_none(shared_server):
    flow = shared_server.flow("scheduled")["id"]

    def problems(schedule):
        answer = shared_server.request("POST", "/deployments/", {"name": "d", "flow_id": flow,
                                                                 "schedules": [{"schedule": schedule}]})
        assert answer.status == 422, answer.text
        detail = answer.json["exception_detail"]
        assert all(d["loc"][:4] == ["body", "schedules", 0, "schedule"] for d in detail)
        return [(d["type"], *d["loc"][4:], d["msg"]) for d in detail]
    interval, cron, rule = (f"function-after[validate_timezone(), {k}Schedule]" for k in ("Interval", "Cron", "RRule"))
    rule = "RRuleSchedule"
    extra, lacks = "Extra inputs are not permitted", "Field required"
    assert problems({"interval": 0}) == [
        ("value_error", interval, "interval", "Value error, interval must be positive"),
        ("missing", cron, "cron", lacks), ("extra_forbidden", cron, "interval", extra),
        ("missing", rule, "rrule", lacks), ("extra_forbidden", rule, "interval", extra)]
    found = problems({"cron": "x"})
    assert [p[:3] for p in found] == [
        ("missing", interval, "interval"), ("extra_forbidden", interval, "cron"), ("value_error", cron, "cron"),
        ("missing", rule, "rrule"), ("extra_forbidden", rule, "cron")]
    assert found[2][3].startswith('Value error, Invalid cron string: "x"')
    assert [p[0] for p in problems({"rrule": "x"})] == ["missing", "extra_forbidden"] * 2 + ["value_error"]
    assert [p[0] for p in problems({})] == ["missing"] * 3
    assert [p[:3] for p in problems({"interval": 60, "nonsense": 1})][0] == ("extra_forbidden", interval, "nonsense")


def test_who_created_it(shared_server, tmp_path):
    server = shared_server
    who = {"id": NOBODY, "type": "AUTOMATION", "display_value": "nächtlich"}
    headers = {"Prefect-Automation-ID": NOBODY, "Prefect-Automation-Name": base64.b64encode("nächtlich".encode()).decode()}
    flow = server.flow("created")["id"]
    body = {"name": "d", "flow_id": flow}
    plain = server.call("POST", "/deployments/", body)
    assert (plain["created_by"], plain["updated_by"]) == (None, None)
    again = server.call("POST", "/deployments/", body, headers=headers)
    assert (again["id"], again["created_by"], again["updated_by"]) == (plain["id"], None, who)
    run = server.call("POST", f"/deployments/{plain['id']}/create_flow_run", {}, headers=headers)
    many = server.call("POST", f"/deployments/{plain['id']}/create_flow_run/bulk", [{}], headers=headers)
    alone = server.call("POST", "/flow_runs/", {"flow_id": flow}, headers=headers)
    made = server.call("POST", "/flow_runs/filter", {"flow_runs": {"created_by": {"id_": [NOBODY], "type_": ["AUTOMATION"]}}})
    assert len(made) == 3 and {run["id"], alone["id"]} <= {r["id"] for r in made} and len(many["results"]) == 1
    assert all(r["created_by"] == who for r in made)
    event, = server.call("POST", "/events/filter", {"filter": {
        "event": {"name": ["prefect.flow-run.Pending"]}, "any_resource": {"id": [f"prefect.flow-run.{alone['id']}"]}}})["events"]
    assert {"prefect.resource.id": f"prefect.automation.{NOBODY}", "prefect.resource.name": "nächtlich",
            "prefect.resource.role": "creator"} in event["related"]
    # half of it, or nonsense, is as if nobody had said anything
    for bad in ({"Prefect-Automation-ID": NOBODY}, {**headers, "Prefect-Automation-Name": "?"}, {**headers, "Prefect-Automation-ID": "x"}):
        assert server.call("POST", "/flow_runs/", {"flow_id": flow}, headers=bad)["created_by"] is None


def block(server, name, capabilities):
    kind = server.call("POST", "/block_types/", {"name": name, "slug": name})["id"]
    schema = server.call("POST", "/block_schemas/", {
        "block_type_id": kind, "capabilities": capabilities, "fields": {"title": name, "type": "object", "properties": {}}})["id"]
    return server.call("POST", "/block_documents/", {
        "name": "mine", "block_type_id": kind, "block_schema_id": schema, "data": {}})["id"]


def test_results_go_to_a_block_that_can_be_written(shared_server):
    server = shared_server
    unknown = server.request("PUT", "/admin/storage", {"default_result_storage_block_id": NOBODY})
    assert (unknown.status, unknown.json) == (404, {"detail": f"Block document {NOBODY} not found."})
    reader = block(server, "reader", ["read-path"])
    refused = server.request("PUT", "/admin/storage", {"default_result_storage_block_id": reader})
    assert (refused.status, refused.json) == (
        422, {"detail": f"Block document {reader} cannot be used for result storage."})
    writer = {"default_result_storage_block_id": block(server, "writer", ["read-path", "write-path"])}
    assert server.call("PUT", "/admin/storage", writer) == writer == server.call("GET", "/admin/storage")
    assert server.request("DELETE", "/admin/storage").status == 204
    assert server.call("GET", "/admin/storage") == {"default_result_storage_block_id": None}
