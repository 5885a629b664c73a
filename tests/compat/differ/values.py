"""Random values and filters: mostly sensible, sometimes odd."""
import datetime

NOTHING = "00000000-0000-4000-8000-00000000dead"
ODD = [None, True, False, 0, -1, 1, 1.5, 2**31, 2**62, -2**40, "", " ", "x", "1", "true", "a" * 300, "äß☃", "50%", "a/b", "a&b",
       "null", [], {}, [None], [[]], [1], ["x"], {"a": 1}, "2024-02-30T00:00:00Z", "2024-05-06", "2024-05-06T07:08:09",
       "not-a-date", NOTHING, "not-a-uuid", "'; DROP TABLE flow; --", "__", "%", [NOTHING]]
TAGS = ["a", "b", "c", "nightly", "x y", "ü"]
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
STATES = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"]
STATE_NAMES = ["Scheduled", "Late", "Pending", "Running", "Completed", "Failed", "Cancelled", "Crashed", "Paused", "Cancelling",
               "AwaitingRetry", "Retrying", "Mine"]


def at(w, seconds=None):
    """An instant around now, in one of the notations that are taken."""
    rng = w.rng
    if seconds is None:
        seconds = rng.choice([-90000, -3700, -600, 600, 3700, 90000]) + rng.random() * 100
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    t = t.replace(microsecond=rng.choice([0, t.microsecond]))
    return rng.choice([t.isoformat(), t.isoformat().replace("+00:00", "Z"), str(t), t.replace(tzinfo=None).isoformat(),
                       t.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30))).isoformat()])


def tags(w, most=3):
    return w.rng.sample(TAGS, w.rng.randint(0, most))


def parameters(w):
    return w.rng.choice([{}, {"x": 1}, {"x": "text", "y": [1, 2.5, None]}, {"deep": {"a": {"b": [True]}}}, {"ü": "☃"}])


def maybe(w, body, key, value, chance=0.4):
    """Puts KEY into BODY sometimes; VALUE may be a function."""
    if w.rng.random() < chance:
        body[key] = value() if callable(value) else value


def some(w, kind, most=3):
    """Ids of objects of a kind, now and then one that is none's."""
    have = w.objects.get(kind, [])
    picked = [w.rng.choice(have)["id"] for _ in range(w.rng.randint(0, most))] if have else []
    if w.rng.random() < 0.15 or not have:
        picked.append(NOTHING)
    return picked


def names(w, kind):
    have = w.objects.get(kind, [])
    picked = [w.rng.choice(have).get("name", "x") for _ in range(w.rng.randint(0, 3))] if have else []
    return picked + (["nobody"] if w.rng.random() < 0.2 else [])


def like(w, kind):
    have = names(w, kind)
    name = (have[0] if have and have[0] else "abc") or "abc"
    cut = w.rng.randint(0, max(0, len(name) - 2))
    return w.rng.choice([name, name[cut:cut + 3], name.upper(), name[:4] + "%", "", "_", "nobody", "a%b"])


def boolean(w):
    return w.rng.choice([True, False])


# member -> operators -> how a value is made
def ids_of(kind):
    return lambda w: some(w, kind)


def names_of(kind):
    return lambda w: names(w, kind)


def like_of(kind):
    return lambda w: like(w, kind)


def instant(w):
    return at(w)


def tag_list(w):
    return tags(w)


TIMES = {"before_": instant, "after_": instant}
TIMES_NULL = {**TIMES, "is_null_": boolean}
FILTERS = {
    "flows": {"id": {"any_": ids_of("flow"), "not_any_": ids_of("flow")}, "deployment": {"is_null_": boolean},
              "name": {"any_": names_of("flow"), "like_": like_of("flow")}, "tags": {"all_": tag_list, "is_null_": boolean}},
    "flow_runs": {
        "id": {"any_": ids_of("flow_run"), "not_any_": ids_of("flow_run")},
        "name": {"any_": names_of("flow_run"), "like_": like_of("flow_run")},
        "tags": {"all_": tag_list, "any_": tag_list, "is_null_": boolean},
        "deployment_id": {"any_": ids_of("deployment"), "is_null_": boolean, "operator": None},
        "work_queue_name": {"any_": names_of("queue"), "is_null_": boolean, "operator": None},
        "state": {"type": {"any_": lambda w: w.rng.sample(STATES, w.rng.randint(0, 4)),
                           "not_any_": lambda w: w.rng.sample(STATES, w.rng.randint(0, 2))},
                  "name": {"any_": lambda w: w.rng.sample(STATE_NAMES, w.rng.randint(0, 4)),
                           "not_any_": lambda w: w.rng.sample(STATE_NAMES, w.rng.randint(0, 2))}, "operator": None},
        "flow_version": {"any_": lambda w: w.rng.sample(["1", "2", "v3"], 2)},
        "start_time": TIMES_NULL, "end_time": TIMES_NULL, "expected_start_time": TIMES, "next_scheduled_start_time": TIMES,
        "parent_flow_run_id": {"any_": ids_of("flow_run"), "operator": None},
        "parent_task_run_id": {"any_": ids_of("task_run"), "is_null_": boolean, "operator": None},
        "idempotency_key": {"any_": lambda w: ["k1", "k2"], "not_any_": lambda w: ["k1"]}},
    "task_runs": {
        "id": {"any_": ids_of("task_run")}, "name": {"any_": names_of("task_run"), "like_": like_of("task_run")},
        "tags": {"all_": tag_list, "is_null_": boolean, "operator": None},
        "state": {"type": {"any_": lambda w: w.rng.sample(STATES, w.rng.randint(0, 4))},
                  "name": {"any_": lambda w: w.rng.sample(STATE_NAMES, w.rng.randint(0, 4))}, "operator": None},
        "start_time": TIMES_NULL, "end_time": TIMES_NULL, "expected_start_time": TIMES, "subflow_runs": {"exists_": boolean},
        "flow_run_id": {"any_": ids_of("flow_run"), "is_null_": boolean, "operator": None}},
    "deployments": {
        "id": {"any_": ids_of("deployment"), "not_any_": ids_of("deployment")},
        "name": {"any_": names_of("deployment"), "like_": like_of("deployment")},
        "flow_or_deployment_name": {"like_": like_of("deployment")}, "paused": {"eq_": boolean},
        "tags": {"all_": tag_list, "any_": tag_list, "is_null_": boolean, "operator": None}},
    "work_pools": {"id": {"any_": ids_of("pool")}, "name": {"any_": names_of("pool")},
                   "type": {"any_": lambda w: w.rng.sample(["process", "docker"], 1)}},
    "work_queues": {"id": {"any_": ids_of("queue")},
                    "name": {"any_": names_of("queue"), "startswith_": lambda w: [like(w, "queue")]}},
    "workers": {"last_heartbeat_time": TIMES,
                "status": {"any_": lambda w: [w.rng.choice(["ONLINE", "OFFLINE"])], "not_any_": lambda w: ["ONLINE"]}},
    "logs": {"level": {"ge_": lambda w: w.rng.choice([0, 20, 30, 60]), "le_": lambda w: w.rng.choice([10, 30, 50])},
             "timestamp": TIMES, "flow_run_id": {"any_": ids_of("flow_run")},
             "task_run_id": {"any_": ids_of("task_run"), "is_null_": boolean},
             "text": {"query": lambda w: w.rng.choice(["alpha", "+alpha -beta", '"alpha beta"', "!gamma", "ALPHA", ""])}},
    "artifacts": {"id": {"any_": ids_of("artifact")},
                  "key": {"any_": lambda w: w.rng.sample(WORDS, 2), "like_": lambda w: w.rng.choice(["a", "be", ""]),
                          "exists_": boolean},
                  "flow_run_id": {"any_": ids_of("flow_run")}, "task_run_id": {"any_": ids_of("task_run")},
                  "type": {"any_": lambda w: ["table", "markdown"], "not_any_": lambda w: ["result"]}},
    "variables": {"id": {"any_": ids_of("variable")}, "name": {"any_": names_of("variable"), "like_": like_of("variable")},
                  "tags": {"all_": tag_list, "is_null_": boolean}},
    "block_types": {"name": {"like_": like_of("block_type")}, "slug": {"any_": names_of("block_type")}},
    "block_schemas": {"block_type_id": {"any_": ids_of("block_type")}, "id": {"any_": ids_of("block_schema")},
                      "block_capabilities": {"all_": lambda w: w.rng.sample(["read", "write"], 1)},
                      "version": {"any_": lambda w: ["non-versioned"]}},
    "block_documents": {"id": {"any_": ids_of("block_document")}, "is_anonymous": {"eq_": boolean},
                        "block_type_id": {"any_": ids_of("block_type")},
                        "name": {"any_": names_of("block_document"), "like_": like_of("block_document")}},
    "automations": {"name": {"any_": names_of("automation")}, "created": {"before_": instant},
                    "tags": {"all_": tag_list, "any_": tag_list, "is_null_": boolean}},
}
FILTERS["latest"] = {**FILTERS["artifacts"]}
del FILTERS["latest"]["id"]
OPERATOR = {"flows", "flow_runs", "task_runs", "deployments", "work_pools", "work_queues", "workers", "logs", "artifacts",
            "latest", "variables", "block_schemas", "block_documents", "automations"}
SORTS = {
    "flow_runs": ["ID_DESC", "START_TIME_ASC", "START_TIME_DESC", "EXPECTED_START_TIME_ASC", "EXPECTED_START_TIME_DESC",
                  "NAME_ASC", "NAME_DESC", "NEXT_SCHEDULED_START_TIME_ASC", "END_TIME_DESC"],
    "task_runs": ["ID_DESC", "EXPECTED_START_TIME_ASC", "EXPECTED_START_TIME_DESC", "NAME_ASC", "NAME_DESC",
                  "NEXT_SCHEDULED_START_TIME_ASC", "END_TIME_DESC"],
    "logs": ["TIMESTAMP_ASC", "TIMESTAMP_DESC"],
    "flows": ["CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC"],
    "deployments": ["CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC"],
    "artifacts": ["CREATED_DESC", "UPDATED_DESC", "ID_DESC", "KEY_DESC", "KEY_ASC"],
    "variables": ["CREATED_DESC", "UPDATED_DESC", "NAME_DESC", "NAME_ASC"],
    "block_documents": ["NAME_DESC", "NAME_ASC", "BLOCK_TYPE_AND_NAME_ASC"],
    "automations": ["CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC"],
}


# Orders without ties (names are given once): the only ones whose pages can be compared.
DISTINCT = {"NAME_ASC", "NAME_DESC"}


def leaf(w, operators):
    out = {}
    for name, make in operators.items():
        if isinstance(make, dict):
            if w.rng.random() < 0.6:
                out[name] = leaf(w, make)
        elif make is None:
            maybe(w, out, name, w.rng.choice(["and_", "or_"]), 0.2)
        elif w.rng.random() < 0.5:
            out[name] = make(w)
        elif w.rng.random() < 0.2:
            out[name] = None
    return out


def one_filter(w, kind):
    """A filter object of a kind with some of its members."""
    members = FILTERS[kind]
    out = {}
    for name in w.rng.sample(list(members), min(len(members), w.rng.choice([0, 1, 1, 1, 2, 2, 3]))):
        out[name] = leaf(w, members[name]) if w.rng.random() < 0.95 else None
    if kind in OPERATOR:
        maybe(w, out, "operator", w.rng.choice(["and_", "or_"]), 0.2)
    return out


def filters(w, main, others=(), sort=None, page=True):
    """The body of a filter route: the object of its own kind, sometimes others, order and page."""
    body = {}
    maybe(w, body, main, lambda: one_filter(w, main), 0.75)
    for kind in others:
        maybe(w, body, kind, lambda: one_filter(w, kind), 0.12)
    if sort:
        maybe(w, body, "sort", lambda: w.rng.choice(SORTS[sort]), 0.6)
    if page and sort and body.get("sort") not in DISTINCT:
        maybe(w, body, "limit", lambda: w.rng.choice([0, None, 200, 201, -1, "5", 1.5, True]) if w.rng.random() < 0.2 else 200, 0.3)
    elif page:
        maybe(w, body, "limit", lambda: w.rng.choice([0, 1, 2, 5, 200, None, 200, 201, -1]), 0.3)
        maybe(w, body, "offset", lambda: w.rng.choice([0, 1, 3, 1000, None]), 0.2)
    return body


def spoil(w, body):
    """BODY with one thing wrong in it: a value of another type, a key too few or too many."""
    places = []

    def walk(value):
        if isinstance(value, dict):
            places.extend((value, k) for k in value)
            for v in value.values():
                walk(v)
        elif isinstance(value, list):
            places.extend((value, i) for i in range(len(value)))
            for v in value:
                walk(v)
    walk(body)
    how = w.rng.random()
    if how < 0.08 or not places:
        if isinstance(body, dict):
            body["surplus"] = w.rng.choice(ODD)
        return body
    where, key = w.rng.choice(places)
    if how < 0.2 and isinstance(where, dict):
        del where[key]
    elif how < 0.25 and isinstance(where[key], dict):
        where[key]["surplus"] = 1
    else:
        where[key] = w.rng.choice(ODD)
    return body
