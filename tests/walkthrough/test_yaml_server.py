"""YAML flows and a server: runs of deployments, rate limits, notification blocks, pauses that keep the process; the FILES policy."""
import json
import threading
import time

import pytest

import wf
from test_yaml import sink  # noqa: F401  (a fixture)
from test_yaml_world import run

CHILD = """version: 1
flows:
  kid:
    params: {n: {type: integer, default: 1}}
    tasks: {t: {with: {n: "{{ params.n }}"}, run: "test $WF_IN_n -lt 10"}}
"""


@pytest.fixture
def deployed(server, workers, tmp_path):
    """A server with the deployment kid/kid and a worker."""
    folder = tmp_path / "kid"
    folder.mkdir()
    (folder / "kid.flow.yaml").write_text(CHILD)
    server.pool()
    workers(server)
    server.deploy("kid.flow.yaml:kid", folder, flow="kid", name="kid")
    return server


def below(server, flow):
    """The runs of the flow FLOW, with the name of the task run that is the parent of each."""
    runs = server.call("POST", "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})
    return [(r, server.call("GET", f"/task_runs/{r['parent_task_run_id']}")) for r in runs]


@pytest.mark.parametrize("n, code", [(3, 0), (30, 1)])
def test_a_deployment_is_run_and_waited_for(deployed, tmp_path, n, code):
    out, log = run(tmp_path, f"  p: {{tasks: {{d: {{uses: 'deployment:kid/kid', with: {{n: {n}}}, flow_run_name: 'kid-{n}'}}}}, return: '{{{{ tasks.d }}}}'}}\n",
                   api=deployed.api, code=code)
    (child, parent), = below(deployed, "kid")
    assert child["name"] == f"kid-{n}" and child["parameters"] == {"n": n} and parent["name"] == "d-0"
    assert child["state_type"] == parent["state_type"] == ("FAILED" if code else "COMPLETED")
    assert f"Created subflow run 'kid-{n}' for deployment 'kid/kid'" in log
    graph = deployed.call("GET", f"/flow_runs/{parent['flow_run_id']}/graph-v2")
    assert [node["id"] for _, node in graph["nodes"]] == [child["id"]]
    if code == 0:
        assert json.loads(out)["flow_run_id"] == child["id"]


def test_a_deployment_is_run_and_left_alone(deployed, tmp_path):
    out, _ = run(tmp_path, "  p: {tasks: {d: {uses: 'deployment:kid/kid', with: {n: 30}, wait: false}}, return: '{{ tasks.d }}'}\n", api=deployed.api)
    assert deployed.wait_run(json.loads(out)["flow_run_id"])["state_type"] == "FAILED"  # which the parent did not wait for


def test_a_subflow_in_the_graph(shared_server, tmp_path):
    run(tmp_path, "  grown: {tasks: {s: {uses: small}}}\n  small: {tasks: {t: {run: 'true'}}}\n", api=shared_server.api, flow="grown")
    (child, parent), = below(shared_server, "small")
    assert child["state_type"] == parent["state_type"] == "COMPLETED" and parent["name"] == "s-0"
    graph = shared_server.call("GET", f"/flow_runs/{parent['flow_run_id']}/graph-v2")
    assert [(node["kind"], node["id"]) for _, node in graph["nodes"]] == [("flow-run", child["id"])]
    inner = shared_server.call("GET", f"/flow_runs/{child['id']}/graph-v2")
    assert [node["label"] for _, node in inner["nodes"]] == ["t-0"]


def test_a_rate_limit_holds_back(shared_server, tmp_path):
    shared_server.call("POST", "/v2/concurrency_limits/", {"name": "yaml-rate", "limit": 1, "slot_decay_per_second": 2})
    began = time.monotonic()
    run(tmp_path, "  p: {tasks: {t: {for_each: {i: [1, 2, 3]}, run: 'true', concurrency: [{rate: yaml-rate}]}}}\n", api=shared_server.api)
    assert time.monotonic() - began > 0.9  # two waited for half a second each
    run(tmp_path, "  p: {tasks: {t: {run: 'true', concurrency: [{rate: no-such-rate, strict: true}]}}}\n", api=shared_server.api, code=1)


def test_files_that_change_change_the_key(tmp_path):
    (tmp_path / "in.txt").write_text("1")
    text = """  p:
    tasks: {t: {run: 'echo x >> log; cat in.txt', outputs: text, cache: {policy: FILES, files: ['*.txt'], isolation: SERIALIZABLE}}}
    return: "{{ tasks.t }}"
"""
    assert [run(tmp_path, text)[0] for _ in range(2)] == ['"1"', '"1"']
    (tmp_path / "in.txt").write_text("2")
    assert run(tmp_path, text)[0] == '"2"' and (tmp_path / "log").read_text() == "x\nx\n"


def test_one_computes_and_the_others_wait(tmp_path):
    text = """  p:
    tasks:
      t:
        for_each: {i: [1, 2, 3, 4]}
        run: echo x >> log; sleep 0.3; echo 7
        outputs: json
        cache: {key: same, isolation: SERIALIZABLE}
    return: "{{ tasks.t }}"
"""
    assert json.loads(run(tmp_path, text)[0]) == [7] * 4 and (tmp_path / "log").read_text() == "x\n"


@pytest.mark.parametrize("kind, data", [("slack-webhook", {}), ("custom-webhook", {"name": "x", "method": "PUT", "headers": {"x-token": "t"}})])
def test_a_block_notifies(shared_server, sink, tmp_path, kind, data):  # noqa: F811
    sink.requests.clear()
    types = shared_server.call("GET", f"/block_types/slug/{kind}")
    schema = shared_server.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [types["id"]]}}})[0]
    shared_server.call("POST", "/block_documents/", {"name": "yaml-hook", "data": {"url": f"{sink.url}/hook", **data},
                                                     "block_type_id": types["id"], "block_schema_id": schema["id"]})
    run(tmp_path, f"  p: {{tasks: {{t: {{run: 'true', state_handlers: [{{when: {{is: finished}}, notify: {{block: {{name: {kind}/yaml-hook, "
        "subject: '{{ object.name }}', body: 'is {{ new_state.name }}'}}}]}}}\n", api=shared_server.api)
    assert len(sink.requests) == 1
    request = sink.requests[0]
    assert request["path"] == "/hook" and "is Completed" in request["body"]
    assert request["method"] == ("PUT" if kind == "custom-webhook" else "POST")


def test_a_pause_keeps_the_process(shared_server, tmp_path):
    text = """  held:
    tasks:
      gate: {pause: {timeout_seconds: 60, input: {type: object, properties: {ok: {type: boolean}}, required: [ok]}}}
      after: {with: {ok: "{{ tasks.gate.ok }}"}, run: echo "$WF_IN_ok", outputs: json}
    return: "{{ tasks.after }}"
"""
    said = []
    thread = threading.Thread(target=lambda: said.append(run(tmp_path, text, api=shared_server.api)))
    thread.start()
    paused = wf.wait_until(lambda: shared_server.call("POST", "/flow_runs/filter", {
        "flows": {"name": {"any_": ["held"]}}, "flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}), "the pause", 30)[0]
    assert thread.is_alive() and paused["state_name"] == "Paused"
    answer = shared_server.call("POST", f"/flow_runs/{paused['id']}/resume", {"run_input": {"ok": True}})
    assert answer["status"] == "ACCEPT"
    thread.join(60)
    assert said and said[0][0] == "true"
