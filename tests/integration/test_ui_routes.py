"""The routes that only web pages call (/ui/...): answers as the reference gives them to the same requests."""
import datetime
import uuid

import pytest

NIL = "00000000-0000-4000-8000-000000000000"
NOW = datetime.datetime.now(datetime.timezone.utc)


def at(**delta):
    return (NOW + datetime.timedelta(**delta)).isoformat()


def recorded(flow_run, number, state, start):
    """A task run that an engine has told, with a start of our choice."""
    task = str(uuid.uuid4())
    return {"id": str(uuid.uuid4()), "occurred": at(), "event": f"prefect.task-run.{state.title()}",
            "resource": {"prefect.resource.id": f"prefect.task-run.{task}", "prefect.orchestration": "client"},
            "related": [{"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}],
            "payload": {"validated_state": {"type": state, "name": state.title(), "state_details": {}},
                        "task_run": {"name": "n", "task_key": "z", "dynamic_key": str(number), "run_count": 1,
                                     "start_time": start, "expected_start_time": start, "total_run_time": 1.0}}}


@pytest.fixture(scope="module")
def scene(shared_server):
    """A flow with three future runs and one that runs; four task runs in it, one of them for a subflow."""
    s = shared_server
    flow = s.flow("ui")["id"]
    s.call("POST", "/deployments/", {"name": "d", "flow_id": flow})
    future = [s.call("POST", "/flow_runs/", {"flow_id": flow, "name": f"r{i}", "state": {
        "type": "SCHEDULED", "state_details": {"scheduled_time": at(hours=i)}}})["id"] for i in (3, 1, 2)]
    run = s.call("POST", "/flow_runs/", {"flow_id": flow, "name": "now"})["id"]
    s.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    parent = s.call("POST", "/task_runs/", {"flow_run_id": run, "task_key": "k", "dynamic_key": "0"})["id"]
    s.call("POST", "/flow_runs/", {"flow_id": s.flow("ui-child")["id"], "parent_task_run_id": parent})
    s.call("POST", "/events", [recorded(run, 1, "COMPLETED", at(minutes=-49)), recorded(run, 2, "CRASHED", at(minutes=-31)),
                               recorded(run, 3, "CANCELLED", at(minutes=-31)), recorded(run, 4, "RUNNING", at(minutes=-1))])
    return {"server": s, "flow": flow, "future": future, "run": run, "task": parent}


def test_points(scene):
    rows = scene["server"].call("POST", "/ui/flow_runs/history", {"flows": {"id": {"any_": [scene["flow"]]}}})
    assert [r["id"] for r in rows] == [scene["future"][0], scene["future"][2], scene["future"][1], scene["run"]]
    assert set(rows[0]) == {"id", "state_type", "timestamp", "duration", "lateness"}
    assert (rows[0]["state_type"], rows[0]["duration"], rows[3]["state_type"]) == ("SCHEDULED", 0.0, "RUNNING")
    by_name = {"flows": {"id": {"any_": [scene["flow"]]}}, "sort": "NAME_ASC", "limit": 2, "offset": 1}
    assert [r["id"] for r in scene["server"].call("POST", "/ui/flow_runs/history", by_name)] == scene["future"][1:]


@pytest.mark.parametrize("body,loc", [({"limit": 1001}, ["body", "limit"]), ({"sort": "X"}, ["body", "sort"]),
                                      ({"flow_runs": {"x": 1}}, ["body", "flow_runs", "x"])])
def test_points_refused(shared_server, body, loc):
    answer = shared_server.request("POST", "/ui/flow_runs/history", body)
    assert (answer.status, answer.json["exception_detail"][0]["loc"]) == (422, loc)


def test_something_for_each_id(scene):
    s = scene["server"]
    assert s.call("POST", "/ui/flow_runs/count-task-runs", {"flow_run_ids": [scene["run"], NIL, NIL]}) == {
        scene["run"]: 4, NIL: 0}
    assert s.call("POST", "/ui/flows/count-deployments", {"flow_ids": [scene["flow"], NIL]}) == {scene["flow"]: 1, NIL: 0}
    next_run = s.call("POST", "/ui/flows/next-runs", {"flow_ids": [NIL, scene["flow"]]})
    assert next_run[NIL] is None
    assert (next_run[scene["flow"]]["name"], next_run[scene["flow"]]["state_type"]) == ("r1", "SCHEDULED")
    for path, key in (("flow_runs/count-task-runs", "flow_run_ids"), ("flows/next-runs", "flow_ids")):
        assert s.call("POST", f"/ui/{path}", {key: []}) == {}
        assert s.request("POST", f"/ui/{path}", {}).json["exception_detail"][0]["type"] == "missing"
        assert s.request("POST", f"/ui/{path}", {key: ["x"]}).json["exception_detail"][0]["loc"] == ["body", key, 0]
        assert s.request("POST", f"/ui/{path}", {key: [NIL] * 1001}).status == 422


def test_task_runs(scene):
    s, mine = scene["server"], {"flow_run_id": {"any_": [scene["run"]]}}
    counts = s.call("POST", "/ui/task_runs/count", {"task_runs": mine})
    assert counts == {"COMPLETED": 1, "PENDING": 1, "RUNNING": 1, "FAILED": 0, "CANCELLED": 1, "CRASHED": 1, "PAUSED": 0,
                      "CANCELLING": 0, "SCHEDULED": 0}
    span = {"start_time": {"after_": at(hours=-1), "before_": at()}}
    parts = s.call("POST", "/ui/task_runs/dashboard/counts", {"task_runs": {**mine, **span}})
    assert len(parts) == 20
    assert {i: (p["completed"], p["failed"]) for i, p in enumerate(parts) if p["completed"] or p["failed"]} == {
        3: (1, 0), 9: (1, 1)}
    answer = s.request("POST", "/ui/task_runs/dashboard/counts", {"task_runs": mine})
    assert (answer.status, answer.json) == (422, {"detail": "task_runs.start_time.after_ is required"})
    task = s.call("GET", f"/ui/task_runs/{scene['task']}")
    same = s.call("GET", f"/task_runs/{scene['task']}")
    assert list(task) == [*same, "flow_run_name"] and task["flow_run_name"] == "now"
    assert task["state"] == same["state"]
    assert s.request("GET", f"/ui/task_runs/{NIL}").json == {"detail": "Task not found"}


SCHEMA = {"type": "object", "required": ["x"], "properties": {
    "x": {"type": "integer"}, "l": {"type": "array", "items": {"type": "string"}},
    "o": {"type": "object", "required": ["y"], "properties": {"y": {"type": "number"}}}}}


@pytest.mark.parametrize("values,errors", [
    ({"x": 1}, []),
    ({}, [{"property": "x", "errors": ["'x' is a required property"]}]),
    ({"x": "a", "l": ["a", 1], "o": {}}, [
        {"property": "x", "errors": ["'a' is not of type 'integer'"]},
        {"property": "l", "errors": [{"index": 1, "errors": ["1 is not of type 'string'"]}]},
        {"property": "o", "errors": [{"property": "y", "errors": ["'y' is a required property"]}]}]),
    ({"x": {"__prefect_kind": "json", "value": "5"}}, []),
    ({"x": {"__prefect_kind": "none", "value": "5"}}, [{"property": "x", "errors": ["'5' is not of type 'integer'"]}]),
    ({"x": {"__prefect_kind": "jinja", "template": "{{ 1 }}"}}, []),
    ({"x": {"__prefect_kind": "workspace_variable", "variable_name": "nobody"}},
     [{"property": "x", "errors": ["Variable 'nobody' not found in workspace."]}]),
])
def test_values_against_a_schema(shared_server, values, errors):
    assert shared_server.call("POST", "/ui/schemas/validate", {"schema": SCHEMA, "values": values}) == {
        "errors": errors, "valid": not errors}


@pytest.mark.parametrize("schema", [{"type": "nope"}, {"properties": {"a": {"type": "nope"}}}])
def test_a_schema_of_no_type(shared_server, schema):
    answer = shared_server.request("POST", "/ui/schemas/validate", {"schema": schema, "values": {}})
    assert (answer.status, answer.json) == (
        422, {"detail": "Invalid schema: 'nope' is not valid under any of the given schemas"})


def test_a_schema_that_goes_round(shared_server):
    answer = shared_server.request("POST", "/ui/schemas/validate", {
        "schema": {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}}, "values": {"a": 1}})
    assert answer.status == 422 and answer.json["detail"].startswith("Invalid schema:")
    assert shared_server.request("POST", "/ui/schemas/validate", {"schema": [], "values": {}}).status == 422
