"""Logs, artifacts, variables, saved searches, blocks, limits, automations, events."""
import uuid

from differ import runs, values
from differ.values import NOTHING, at, boolean, filters, maybe, tags

JSON = [1, 1.5, "text", None, True, [], {}, {"a": [1, {"b": None}]}, "ü☃", 10.0, 12345678901]


def logs(w):
    run, task = w.any("flow_run", runs.run_create), w.any("task_run")
    rows = [{"name": w.rng.choice(values.WORDS), "level": w.rng.choice([0, 10, 20, 25, 50]),
             "message": " ".join(w.rng.sample(values.WORDS, 2)), "timestamp": at(w),
             "flow_run_id": run["id"] if run else None, "task_run_id": w.rng.choice([None, task["id"] if task else None])}
            for _ in range(w.rng.randint(0, 5))]
    w.call("POST", "/logs/", rows)


def log_list(w):
    run = w.any("flow_run", runs.run_create)
    body = filters(w, "logs", (), "logs")
    body.pop("offset", None)
    body.setdefault("logs", {})
    if run is None:
        return
    if isinstance(body["logs"], dict):
        body["logs"].pop("operator", None)
        body["logs"]["flow_run_id"] = {"any_": [run["id"]]}
    w.call("POST", "/logs/filter", body, sound=w.rng.random() < 0.9)


def artifact(w):
    body = {}
    maybe(w, body, "key", lambda: w.rng.choice([*values.WORDS, None, "Bad Key", ""]), 0.7)
    maybe(w, body, "type", lambda: w.rng.choice(["table", "markdown", "result", None]), 0.7)
    maybe(w, body, "data", lambda: w.rng.choice(JSON), 0.7)
    maybe(w, body, "description", lambda: w.rng.choice(["text", None]), 0.4)
    maybe(w, body, "metadata_", lambda: w.rng.choice([{"a": "b"}, {"a": "x" * 600}, None, {}, {"n": 1}]), 0.3)
    run, task = w.any("flow_run"), w.any("task_run")
    maybe(w, body, "flow_run_id", lambda: run["id"] if run else NOTHING)
    maybe(w, body, "task_run_id", lambda: task["id"] if task else NOTHING, 0.2)
    return w.keep("artifact", w.call("POST", "/artifacts/", body))


def artifact_more(w):
    one = w.any("artifact", artifact)
    if not one:
        return
    how = w.rng.random()
    if how < 0.35:
        w.call("PATCH", f"/artifacts/{one['id']}", w.rng.choice([{"data": 5}, {"description": "new"}, {}, {"metadata_": {"k": "v"}}, {"data": None}]))
        w.call("GET", f"/artifacts/{one['id']}")
    elif how < 0.6:
        w.call("GET", w.rng.choice([f"/artifacts/{w.id('artifact')}", f"/artifacts/{one.get('key') or 'none'}/latest"]))
    elif how < 0.75:
        w.call("DELETE", f"/artifacts/{one['id']}")
        w.forget("artifact", one)
        if one.get("key"):
            w.call("GET", f"/artifacts/{one['key']}/latest")
    else:
        where = w.rng.choice(["filter", "count", "latest/filter", "latest/count"])
        own = "latest" if "latest" in where else "artifacts"
        body = filters(w, own, ("flow_runs", "task_runs", "flows", "deployments"), "artifacts" if "filter" in where else None, "filter" in where)
        if own == "latest" and own in body:
            body["artifacts"] = body.pop("latest")
        w.call("POST", f"/artifacts/{where}", body)


def variable(w):
    body = {"name": f"{w.prefix.replace('-', '_')}{w.rng.choice(values.WORDS)}", "value": w.rng.choice(JSON)}
    if w.rng.random() < 0.1:
        body.update(w.rng.choice([{"name": "Bad Name"}, {"name": "x" * 256}, {"value": "v" * 5001}, {"name": ""}]))
    maybe(w, body, "tags", lambda: tags(w))
    return w.keep("variable", w.call("POST", "/variables/", body))


def variable_more(w):
    one = w.any("variable", variable)
    if not one:
        return
    path = w.rng.choice([f"/variables/{w.id('variable')}", f"/variables/name/{one['name']}", "/variables/name/nobody"])
    how = w.rng.random()
    if how < 0.3:
        w.call("GET", path)
    elif how < 0.6:
        w.call("PATCH", path, w.rng.choice([{"value": w.rng.choice(JSON)}, {"tags": tags(w)}, {}, {"name": w.fresh("v")}, {"tags": None}]))
        w.call("GET", f"/variables/{one['id']}")
    elif how < 0.7:
        w.call("DELETE", path)
    else:
        which = w.rng.choice(["filter", "count"])
        w.call("POST", f"/variables/{which}", filters(w, "variables", (), "variables" if which == "filter" else None, which == "filter"))


def saved_search(w):
    body = {"name": w.rng.choice(["s1", "s2", w.fresh("s")])}
    maybe(w, body, "filters", lambda: w.rng.choice([[], [{"object": "flow", "property": "name", "type": "text", "operation": "eq", "value": 1}], None, [{}]]))
    one = w.keep("saved_search", w.call("PUT", "/saved_searches/", body))
    w.call("POST", "/saved_searches/filter", w.rng.choice([{}, {"limit": 1}, {"limit": 201}]))
    if one and w.rng.random() < 0.5:
        w.call(w.rng.choice(["GET", "DELETE"]), f"/saved_searches/{one['id']}")


def block_type(w):
    name = w.fresh("type")
    body = {"name": name, "slug": name}
    maybe(w, body, "description", lambda: w.rng.choice(["text", None]), 0.5)
    maybe(w, body, "logo_url", lambda: w.rng.choice(["https://example.com/a.png", None, "bad url"]), 0.4)
    maybe(w, body, "documentation_url", lambda: w.rng.choice(["https://example.com/doc", None]), 0.3)
    maybe(w, body, "code_example", lambda: w.rng.choice(["x = 1", None]), 0.3)
    if w.rng.random() < 0.1:
        body.update(w.rng.choice([{"slug": "Bad Slug"}, {"name": "prefect x"}, {"slug": "secret"}]))
    return w.keep("block_type", w.call("POST", "/block_types/", body))


FIELDS = [{"title": "T", "type": "object", "properties": {"a": {"type": "string"}}},
          {"title": "T", "type": "object", "properties": {"a": {"type": "string"}, "s": {"type": "string"}}, "secret_fields": ["s"], "required": ["a"]},
          {"title": "T", "type": "object", "properties": {"d": {"type": "object"}}, "secret_fields": ["d.*", "d.deep"], "block_schema_references": {}},
          {}, {"properties": {"n": {"type": "number", "default": 1.0}}, "ü": "☃"}]


def block_schema(w):
    kind = w.any("block_type", block_type)
    body = {"block_type_id": kind["id"] if kind else NOTHING, "fields": w.rng.choice(FIELDS)}
    maybe(w, body, "capabilities", lambda: w.rng.sample(["read", "write", "fly"], w.rng.randint(0, 2)), 0.5)
    maybe(w, body, "version", lambda: w.rng.choice(["non-versioned", "1.0", None]), 0.3)
    return w.keep("block_schema", w.call("POST", "/block_schemas/", body))


def block_document(w):
    schema = w.any("block_schema", block_schema)
    other = w.any("block_document")
    body = {"block_schema_id": schema["id"] if schema else NOTHING, "block_type_id": schema["block_type_id"] if schema else NOTHING,
            "data": w.rng.choice([{}, {"a": "x"}, {"a": "x", "s": "hidden"}, {"d": {"k": "v", "deep": {"z": 1}}}, {"s": None},
                                  {"b": {"$ref": {"block_document_id": other["id"] if other else NOTHING}}}])}
    if w.rng.random() < 0.9:
        body["name"] = w.fresh("doc")
    maybe(w, body, "is_anonymous", lambda: boolean(w), 0.2)
    return w.keep("block_document", w.call("POST", "/block_documents/", body))


def block_more(w):
    kind, schema, doc = w.any("block_type"), w.any("block_schema"), w.any("block_document", block_document)
    how = w.rng.randrange(10)
    secrets = w.rng.choice(["", "?include_secrets=true", "?include_secrets=false"])
    if how == 0 and kind:
        w.call("GET", w.rng.choice([f"/block_types/{w.id('block_type')}", f"/block_types/slug/{kind['slug']}",
                                    f"/block_types/slug/{kind['slug']}/block_documents{secrets}"]))
    elif how == 1 and kind:
        w.call("PATCH", f"/block_types/{kind['id']}", w.rng.choice([{"description": "new"}, {}, {"logo_url": None}, {"name": "x"}]))
        w.call("GET", f"/block_types/{kind['id']}")
    elif how == 2:
        w.call("POST", "/block_types/filter", {"block_types": {"name": {"like_": w.prefix}}, "limit": w.rng.choice([1, 200, None])})
    elif how == 3 and schema:
        w.call("GET", w.rng.choice([f"/block_schemas/{w.id('block_schema')}", f"/block_schemas/checksum/{schema['checksum']}",
                                    f"/block_schemas/checksum/{schema['checksum']}?version=1.0", "/block_schemas/checksum/nothing"]))
    elif how == 4 and kind:
        w.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]},
                                                                   **({"block_capabilities": {"all_": ["read"]}} if boolean(w) else {})}})
    elif how == 5 and doc:
        slug = next((k["slug"] for k in w.objects.get("block_type", []) if k["id"] == doc["block_type_id"]), "none")
        w.call("GET", w.rng.choice([f"/block_documents/{w.id('block_document')}{secrets}", f"/block_documents/{doc['id']}{secrets}",
                                    f"/block_types/slug/{slug}/block_documents/name/{doc['name']}{secrets}"]))
    elif how == 6 and doc:
        body = {"data": w.rng.choice([{"a": "y"}, {"s": "new"}, {"s": "********"}, {}, {"d": {"k": "w"}}])}
        maybe(w, body, "merge_existing_data", lambda: boolean(w), 0.5)
        w.call("PATCH", f"/block_documents/{doc['id']}", body)
        w.call("GET", f"/block_documents/{doc['id']}?include_secrets=true")
    elif how == 7:
        which = w.rng.choice(["filter", "count"])
        body = filters(w, "block_documents", ("block_types", "block_schemas") if which == "filter" else ("block_types",),
                       "block_documents" if which == "filter" else None, which == "filter")
        maybe(w, body, "include_secrets", lambda: boolean(w), 0.3)
        w.call("POST", f"/block_documents/{which}", body)
    elif how == 8 and doc and len(w.objects["block_document"]) > 2:
        w.call("DELETE", f"/block_documents/{doc['id']}")
        w.forget("block_document", doc)
    elif how == 9:
        w.call("GET", "/block_capabilities/")


def limit_v1(w):
    tag = w.prefix + w.rng.choice("ab")
    how = w.rng.random()
    if 0.7 <= how < 0.8:
        tag = w.prefix + "b"  # a reset ends leases there, but the slots stay taken
    elif how >= 0.85:
        tag = w.prefix + "a"
    if how < 0.4:
        limit = w.rng.choice([1, 2, 5] if tag.endswith("b") else [0, 1, 2, 5, -1])  # no reset puts slots into a full one there
        w.call("POST", "/concurrency_limits/", {"tag": tag, "concurrency_limit": limit})
    elif how < 0.6:
        w.call("GET", f"/concurrency_limits/tag/{tag}")
    elif how < 0.7:
        w.call("POST", "/concurrency_limits/filter", {})
    elif how < 0.8:
        w.call("POST", f"/concurrency_limits/tag/{tag}/reset", w.rng.choice([{}, {"slot_override": None}, {"slot_override": [NOTHING]}]))
    elif how < 0.85:
        w.call("DELETE", f"/concurrency_limits/tag/{tag}")
    else:
        w.call("POST", f"/concurrency_limits/{w.rng.choice(['increment', 'decrement'])}",
               {"names": [tag], "task_run_id": str(uuid.UUID(int=w.rng.getrandbits(128), version=4))})


def limit_v2(w):
    body = {"name": w.fresh("limit"), "limit": w.rng.choice([0, 1, 2, 10, -1])}
    have = w.any("limit")
    if have and w.rng.random() < 0.1:
        body["name"] = have["name"]
    maybe(w, body, "active", lambda: boolean(w), 0.3)
    maybe(w, body, "slot_decay_per_second", lambda: w.rng.choice([0, 0.001, -1]), 0.2)
    maybe(w, body, "active_slots", lambda: w.rng.choice([0, 1]), 0.2)
    # here slots of a lease are given back with it only: a limit is used with leases, or without
    return w.keep("limit", w.call("POST", "/v2/concurrency_limits/", body), leased=boolean(w))


def limit_more(w):
    one = w.any("limit", limit_v2)
    if not one:
        return
    path = f"/v2/concurrency_limits/{w.rng.choice([one['id'], one['name'], w.id('limit'), 'nobody'])}"
    how = w.rng.random()
    names = [o["name"] for o in w.objects.get("limit", []) if o["leased"] == (how < 0.65)]
    names = w.rng.sample(names, min(len(names), w.rng.randint(0, 2))) + (["nobody"] if w.rng.random() < 0.2 else [])
    if how < 0.15:
        w.call("GET", path)
    elif how < 0.3:
        body = {}
        maybe(w, body, "limit", lambda: w.rng.choice([0, 1, 5, -1]))
        maybe(w, body, "active", lambda: boolean(w))
        maybe(w, body, "active_slots", lambda: w.rng.choice([0, 1]), 0.2)
        w.call("PATCH", path, body)
        w.call("GET", f"/v2/concurrency_limits/{one['id']}")
    elif how < 0.35:
        w.call("DELETE", path)
    elif how < 0.5:
        w.call("POST", "/v2/concurrency_limits/filter", w.rng.choice([{}, {"limit": 1}, {"offset": 1}]))
    elif how < 0.65:
        body = {"names": names, "slots": w.rng.choice([1, 1, 2, 0]), "mode": w.rng.choice(["concurrency", "concurrency", "rate_limit", "x"])}
        maybe(w, body, "lease_duration", lambda: w.rng.choice([60, 300, 10]), 0.3)
        maybe(w, body, "holder", lambda: {"type": "flow_run", "id": NOTHING}, 0.3)
        answer = w.call("POST", "/v2/concurrency_limits/increment-with-lease", body)
        if answer and "lease_id" in answer:
            w.keep("lease", {"id": answer["lease_id"]})
    elif how < 0.8:
        lease = w.id("lease")
        if w.rng.random() < 0.5:
            w.call("POST", "/v2/concurrency_limits/decrement-with-lease", {"lease_id": lease})
        else:
            w.call("POST", f"/v2/concurrency_limits/leases/{lease}/renew", w.rng.choice([{"lease_duration": 60}, {}, {"lease_duration": 1}]))
    else:
        body = {"names": names, "slots": w.rng.choice([1, 1, 2, 0])}
        which = w.rng.choice(["increment", "decrement"])
        if which == "increment":
            maybe(w, body, "mode", lambda: w.rng.choice(["concurrency", "rate_limit"]))
        else:
            maybe(w, body, "occupancy_seconds", lambda: w.rng.choice([0.01, 1, 20, None]))
        w.call("POST", f"/v2/concurrency_limits/{which}", body)
    w.call("POST", "/v2/concurrency_limits/filter", {})


def trigger(w, deep=0):
    if deep < 2 and w.rng.random() < 0.25:
        return {"type": w.rng.choice(["compound", "sequence"]), "triggers": [trigger(w, deep + 1) for _ in range(w.rng.randint(1, 2))],
                "within": w.rng.choice([60, None, 0]), **({"require": w.rng.choice(["all", "any", 1, 5])} if boolean(w) else {})}
    body = {"type": "event", "posture": w.rng.choice(["Reactive", "Proactive", "Reactive", "Metric"]), "expect": ["a.b"]}
    maybe(w, body, "match", lambda: w.rng.choice([{"prefect.resource.id": "x.*"}, {"a": ["b", "c"]}, {}]))
    maybe(w, body, "match_related", lambda: w.rng.choice([{"a": "b"}, [{"a": "b"}], {}]), 0.3)
    maybe(w, body, "threshold", lambda: w.rng.choice([1, 3, 0, -1]), 0.3)
    maybe(w, body, "within", lambda: w.rng.choice([0, 10, 60, 5, -1]), 0.5)
    maybe(w, body, "for_each", lambda: ["prefect.resource.id"], 0.3)
    maybe(w, body, "after", lambda: ["c.*"], 0.2)
    return body


def action(w):
    kind = w.rng.choice(["pool", "queue", "deployment"])
    return w.rng.choice([
        {"type": "do-nothing"}, {"type": "run-deployment", "source": "selected", "deployment_id": w.id("deployment"), "parameters": {"x": 1}},
        {"type": "run-deployment", "source": "inferred"}, {"type": "pause-deployment", "source": "selected"},
        {"type": "cancel-flow-run"}, {"type": "change-flow-run-state", "state": "FAILED", "name": "N", "message": "m"},
        {"type": "pause-work-queue", "source": "inferred"}, {"type": "resume-work-pool", "source": "selected", "work_pool_id": w.id(kind)},
        {"type": "send-notification", "block_document_id": NOTHING, "subject": "s", "body": "{{ event.id }}"},
        {"type": "call-webhook", "block_document_id": NOTHING, "payload": "x"}, {"type": "pause-automation", "source": "inferred"},
        {"type": "unknown"}, {}])


def automation(w):
    body = {"name": w.fresh("auto"), "trigger": trigger(w), "actions": [action(w) for _ in range(w.rng.choice([0, 1, 1, 2]))]}
    maybe(w, body, "description", lambda: "text", 0.3)
    maybe(w, body, "enabled", lambda: boolean(w), 0.3)
    maybe(w, body, "tags", lambda: tags(w), 0.3)
    maybe(w, body, "owner_resource", lambda: w.rng.choice([None, f"prefect.deployment.{NOTHING}"]), 0.2)
    maybe(w, body, "actions_on_trigger", lambda: [action(w)], 0.1)
    return w.keep("automation", w.call("POST", "/automations/", body))


def automation_more(w):
    one = w.any("automation", automation)
    if not one:
        return
    how = w.rng.random()
    if how < 0.2:
        w.call("GET", f"/automations/{w.id('automation')}")
    elif how < 0.4:
        w.call("PATCH", f"/automations/{w.id('automation')}", w.rng.choice([{"enabled": False}, {"enabled": True}, {}, {"name": "x"}]))
        w.call("GET", f"/automations/{one['id']}")
    elif how < 0.6:
        w.call("PUT", f"/automations/{w.id('automation')}", {"name": w.fresh("auto"), "trigger": trigger(w), "actions": [action(w)]})
        w.call("GET", f"/automations/{one['id']}")
    elif how < 0.7:
        w.call("DELETE", f"/automations/{w.id('automation')}")
    elif how < 0.9:
        w.call("POST", "/automations/filter", filters(w, "automations", (), "automations"))
        w.call("POST", "/automations/count")
    else:
        w.call("GET", f"/automations/related-to/prefect.deployment.{NOTHING}")
        w.call("DELETE", f"/automations/owned-by/prefect.deployment.{NOTHING}")


def templates(w):
    text = w.rng.choice(["{{ event.id }}", "{% if x %}", "{{", "plain", "{{ a|nofilter }}", "", "{% for x in y %}{{ x }}{% endfor %}"])
    w.call("POST", w.rng.choice(["/templates/validate", "/automations/templates/validate"]), text)


def root(w):
    w.call("GET", w.rng.choice(["/health", "/version", "/admin/settings", "/hello", "/ready", "/admin/storage", f"/csrf-token?client={NOTHING}", "/csrf-token",
                                "/nowhere", "/flows", "/collections/views/nothing"]))


SMALL = {logs: 4, log_list: 5, artifact: 5, artifact_more: 8, variable: 4, variable_more: 6, saved_search: 2, runs.run_create: 1,
         runs.task_create: 1, root: 1, templates: 1}
BLOCKS = {block_type: 2, block_schema: 3, block_document: 5, block_more: 14}
LIMITS = {limit_v1: 6, limit_v2: 4, limit_more: 12}
AUTOMATIONS = {automation: 5, automation_more: 6, templates: 1}
