"""Compares recordings of wiretap.py exchange by exchange.

    golden.py keep RECORDING.jsonl... > exchanges/NN.jsonl   what the reference answered, without what changes each time
    golden.py compare NN RECORDING.jsonl                     prints the differences, exits 1 if there are any

An exchange is asked for by its question: method, path, query and body with ids, times and names taken out (or its name,
where the recording has one: the header x-prefect-case). To the same question our answer must be one of those that the
reference gave: status, keys and their order, types, every value that is not volatile. Where it is none of them the
difference to the nearest is shown. Questions that only one side was asked are shown too: then a client behaved otherwise.
Differences that are meant, or that depend on the moment, have a line with its reason in allowed.tsv.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
# Each of these is another one in every recording.
CHANGES = [
    (re.compile(r"\d{4}-\d\d-\d\d([T ]|%20|\+)\d\d(:|%3A)\d\d(:|%3A)\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{33,64}\b"), "<hash>"),
    (UUID, "<id>"),
    (re.compile(r"(?<=[a-z_])-(?=[0-9a-f]*\d|[a-f])[0-9a-f]{8}\b"), "-<source>"),
    (re.compile(r"(?<=[a-z_])-[0-9a-f]{3}\b"), "-<nnn>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"(?<=/tmp/)[^/\s\"']+"), "<tmp>"),
    (re.compile(r"\bpid \d+|\bprocess \d+|\d+(\.\d+)? seconds?|in \d+ minutes?"), "<number>"),
]
VOLATILE = re.compile(
    r"^(id|created|updated|timestamp|occurred|received|follows|sent_at|token|client|total|next_page|lease_id|.*_id|.*_ids"
    r"|.*_time|.*_timestamp|last_polled|.*_at|name_hash|pid|infrastructure_pid|storage_key|expiration|flow_version"
    r"|estimated_.*|total_run_time|transition_id|cache_key|dynamic_key|lateness|checksum|anchor_date|until|since"
    r"|prefect\.state-timestamp|prefect\.infrastructure\.identifier|duration|late_runs_count|average_.*|avg_.*|denied_slots)$")
MADE_UP = re.compile(r"[a-z]+-[a-z]+")
NUMBERED = re.compile(r"-[0-9a-f]{3}$")  # the client's names of task runs
SETS = re.compile(r"(^|\.)(tags|expect|after|for_each|active_slots|pause_keys|related|capabilities|block_schema_capabilities)$")
LONG = 200  # characters; longer texts are the product's own words


def neutral(text):
    for pattern, name in CHANGES:
        text = pattern.sub(name, text)
    return text if len(text) <= LONG else "<text>"


def names(entries):
    """The names that servers made up for runs, longest first."""
    found = set()

    def look(value):
        if isinstance(value, dict):
            name = value.get("name")
            if isinstance(name, str) and MADE_UP.fullmatch(name) and (
                    "auto_scheduled" in value or ("dynamic_key" in value and not NUMBERED.search(name))):
                found.add(name)
            for item in value.values():
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)
    for entry in entries:
        look(entry.get("response_json"))
    return sorted(found, key=len, reverse=True)


def load_recording(file):
    """The exchanges of a recording, names of runs taken out."""
    entries = [json.loads(line) for line in open(file, encoding="utf-8")]
    text = "\n".join(json.dumps(e) for e in entries)
    made_up = names(entries)
    if made_up:
        text = re.sub(r"\b(" + "|".join(made_up) + r")\b", "<run>", text)
    return [json.loads(line) for line in text.splitlines()]


def keep(value, path="", key=""):
    """VALUE, the member KEY at PATH, without what is another one each time."""
    if isinstance(value, dict):
        if "_trimmed" in value:
            return {"_trimmed": True}
        return {neutral(k): keep(v, f"{path}.{k}" if path else k, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [keep(v, path + "[]", key) for v in value]
        return sorted(items, key=json.dumps) if SETS.search(path) else items
    if isinstance(value, str):
        plain = neutral(value)
        return "<text>" if VOLATILE.match(key) and plain not in ("<id>", "<time>") else plain
    if isinstance(value, (int, float)) and not isinstance(value, bool) and VOLATILE.match(key):
        return "<number>"
    return value


def question(entry):
    named = entry["request_headers"].get("x-prefect-case")
    if named:
        return f"case {named}: {entry.get('method', 'WS')} {neutral(entry['path'])}"
    if entry["kind"] == "ws":
        return f"WS {neutral(entry['path'])}"
    if (entry["method"], entry["path"]) == ("POST", "/api/logs/"):
        return "POST /api/logs/"  # which lines go together is chance
    body = entry.get("request_json", entry.get("request_text"))
    query = "?" + neutral(entry["query"]) if entry.get("query") else ""
    text = "" if body is None else " " + json.dumps(keep(body), sort_keys=True)
    return f"{entry['method']} {neutral(entry['path'])}{query}{text}"


def http_answer(entry):
    text = entry.get("response_json", entry.get("response_text"))
    answer = {"asked": f"{entry['method']} {neutral(entry['path'])}", "status": entry["status"], "body": keep(text)}
    for name in ("allow", "location", "content-type"):
        if name in entry["response_headers"]:
            answer[name] = neutral(entry["response_headers"][name])
    return answer


def socket_answer(entry):
    """How a socket ended, and the types of frames that came from the server."""
    said = [json.loads(f["text"]).get("type", "") for f in entry["frames"] if f["dir"] == "out" and "text" in f]
    return {"asked": f"WS {neutral(entry['path'])}", "status": entry["status"], "body": sorted({s or "" for s in said}),
            "close": [entry.get("close_code"), entry.get("close_reason")]}


def events_of(entry):
    """Events that the server sent or answered."""
    if entry["kind"] == "ws":
        frames = (json.loads(f["text"]) for f in entry["frames"] if f["dir"] == "out" and "text" in f)
        return [f["event"] for f in frames if f.get("type") == "event"]
    body = entry.get("response_json")
    return body.get("events", []) if isinstance(body, dict) and entry["path"].startswith("/api/events/filter") else []


def taken_apart(entry):
    """What is compared by itself, since it depends on the moment when it is seen: (question, value).  It is left out of
    the answer then."""
    for event in events_of(entry):
        yield f"event {event['event']}", event
    body, path = entry.get("response_json"), entry["path"]
    if isinstance(body, dict) and path.startswith("/api/events/filter") and "events" in body:
        body["events"] = []
    if isinstance(body, list) and path in ("/api/flow_runs/filter", "/api/task_runs/filter"):
        for run in body:
            yield f"{path[5:-8]} read when {run['state_name']}", run
        body.clear()
    elif isinstance(body, dict) and re.fullmatch(r"/api/(flow|task)_runs/" + UUID.pattern, path) and "state_name" in body:
        yield f"{path[5:13]} read when {body['state_name']}", dict(body)
        body.clear()


def exchanges(*recordings):
    """question -> the answers it got, each once, in order."""
    found = {}

    def add(key, answer):
        answers = found.setdefault(key, [])
        if answer not in answers:
            answers.append(answer)
    for recording in recordings:
        for entry in load_recording(recording):
            for key, value in taken_apart(entry):
                add(key, {"asked": "read", "status": 0, "body": keep(value)})
            key = question(entry)
            if entry["kind"] == "ws" or "status" in entry:  # else its client was killed before the answer
                add(key, socket_answer(entry) if entry["kind"] == "ws" else http_answer(entry))
    return found


def kind(value):
    return {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object",
            type(None): "null"}[type(value)]


def differences(want, have, path=""):
    """Where HAVE is not WANT: (path, what)."""
    if {"_trimmed": True} in (want, have):
        return
    if kind(want) != kind(have):
        yield path, f"{kind(have)} {json.dumps(have)[:160]}, expected {kind(want)} {json.dumps(want)[:160]}"
    elif isinstance(want, dict):
        for key in want.keys() - have.keys():
            yield f"{path}.{key}", f"missing, expected {json.dumps(want[key])[:160]}"
        for key in have.keys() - want.keys():
            yield f"{path}.{key}", f"unexpected {json.dumps(have[key])[:160]}"
        for key in want.keys() & have.keys():
            yield from differences(want[key], have[key], f"{path}.{key}")
        if want.keys() == have.keys() and list(want) != list(have):
            yield path + "#order", f"keys in the order {list(have)}, expected {list(want)}"
    elif isinstance(want, list):
        if len(want) != len(have):
            yield path + "#length", f"{len(have)} items, expected {len(want)}"
        for a, b in zip(want, have):
            yield from differences(a, b, path + "[]")
    elif want != have:
        yield path, f"{json.dumps(have)[:300]}, expected {json.dumps(want)[:300]}"


def like(pattern):
    """* stands for anything, all else for itself."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.S).fullmatch


class Allowed:
    """The lines of allowed.tsv: scenario, question (or what was asked), path, reason; * stands for anything."""

    def __init__(self, scenario):
        self.lines = []
        for line in (HERE / "allowed.tsv").read_text().splitlines():
            if line and not line.startswith("#"):
                where, asked, path, _ = line.split("\t")
                if like(where)(scenario):
                    self.lines.append((like(asked), like(path)))

    def has(self, key, answer, path):
        return any((asked(key) or asked(answer)) and there(path) for asked, there in self.lines)


def compare(scenario, wanted, found):
    allowed, problems = Allowed(scenario), []
    for key, answers in found.items():
        for have in answers:
            if key not in wanted:
                if not allowed.has(key, have["asked"], "asked here"):
                    problems.append(f"{key[:400]}: never asked of the reference")
                break
            least = None
            for want in wanted[key]:
                rest = [d for d in differences(want, have) if not allowed.has(key, have["asked"], d[0])]
                least = rest if least is None or len(rest) < len(least) else least
            problems += [f"{key[:400]} ({have['asked']} {have['status']}): {path}: {what}" for path, what in least]
    problems += [f"{key[:400]}: never asked here" for key, answers in wanted.items()
                 if key not in found and not allowed.has(key, answers[0]["asked"], "never asked")]
    return problems


def load(file):
    return {line["question"]: line["answers"] for line in map(json.loads, open(file, encoding="utf-8"))}


def main():
    if sys.argv[1] == "keep":
        for key, answers in exchanges(*sys.argv[2:]).items():
            print(json.dumps({"question": key, "answers": answers}, separators=(",", ":")))
        return 0
    problems = compare(sys.argv[2], load(HERE / "exchanges" / f"{sys.argv[2]}.jsonl"), exchanges(sys.argv[3]))
    for line in problems:
        print(line)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
