"""Flow runs and task runs over REST: statuses, bodies, races, tokens, limits, inputs."""
import concurrent.futures
import uuid

import pytest

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def api(shared_server):
    return Api(shared_server)


class Api:
    def __init__(self, server):
        self.server = server
        self.flow = server.call("POST", "/flows/", {"name": f"f-{uuid.uuid4()}"})["id"]

    def ask(self, method, path, body=None, **options):
        return self.server.request(method, path, body, **options)

    def run(self, **more):
        return self.server.call("POST", "/flow_runs/", {"flow_id": self.flow, **more})

    def deployment(self, **more):
        return self.server.call("POST", "/deployments/", {"name": f"d-{uuid.uuid4()}", "flow_id": self.flow, **more})["id"]

    def deployed(self, deployment, state="SCHEDULED"):
        return self.run(deployment_id=deployment, state={"type": state})["id"]

    def move(self, run, state, force=False, **options):
        state = state if isinstance(state, dict) else {"type": state}
        return self.ask("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": force}, **options)

    def read(self, run):
        return self.server.call("GET", f"/flow_runs/{run}")


def token(run, number):
    return {"X-WF-Fence": f"{run}:{number}"}


def test_create_answers_201_then_200_for_the_same_key(api):
    first = api.ask("POST", "/flow_runs/", {"flow_id": api.flow, "idempotency_key": "k"})
    second = api.ask("POST", "/flow_runs/", {"flow_id": api.flow, "idempotency_key": "k", "parameters": {"a": 1}})
    assert (first.status, second.status) == (201, 200)
    assert first.json["id"] == second.json["id"] and second.json["parameters"] == {}
    assert first.json["state"]["type"] == "PENDING" and first.json["labels"] == {"prefect.flow.id": api.flow}


@pytest.mark.parametrize("body, status, text", [
    ({}, 422, "Field required"),
    ({"flow_id": NOBODY}, 409, "Data integrity conflict"),
    ({"flow_id": "x"}, 422, "valid UUID"),
    ({"flow_id": NOBODY, "nosuch": 1}, 422, "Extra inputs are not permitted"),
    ({"flow_id": NOBODY, "state": {"type": "NOSUCH"}}, 422, "Input should be 'SCHEDULED'"),
    ({"flow_id": NOBODY, "work_pool_name": "nosuch"}, 404, 'Work pool \\"nosuch\\" not found.'),
    ({"flow_id": NOBODY, "parameters": {"x": "y" * 530000}}, 422, "must be less than 524,288 bytes"),
])
def test_create_refuses(api, body, status, text):
    answer = api.ask("POST", "/flow_runs/", body)
    assert answer.status == status and text in answer.text


def test_unknown_runs(api):
    for method, path, body, key in [
            ("GET", f"/flow_runs/{NOBODY}", None, "detail"), ("DELETE", f"/flow_runs/{NOBODY}", None, "detail"),
            ("PATCH", f"/flow_runs/{NOBODY}", {"name": "x"}, "detail"),
            ("PATCH", f"/flow_runs/{NOBODY}/labels", {"a": 1}, "exception_message"),
            ("POST", f"/flow_runs/{NOBODY}/set_state", {"state": {"type": "RUNNING"}}, "exception_message"),
            ("GET", f"/flow_runs/{NOBODY}/graph-v2", None, "exception_message"),
            ("POST", f"/flow_runs/{NOBODY}/resume", {}, "exception_message"),
            ("POST", f"/flow_runs/{NOBODY}/input", {"key": "k", "value": "1"}, "detail"),
            ("GET", f"/task_runs/{NOBODY}", None, "detail"),
            ("POST", f"/task_runs/{NOBODY}/set_state", {"state": {"type": "RUNNING"}}, "exception_message")]:
        answer = api.ask(method, path, body)
        assert answer.status == 404 and list(answer.json) == [key], (method, path, answer.text)


def test_fifty_pending_proposals_and_one_winner(api):
    run = api.run(state={"type": "SCHEDULED"})["id"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.move(run, "PENDING").json["status"], range(50)))
    assert sorted(set(answers)) == ["ABORT", "ACCEPT"] and answers.count("ACCEPT") == 1
    assert [s["type"] for s in api.server.call("GET", f"/flow_run_states/?flow_run_id={run}")] == ["SCHEDULED", "PENDING"]


def test_tokens(api):
    run = api.run(state={"type": "SCHEDULED"})["id"]
    assert api.move(run, "PENDING", headers=token(run, 7)).json["status"] == "ACCEPT"
    assert api.move(run, "RUNNING", headers=token(run, 6)).status == 409
    assert api.ask("PATCH", f"/flow_runs/{run}", {"name": "x"}, headers=token(run, 6)).status == 409
    assert api.ask("PATCH", f"/flow_runs/{run}/labels", {"a": 1}, headers=token(run, 6)).status == 409
    assert api.move(run, "RUNNING", headers=token(NOBODY, 1)).json["status"] == "ACCEPT", "about another run"
    assert api.ask("PATCH", f"/flow_runs/{run}", {"name": "x"}, headers=token(run, 8)).status == 204
    assert api.move(run, "COMPLETED", headers=token(run, 7)).status == 409
    assert api.move(run, "COMPLETED", headers=token(run, 8)).json["status"] == "ACCEPT"
    assert api.move(run, "FAILED").json["details"]["reason"] == "Run is already in terminal state COMPLETED."
    assert api.read(run)["state_type"] == "COMPLETED" and api.read(run)["name"] == "x"


def test_the_same_transition_again(api):
    run, state = api.run()["id"], {"type": "RUNNING", "state_details": {"transition_id": str(uuid.uuid4())}}
    assert api.move(run, state).status == 201
    again = api.move(run, state)
    assert again.status == 200 and again.json["status"] == "REJECT"
    assert api.read(run)["run_count"] == 1


@pytest.mark.parametrize("strategy, ends", [("ENQUEUE", "AwaitingConcurrencySlot"), ("CANCEL_NEW", "Cancelled")])
def test_deployment_limit_holds_under_a_race(api, strategy, ends):
    deployment = api.deployment(concurrency_limit=2, concurrency_options={"collision_strategy": strategy})
    runs = [api.deployed(deployment) for _ in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = dict(zip(runs, pool.map(lambda r: api.move(r, "PENDING").json, runs)))
    taken = [r for r in runs if answers[r]["status"] == "ACCEPT"]
    assert len(taken) == 2
    assert all(answers[r]["state"]["name"] == ends for r in runs if r not in taken)
    assert api.server.call("GET", f"/deployments/{deployment}")["global_concurrency_limit"]["active_slots"] == 2
    agent = {"User-Agent": "prefect/3.8.8 (API 0.8.4)"}
    for state in ("RUNNING", "COMPLETED"):
        assert api.move(taken[0], state, headers=agent).json["status"] == "ACCEPT"
    assert api.server.call("GET", f"/deployments/{deployment}")["global_concurrency_limit"]["active_slots"] == 1
    api.server.call("DELETE", f"/flow_runs/{taken[1]}")
    assert api.server.call("GET", f"/deployments/{deployment}")["global_concurrency_limit"]["active_slots"] == 0


def test_pause_with_input_and_resume(api):
    run = api.run()["id"]
    api.move(run, "RUNNING")
    schema = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    assert api.ask("POST", f"/flow_runs/{run}/input", {"key": "s", "value": schema}).status == 201
    assert api.ask("POST", f"/flow_runs/{run}/input", {"key": "s", "value": schema}).status == 409
    keyset = {"description": "d", "response": "r", "schema": "s"}
    paused = {"type": "PAUSED", "state_details": {"pause_key": "1", "run_input_keyset": keyset}}
    assert api.move(run, paused).json["status"] == "ACCEPT"
    refused = api.ask("POST", f"/flow_runs/{run}/resume", {"run_input": {"n": "x"}})
    assert refused.status == 200 and refused.json["status"] == "REJECT"
    assert refused.json["details"]["reason"].startswith("Reason: Validation failed for field 'n'.")
    assert api.ask("POST", f"/flow_runs/{run}/resume", {"run_input": {"n": 1}}).status == 201
    assert api.server.call("GET", f"/flow_runs/{run}/input/r") == {"n": 1}
    found = api.server.call("POST", f"/flow_runs/{run}/input/filter", {"prefix": "", "limit": 5, "exclude_keys": ["s"]})
    assert [i["key"] for i in found] == ["r"]
    assert api.ask("DELETE", f"/flow_runs/{run}/input/r").status == 204
    assert api.ask("GET", f"/flow_runs/{run}/input/r").status == 404
    assert api.move(run, paused).json["details"]["reason"] == "This pause has already fired."


def test_suspend_and_resume(api):
    run = api.deployed(api.deployment())
    for state in ("PENDING", "RUNNING"):
        api.move(run, state)
    api.move(run, {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_reschedule": True}})
    assert api.ask("POST", f"/flow_runs/{run}/resume", {}).json["state"]["name"] == "Resuming"
    for state in ("PENDING", "RUNNING"):
        api.move(run, state)
    assert api.read(run)["run_count"] == 1
    assert api.ask("POST", f"/flow_runs/{run}/resume", {}).json["status"] == "ABORT"


def test_retries_in_process(api):
    run = api.run(empirical_policy={"retries": 1, "retry_delay": 0})["id"]
    api.move(run, "RUNNING")
    failed = api.move(run, {"type": "FAILED", "message": "boom"}).json
    assert (failed["status"], failed["state"]["name"], failed["state"]["message"]) == ("REJECT", "AwaitingRetry", "boom")
    assert api.read(run)["empirical_policy"]["retry_type"] == "in_process"
    assert api.move(run, {"type": "RUNNING", "name": "Retrying"}).json["status"] == "ACCEPT"
    assert api.move(run, "FAILED").json["status"] == "ACCEPT"
    assert api.read(run)["run_count"] == 2


def test_update_labels_and_job_variables(api):
    run = api.run()["id"]
    assert api.ask("PATCH", f"/flow_runs/{run}", {"nosuch": 1}).status == 422
    refused = api.ask("PATCH", f"/flow_runs/{run}", {"job_variables": {"a": 1}})
    assert refused.status == 400 and "state PENDING cannot be updated" in refused.json["detail"]
    assert api.ask("PATCH", f"/flow_runs/{run}", {"infrastructure_pid": "7", "tags": ["t"]}).status == 204
    assert api.ask("PATCH", f"/flow_runs/{run}/labels", {"a": {"deep": 1}}).status == 204
    row = api.read(run)
    assert row["infrastructure_pid"] == "7" and row["tags"] == ["t"] and row["labels"]["a"] == {"deep": 1}
    deployed = api.deployed(api.deployment())
    assert api.ask("PATCH", f"/flow_runs/{deployed}", {"job_variables": {"env": {}}}).status == 204


def test_job_variables_have_to_fit_the_pool(api):
    pool = f"p-{uuid.uuid4()}"
    variables = {"type": "object", "properties": {"n": {"type": "integer"}}}
    api.server.pool(pool, base_job_template={"job_configuration": {"n": "{{ n }}"}, "variables": variables})
    run = api.deployed(api.deployment(work_pool_name=pool))
    refused = api.ask("PATCH", f"/flow_runs/{run}", {"job_variables": {"n": "x"}})
    assert refused.status == 422 and "Validation failed for field 'n'" in refused.json["detail"], refused.text
    assert api.ask("PATCH", f"/flow_runs/{run}", {"job_variables": {"n": 3}}).status == 204
    assert api.read(run)["job_variables"] == {"n": 3}


def test_bulk_and_lists(api):
    runs = [api.run(tags=["bulk"], name=f"n{i}")["id"] for i in range(3)]
    which = {"flow_runs": {"id": {"any_": runs}}}
    results = api.server.call("POST", "/flow_runs/bulk_set_state", {**which, "state": {"type": "CANCELLED"}, "force": False})
    assert sorted(r["flow_run_id"] for r in results["results"]) == sorted(runs)
    assert {r["status"] for r in results["results"]} == {"ACCEPT"}
    assert api.server.call("POST", "/flow_runs/count", which) == 3
    page = api.server.call("POST", "/flow_runs/paginate", {**which, "limit": 2, "page": 2})
    assert (page["count"], page["pages"], len(page["results"])) == (3, 2, 1)
    named = api.server.call("POST", "/flow_runs/filter", {**which, "sort": "NAME_ASC"})
    assert [r["name"] for r in named] == ["n0", "n1", "n2"]
    assert api.ask("POST", "/flow_runs/bulk_delete", {**which, "limit": 51}).status == 422
    assert sorted(api.server.call("POST", "/flow_runs/bulk_delete", which)["deleted"]) == sorted(runs)
    assert api.server.call("POST", "/flow_runs/filter", which) == []


def test_history_and_lateness(api):
    run = api.run(state={"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-01-01T00:00:30Z"}})
    body = {"history_start": "2026-01-01T00:00:00Z", "history_end": "2026-01-01T00:03:00Z",
            "history_interval_seconds": 60, "flow_runs": {"id": {"any_": [run["id"]]}}}
    buckets = api.server.call("POST", "/flow_runs/history", body)
    assert [len(b["states"]) for b in buckets] == [1, 0, 0]
    assert buckets[0]["states"][0]["count_runs"] == 1 and buckets[0]["interval_end"] == "2026-01-01T00:01:00Z"
    assert api.ask("POST", "/flow_runs/history", {**body, "history_interval_seconds": 0.5}).status == 422
    assert api.server.call("POST", "/flow_runs/lateness", {"flow_runs": body["flow_runs"]}) > 0
    assert api.server.call("POST", "/flow_runs/lateness", {"flow_runs": {"id": {"any_": []}}}) is None


def test_subflow_placeholder_follows_its_subflow(api):
    parent = api.run()["id"]
    api.move(parent, "RUNNING")
    task = api.server.call("POST", "/task_runs/", {"flow_run_id": parent, "task_key": "child", "dynamic_key": "0"})
    assert task["labels"]["prefect.flow-run.id"] == parent and task["state"]["type"] == "PENDING"
    child = api.run(parent_task_run_id=task["id"])["id"]
    api.move(child, "RUNNING")
    api.move(child, "COMPLETED")
    placeholder = api.server.call("GET", f"/task_runs/{task['id']}")
    assert placeholder["state_type"] == "COMPLETED"
    assert placeholder["state"]["state_details"]["child_flow_run_id"] == child
    assert [s["type"] for s in api.server.call("GET", f"/task_run_states/?task_run_id={task['id']}")] == \
        ["PENDING", "PENDING", "RUNNING", "COMPLETED"]
    graph = api.server.call("GET", f"/flow_runs/{parent}/graph-v2")
    assert [(n[0], n[1]["kind"]) for n in graph["nodes"]] == [(child, "flow-run")] and graph["root_node_ids"] == [child]
    again = api.ask("POST", "/task_runs/", {"flow_run_id": parent, "task_key": "child", "dynamic_key": "0"})
    assert again.status == 200 and again.json["id"] == task["id"]
    assert api.server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [parent]}}})[0]["id"] == task["id"]


def test_deleting_a_run_takes_everything_with_it(api):
    run = api.run()["id"]
    api.server.call("POST", "/task_runs/", {"flow_run_id": run, "task_key": "t", "dynamic_key": "0"})
    api.server.call("POST", "/logs/", [{"name": "l", "level": 20, "message": "m", "timestamp": "2026-01-01T00:00:00Z",
                                        "flow_run_id": run}])
    assert api.ask("DELETE", f"/flow_runs/{run}").status == 204
    assert api.ask("DELETE", f"/flow_runs/{run}").status == 404
    assert api.server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run]}}}) == []
    assert api.server.call("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}}) == []
    assert api.ask("GET", f"/flow_run_states/?flow_run_id={run}").json == []


def test_updates_rpc_refuses_what_it_cannot_read(api):
    for body in (b"", b"\x09junk", b"\x01\xff\xff"):
        answer = api.ask("POST", "/wf/v1/updates", raw=body, headers={"Content-Type": "application/x-protobuf"})
        assert answer.status == 400, body
