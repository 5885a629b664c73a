"""A claimed run whose Pending the API does not take: the worker does at once what the state in force asks for."""
import pytest

import flows
import wf
from test_delivery import OwnRedis, waiting

POOL = "wf:{test-pool}"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A server on a Redis of its own, without a worker yet; deployment() and deliver() put runs into a claim's way."""
    folder = tmp_path_factory.mktemp("refused")
    redis = OwnRedis(folder).start()
    server = wf.Server(folder / "s", args=["--redis-url", f"redis+unix://{redis.path}"]).start()
    server.pool()
    flows.write(folder / "flows")
    yield server, redis, folder
    server.stop()
    redis.process.stop()


def deliver(redis, run):
    """The run is in its queue again, as if the claim had come before the state changed."""
    client = redis.client()
    client("PERSIST", f"{POOL}:run:{run}")
    client("HSET", f"{POOL}:run:{run}", "st", "ready")
    lane = client("HGET", f"{POOL}:run:{run}", "ln")
    client("ZADD", f"{POOL}:ln:{lane}:default", 1, run)
    client("ZADD", f"{POOL}:t:default", 1, lane)


def test_states_in_force_decide(place, workers):
    server, redis, folder = place
    client = redis.client()

    def state(run, kind, force=False, **more):
        return server.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": kind, **more}, "force": force})

    def deployed(name, **more):
        return server.deploy("native.flow.yaml:quick", folder / "flows", flow="quick", name=name, **more)

    plain, gone, busy = deployed("plain"), deployed("gone"), deployed("busy", concurrency_limit=1)
    runs = {}
    for case in ("cancelling", "cancelled", "paused", "crashed", "completed", "deleted", "waits", "undeployed"):
        runs[case] = server.submit({"waits": busy, "undeployed": gone}.get(case, plain))["id"]
    holder = server.submit(busy)["id"]
    everything = [*runs.values(), holder]
    wf.wait_until(lambda: len(waiting(client)) == len(everything),
                  lambda: waiting(client))
    state(runs["cancelling"], "PENDING")
    assert state(runs["cancelling"], "CANCELLING")["status"] == "ACCEPT"
    state(runs["cancelled"], "CANCELLING")
    state(runs["paused"], "PENDING")
    state(runs["paused"], "RUNNING")
    assert state(runs["paused"], "PAUSED", state_details={
        "pause_timeout": "2099-01-01T00:00:00Z", "pause_reschedule": True})["status"] == "ACCEPT"
    state(runs["crashed"], "CRASHED", force=True)
    state(runs["completed"], "COMPLETED", force=True)
    state(runs["undeployed"], "PENDING")  # somebody without leases has it
    assert state(holder, "PENDING")["status"] == "ACCEPT"
    server.call("DELETE", f"/deployments/{gone['id']}")
    server.call("DELETE", f"/flow_runs/{runs['deleted']}")
    wf.wait_until(lambda: waiting(client) == [runs["waits"]], "the others left Redis", 30)
    for case, run in runs.items():
        if case != "waits":
            deliver(redis, run)

    worker = workers(server)
    ended = server.wait_run(runs["cancelling"], limit=20)
    assert ended["state_name"] == "Cancelled"
    assert ended["state"]["message"] == "Flow run was cancelled before execution started."

    held = f"{POOL}:held"
    wf.wait_until(lambda: set(client("SMEMBERS", held)) <= {holder}, lambda: [client("SMEMBERS", held), worker.text()], 20)
    assert server.run_state(runs["waits"])["name"] in ("Scheduled", "AwaitingConcurrencySlot")
    names = {case: server.run_state(run)["name"] for case, run in runs.items() if case not in ("deleted", "waits")}
    assert names == {"cancelling": "Cancelled", "cancelled": "Cancelled", "paused": "Paused", "crashed": "Crashed",
                     "completed": "Completed", "undeployed": "Pending"}
    assert client("HGET", f"{POOL}:run:{runs['waits']}", "st") == "ready"
    assert waiting(client) == [runs["waits"]]
    assert client("HGET", f"{POOL}:run:{runs['deleted']}", "st") == "drop"
    assert worker.text().count("started (pid") == 0
