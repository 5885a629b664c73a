"""Recorded requests about pools, queues, workers and deployments, sent again: same status, same keys, same values.

The data are real answers of the reference (tests/data/replay/pools.jsonl). Ids are mapped as they appear; what
differs from run to run, or on purpose, is listed here.
"""
import json
import pathlib
import re

import pytest

import wf

DATA = wf.TOP / "tests" / "data" / "replay" / "pools.jsonl"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT")
VOLATILE = {"id", "created", "updated", "timestamp", "last_polled", "estimated_start_time_delta", "anchor_date", "input"}
# Decisions of ours: a message with its name filled in; texts of parsers; schedule errors in one entry.
ON_PURPOSE = {("14", 252), ("02", 44), ("14", 212), ("14", 233), ("14", 234), ("14", 235), ("14", 236), ("14", 237)}
# Told in the background: the recorded client came back later than this test does.
BACKGROUND = {"status"}


def exchanges(scenario):
    with open(DATA) as lines:
        return [e for e in map(json.loads, lines) if e["scenario"] == scenario]


class Replay:
    def __init__(self, server):
        self.server, self.ids, self.problems = server, {}, []

    def mapped(self, value):
        return json.loads(ID.sub(lambda m: self.ids.get(m.group(0), m.group(0)), json.dumps(value)))

    def learn(self, theirs, ours):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                self.learn(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for pair in zip(theirs, ours):
                self.learn(*pair)
        elif isinstance(theirs, str) and isinstance(ours, str):
            for pair in zip(ID.findall(theirs), ID.findall(ours)):
                self.ids.setdefault(*pair)

    def compare(self, theirs, ours, where, out):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            if theirs.keys() != ours.keys():
                out.append(f"{where}: keys {sorted(theirs.keys() ^ ours.keys())}")
            for key in (theirs.keys() & ours.keys()) - VOLATILE - BACKGROUND:
                self.compare(theirs[key], ours[key], f"{where}.{key}", out)
        elif isinstance(theirs, list) and isinstance(ours, list):
            if where.endswith(".tags"):
                theirs, ours = sorted(theirs), sorted(ours)
            if len(theirs) != len(ours):
                out.append(f"{where}: {len(theirs)} against {len(ours)} elements")
            for i, pair in enumerate(zip(theirs, ours)):
                self.compare(*pair, f"{where}[{i}]", out)
        elif isinstance(theirs, str) and isinstance(ours, str):
            same = (TIME.match(theirs) and TIME.match(ours)) or ID.sub("ID", theirs) == ID.sub("ID", ours)
            if not same and not re.fullmatch(r"[a-z]+-[a-z]+", theirs):  # a two-word name
                out.append(f"{where}: {theirs[:120]!r} against {ours[:120]!r}")
        elif theirs != ours:
            out.append(f"{where}: {theirs!r} against {ours!r}")

    def send(self, e):
        path = ID.sub(lambda m: self.ids.get(m.group(0), m.group(0)), e["path"])[len("/api"):]
        answer = self.server.request(e["method"], path, self.mapped(e["request"]) if "request" in e else None)
        name = f"{e['scenario']}#{e['seq']} {e['method']} {path} {e.get('case', '')}"
        if answer.status != e["status"]:
            self.problems.append(f"{name}: {e['status']} against {answer.status} {answer.text[:300]}")
            return
        if "response" in e:
            ours, out = answer.json, []
            if isinstance(ours, dict):
                ours.pop("request_body", None)
            self.learn(e["response"], ours)
            self.compare(e["response"], ours, "", out)
            if (e["scenario"], e["seq"]) not in ON_PURPOSE:
                self.problems += [f"{name}{o}" for o in out]


@pytest.mark.parametrize("scenario", ["02", "14"])
def test_answers_are_the_recorded_ones(server, scenario):
    replay = Replay(server)
    sent = exchanges(scenario)
    for e in sent:
        replay.send(e)
    assert len(sent) > 50
    assert not replay.problems, "\n".join(replay.problems)
