"""One episode: what was made in it, and the calls that are made twice."""
import copy
import http.client
import json
import random
import re
import time

from differ import allowed, same, values

SPOILT = 0.07


class Stopped(Exception):
    """The servers are no longer in the same state: nothing after this can be compared."""


class Lost(Exception):
    """A server does not answer."""


class Difference:
    def __init__(self, route, path, theirs, ours, call):
        self.route, self.path, self.theirs, self.ours, self.call = route, path, theirs, ours, call

    @property
    def key(self):
        return f"{self.route} {self.path}"

    def __str__(self):
        def show(v):
            return "(absent)" if v is same.NO else json.dumps(v, ensure_ascii=False)[:400]
        return f"{self.key}\n    theirs {show(self.theirs)}\n    ours   {show(self.ours)}\n    by     {self.call[:1500]}"


class World:
    """Objects of an episode, by kind: {"id": placeholder, "name": ..., ...}."""

    def __init__(self, pair, seed, episode, tell=None):
        self.pair, self.ids = pair, same.Ids()
        self.rng = random.Random(f"{seed}/{episode}")
        self.prefix = f"e{episode}-"
        self.objects, self.found, self.calls, self.count = {}, [], 0, 0
        self.tell = tell

    def fresh(self, word):
        self.count += 1
        return f"{self.prefix}{word}-{self.rng.choice(values.WORDS)}{self.count}"

    def keep(self, kind, answer, **more):
        """Remembers an object that both answered."""
        if answer is not None and isinstance(answer, dict) and "id" in answer:
            have = self.objects.setdefault(kind, [])
            if not any(o["id"] == answer["id"] for o in have):
                have.append({**answer, **more})
        return answer

    def forget(self, kind, one):
        self.objects[kind] = [o for o in self.objects.get(kind, []) if o["id"] != one["id"]]

    def any(self, kind, make=None):
        have = self.objects.get(kind, [])
        if not have and make is not None:
            make(self)
            have = self.objects.get(kind, [])
        return self.rng.choice(have) if have else None

    def id(self, kind, make=None):
        """An id of a kind; sometimes one that there is not, or that is none."""
        if self.rng.random() < 0.03:
            return self.rng.choice([values.NOTHING, "not-an-id"])
        one = self.any(kind, make)
        return one["id"] if one else values.NOTHING

    def call(self, method, path, body=None, headers=None, sound=False):
        """The same call to both; what the reference answered when the answers agree and are good, else None."""
        body = copy.deepcopy(body)
        if not sound and isinstance(body, (dict, list)) and body and self.rng.random() < SPOILT:
            body = self.spoilt(path, body)
        text = None if body is None else json.dumps(body)
        said = f"{method} {path} {text if text is not None else ''}"
        if self.tell:
            self.tell(said)
        status, theirs = self.exchange(method, path, text, headers, said)
        if status >= 400:
            return None
        return self.known(theirs)

    def spoilt(self, path, body):
        """BODY with a mistake; questions for events stay those for events of this episode: servers tell of more."""
        bad = values.spoil(self, copy.deepcopy(body))
        if path.startswith("/events/") and isinstance(bad, dict):
            asked = bad.get("filter", {})
            event = asked.get("event", {}) if isinstance(asked, dict) else asked
            if event is None or isinstance(event, dict) and event.get("prefix") != body["filter"]["event"]["prefix"]:
                return body
        return bad

    def exchange(self, method, path, text, headers, said):
        self.calls += 1
        asked = [(method, self.ids.text_for(path, n), None if text is None else self.ids.text_for(text, n).encode())
                 for n in (0, 1)]
        try:
            theirs, ours = self.pair.ask(*asked, headers)
        except (OSError, http.client.HTTPException) as e:
            raise Lost(f"{said}: {e!r}") from e
        if path.endswith(("get_scheduled_flow_runs", "get_runs")):
            time.sleep(0.15)  # the reference notes a poll after its answer
        route = f"{method} {route_of(path)}"
        if theirs[0] == 503:
            raise Lost(f"{said}: busy")
        if theirs[0] != ours[0]:
            d = Difference(route, f"status {theirs[0]}/{ours[0]}", brief(theirs[1]), brief(ours[1]), said)
            if not self.note(d):
                raise Stopped
            if method != "GET" and not path.endswith(("/filter", "/count", "/paginate", "/history")):
                raise Stopped  # meant to be, but they have parted
            return max(theirs[0], ours[0]), None
        bad = 0
        if path == "/admin/settings":
            theirs, ours = [(a[0], members(a[1])) for a in (theirs, ours)]
        if loose(path, text):
            theirs, ours = [(a[0], by_name(a[1], self.ids, n)) for n, a in enumerate((theirs, ours))]
        if loose(path, text) and cut(text):
            theirs, ours = (theirs[0], count(theirs[1])), (ours[0], count(ours[1]))
        for path_, a, b in same.differences(theirs[1], ours[1], self.ids):
            bad += not self.note(Difference(f"{route} {theirs[0]}", path_, a, b, said))
            if bad > 8:
                break
        if bad:
            raise Stopped
        if "bulk_set_state" in path and json.dumps(theirs[1]).count("ACCEPT") != json.dumps(ours[1]).count("ACCEPT"):
            raise Stopped
        return theirs

    def note(self, d):
        """True when the difference is meant to be."""
        reason = allowed.reason(d)
        if reason:
            self.pair.meant[reason] = self.pair.meant.get(reason, 0) + 1
            self.pair.examples.setdefault(reason, d)
            return True
        self.found.append(d)
        return False

    def known(self, body):
        """What both answered, with placeholders for ids."""
        return json.loads(self.ids.neutral(json.dumps(body)))


def members(body):
    """The names in an object, without its values."""
    return {k: members(v) for k, v in body.items()} if isinstance(body, dict) else None


def loose(path, text):
    """Whether the order of the answer's rows is left to chance: by ids, which are random there, or by times with ties."""
    body = json.loads(text) if text else {}
    if not isinstance(body, dict) or not re.search(r"/(filter|paginate|bulk_\w+|get_runs|get_scheduled_flow_runs|schedules|related-to/.*)$", path):
        return False
    return str(body.get("sort")) not in values.DISTINCT


def cut(text):
    """Whether the rows are a page of an order that is not the same on both sides."""
    body = json.loads(text) if text else {}
    return body.get("limit") not in (None, 0, 200) or body.get("offset") or body.get("page") not in (None, 1)


def count(body):
    """How many rows there are, of rows that cannot be compared."""
    if isinstance(body, dict):
        return {k: count(v) if k == "results" else v for k, v in body.items()}
    return len(body) if isinstance(body, list) else body


def by_name(body, ids, side):
    """A list of rows (also inside "results" or "deleted") in an order that both sides share."""
    if isinstance(body, dict):
        return {k: by_name(v, ids, side) if k in ("results", "deleted") else v for k, v in body.items()}
    if isinstance(body, list):
        def place(row):
            key = (row.get("name") or ("key" not in row and row.get("flow_run_id")) or row) if isinstance(row, dict) else row
            if isinstance(key, str) and same.SLUG.match(key):
                key = row.get("expected_start_time") or key  # names that servers made up
            return same.order(key, ids, side)
        return sorted(body, key=place)
    return body


def brief(body):
    return body if len(json.dumps(body)) < 600 else json.dumps(body)[:600]


def route_of(path):
    path = re.sub(r"\?.*", "", path)
    path = re.sub(r"@\d+@|" + same.UUID.pattern + "|not-an-id", "{id}", path)
    path = re.sub(r"^(/work_pools)/(?!filter$|count$)[^/]+", r"\1/{name}", path)
    path = re.sub(r"/(queues|workers|input|tag|owned-by|related-to|slug|checksum)/(?!filter$|heartbeat$)[^/]+", r"/\1/{}", path)
    path = re.sub(r"/name/.+$", "/name/{}", path)
    path = re.sub(r"^/v2/concurrency_limits/e\d+-.*$", "/v2/concurrency_limits/{name}", path)
    return re.sub(r"/artifacts/[^/]+/latest$", "/artifacts/{key}/latest", path)
