"""Distils recordings of wiretap.py into what has to be the same everywhere, and compares two of them.

    shapes.py distil RECORDING.jsonl... > expected/NN.json
    shapes.py compare expected/NN.json RECORDING.jsonl      prints the differences, exits 1 if there are any

A recording becomes, per (method, route, status):
  always  whether every recording has it (else it may stay away)
  paths   the JSON paths of the answer (list items as []), each with
    types   every JSON type seen there
    always  whether the path was there each time that its parent was
    values  the values seen, for paths that carry words of the contract (states, statuses, reasons, details)
Sockets become per (WS, route, status or type of frame) the same over the frames that the server sent.
Answers that wiretap cut (above 20 KB) have no paths, and are not compared.
Ids, times and names of runs differ each time, so they are not compared; nor is how often something was asked.
"""
import json
import re
import sys

UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
NAMED = [
    (re.compile(r"^/work_pools/(?!filter$|count$)[^/]+"), "/work_pools/{name}"),
    (re.compile(r"/queues/(?!filter$)[^/]+$"), "/queues/{name}"),
    (re.compile(r"/workers/(?!filter$|heartbeat$|connect$)[^/]+$"), "/workers/{name}"),
    (re.compile(r"^/deployments/name/[^/]+/[^/]+$"), "/deployments/name/{flow}/{deployment}"),
    (re.compile(r"^/(flows|variables|work_queues)/name/[^/]+$"), r"/\1/name/{name}"),
    (re.compile(r"^/block_types/slug/[^/]+"), "/block_types/slug/{slug}"),
    (re.compile(r"/block_documents/name/[^/]+$"), "/block_documents/name/{name}"),
    (re.compile(r"^/automations/(owned-by|related-to)/.+$"), r"/automations/\1/{resource}"),
    (re.compile(r"^/concurrency_limits/tag/[^/]+"), "/concurrency_limits/tag/{tag}"),
]
# Words of the contract: their values are compared.
WORDS = re.compile(
    r"(^|\.)(status|state_type|state_name|detail|exception_message|details\.type|reason|type|validated_state\.name"
    r"|intended\.from|intended\.to|is_paused|concurrency_limit|priority|active_slots|collision_strategy)$")
# Free-form objects: only that they are there, not what is in them.
OPAQUE = re.compile(r"(^|\.)(parameters|job_variables|labels|parameter_openapi_schema|base_job_template|context|input"
                    r"|exception_detail|request_body|data|task_inputs|variables|job_configuration|message|resource"
                    r"|default_base_job_configuration|metadata|pull_steps|trigger|actions)$")
# Answers that depend on the moment: not expected to come again.
BY_CHANCE = {503}
# Of these answers the client reads only some paths (and the rest describes the reference's own machinery).
READ = {"GET /admin/settings 200": {"", "server", "server.analytics_enabled"}}
# Where we mean to differ: values that the reference gives by mistake (an f-string without f).
OURS = {("POST /work_pools/{name}/queues 409", "detail",
         json.dumps("A work queue with this name already exists in work pool '<name>'."))}
# Who reads a run sees how far it has come, and a worker reads the queue of a run before or after somebody pauses it:
# that depends on the machine. (What a state is set to does not.)
READS = re.compile(r"^(GET /(flow_runs|work_queues)/\{id\}|POST /(flow_runs/filter|work_pools/\{name\}/get_scheduled_flow_runs)) ")
SAME = [{json.dumps(name) for name in names} for names in (
    ("Scheduled", "Late", "Pending", "Submitting", "Running"), ("SCHEDULED", "PENDING", "RUNNING"),
    ("READY", "PAUSED"), (True, False))]
# The worker's channel is an offer: without it (any refusal) the client keeps to REST and beats its heart there.
CHANNEL, HEARTBEAT = "WS /work_pools/{name}/workers/connect ", "POST /work_pools/{name}/workers/heartbeat 204"
# Frames of subscriptions: how many come before the client looks away is chance.
STREAMED = {"WS /logs/out log", "WS /events/out event"}


def route(path):
    path = path[4:] if path.startswith("/api") else path
    for pattern, name in NAMED:
        path = pattern.sub(name, path)
    return UUID.sub("{id}", path)


def kind(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "string", list: "array", dict: "object"}[type(value)]


def walk(value, path, seen):
    node = seen.setdefault(path, {"types": set(), "values": set()})
    node["types"].add(kind(value))
    if WORDS.search(path) and not isinstance(value, (dict, list)):
        node["values"].add(json.dumps(neutral(value)))
    if path and OPAQUE.search(path):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            walk(item, f"{path}.{key}" if path else key, seen)
    elif isinstance(value, list):
        for item in value:
            walk(item, path + "[]", seen)


def neutral(value):
    if not isinstance(value, str):
        return value
    value = UUID.sub("<id>", value)
    value = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s']*", "<time>", value)
    return re.sub(r"'[a-z]+-[a-z]+'", "'<name>'", value)


def answers(recording):
    for line in open(recording, encoding="utf-8"):
        entry = json.loads(line)
        if entry["kind"] == "ws":
            for frame in entry["frames"]:
                if frame["dir"] == "out" and "text" in frame:
                    body = json.loads(frame["text"])
                    yield f"WS {route(entry['path'])} {body.get('type')}", body
            yield f"WS {route(entry['path'])} {entry['status']}", None
            continue
        body = entry.get("response_json", entry.get("response_text"))
        yield f"{entry['method']} {route(entry['path'])} {entry['status']}", body


def distil(*recordings):
    result = {}
    for number, key, body in ((n, *a) for n, r in enumerate(recordings) for a in answers(r)):
        slot = result.setdefault(key, {"count": 0, "in": set(), "paths": {}, "cut": False})
        slot["count"] += 1
        slot["in"].add(number)
        seen = {}
        if isinstance(body, dict) and "_trimmed" in body:
            slot["cut"] = True
            continue
        walk(body, "", seen)
        for path, node in seen.items():
            into = slot["paths"].setdefault(path, {"types": set(), "values": set(), "times": 0})
            into["types"] |= node["types"]
            into["values"] |= node["values"]
            into["times"] += 1
    out = {}
    for key, slot in sorted(result.items()):
        paths = {}
        for path, node in sorted(slot["paths"].items()):
            parent = path.rsplit(".", 1)[0] if "." in path else ""
            whole = slot["paths"].get(parent, node)["times"]
            paths[path] = {"types": sorted(node["types"]), "always": node["times"] == whole}
            if node["values"]:
                paths[path]["values"] = sorted(node["values"])
        out[key] = {"count": slot["count"], "always": len(slot["in"]) == len(recordings), "paths": paths,
                    "cut": slot["cut"]}
    return out


def compatible(expected, actual):
    """Types seen here must have been seen there; null and a value stand for each other."""
    return set(actual) - {"null"} <= set(expected) - {"null"} or set(expected) == {"null"}


def unanswered(key, want, actual):
    """Whether KEY, which the reference answered, had to be answered here too."""
    status = key.rsplit(" ", 1)[1]
    if not want["always"] or key in STREAMED or (status.isdigit() and int(status) in BY_CHANCE):
        return False
    return not (key.startswith(CHANNEL) and HEARTBEAT in actual)


def allowed(key, path, value, node):
    """Whether VALUE may stand at PATH: the reference had it, or a word that means the same."""
    seen = set(node.get("values", ()))
    return value in seen or (key, path, value) in OURS or (
        READS.match(key) is not None and any(value in words and words & seen for words in SAME))


def lacking(key, want, have):
    """What the reference's answer has and ours has not, or has in another type."""
    for path, node in want["paths"].items():
        mine, parent = have["paths"].get(path), path.rsplit(".", 1)[0] if "." in path else ""
        if path not in READ.get(key, {path}):
            continue
        if mine is not None and not compatible(node["types"], mine["types"]):
            yield f"{key}: {path or 'body'} is {mine['types']}, expected {node['types']}"
        elif mine is None and node["always"] and "[]" not in path and (parent in have["paths"] or not parent):
            yield f"{key}: {path or 'body'} is missing"


def surplus(key, want, have):
    """What our answer has and the reference's has not."""
    for path, mine in have["paths"].items():
        node = want["paths"].get(path)
        if node is None:
            if not path.startswith("wf") and "[]" not in path:
                yield f"{key}: {path} is not in the reference's answers"
            continue
        extra = sorted(v for v in mine.get("values", ()) if not allowed(key, path, v, node))
        if extra and not key.startswith("WS"):
            yield f"{key}: {path} has values {extra}, reference {node.get('values', [])[:8]}"


def compare(expected, actual):
    problems = []
    for key, want in expected.items():
        if key not in actual and unanswered(key, want, actual):
            problems.append(f"{key}: never answered here ({want['count']} times by the reference)")
    for key, have in actual.items():
        want = expected.get(key)
        if want is None:
            if not (key.startswith(CHANNEL) or key == HEARTBEAT or key in STREAMED):
                problems.append(f"{key}: answered here ({have['count']} times), never by the reference")
        elif want["paths"] and not have["cut"]:
            problems += [*lacking(key, want, have), *surplus(key, want, have)]
    return problems


def main():
    if sys.argv[1] == "distil":
        json.dump(distil(*sys.argv[2:]), sys.stdout, indent=1, sort_keys=True)
        print()
        return 0
    with open(sys.argv[2], encoding="utf-8") as file:
        problems = compare(json.load(file), distil(sys.argv[3]))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
