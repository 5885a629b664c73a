"""Events: what was sent is there, and found by filters and counts."""
import time
import uuid

from differ import values
from differ.values import at, maybe


def send(w):
    """Some events of this episode; returns when both servers have stored them."""
    rows = []
    base = w.prefix.strip("-")
    for n in range(w.rng.randint(1, 6)):
        w.told = getattr(w, "told", 0) + 1  # no two at one instant: their order would be chance
        row = {"occurred": at(w, w.rng.choice([-50, -5000, -100000]) - w.told * 60), "event": f"{base}.{w.rng.choice(values.WORDS)}",
               "resource": {"prefect.resource.id": f"{base}.{w.rng.choice('abc')}", "kind": w.rng.choice(["x", "y"])},
               "id": str(uuid.UUID(int=w.rng.getrandbits(128), version=4))}
        maybe(w, row, "related", lambda: [{"prefect.resource.id": f"{base}.r{w.rng.choice('12')}", "prefect.resource.role": w.rng.choice(["flow", "tag"])}], 0.5)
        maybe(w, row, "payload", lambda: w.rng.choice([{}, {"n": 1, "text": "alpha beta"}, {"deep": {"a": [1]}}]), 0.5)
        rows.append(row)
    if w.call("POST", "/events", rows) is None:
        return
    body = {"filter": {"event": {"prefix": [base]}, "id": {"id": [r["id"] for r in rows if isinstance(r, dict) and "id" in r]}}}
    for side in (w.pair.theirs, w.pair.ours):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            status, answer = side.ask("POST", "/events/filter", body)
            if status != 200 or answer["total"] == len(rows):
                break
            time.sleep(0.05)


def event_filter(w):
    base = w.prefix.strip("-")
    body = {"event": {"prefix": [base + "."]}, "order": w.rng.choice(["ASC", "DESC"])}
    maybe(w, body["event"], "name", lambda: [f"{base}.{x}" for x in w.rng.sample(values.WORDS, 3)], 0.3)
    maybe(w, body["event"], "exclude_name", lambda: [f"{base}.{x}" for x in w.rng.sample(values.WORDS, 2)], 0.2)
    maybe(w, body["event"], "exclude_prefix", lambda: [f"{base}.a"], 0.1)
    maybe(w, body, "occurred", lambda: {"since": at(w, -200000), "until": at(w, w.rng.choice([10, -3000]))}, 0.4)
    maybe(w, body, "resource", lambda: w.rng.choice([
        {"id": [f"{base}.a"]}, {"id_prefix": [base]}, {"labels": {"kind": "x"}}, {"labels": {"kind": ["x", "!y"]}}, {"labels": {"kind": "*"}},
        {"distinct": True}, {}, {"labels": {"prefect.resource.id": f"{base}.*"}}]), 0.5)
    maybe(w, body, "related", lambda: w.rng.choice([
        {"id": [f"{base}.r1"]}, {"role": ["flow"]}, {"resources_in_roles": [[f"{base}.r1", "flow"]]}, {"labels": {"prefect.resource.role": "tag"}}, {},
        [{"role": ["flow"]}, {"id": [f"{base}.r2"]}]]), 0.3)
    maybe(w, body, "any_resource", lambda: w.rng.choice([{"id": [f"{base}.r1", f"{base}.b"]}, {"id_prefix": [f"{base}.r"]}, {}]), 0.2)
    maybe(w, body, "text", lambda: {"query": w.rng.choice(["alpha", "-alpha", '"alpha beta"', "+beta", ""])}, 0.2)
    return body


def find(w):
    body = {"filter": event_filter(w)}
    maybe(w, body, "limit", lambda: w.rng.choice([1, 2, 50, 51, 0]), 0.3)
    w.call("POST", "/events/filter", body)


def count(w):
    body = {"filter": event_filter(w)}
    body["filter"]["occurred"] = {"since": "2026-01-01T00:00:00Z", "until": at(w, w.rng.choice([60, -3000]))}
    if w.rng.random() < 0.9:
        body["filter"]["occurred"]["since"] = at(w, -7200)
    maybe(w, body, "time_unit", lambda: w.rng.choice(["week", "day", "hour", "minute", "second", "year"]), 0.7)
    maybe(w, body, "time_interval", lambda: w.rng.choice([1, 2, 0.5, 0.001, 0]), 0.4)
    w.call("POST", f"/events/count-by/{w.rng.choice(['day', 'time', 'event', 'resource', 'nothing'])}", body)


EVENTS = {send: 3, find: 7, count: 5}
