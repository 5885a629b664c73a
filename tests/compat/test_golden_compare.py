"""The comparison of recordings itself: it sees what it should see, and forgives only what allowed.tsv says."""
import copy
import json
import re

import pytest

import golden

RUN = "/flow_runs/0a0b0c0d-0000-4000-8000-000000000001"


def recording(tmp_path, *answers):
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
    file.write_text("\n".join(json.dumps({
        "kind": "http", "method": request.split(" ")[0], "path": "/api" + request.split(" ")[1], "request_json": asked,
        "request_headers": {}, "response_headers": {}, "status": status, "response_json": body})
        for request, asked, status, body in answers))
    return golden.exchanges(file)


ANSWERS = [
    ("GET " + RUN, None, 200, {"id": "x", "name": "busy-bee", "auto_scheduled": False, "state_name": "Running", "tags": []}),
    ("POST /work_pools/", {"name": "p"}, 409, {"detail": "there is one"}),
    ("POST /work_pools/filter", {}, 200, [{"name": "a", "created": "2026-01-01T00:00:00Z"}, {"name": "b"}]),
]


def changed(number, **more):
    answers = copy.deepcopy(ANSWERS)
    answers[number][3].update(more)
    return answers


@pytest.mark.parametrize("answers,said", [
    (ANSWERS, None),
    (ANSWERS[:2], "POST /api/work_pools/filter {}: never asked here"),
    ([*ANSWERS, ("DELETE /work_pools/p", None, 204, None)], "DELETE /api/work_pools/p: never asked of the reference"),
    ([*ANSWERS, ("POST /work_pools/", {"name": "q"}, 201, {})], 'POST /api/work_pools/ {"name": "q"}: never asked of'),
    (changed(0, tags=None), ".body.tags: null null, expected array []"),
    (changed(0, more=1), ".body.more: unexpected 1"),
    (changed(0, name="lazy-cat"), None),
    (changed(0, name="mine"), '.body.name: "mine", expected "<run>"'),
    (changed(0, id="y"), None),
    (changed(0, id=1), '.body.id: "<number>"'),
    (changed(1, detail="there is none"), '.body.detail: "there is none", expected "there is one"'),
    ([ANSWERS[0], (*ANSWERS[1][:2], 422, ANSWERS[1][3]), ANSWERS[2]], ".status: 422, expected 409"),
    ([*ANSWERS[:2], (*ANSWERS[2][:3], ANSWERS[2][3][::-1])], '.body[].name: "b", expected "a"'),
    ([*ANSWERS[:2], (*ANSWERS[2][:3], ANSWERS[2][3][:1])], ".body#length: 1 items, expected 2"),
    ([*ANSWERS[:2], (*ANSWERS[2][:3], [dict(reversed(ANSWERS[2][3][0].items())), ANSWERS[2][3][1]])], ".body[]#order"),
])
def test_compare(tmp_path, answers, said):
    problems = golden.compare("00", recording(tmp_path, *ANSWERS), recording(tmp_path, *answers))
    assert (problems == []) if said is None else any(said in p for p in problems), problems


def test_every_allowance_has_a_reason():
    lines = [line.split("\t") for line in (golden.HERE / "allowed.tsv").read_text().splitlines() if line and line[0] != "#"]
    assert [line for line in lines if len(line) != 4 or not re.fullmatch(r"\*|\d\d", line[0]) or len(line[3]) < 8] == []
