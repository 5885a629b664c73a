"""Raw requests to the routes that the other scenarios leave out; every one carries its purpose in X-Prefect-Case."""
import json
import os
import time
from datetime import datetime, timedelta, timezone

import httpx

API = os.environ["PREFECT_API_URL"]
NIL = "00000000-0000-4000-8000-000000000000"
client = httpx.Client(base_url=API, timeout=60)
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)


def call(case, method, path, body=None):
    """A request; the reference sometimes answers 503 while its database is locked."""
    for _ in range(8):
        answer = client.request(method, path, content=json.dumps(body).encode() if body is not None else None,
                                headers={"x-prefect-case": case, "content-type": "application/json"})
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    print(f"{answer.status_code} {case}: {answer.text[:160]}")
    return answer.json() if answer.text and answer.headers["content-type"] == "application/json" else answer.text


def at(**delta):
    return (NOW + timedelta(**delta)).isoformat()


def flows():
    one = call("flow", "POST", "/flows/", {"name": "one", "tags": ["a"]})["id"]
    two = call("flow", "POST", "/flows/", {"name": "two", "tags": ["a", "b"]})["id"]
    call("flow count", "POST", "/flows/count", {})
    call("flow count by tag", "POST", "/flows/count", {"flows": {"tags": {"all_": ["b"]}}})
    call("flow count, bad filter", "POST", "/flows/count", {"flows": {"nosuch": 1}})
    call("flow pages", "POST", "/flows/paginate", {"limit": 1, "page": 2, "sort": "NAME_ASC"})
    call("flow by name", "GET", "/flows/name/two")
    call("flow by name, unknown", "GET", "/flows/name/nosuch")
    call("flow update", "PATCH", f"/flows/{two}", {"tags": ["c"]})
    call("flow bulk delete", "POST", "/flows/bulk_delete", {"flows": {"id": {"any_": [two, NIL]}}})
    call("flow bulk delete, limit", "POST", "/flows/bulk_delete", {"flows": {"id": {"any_": [two]}}, "limit": 51})
    call("flow delete, unknown", "DELETE", f"/flows/{two}")
    return one


def runs(flow):
    ids = [call("scheduled run", "POST", "/flow_runs/", {"flow_id": flow, "name": f"run-{i}", "tags": ["t"], "state": {
        "type": "SCHEDULED", "state_details": {"scheduled_time": at(hours=i)}}})["id"] for i in range(3)]
    mine = {"flow_runs": {"id": {"any_": ids}}}
    call("run count", "POST", "/flow_runs/count", mine)
    call("run count by states", "POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}, "name": {
        "not_any_": ["Late"]}}, "tags": {"any_": ["t", "u"]}, "operator": "and_"}})
    call("run count or", "POST", "/flow_runs/count", {"flow_runs": {"operator": "or_", "name": {"any_": ["run-0"]}, "id": {
        "any_": [ids[2]]}}})
    call("run pages", "POST", "/flow_runs/paginate", {**mine, "limit": 2, "page": 2, "sort": "NAME_ASC"})
    call("run page 0", "POST", "/flow_runs/paginate", {"page": 0})
    call("run history", "POST", "/flow_runs/history", {
        **mine, "history_start": at(minutes=-30), "history_end": at(hours=2), "history_interval_seconds": 3600})
    call("run history, no interval", "POST", "/flow_runs/history", {
        "history_start": at(), "history_end": at(hours=2), "history_interval_seconds": 0.5})
    call("run history, nothing", "POST", "/flow_runs/history", {})
    call("run lateness", "POST", "/flow_runs/lateness", mine)
    call("run graph", "GET", f"/flow_runs/{ids[0]}/graph")
    call("run graph v2", "GET", f"/flow_runs/{ids[0]}/graph-v2")
    call("run logs", "GET", f"/flow_runs/{ids[0]}/logs/download")
    call("run logs, unknown", "GET", f"/flow_runs/{NIL}/logs/download")
    call("points", "POST", "/ui/flow_runs/history", {**mine, "sort": "NAME_ASC"})
    call("points, limit", "POST", "/ui/flow_runs/history", {"limit": 1001})
    call("next runs", "POST", "/ui/flows/next-runs", {"flow_ids": [flow]})
    call("next runs, unknown", "POST", "/ui/flows/next-runs", {"flow_ids": [NIL]})
    call("next runs, nothing", "POST", "/ui/flows/next-runs", {})
    return ids


def task_runs(run):
    tasks = [call("task run", "POST", "/task_runs/", {
        "flow_run_id": run, "name": f"task-{i}", "task_key": "k", "dynamic_key": str(i)})["id"] for i in range(2)]
    mine = {"task_runs": {"id": {"any_": tasks}}}
    call("task run count", "POST", "/task_runs/count", mine)
    call("task run pages", "POST", "/task_runs/paginate", {**mine, "limit": 1, "sort": "NAME_DESC"})
    call("task run history", "POST", "/task_runs/history", {
        **mine, "history_start": at(), "history_end": at(hours=2), "history_interval_seconds": 3600})
    states = call("task run states", "GET", f"/task_run_states/?task_run_id={tasks[0]}")
    call("task run state", "GET", f"/task_run_states/{states[0]['id']}")
    call("task run state, unknown", "GET", f"/task_run_states/{NIL}")
    call("tasks per run", "POST", "/ui/flow_runs/count-task-runs", {"flow_run_ids": [run]})
    call("tasks per run, no id", "POST", "/ui/flow_runs/count-task-runs", {"flow_run_ids": ["x"]})
    call("tasks by state", "POST", "/ui/task_runs/count", mine)
    call("tasks by time", "POST", "/ui/task_runs/dashboard/counts", {"task_runs": {"start_time": {
        "after_": at(), "before_": at(hours=1)}}})
    call("tasks by time, no start", "POST", "/ui/task_runs/dashboard/counts", {"task_runs": {}})
    call("task run of a page", "GET", f"/ui/task_runs/{tasks[0]}")
    call("task run of a page, unknown", "GET", f"/ui/task_runs/{NIL}")
    call("task run delete", "DELETE", f"/task_runs/{tasks[1]}")
    call("task workers", "POST", "/task_workers/filter", {})


def deployments(flow):
    call("pool", "POST", "/work_pools/", {"name": "p", "type": "process"})
    deployment = call("deployment", "POST", "/deployments/", {
        "name": "d", "flow_id": flow, "work_pool_name": "p", "parameters": {"x": 1},
        "schedules": [{"schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}, "active": False, "slug": "s"}]})
    call("second deployment", "POST", "/deployments/", {"name": "e", "flow_id": flow, "tags": ["t"]})
    path = f"/deployments/{deployment['id']}"
    call("schedules", "GET", path + "/schedules")
    call("schedules, unknown", "GET", f"/deployments/{NIL}/schedules")
    call("deployment count", "POST", "/deployments/count", {"deployments": {"name": {"like_": "D"}}})
    call("deployment count by tag", "POST", "/deployments/count", {"deployments": {"tags": {"any_": ["t"]}}})
    call("deployment pages", "POST", "/deployments/paginate", {"limit": 1, "sort": "NAME_DESC"})
    call("deployments per flow", "POST", "/ui/flows/count-deployments", {"flow_ids": [flow]})
    call("pause", "POST", path + "/pause_deployment")
    call("pause, unknown", "POST", f"/deployments/{NIL}/pause_deployment")
    call("resume", "POST", path + "/resume_deployment")
    call("schedule", "POST", path + "/schedule", {"min_runs": 1, "max_runs": 2})
    call("queue check", "GET", path + "/work_queue_check")
    call("queue check, unknown", "GET", f"/deployments/{NIL}/work_queue_check")
    call("bulk create", "POST", path + "/create_flow_run/bulk", [{"name": "b0"}, {"name": "b1", "parameters": {"x": 2}}])
    call("bulk create, nothing", "POST", path + "/create_flow_run/bulk", [])
    call("bulk create, unknown", "POST", f"/deployments/{NIL}/create_flow_run/bulk", [{}])
    call("get scheduled", "POST", "/deployments/get_scheduled_flow_runs", {"deployment_ids": [NIL]})
    call("get scheduled, nothing", "POST", "/deployments/get_scheduled_flow_runs", {})
    call("deployment bulk delete", "POST", "/deployments/bulk_delete", {"deployments": {"name": {"any_": ["e"]}}})
    call("pool count", "POST", "/work_pools/count", {})
    call("pool count by type", "POST", "/work_pools/count", {"work_pools": {"type": {"any_": ["docker"]}}})
    call("worker delete, unknown", "DELETE", "/work_pools/p/workers/nobody")
    call("queue", "POST", "/work_pools/p/queues", {"name": "q"})
    call("queue update", "PATCH", "/work_pools/p/queues/q", {"description": "new", "concurrency_limit": 3})
    call("queue delete", "DELETE", "/work_pools/p/queues/q")


def small_things():
    made = call("artifact", "POST", "/artifacts/", {"key": "k", "type": "markdown", "data": "x"})["id"]
    call("artifact read", "GET", f"/artifacts/{made}")
    call("artifact latest", "GET", "/artifacts/k/latest")
    call("artifact latest, unknown", "GET", "/artifacts/nosuch/latest")
    call("artifact count", "POST", "/artifacts/count", {"artifacts": {"type": {"any_": ["markdown"]}}})
    call("artifact latest count", "POST", "/artifacts/latest/count", {"artifacts": {"key": {"like_": "k"}}})
    variable = call("variable", "POST", "/variables/", {"name": "v", "value": {"a": 1}, "tags": ["t"]})["id"]
    call("variable read", "GET", f"/variables/{variable}")
    call("variable update", "PATCH", f"/variables/{variable}", {"value": [1]})
    call("variable count", "POST", "/variables/count", {"variables": {"tags": {"all_": ["t"]}}})
    call("variable delete", "DELETE", f"/variables/{variable}")
    call("variable read, unknown", "GET", f"/variables/{variable}")
    call("variable update, unknown", "PATCH", f"/variables/{variable}", {"value": 1})
    call("variable delete, unknown", "DELETE", f"/variables/{variable}")
    search = call("search", "PUT", "/saved_searches/", {"name": "s", "filters": [
        {"object": "flow_run", "property": "state", "type": "string", "operation": "equals", "value": "x"}]})["id"]
    call("search again", "PUT", "/saved_searches/", {"name": "s", "filters": []})
    call("search, bad", "PUT", "/saved_searches/", {"filters": 1})
    call("search read", "GET", f"/saved_searches/{search}")
    call("search filter", "POST", "/saved_searches/filter", {})
    call("search delete", "DELETE", f"/saved_searches/{search}")
    call("search read, unknown", "GET", f"/saved_searches/{search}")
    call("search delete, unknown", "DELETE", f"/saved_searches/{search}")


def blocks():
    kind = call("block type", "POST", "/block_types/", {"name": "Mine", "slug": "mine"})["id"]
    schema = call("block schema", "POST", "/block_schemas/", {"block_type_id": kind, "capabilities": ["walk", "run"], "fields": {
        "title": "Mine", "type": "object", "properties": {"x": {"type": "integer"}}, "block_type_slug": "mine",
        "secret_fields": [], "block_schema_references": {}}})["id"]
    call("block type read", "GET", f"/block_types/{kind}")
    call("block schema read", "GET", f"/block_schemas/{schema}")
    call("block document", "POST", "/block_documents/", {
        "name": "doc", "data": {"x": 1}, "block_schema_id": schema, "block_type_id": kind})
    call("documents of a type", "GET", "/block_types/slug/mine/block_documents")
    call("documents of a type, unknown", "GET", "/block_types/slug/nosuch/block_documents")
    call("document count", "POST", "/block_documents/count", {"block_documents": {"block_type_id": {"any_": [kind]}}})
    call("block schema delete", "DELETE", f"/block_schemas/{schema}")
    call("block schema delete, unknown", "DELETE", f"/block_schemas/{NIL}")
    call("block type delete", "DELETE", f"/block_types/{kind}")
    call("capabilities", "GET", "/block_capabilities/")
    call("system blocks", "POST", "/block_types/install_system_block_types")


def limits():
    call("global limit", "POST", "/v2/concurrency_limits/", {"name": "g", "limit": 2})
    call("increment", "POST", "/v2/concurrency_limits/increment", {"names": ["g"], "slots": 1})
    call("decrement", "POST", "/v2/concurrency_limits/decrement", {"names": ["g"], "slots": 1, "occupancy_seconds": 2})
    call("decrement, unknown", "POST", "/v2/concurrency_limits/decrement", {"names": ["nosuch"], "slots": 1})
    call("decrement, bad", "POST", "/v2/concurrency_limits/decrement", {"names": [], "slots": 0})
    tag = call("tag limit", "POST", "/concurrency_limits/", {"tag": "t", "concurrency_limit": 1})["id"]
    call("tag limit by id", "GET", f"/concurrency_limits/{tag}")
    call("tag increment", "POST", "/concurrency_limits/increment", {"names": ["t"], "task_run_id": NIL})
    call("tag decrement", "POST", "/concurrency_limits/decrement", {"names": ["t"], "task_run_id": NIL})
    call("tag decrement, bad", "POST", "/concurrency_limits/decrement", {"names": ["t"]})
    call("tag limit delete", "DELETE", f"/concurrency_limits/{tag}")
    call("tag limit by id, unknown", "GET", f"/concurrency_limits/{tag}")
    call("tag limit delete, unknown", "DELETE", f"/concurrency_limits/{tag}")


def automations():
    call("automation", "POST", "/automations/", {"name": "a", "tags": ["x"], "actions": [{"type": "do-nothing"}], "trigger": {
        "type": "event", "expect": ["e"], "posture": "Reactive", "threshold": 1}})
    call("automation count", "POST", "/automations/count")
    call("related", "GET", "/automations/related-to/prefect.deployment.x")
    for path in ("/templates/validate", "/automations/templates/validate"):
        call("template", "POST", path, "Hello {{ event.id }}")
        call("template, bad", "POST", path, "Hello {{ event.id ")


def schemas():
    schema = {"type": "object", "required": ["x"], "properties": {
        "x": {"type": "integer"}, "l": {"type": "array", "items": {"type": "string"}},
        "o": {"type": "object", "required": ["y"], "properties": {"y": {"type": "number"}}}}}
    for case, values in (("good", {"x": 1}), ("missing", {}), ("types", {"x": "a", "l": ["a", 1], "o": {"y": "n"}}),
                         ("nested", {"x": 1, "o": {}}), ("json", {"x": {"__prefect_kind": "json", "value": "5"}}),
                         ("none", {"x": {"__prefect_kind": "none", "value": 7}}),
                         ("variable", {"x": {"__prefect_kind": "workspace_variable", "variable_name": "nosuch"}}),
                         ("template", {"x": {"__prefect_kind": "jinja", "template": "{{ 1 }}"}})):
        call(f"values, {case}", "POST", "/ui/schemas/validate", {"schema": schema, "values": values})
    call("values, no schema", "POST", "/ui/schemas/validate", {"schema": [], "values": {}})


def the_rest():
    call("view", "GET", "/collections/views/nosuch")
    call("version", "GET", "/version")
    call("storage", "PUT", "/admin/storage", {"default_result_storage_block_id": NIL})
    call("storage, bad", "PUT", "/admin/storage", {})
    call("storage delete", "DELETE", "/admin/storage")
    call("events", "POST", "/events", [{"event": "mine", "resource": {"prefect.resource.id": "r"}, "occurred": at(days=-2000)}])
    call("events, bad", "POST", "/events", [{"event": "mine"}])


the_flow = flows()
the_runs = runs(the_flow)
task_runs(the_runs[0])
deployments(the_flow)
small_things()
blocks()
limits()
automations()
schemas()
the_rest()
call("run bulk delete", "POST", "/flow_runs/bulk_delete", {"flow_runs": {"id": {"any_": the_runs}}})
