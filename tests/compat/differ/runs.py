"""Flows, flow runs, task runs, states."""
from differ import values
from differ.values import NOTHING, STATES, at, boolean, filters, maybe, parameters, some, tags

RUN_FILTERS = ("flows", "task_runs", "deployments", "work_pools", "work_pool_queues")
values.FILTERS["work_pool_queues"] = values.FILTERS["work_queues"]
values.OPERATOR.add("work_pool_queues")


def flow_create(w):
    have = w.any("flow")
    name = have["name"] if have and w.rng.random() < 0.15 else w.fresh("flow")
    body = {"name": w.rng.choice([name, name, name, name, name + "/x", ""]) if w.rng.random() < 0.1 else name}
    maybe(w, body, "tags", lambda: tags(w))
    maybe(w, body, "labels", lambda: w.rng.choice([{}, {"l": "v"}, {"n": 1, "b": True, "f": 1.5}, None]))
    return w.keep("flow", w.call("POST", "/flows/", body))


def flow_read(w):
    one = w.any("flow", flow_create)
    path = w.rng.choice([f"/flows/{w.id('flow')}", f"/flows/name/{one['name'] if one else 'nobody'}"])
    w.call("GET", path)


def flow_patch(w):
    w.call("PATCH", f"/flows/{w.id('flow', flow_create)}", w.rng.choice([{"tags": tags(w)}, {}, {"tags": None}]))


def flow_list(w):
    others = ("flow_runs", "task_runs", "deployments", "work_pools")
    which = w.rng.choice(["filter", "filter", "count", "paginate"])
    body = filters(w, "flows", others, "flows" if which != "count" else None, which == "filter")
    if which == "paginate":
        maybe(w, body, "page", w.rng.choice([1, 2, 0, 100]))
        maybe(w, body, "limit", w.rng.choice([1, 2, 3, 200, 0]))
    w.call("POST", f"/flows/{which}", body)


def flow_delete(w):
    one = w.any("flow")
    if one and len(w.objects["flow"]) > 1:
        if w.rng.random() < 0.7:
            w.call("DELETE", f"/flows/{one['id']}")
        else:
            w.call("POST", "/flows/bulk_delete", {"flows": {"id": {"any_": [one["id"]]}}, "limit": w.rng.choice([1, 5, 50])})
        w.call("GET", f"/flows/{one['id']}")
        w.forget("flow", one)
        for kind in ("flow_run", "deployment"):
            w.objects[kind] = [o for o in w.objects.get(kind, []) if o.get("flow_id") != one["id"]]


def details(w):
    out = {}
    maybe(w, out, "scheduled_time", lambda: at(w), 0.3)
    maybe(w, out, "pause_timeout", lambda: at(w), 0.2)
    maybe(w, out, "pause_key", lambda: w.rng.choice(["p1", "p2"]), 0.2)
    maybe(w, out, "pause_reschedule", lambda: boolean(w), 0.2)
    maybe(w, out, "transition_id", lambda: w.rng.choice([NOTHING, "11111111-1111-4111-8111-111111111111"]), 0.1)
    maybe(w, out, "retriable", lambda: w.rng.choice([True, False, None]), 0.15)
    maybe(w, out, "cache_key", lambda: f"{w.prefix}{w.rng.choice('abc')}", 0.15)
    maybe(w, out, "cache_expiration", lambda: at(w), 0.1)
    maybe(w, out, "refresh_cache", lambda: w.rng.choice([True, False, None]), 0.1)
    maybe(w, out, "untrackable_result", lambda: boolean(w), 0.1)
    maybe(w, out, "unknown_detail", 1, 0.02)
    return out


def data(w):
    return w.rng.choice([None, None, None, {"type": "unpersisted"}, {"type": "reference", "storage_key": "k"},
                         {"storage_key": "k", "expiration": None}])


def proposed(w, simple=False):
    body = {"type": w.rng.choice(STATES)}
    if simple:
        return body
    maybe(w, body, "name", lambda: w.rng.choice([*values.STATE_NAMES, None]), 0.25)
    maybe(w, body, "message", lambda: w.rng.choice(["", "said", None, "äß☃"]), 0.3)
    maybe(w, body, "state_details", lambda: details(w), 0.6)
    maybe(w, body, "data", lambda: data(w), 0.3)
    return body


def policy(w):
    body = {}
    maybe(w, body, "retries", lambda: w.rng.choice([0, 1, 2, None]), 0.6)
    maybe(w, body, "retry_delay", lambda: w.rng.choice([0, 5, None]), 0.5)
    maybe(w, body, "pause_keys", lambda: ["p1"], 0.2)
    maybe(w, body, "resuming", lambda: boolean(w), 0.15)
    maybe(w, body, "max_retries", lambda: w.rng.choice([0, 3]), 0.1)
    maybe(w, body, "retry_delay_seconds", lambda: w.rng.choice([0, 2.5]), 0.1)
    return body


def run_create(w):
    flow = w.any("flow", flow_create)
    body = {"flow_id": flow["id"] if flow else NOTHING, "name": w.fresh("run")}
    if w.rng.random() < 0.8:
        state = proposed(w)
        if state.get("data") is not None:
            del state["data"]  # the reference cannot answer with it
        body["state"] = state
    maybe(w, body, "parameters", lambda: parameters(w))
    maybe(w, body, "context", lambda: {"c": 1}, 0.1)
    maybe(w, body, "tags", lambda: tags(w))
    maybe(w, body, "empirical_policy", lambda: policy(w), 0.5)
    maybe(w, body, "flow_version", lambda: w.rng.choice(["1", "2", None]), 0.3)
    maybe(w, body, "idempotency_key", lambda: w.rng.choice(["k1", "k2", None]), 0.2)
    maybe(w, body, "labels", lambda: w.rng.choice([{}, {"mine": 1}, None]), 0.2)
    maybe(w, body, "job_variables", lambda: w.rng.choice([{}, {"a": 1}, None]), 0.1)
    maybe(w, body, "parent_task_run_id", lambda: w.id("task_run"), 0.15)
    dep = w.any("deployment")
    if dep and w.rng.random() < 0.3:
        body["deployment_id"] = dep["id"]
    pool = w.any("pool")
    if pool and w.rng.random() < 0.2:
        body["work_pool_name"] = pool["name"]
        maybe(w, body, "work_queue_name", lambda: w.rng.choice(["default", "nobody"]), 0.5)
    return w.keep("flow_run", w.call("POST", "/flow_runs/", body), flow_id=body["flow_id"])


def run_read(w):
    run = w.id("flow_run", run_create)
    w.call("GET", w.rng.choice([f"/flow_runs/{run}"] * 3 + [f"/flow_runs/{run}/graph", f"/flow_runs/{run}/graph-v2"]))


def run_patch(w):
    body = {}
    maybe(w, body, "name", lambda: w.fresh("run"))
    maybe(w, body, "tags", lambda: tags(w), 0.3)
    maybe(w, body, "parameters", lambda: parameters(w), 0.3)
    maybe(w, body, "empirical_policy", lambda: policy(w), 0.4)
    maybe(w, body, "flow_version", "v3", 0.2)
    maybe(w, body, "infrastructure_pid", lambda: w.rng.choice(["1", None, ""]), 0.3)
    maybe(w, body, "job_variables", lambda: w.rng.choice([{}, {"a": 2}, None]), 0.1)
    run = w.id("flow_run", run_create)
    w.call("PATCH", f"/flow_runs/{run}", body)
    w.call("GET", f"/flow_runs/{run}")


def run_labels(w):
    run = w.id("flow_run", run_create)
    w.call("PATCH", f"/flow_runs/{run}/labels", w.rng.choice([{"a": 1}, {"a": None}, {}, {"b": {"c": 1}}, {"d": "x", "e": 1.5}]))
    w.call("GET", f"/flow_runs/{run}")


LIKELY = {"SCHEDULED": ["PENDING", "RUNNING", "CANCELLING", "SCHEDULED"], "PENDING": ["RUNNING", "PENDING", "CANCELLING", "CRASHED"],
          "RUNNING": ["COMPLETED", "FAILED", "PAUSED", "CRASHED", "CANCELLING", "RUNNING"],
          "PAUSED": ["RUNNING", "SCHEDULED", "FAILED", "CANCELLING"], "CANCELLING": ["CANCELLED"],
          "FAILED": ["SCHEDULED", "RUNNING", "PENDING"], "COMPLETED": ["SCHEDULED", "RUNNING", "COMPLETED"],
          "CRASHED": ["SCHEDULED", "RUNNING"], "CANCELLED": ["SCHEDULED", "PENDING"]}


TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def walk(w, kind, make):
    """Some states one after the other, and what became of the run."""
    one = w.any(kind, make)
    if one is None:
        return
    for _ in range(w.rng.randint(1, 6)):
        state = proposed(w)
        if w.rng.random() < 0.75:
            state["type"] = w.rng.choice(LIKELY.get(one.get("state_type"), STATES))
        body = {"state": state}
        maybe(w, body, "force", lambda: w.rng.choice([True, False, False]), 0.4)
        if {one.get("state_type"), state["type"]} <= TERMINAL and w.rng.random() < 0.97:
            body["force"] = True
        agent = w.rng.choice([None, None, None, {"User-Agent": "prefect/3.3.0 (API 0.8.4)"}, {"User-Agent": "curl"}])
        answer = w.call("POST", f"/{kind}s/{one['id']}/set_state", body, headers=agent)
        if answer and answer.get("state"):
            one["state_type"] = answer["state"]["type"]
    w.call("GET", f"/{kind}s/{one['id']}")
    if w.rng.random() < 0.4:
        w.call("GET", f"/{kind}_states/?{kind}_id={one['id']}")


def run_walk(w):
    walk(w, "flow_run", run_create)


def task_walk(w):
    walk(w, "task_run", task_create)


def run_list(w):
    which = w.rng.choice(["filter", "filter", "filter", "count", "paginate", "lateness"])
    body = filters(w, "flow_runs", RUN_FILTERS, "flow_runs" if which in ("filter", "paginate") else None, which == "filter")
    if which == "paginate":
        maybe(w, body, "page", w.rng.choice([1, 2, 0, 100]))
        maybe(w, body, "limit", w.rng.choice([1, 2, 3, 200, 0]))
    w.call("POST", f"/flow_runs/{which}", body)


def history(w, kind):
    body = {"history_start": at(w, -w.rng.choice([3600, 90000, 10])), "history_end": at(w, w.rng.choice([3600, 90000, -7200])),
            "history_interval_seconds": w.rng.choice([3600, 86400, 86400, 0.5, 1e9])}
    maybe(w, body, kind, lambda: values.one_filter(w, kind), 0.4)
    body["flow_runs" if kind == "task_runs" else "flows"] = values.one_filter(w, "flow_runs" if kind == "task_runs" else "flows")
    # buckets begin at the start: use one whole instant for both
    w.call("POST", f"/{kind}/history", body)


def run_history(w):
    history(w, "flow_runs")


def task_history(w):
    history(w, "task_runs")


def run_input(w):
    run = w.id("flow_run", run_create)
    key = w.rng.choice(["k-1", "k-2", "other", "ü"])
    w.call("POST", f"/flow_runs/{run}/input", {"key": key, "value": w.rng.choice(["v", "", '{"a": 1}']),
                                               "sender": w.rng.choice([None, "me"])})
    body = {"prefix": w.rng.choice(["k", "", "zzz", "k-1"])}
    maybe(w, body, "limit", lambda: w.rng.choice([1, 5, 0, -1, 201]))
    maybe(w, body, "exclude_keys", lambda: ["k-1"], 0.3)
    w.call("POST", f"/flow_runs/{run}/input/filter", body)
    if key.isascii():
        w.call("GET", f"/flow_runs/{run}/input/{key}")
        if w.rng.random() < 0.3:
            w.call("DELETE", f"/flow_runs/{run}/input/{key}")


def run_pause(w):
    """A pause with or without input, and its end."""
    run = w.any("flow_run", run_create)
    if run is None:
        return
    w.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    paused = {"pause_timeout": at(w, w.rng.choice([600, 600, 600, -600])), "pause_reschedule": boolean(w), "pause_key": "1"}
    schema = w.rng.choice([None, None, '{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}', "not json"])
    if schema:
        keys = {"description": "paused-1-description", "response": "paused-1-response", "schema": "paused-1-schema"}
        paused["run_input_keyset"] = keys
        w.call("POST", f"/flow_runs/{run['id']}/input", {"key": keys["schema"], "value": schema}, sound=True)
    w.call("POST", f"/flow_runs/{run['id']}/set_state",
           {"state": {"type": "PAUSED", "name": w.rng.choice(["Paused", "Suspended"]), "state_details": paused}})
    for _ in range(w.rng.randint(1, 3)):
        w.call("POST", f"/flow_runs/{run['id']}/resume", w.rng.choice([{}, {"run_input": None}, {"run_input": {"x": 1}},
                                                                    {"run_input": {"x": "a"}}]))
    w.call("GET", f"/flow_runs/{run['id']}")
    if schema:
        w.call("POST", f"/flow_runs/{run['id']}/input/filter", {"prefix": "", "limit": 10})


def run_bulk(w):
    body = {"flow_runs": {"id": {"any_": some(w, "flow_run")}}}
    maybe(w, body, "limit", lambda: w.rng.choice([1, 10, 50, 51, 0]))
    if w.rng.random() < 0.6:
        body["state"] = proposed(w, simple=True)
        maybe(w, body, "force", lambda: boolean(w))
        w.call("POST", "/flow_runs/bulk_set_state", body)
        return
    answer = w.call("POST", "/flow_runs/bulk_delete", body)
    for run in (answer or {}).get("deleted", []):
        w.forget("flow_run", {"id": run})


def run_delete(w):
    one = w.any("flow_run")
    if one and len(w.objects["flow_run"]) > 1:
        w.call("DELETE", f"/flow_runs/{one['id']}")
        w.call("GET", f"/flow_runs/{one['id']}")
        w.forget("flow_run", one)
        w.objects["task_run"] = [t for t in w.objects.get("task_run", []) if t.get("flow_run_id") != one["id"]]


def task_create(w):
    run = w.any("flow_run", run_create)
    if run is not None and w.rng.random() < 0.5:
        w.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True}, sound=True)
    body = {"flow_run_id": run["id"] if run and w.rng.random() < 0.97 else None, "task_key": w.rng.choice(["t1", "t2"]),
            "dynamic_key": str(w.rng.randint(0, 3)), "name": w.fresh("task")}
    state = proposed(w)
    if state.get("data") is None and w.rng.random() < 0.5:
        body["state"] = state
    maybe(w, body, "cache_key", lambda: f"{w.prefix}{w.rng.choice('abc')}", 0.2)
    maybe(w, body, "cache_expiration", lambda: at(w), 0.2)
    maybe(w, body, "tags", lambda: tags(w))
    maybe(w, body, "labels", lambda: w.rng.choice([{}, {"t": 1}, None]), 0.2)
    maybe(w, body, "task_version", lambda: w.rng.choice(["1", None]), 0.2)
    maybe(w, body, "task_inputs", lambda: w.rng.choice([
        {}, {"a": [{"input_type": "parameter", "name": "p"}]}, {"b": [{"input_type": "constant", "type": "int"}]},
        {"c": [{"input_type": "task_run", "id": w.id("task_run")}]}, {"d": [{"input_type": "flow_run", "id": run["id"] if run else NOTHING}]}]), 0.4)
    retry = {}
    maybe(w, retry, "retries", lambda: w.rng.choice([0, 1, 2, None]), 0.6)
    maybe(w, retry, "retry_delay", lambda: w.rng.choice([0, 5, 1.5, [1, 2], None, []]), 0.5)
    maybe(w, retry, "max_retries", 2, 0.1)
    maybe(w, body, "empirical_policy", retry, 0.5)
    return w.keep("task_run", w.call("POST", "/task_runs/", body))


def task_read(w):
    w.call("GET", f"/task_runs/{w.id('task_run', task_create)}")


def task_patch(w):
    task = w.id("task_run", task_create)
    w.call("PATCH", f"/task_runs/{task}", w.rng.choice([{"name": w.fresh("task")}, {}]))


def task_list(w):
    which = w.rng.choice(["filter", "filter", "filter", "count", "paginate"])
    body = filters(w, "task_runs", ("flows", "flow_runs", "deployments"), "task_runs" if which != "count" else None, which == "filter")
    if which == "paginate":
        maybe(w, body, "page", w.rng.choice([1, 2, 0, 100]))
        maybe(w, body, "limit", w.rng.choice([1, 2, 3, 200, 0]))
    w.call("POST", f"/task_runs/{which}", body)


def task_delete(w):
    one = w.any("task_run")
    if one:
        w.call("DELETE", f"/task_runs/{one['id']}")
        w.forget("task_run", one)


def states(w):
    kind = w.rng.choice(["flow_run", "task_run"])
    rows = w.call("GET", f"/{kind}_states/?{kind}_id={w.id(kind, run_create if kind == 'flow_run' else task_create)}")
    if rows:
        w.call("GET", f"/{kind}_states/{w.rng.choice(rows)['id']}")
    if w.rng.random() < 0.2:
        w.call("GET", w.rng.choice([f"/{kind}_states/{NOTHING}", f"/{kind}_states/", f"/{kind}_states/?{kind}_id=x"]))


RUNS = {flow_create: 2, flow_read: 1, flow_patch: 1, flow_list: 3, flow_delete: 1, run_create: 8, run_read: 3, run_patch: 2,
        run_labels: 1, run_walk: 12, run_list: 10, run_history: 3, run_input: 2, run_pause: 3, run_bulk: 2, run_delete: 1,
        task_create: 3, states: 1}
TASKS = {flow_create: 1, run_create: 2, run_walk: 2, task_create: 7, task_read: 2, task_patch: 1, task_walk: 12, task_list: 6,
         task_history: 2, task_delete: 1, states: 2, run_read: 2, run_list: 1}
