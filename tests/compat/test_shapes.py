"""The comparison of recordings itself: it sees what it should see, and forgives only what it says."""
import copy
import json

import pytest

import shapes

RUN = "GET /flow_runs/0a0b0c0d-0000-4000-8000-000000000001"


def recording(tmp_path, *answers):
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
    lines = []
    for request, status, body in answers:
        method, path = request.split(" ")
        lines.append(json.dumps({"kind": "http", "method": method, "path": "/api" + path, "status": status,
                                 "response_json": body}))
    file.write_text("\n".join(lines))
    return shapes.distil(file)


ANSWERS = [
    (RUN, 200, {"id": "x", "state_name": "Running", "state": {"type": "RUNNING", "at": None}, "tags": ["a"]}),
    ("POST /work_pools/", 409, {"detail": "there is one"}),
    ("PATCH /work_pools/p", 204, None),
]


def changed(number, **more):
    answers = copy.deepcopy(ANSWERS)
    answers[number][2].update(more)
    return answers


@pytest.mark.parametrize("answers,said", [
    (ANSWERS, None),
    (ANSWERS[:2], "PATCH /work_pools/{name} 204: never answered here"),
    ([*ANSWERS, ("DELETE /work_pools/p", 204, None)], "DELETE /work_pools/{name} 204: answered here"),
    ([(RUN, 200, {"id": "x", "state_name": "Running", "state": {"type": "RUNNING", "at": None}}), *ANSWERS[1:]],
     "tags is missing"),
    (changed(0, more=1), "more is not in the reference's answers"),
    (changed(0, wf_more=1), None),
    (changed(0, id=1), "id is ['number'], expected ['string']"),
    (changed(0, id=None), None),
    (changed(0, state_name="Pending"), None),
    (changed(0, state_name="Completed"), "state_name has values"),
    (changed(1, detail="there is none"), "detail has values"),
    ([ANSWERS[0], ("POST /work_pools/", 422, {"detail": "no"}), ANSWERS[2]], "POST /work_pools/ 409: never answered"),
])
def test_compare(tmp_path, answers, said):
    problems = shapes.compare(recording(tmp_path, *ANSWERS), recording(tmp_path, *answers))
    if said is None:
        assert problems == []
    else:
        assert any(said in p for p in problems), problems
