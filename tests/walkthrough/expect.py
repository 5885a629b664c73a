"""One document of an .expect file against what happened: the format of docs/yaml.md, "Write expectations"."""
import http.server
import json
import re
import threading

import yaml

LEVELS = {"I": "INFO    ", "W": "WARNING ", "E": "ERROR   ", "[WE]": "(?:WARNING |ERROR   )"}


class Sink:
    """A web service that records: answers 200 ok, under /fail 500."""

    def __init__(self):
        self.requests = []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                sink.requests.append({"method": self.command, "path": self.path, "body": body.decode("utf-8", "replace"),
                                      "header": {k.lower(): v for k, v in self.headers.items()}})
                text = b"no" if self.path.startswith("/fail") else b"ok"
                self.send_response(500 if text == b"no" else 200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def load(path, tokens):
    """The documents of FILE with $RUN and $SINK filled in."""
    def fill(v):
        if isinstance(v, str):
            for name, value in tokens.items():
                v = v.replace(name, value)
            return v
        if isinstance(v, dict):
            return {k: fill(x) for k, x in v.items()}
        return [fill(x) for x in v] if isinstance(v, list) else v
    return [fill(d) for d in yaml.safe_load_all(path.read_text())]


def line_regex(text):
    found = re.match(r"@(\[WE\]|[IWE])", text)
    if found is None:
        return re.compile(text)
    return re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \| " + LEVELS[found.group(1)] + r"\| " + text[found.end():])


class Check:
    """Collects what is wrong; everything of a document is looked at."""

    def __init__(self):
        self.wrong = []

    def that(self, ok, what):
        if not ok:
            self.wrong.append(what)

    def equal(self, got, want, what):
        self.that(got == want, f"{what}: {got!r}, not {want!r}")

    def matches(self, got, regex, what, whole=False):
        fn = re.fullmatch if whole else re.search
        self.that(fn(regex, got or ""), f"{what}: {got!r} does not match {regex!r}")


def gaps(task):
    """Seconds from each AwaitingRetry to the state behind it."""
    states = task["states"]
    return [b["at"] - a["at"] for a, b in zip(states, states[1:]) if a["name"] == "AwaitingRetry"]


def check_task(c, got, want, by_id):
    name = got["name"]
    if "name" in want:
        c.matches(name, want["name"], "task run", whole=True)
    if "states" in want:
        c.equal([s["name"] for s in got["states"]], want["states"], f"states of {name}")
    if "final" in want:
        c.equal(got["states"][-1]["name"], want["final"], f"final state of {name}")
    if "message" in want:
        c.matches(got["states"][-1]["message"], want["message"], f"message of {name}")
    if "run_count" in want:
        c.equal(got["run_count"], want["run_count"], f"run_count of {name}")
    if "tags" in want:
        c.equal(sorted(got["tags"]), sorted(want["tags"]), f"tags of {name}")
    if "gaps" in want:
        have = gaps(got)
        c.that(len(have) == len(want["gaps"]) and all(lo <= g <= hi for g, (lo, hi) in zip(have, want["gaps"])),
               f"gaps of {name}: {have}, not {want['gaps']}")
    for key, where in (("upstream", lambda k: k != "__parents__"), ("parents", lambda k: k == "__parents__")):
        if key in want:
            ids = [x["id"] for k, v in got["inputs"].items() if where(k) for x in v]
            c.equal(sorted({by_id.get(i, i) for i in ids}), sorted(want[key]), f"{key} of {name}")
    if "child" in want:
        child = got.get("child")
        c.that(child is not None, f"{name} has no child run")
        if child is not None:
            c.equal(child["flow"], want["child"]["flow"], f"flow of the child of {name}")
            check_tasks(c, child, want["child"])


def pair_up(got, want):
    """In any order: the names of WANT are matched first, longest way round for those that fit several."""
    left, pairs = list(got), []
    for w in want:
        hit = next((g for g in left if re.fullmatch(w["name"], g["name"])), None)
        if hit is None:
            return None
        left.remove(hit)
        pairs.append((hit, w))
    return pairs if not left else None


def check_tasks(c, run, want):
    got = run["tasks"]
    by_id = {t["id"]: t["name"] for t in got}
    if isinstance(want["tasks"], dict):
        c.equal(len(got), want["tasks"]["count"], "number of task runs")
        for t in got:
            check_task(c, t, want["tasks"]["each"], by_id)
        return
    pairs = pair_up(got, want["tasks"]) if want.get("unordered") else list(zip(got, want["tasks"]))
    if pairs is None or len(got) != len(want["tasks"]):
        c.that(False, f"task runs: {[t['name'] for t in got]}, not {[t['name'] for t in want['tasks']]}")
        return
    for g, w in pairs:
        check_task(c, g, w, by_id)


def overlap(tasks, prefix):
    """The greatest number of runs Running at one moment."""
    edges = []
    for t in tasks:
        if t["name"].startswith(prefix):
            edges += [e for a, b in zip(t["states"], t["states"][1:]) if a["type"] == "RUNNING" for e in ((a["at"], 1), (b["at"], -1))]
    now = most = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def check_lines(c, lines, want):
    at = 0
    for text in want.get("log", []):
        regex = line_regex(text)
        hit = next((i for i in range(at, len(lines)) if regex.search(lines[i])), None)
        if hit is None:
            where = "before its turn" if any(regex.search(x) for x in lines) else "nowhere"
            c.that(False, f"log line {text!r} is {where}")
        else:
            at = hit + 1
    for text in want.get("log_any", []):
        c.that(any(line_regex(text).search(x) for x in lines), f"log line {text!r} is nowhere")
    for text in want.get("log_absent", []):
        hit = next((x for x in lines if line_regex(text).search(x)), None)
        c.that(hit is None, f"log line {text!r} must not be there: {hit!r}")
    for text, count in want.get("log_count", {}).items():
        c.equal(sum(bool(line_regex(text).search(x)) for x in lines), count, f"number of lines {text!r}")


def check_sink(c, requests, want):
    if "sink_count" in want:
        c.equal(len(requests), want["sink_count"], "requests at the sink")
    for got, w in zip(requests, want.get("sink", [])):
        for key in ("method", "path"):
            if key in w:
                c.equal(got[key], w[key], f"{key} of a request")
        for name, regex in w.get("header", {}).items():
            c.matches(got["header"].get(name.lower()), regex, f"header {name} of {got['path']}")
        if "body" in w:
            c.matches(got["body"], w["body"], f"body of {got['path']}")
    c.that(len(requests) >= len(want.get("sink", [])), f"requests: {[r['path'] for r in requests]}")


def check_state(c, run, want):
    state = want.get("state", {})
    for key in ("type", "name"):
        if key in state:
            c.equal(run["state"][key], state[key], f"{key} of the flow's state")
    if "message" in state:
        c.matches(run["state"]["message"], state["message"], "message of the flow's state")
    if "states" in state:
        c.equal(run["states"], state["states"], "states of the flow")
    if "run_count" in state:
        c.equal(run["run_count"], state["run_count"], "run_count of the flow")
    if "run_name" in state:
        c.matches(run["name"], state["run_name"], "name of the run", whole=True)
    if "tags" in state:
        c.equal(sorted(run["tags"]), sorted(state["tags"]), "tags of the run")


def check(want, outcome):
    """OUTCOME: exit, seconds, lines, stdout, run, requests, and logs of the API (None offline). A list of problems."""
    c = Check()
    run = outcome["run"]
    c.equal(outcome["exit"], want.get("exit", 0), "exit status")
    if "seconds" in want:
        lo, hi = want["seconds"]
        c.that(lo <= outcome["seconds"] <= hi * outcome.get("slack", 1), f"it took {outcome['seconds']:.2f} s, not {lo} to {hi}")
    check_lines(c, outcome["lines"], want)
    check_sink(c, outcome["requests"], want)
    if "result" in want:
        text = outcome["stdout"].strip()
        c.that(text != "" and json.loads(text) == want["result"], f"result: {text!r}, not {want['result']!r}")
    if run is None:
        c.that(False, "there is no record of the run")
        return c.wrong
    check_state(c, run, want)
    if "tasks" in want:
        check_tasks(c, run, want)
    spread = [g for t in run["tasks"] for g in gaps(t)]
    if "gaps_spread" in want:
        c.that(spread and max(spread) - min(spread) >= want["gaps_spread"], f"spread of gaps: {spread}")
    for prefix, most in want.get("overlap", {}).items():
        c.equal(overlap(run["tasks"], prefix), most, f"runs of {prefix} at one moment")
    for entry in want.get("api_logs", []) if outcome["logs"] is not None else []:
        c.that(any(e["level"] == entry["level"] and e["message"] == entry["message"] for e in outcome["logs"]),
               f"the API has no log {entry}")
    return c.wrong
