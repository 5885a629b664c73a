"""Deployments, schedules, work pools, queues, workers."""
from differ import runs, values
from differ.values import NOTHING, at, boolean, filters, maybe, parameters, tags

VARIABLES = {"type": "object", "properties": {"command": {"type": "string", "title": "Command"},
                                              "env": {"type": "object", "additionalProperties": {"type": "string"}},
                                              "n": {"type": "integer", "default": 3}}}
TEMPLATES = [{}, {}, {"job_configuration": {"command": "{{ command }}", "env": "{{ env }}"}, "variables": VARIABLES},
             {"job_configuration": {"command": "{{ missing }}"}, "variables": VARIABLES},
             {"job_configuration": {"command": "{{ command }}"}, "variables": {**VARIABLES, "required": ["command"]}},
             {"job_configuration": {}}, {"variables": {}},
             {"job_configuration": {"n": "{{ n }}"}, "variables": {"type": "object", "properties": {"n": {"type": "integer", "default": "x"}}}}]
SCHEMAS = [{}, {"type": "object", "properties": {}}, {"type": "object", "properties": {"x": {"type": "integer", "title": "x"}}},
           {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
           {"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, "y": {"type": "array"}}},
           {"type": "object", "properties": {"x": {"$ref": "#/definitions/X"}}, "definitions": {"X": {"enum": ["a", "b"]}}}]


def schedule(w):
    return w.rng.choice([
        {"interval": w.rng.choice([60, 3600, 86400, 0, -5, 0.5]), "anchor_date": "2024-03-01T00:00:00+00:00"},
        {"interval": 3600, "anchor_date": "2024-03-01T02:30:00-05:00", "timezone": "America/New_York"},
        {"cron": w.rng.choice(["0 9 * * *", "*/5 * * * *", "0 0 1 * MON", "@daily", "bad", "* * * * * *", "0 0 L * *", "0 0 * * 5#2",
                               "61 * * * *", "R * * * *"])},
        {"cron": "30 2 * * *", "timezone": w.rng.choice(["Europe/Berlin", "Nowhere/City", None]), "day_or": boolean(w)},
        {"rrule": w.rng.choice(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE", "FREQ=MINUTELY;INTERVAL=5", "bad", "FREQ=DAILY;COUNT=3",
                                "DTSTART:20240101T000000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1"]), "timezone": "UTC"},
        {"interval": 60, "cron": "* * * * *"}, {}])


def schedules(w, slugs=None):
    out = []
    for _ in range(w.rng.choice([0, 1, 1, 1, 2])):
        one = {"schedule": schedule(w)}
        maybe(w, one, "active", lambda: boolean(w))
        maybe(w, one, "max_scheduled_runs", lambda: w.rng.choice([1, 10, 50, 51, 0, -1, None]), 0.2)
        maybe(w, one, "parameters", lambda: parameters(w), 0.2)
        if slugs if slugs is not None else w.rng.random() < 0.3:
            one["slug"] = w.rng.choice(["one", "two", "three"])
        out.append(one)
    return out


def pool_create(w):
    body = {"name": w.fresh("pool"), "type": w.rng.choice(["process", "process", "docker", "kubernetes"])}
    if w.rng.random() < 0.05:
        body["name"] = w.rng.choice(["prefect-x", "Prefect", "", "a/b", "'", "a b"])
    maybe(w, body, "description", lambda: w.rng.choice(["text", None, ""]))
    maybe(w, body, "base_job_template", lambda: w.rng.choice(TEMPLATES))
    maybe(w, body, "is_paused", lambda: boolean(w), 0.3)
    maybe(w, body, "concurrency_limit", lambda: w.rng.choice([None, 0, 1, 3, -1]), 0.3)
    return w.keep("pool", w.call("POST", "/work_pools/", body))


def pool_path(w):
    one = w.any("pool", pool_create)
    return one["name"] if one and w.rng.random() < 0.95 else "nobody"


def pool_read(w):
    w.call("GET", f"/work_pools/{pool_path(w)}")


def pool_patch(w):
    body = {}
    maybe(w, body, "description", lambda: w.rng.choice(["changed", None]))
    maybe(w, body, "is_paused", lambda: w.rng.choice([True, False, None]))
    maybe(w, body, "concurrency_limit", lambda: w.rng.choice([None, 0, 2, -1]), 0.3)
    maybe(w, body, "base_job_template", lambda: w.rng.choice([*TEMPLATES, None]), 0.3)
    name = pool_path(w)
    w.call("PATCH", f"/work_pools/{name}", body)
    w.call("GET", f"/work_pools/{name}")


def pool_list(w):
    which = w.rng.choice(["filter", "count"])
    body = filters(w, "work_pools", page=which == "filter")
    w.call("POST", f"/work_pools/{which}", body)


def pool_delete(w):
    one = w.any("pool")
    if one and len(w.objects["pool"]) > 1:
        w.call("DELETE", f"/work_pools/{one['name']}")
        w.forget("pool", one)
        w.objects["queue"] = [q for q in w.objects.get("queue", []) if q.get("work_pool_name") != one["name"]]


def pool_status(w):
    body = {}
    maybe(w, body, "page", lambda: w.rng.choice([1, 2, 0]))
    maybe(w, body, "limit", lambda: w.rng.choice([1, 200, 0, 201]))
    maybe(w, body, "flow_run_limit", lambda: w.rng.choice([1, 10, 0]))
    w.call("POST", f"/work_pools/{pool_path(w)}/concurrency_status", body)


def poll(w):
    body = {}
    maybe(w, body, "work_queue_names", lambda: w.rng.choice([[], ["default"], None, ["nobody"], values.names(w, "queue")]), 0.6)
    maybe(w, body, "scheduled_before", lambda: at(w), 0.7)
    maybe(w, body, "scheduled_after", lambda: at(w, -90000), 0.1)
    maybe(w, body, "limit", lambda: w.rng.choice([1, 2, 200, 0, None]), 0.3)
    w.call("POST", f"/work_pools/{pool_path(w)}/get_scheduled_flow_runs", body)


def queue_create(w):
    body = {"name": w.fresh("queue")}
    if w.rng.random() < 0.1:
        body["name"] = w.rng.choice(["default", "", "a/b", "same"])
    maybe(w, body, "description", lambda: w.rng.choice(["text", None]), 0.3)
    maybe(w, body, "is_paused", lambda: boolean(w), 0.3)
    maybe(w, body, "concurrency_limit", lambda: w.rng.choice([None, 0, 1, 3, -1]), 0.3)
    maybe(w, body, "priority", lambda: w.rng.choice([None, 1, 2, 3, 10, 0, -1]), 0.5)
    path = f"/work_pools/{pool_path(w)}/queues" if w.rng.random() < 0.85 else "/work_queues/"
    return w.keep("queue", w.call("POST", path, body))


def queue_patch(w):
    one = w.any("queue", queue_create)
    if not one:
        return
    body = {}
    maybe(w, body, "name", lambda: w.fresh("queue"), 0.2)
    maybe(w, body, "description", lambda: w.rng.choice(["x", None]), 0.2)
    maybe(w, body, "is_paused", lambda: boolean(w))
    maybe(w, body, "concurrency_limit", lambda: w.rng.choice([None, 0, 2, -1]), 0.3)
    maybe(w, body, "priority", lambda: w.rng.choice([1, 2, 3, 10, 0, None]), 0.4)
    by_id = w.rng.random() < 0.5
    path = f"/work_queues/{one['id']}" if by_id else f"/work_pools/{one.get('work_pool_name')}/queues/{one['name']}"
    if w.call("PATCH", path, body) is not None and "name" in body:
        one["name"] = body["name"]
    w.call("GET", f"/work_queues/{one['id']}")
    if one.get("work_pool_name"):
        w.call("POST", f"/work_pools/{one['work_pool_name']}/queues/filter", {})


def queue_read(w):
    one = w.any("queue", queue_create)
    if not one:
        return
    path = w.rng.choice([f"/work_queues/{w.id('queue')}", f"/work_pools/{one.get('work_pool_name')}/queues/{one['name']}",
                         f"/work_queues/name/{one['name']}", f"/work_queues/{one['id']}/status", f"/work_queues/{NOTHING}/status"])
    w.call("GET", path)


def queue_list(w):
    path = w.rng.choice([f"/work_pools/{pool_path(w)}/queues/filter", "/work_queues/filter"])
    w.call("POST", path, filters(w, "work_queues"))


def queue_runs(w):
    one = w.any("queue", queue_create)
    if not one:
        return
    if w.rng.random() < 0.5:
        body = {"scheduled_before": at(w)}
        maybe(w, body, "limit", lambda: w.rng.choice([1, 200, 0, 201]), 0.3)
        w.call("POST", f"/work_queues/{one['id']}/get_runs", body, headers={"x-prefect-ui": "true"} if w.rng.random() < 0.5 else None)
    else:
        body = {}
        maybe(w, body, "page", lambda: w.rng.choice([1, 2, 0]))
        maybe(w, body, "limit", lambda: w.rng.choice([1, 200, 0]))
        w.call("POST", f"/work_queues/{one['id']}/concurrency_status", body)


def queue_delete(w):
    one = w.any("queue")
    if one and one["name"] != "default" and w.rng.random() < 0.5:
        w.call("DELETE", f"/work_queues/{one['id']}")
        w.forget("queue", one)


def worker(w):
    name = pool_path(w)
    body = {"name": w.rng.choice(["w1", "w2", "ü w"])}
    maybe(w, body, "heartbeat_interval_seconds", lambda: w.rng.choice([30, 1, None, 0.5, "x"]))
    w.call("POST", f"/work_pools/{name}/workers/heartbeat", body)
    w.call("POST", f"/work_pools/{name}/workers/filter", filters(w, "workers"))
    if w.rng.random() < 0.2:
        w.call("DELETE", f"/work_pools/{name}/workers/{w.rng.choice(['w1', 'nobody'])}")
    w.call("GET", f"/work_pools/{name}")


def deployment_body(w, update=False):
    body = {}
    maybe(w, body, "description", lambda: w.rng.choice(["text", None]), 0.3)
    maybe(w, body, "version", lambda: w.rng.choice(["1", None]), 0.3)
    maybe(w, body, "tags", lambda: tags(w))
    maybe(w, body, "parameters", lambda: parameters(w), 0.5)
    maybe(w, body, "parameter_openapi_schema", lambda: w.rng.choice(SCHEMAS), 0.5)
    maybe(w, body, "enforce_parameter_schema", lambda: boolean(w), 0.5)
    maybe(w, body, "paused", lambda: boolean(w), 0.3)
    maybe(w, body, "entrypoint", lambda: w.rng.choice(["f.py:f", None]), 0.3)
    maybe(w, body, "path", lambda: w.rng.choice(["/x", None]), 0.2)
    maybe(w, body, "pull_steps", lambda: w.rng.choice([[], None, [{"a.b": {"c": 1}}]]), 0.2)
    maybe(w, body, "concurrency_limit", lambda: w.rng.choice([None, 1, 2, 0]), 0.25)
    maybe(w, body, "concurrency_options", lambda: w.rng.choice([None, {"collision_strategy": "CANCEL_NEW"}, {"collision_strategy": "ENQUEUE"},
                                                                {"collision_strategy": "x"}]), 0.2)
    maybe(w, body, "schedules", lambda: schedules(w), 0.4)
    pool = w.any("pool")
    maybe(w, body, "work_pool_name", lambda: w.rng.choice([pool["name"] if pool else None, pool["name"] if pool else None, "nobody", None]), 0.5)
    maybe(w, body, "work_queue_name", lambda: w.rng.choice([None, "default", w.fresh("queue")]), 0.3)
    maybe(w, body, "job_variables", lambda: w.rng.choice([{}, {"command": "x"}, {"command": 1}, {"n": "x"}, {"other": 1}]), 0.3)
    if not update:
        maybe(w, body, "labels", lambda: w.rng.choice([{}, {"d": 1}]), 0.2)
    return body


def deployment_create(w):
    flow = w.any("flow", runs.flow_create)
    have = w.any("deployment")
    body = {"name": w.fresh("dep"), "flow_id": flow["id"] if flow else NOTHING, **deployment_body(w)}
    if have and w.rng.random() < 0.2:
        body.update(name=have["name"], flow_id=have["flow_id"])
    if not body.get("work_pool_name"):
        body.pop("work_queue_name", None)  # alone it is one of default-agent-pool here, and of any pool there
    one = w.call("POST", "/deployments/", body)
    if one and have and one["id"] == have["id"]:
        have.update(one)
    return w.keep("deployment", one)


def deployment_patch(w):
    one = w.any("deployment", deployment_create)
    if not one:
        return
    body = deployment_body(w, True)
    if not body.get("work_pool_name"):
        body.pop("work_queue_name", None)  # alone it moves a deployment to another pool there
    w.call("PATCH", f"/deployments/{one['id']}", body)
    w.call("GET", f"/deployments/{one['id']}")


def deployment_read(w):
    one = w.any("deployment", deployment_create)
    if one:
        flow = next((f["name"] for f in w.objects.get("flow", []) if f["id"] == one["flow_id"]), "nobody")
        w.call("GET", w.rng.choice([f"/deployments/{w.id('deployment')}", f"/deployments/name/{flow}/{one['name']}",
                                    f"/deployments/{one['id']}/schedules", f"/deployments/{one['id']}/work_queue_check"]))


def deployment_list(w):
    which = w.rng.choice(["filter", "filter", "count", "paginate"])
    body = filters(w, "deployments", ("flows", "flow_runs", "task_runs", "work_pools", "work_queues"),
                   "deployments" if which != "count" else None, which == "filter")
    if which == "paginate":
        maybe(w, body, "page", lambda: w.rng.choice([1, 2, 0, 100]))
        maybe(w, body, "limit", lambda: w.rng.choice([1, 2, 3, 200, 0]) if body.get("sort") in values.DISTINCT else 200)
    w.call("POST", f"/deployments/{which}", body)


def deployment_run(w):
    one = w.any("deployment", deployment_create)
    if not one:
        return
    body = {"name": w.fresh("run")}
    maybe(w, body, "parameters", lambda: w.rng.choice([parameters(w), {"x": {"__prefect_kind": "json", "value": "1"}},
                                                       {"x": {"__prefect_kind": "json", "value": "{"}}, {"x": {"__prefect_kind": "none", "value": 2}},
                                                       {"x": {"__prefect_kind": "jinja", "template": "a{{ 1 }}"}},
                                                       {"x": {"__prefect_kind": "workspace_variable", "variable_name": "nobody"}}]))
    maybe(w, body, "state", lambda: runs.proposed(w, simple=True), 0.5)
    maybe(w, body, "tags", lambda: tags(w), 0.3)
    maybe(w, body, "enforce_parameter_schema", lambda: w.rng.choice([True, False, None]), 0.3)
    maybe(w, body, "job_variables", lambda: w.rng.choice([{}, {"command": "y"}, {"command": 5}, None]), 0.3)
    maybe(w, body, "work_queue_name", lambda: w.rng.choice([None, "default", w.fresh("queue")]), 0.2)
    maybe(w, body, "idempotency_key", lambda: w.rng.choice(["k1", "k2", None]), 0.2)
    maybe(w, body, "labels", lambda: w.rng.choice([{}, {"r": 1}]), 0.2)
    maybe(w, body, "context", lambda: {"c": 1}, 0.1)
    if w.rng.random() < 0.1:
        w.call("POST", f"/deployments/{one['id']}/create_flow_run/bulk", [body, {"name": w.fresh("run")}])
        return
    w.keep("flow_run", w.call("POST", f"/deployments/{one['id']}/create_flow_run", body), flow_id=one["flow_id"])


def deployment_pause(w):
    one = w.any("deployment", deployment_create)
    if one:
        w.call("POST", f"/deployments/{one['id']}/{w.rng.choice(['pause', 'resume'])}_deployment")
        w.call("GET", f"/deployments/{one['id']}")


def deployment_due(w):
    body = {"deployment_ids": values.some(w, "deployment")}
    maybe(w, body, "scheduled_before", lambda: at(w), 0.7)
    maybe(w, body, "limit", lambda: w.rng.choice([1, 200, 0, 201]), 0.2)
    w.call("POST", "/deployments/get_scheduled_flow_runs", body)


def deployment_schedule(w):
    """Runs of its schedules in a span that lies in the future, and which they are."""
    one = w.any("deployment", deployment_create)
    if not one:
        return
    body = {}
    maybe(w, body, "start_time", lambda: "2031-03-29T10:00:00Z", 0.8)
    maybe(w, body, "end_time", lambda: "2031-04-02T10:00:00Z", 0.8)
    maybe(w, body, "min_runs", lambda: w.rng.choice([1, 5, 0]), 0.4)
    maybe(w, body, "max_runs", lambda: w.rng.choice([1, 7, 0]), 0.4)
    maybe(w, body, "min_time", lambda: w.rng.choice([3600, 0]), 0.3)
    w.call("POST", f"/deployments/{one['id']}/schedule", body)
    w.call("POST", "/flow_runs/count", {"deployments": {"id": {"any_": [one["id"]]}}})


def schedule_change(w):
    one = w.any("deployment", deployment_create)
    if not one:
        return
    path = f"/deployments/{one['id']}/schedules"
    if w.rng.random() < 0.6:
        w.call("POST", path, schedules(w))
    rows = w.call("GET", path)
    if rows:
        sid = w.rng.choice(rows)["id"]
        if w.rng.random() < 0.7:
            body = {}
            maybe(w, body, "active", lambda: w.rng.choice([True, False, None]), 0.6)
            maybe(w, body, "schedule", lambda: schedule(w), 0.3)
            maybe(w, body, "slug", lambda: w.rng.choice(["one", "four", None]), 0.2)
            maybe(w, body, "parameters", lambda: parameters(w), 0.2)
            maybe(w, body, "max_scheduled_runs", lambda: w.rng.choice([5, 51, None]), 0.2)
            w.call("PATCH", f"{path}/{sid}", body)
        else:
            w.call("DELETE", f"{path}/{sid}")
        w.call("GET", path)


def slugs(w):
    """Updates that tell schedules apart by their slugs."""
    one = w.any("deployment", deployment_create)
    if not one:
        return
    w.call("PATCH", f"/deployments/{one['id']}", {"schedules": [{"schedule": {"cron": "0 9 * * *"}, "slug": s} for s in
                                                                w.rng.sample(["one", "two", "three"], 2)]})
    for _ in range(2):
        rows = []
        for s in w.rng.sample(["one", "two", "three", "four"], w.rng.randint(0, 3)):
            row = {"slug": s}
            maybe(w, row, "schedule", lambda: {"cron": "0 10 * * *"}, 0.7)
            maybe(w, row, "replaces", lambda: w.rng.choice(["one", "two", "nobody"]), 0.3)
            maybe(w, row, "active", lambda: boolean(w), 0.3)
            if w.rng.random() < 0.1:
                del row["slug"]
            rows.append(row)
        w.call("PATCH", f"/deployments/{one['id']}", {"schedules": rows})
        w.call("GET", f"/deployments/{one['id']}")


def deployment_delete(w):
    one = w.any("deployment")
    if one and len(w.objects["deployment"]) > 1:
        w.call("DELETE", f"/deployments/{one['id']}")
        w.forget("deployment", one)


POOLS = {pool_create: 5, pool_read: 2, pool_patch: 4, pool_list: 3, pool_delete: 1, pool_status: 2, poll: 3, queue_create: 6,
         queue_patch: 5, queue_read: 3, queue_list: 3, queue_runs: 3, queue_delete: 1, worker: 3, deployment_create: 1,
         deployment_run: 4, runs.run_walk: 2, runs.run_create: 2, runs.run_list: 1}
DEPLOYMENTS = {runs.flow_create: 1, pool_create: 1, deployment_create: 6, deployment_patch: 6, deployment_read: 4, deployment_list: 5,
               deployment_run: 8, deployment_pause: 1, deployment_due: 2, deployment_schedule: 2, schedule_change: 4, slugs: 3,
               deployment_delete: 1, runs.run_walk: 4, runs.run_list: 2, poll: 1}
