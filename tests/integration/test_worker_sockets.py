"""The sockets of workers: the channel of a pool's workers, and the subscription of task workers."""
import asyncio
import contextlib
import json
import uuid

import pytest
import websockets

import wf

VERSION = "work_pool_worker_channel.v1"
TEMPLATE = {"job_configuration": {"command": "{{ command }}"},
            "variables": {"type": "object", "properties": {"command": {"type": "string", "default": "true"}}}}


@contextlib.asynccontextmanager
async def connected(server, path):
    url = server.api.replace("http", "ws", 1) + path
    async with websockets.connect(url, subprotocols=["prefect"], open_timeout=20) as socket:
        await socket.send('{"type": "auth", "token": null}')
        assert await received(socket) == {"type": "auth_success"}
        yield socket


async def received(socket, limit=30):
    """The next message, or the close code and its reason."""
    try:
        return json.loads(await asyncio.wait_for(socket.recv(), limit))
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


async def call(server, *args, **options):
    return await asyncio.to_thread(server.call, *args, **options)


# ---- the channel of a pool's workers ----

def frame(kind, **payload):
    return {"type": kind, "id": str(uuid.uuid4()), "sent_at": "2026-11-24T10:00:00Z", "payload": payload}


def hello(**more):
    return frame("worker.hello.v1", **{
        "consumer_id": str(uuid.UUID(int=7)), "worker_name": "w", "worker_type": "process", "heartbeat_interval_seconds": 5,
        "supported_channel_versions": [VERSION], "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
        "work_queue_names": [], "handled_cleanup_kinds": [], "max_cleanup_concurrency": 0, "create_pool_if_not_found": False,
        "default_base_job_template": {}, "worker_metadata": None, **more})


async def greet(server, pool, message):
    async with connected(server, f"/work_pools/{pool}/workers/connect") as socket:
        await socket.send(json.dumps(message) if isinstance(message, dict) else message)
        return await received(socket)


def test_a_worker_is_welcome(shared_server):
    server = shared_server
    asked = hello(create_pool_if_not_found=True, default_base_job_template=TEMPLATE, worker_metadata={"integrations": []},
                  requested_capabilities=["cleanup_delivery.v1", "worker_heartbeat.v1", "work_pool_snapshot.v1"],
                  handled_cleanup_kinds=["pending_claim_teardown.v1"], max_cleanup_concurrency=1)
    ready = asyncio.run(greet(server, "made", asked))
    assert set(ready) == {"type", "id", "sent_at", "payload"} and ready["type"] == "worker.ready.v1"
    said, pool = ready["payload"], server.call("GET", "/work_pools/made")
    assert pool["type"] == "process" and pool["base_job_template"] == TEMPLATE and pool["status"] == "READY"
    assert said.pop("initial_snapshot") == {"snapshot_sequence": 1, "reason": "initial", "work_pool": pool}
    assert said == {
        "consumer_id": str(uuid.UUID(int=7)), "worker_id": None, "selected_channel_version": VERSION,
        "effective_heartbeat_interval_seconds": 5,
        "accepted_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
        "rejected_capabilities": ["cleanup_delivery.v1"], "effective_max_cleanup_concurrency": 0,
        "resolved_work_queues": [{"id": pool["default_queue_id"], "name": "default"}]}
    worker, = server.call("POST", "/work_pools/made/workers/filter", {})
    assert (worker["name"], worker["status"], worker["heartbeat_interval_seconds"]) == ("w", "ONLINE", 5)


@pytest.mark.parametrize("pool,message,code,reason", [
    ("nobody", hello(), 1008, "authorization_failed"),
    ("prefect-x", hello(create_pool_if_not_found=True), 1008, "authorization_failed"),
    ("other", hello(create_pool_if_not_found=True, work_queue_names=["nowhere"]), 1008, "authorization_failed"),
    ("nobody", hello(supported_channel_versions=["v9"]), 1008, "unsupported_version"),
    ("nobody", hello(requested_capabilities=["worker_heartbeat.v1"]), 1002, "protocol_error"),
    ("nobody", hello(surprise=1), 1002, "protocol_error"),
    ("nobody", {**hello(), "surprise": 1}, 1002, "protocol_error"),
    ("nobody", frame("worker.heartbeat.v1", consumer_id=str(uuid.uuid4()), worker_name="w", heartbeat_interval_seconds=5),
     1002, "protocol_error"),
    ("nobody", "no json", 1002, "protocol_error"),
])
def test_a_worker_is_refused(shared_server, pool, message, code, reason):
    assert asyncio.run(greet(shared_server, pool, message)) == (code, reason)


def test_without_the_subprotocol_there_is_no_channel(shared_server):
    async def plain():
        async with websockets.connect(shared_server.api.replace("http", "ws", 1) + "/work_pools/p/workers/connect"):
            pass
    with pytest.raises(websockets.InvalidStatus) as refused:
        asyncio.run(plain())
    assert refused.value.response.status_code == 403


async def follow(server):
    beat = frame("worker.heartbeat.v1", consumer_id=str(uuid.UUID(int=7)), worker_name="w", heartbeat_interval_seconds=7)
    async with connected(server, "/work_pools/followed/workers/connect") as socket:
        await socket.send(json.dumps(hello()))
        ready = (await received(socket))["payload"]
        assert [q["name"] for q in ready["resolved_work_queues"]] == ["fast", "default"]
        # a queue is not the pool: nothing is told; a pause is, once
        await call(server, "POST", "/work_pools/followed/queues", {"name": "slow"})
        await call(server, "PATCH", "/work_pools/followed", {"is_paused": True})
        told = await received(socket)
        assert told["type"] == "work_pool.snapshot.v1" and told["payload"]["reason"] == "work_pool_updated"
        assert told["payload"]["snapshot_sequence"] == 2 and told["payload"]["work_pool"]["is_paused"] is True
        await call(server, "PATCH", "/work_pools/followed", {"base_job_template": TEMPLATE})
        told = (await received(socket))["payload"]
        assert told["snapshot_sequence"] == 3 and told["work_pool"]["base_job_template"] == TEMPLATE
        await socket.send(json.dumps(beat))
        await socket.send(json.dumps(frame("cleanup.ack.v1", message_id=str(uuid.UUID(int=1)), reservation_token="t")))
        result = await received(socket)
        assert result["type"] == "cleanup.operation_result.v1" and result["payload"]["status"] == "unauthorized"
        seconds = 0
        while seconds != 7:  # the heartbeat was written, without an answer
            worker, = await call(server, "POST", "/work_pools/followed/workers/filter", {})
            seconds = worker["heartbeat_interval_seconds"]
        await call(server, "DELETE", "/work_pools/followed")
        assert await received(socket) == (1008, "authorization_failed")


def test_a_worker_is_told_what_becomes_of_its_pool(shared_server):
    shared_server.pool("followed")
    shared_server.call("POST", "/work_pools/followed/queues", {"name": "fast", "priority": 1})
    asyncio.run(asyncio.wait_for(follow(shared_server), wf.PATIENCE))


# ---- task workers ----

def delay(server, key, **more):
    """What my_task.delay() creates."""
    return server.call("POST", "/task_runs/", {
        "name": "t", "task_key": key, "dynamic_key": f"{key}-{uuid.uuid4().hex}", "flow_run_id": None,
        "state": {"type": "SCHEDULED", "state_details": {"deferred": True, "task_parameters_id": str(uuid.uuid4())}}, **more})


@contextlib.asynccontextmanager
async def serving(server, *keys, client="host-1"):
    async with connected(server, "/task_runs/subscriptions/scheduled") as socket:
        await socket.send(json.dumps({"type": "subscribe", "keys": keys, "client_id": client}))
        yield socket


async def take(socket):
    run = await received(socket)
    await socket.send('{"type": "ack"}')
    return run["id"]


def test_background_tasks_go_to_who_serves_them(shared_server):
    server = shared_server

    async def play():
        first = await asyncio.to_thread(delay, server, "a")
        async with serving(server, "a", "b") as socket:
            got = await received(socket)  # made before anybody served it
            assert {**got, "estimated_start_time_delta": 0.0} == first
            second = await asyncio.to_thread(delay, server, "b")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.3)  # one at a time
            await socket.send('{"type": "ack"}')
            assert await take(socket) == second["id"]
            await asyncio.to_thread(delay, server, "c")  # somebody else's
            # no background task: its own process runs it
            await asyncio.to_thread(delay, server, "a", state={"type": "SCHEDULED"})
            there = await call(server, "POST", "/task_workers/filter", {"task_worker_filter": {"task_keys": ["b"]}})
            assert [(w["identifier"], w["task_keys"]) for w in there] == [("host-1", ["a", "b"])]
            assert await call(server, "POST", "/task_workers/filter", {"task_worker_filter": {"task_keys": ["x"]}}) == []
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.3)
            await socket.send('{"type": "quit"}')
            assert (await received(socket))[0] == 1000
        assert await call(server, "POST", "/task_workers/filter", {}) == []
    asyncio.run(asyncio.wait_for(play(), wf.PATIENCE))


def test_what_was_not_acknowledged_goes_to_another(shared_server):
    server = shared_server

    async def play():
        taken = (await asyncio.to_thread(delay, server, "x"))["id"]
        unread = (await asyncio.to_thread(delay, server, "x"))["id"]
        async with serving(server, "x", client="one") as one:
            assert await take(one) == taken
            assert (await received(one))["id"] == unread
            async with serving(server, "x", client="two") as two:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(two.recv(), 0.3)
                one.transport.abort()  # no close frame
                assert await take(two) == unread
                # acknowledged: it stays the first one's, which may be back at any moment
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(two.recv(), 0.5)
    asyncio.run(asyncio.wait_for(play(), wf.PATIENCE))


def test_claims_survive_the_server(tmp_path):
    server = wf.Server(tmp_path).start()

    async def before():
        ids = [(await asyncio.to_thread(delay, server, "k"))["id"] for _ in range(2)]
        async with serving(server, "k") as socket:
            assert await take(socket) == ids[0]
            assert (await received(socket))["id"] == ids[1]
            await asyncio.to_thread(server.kill)
        return ids[1]

    async def after():
        async with serving(server, "k", client="other") as other:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(other.recv(), 0.3)
            async with serving(server, "k") as same:
                return await take(same)
    unread = asyncio.run(asyncio.wait_for(before(), wf.PATIENCE))
    server.start()
    assert asyncio.run(asyncio.wait_for(after(), wf.PATIENCE)) == unread
    assert server.stop() == 0


@pytest.mark.parametrize("message,code,reason", [
    ({"type": "hello"}, 4001, "expected 'subscribe' message"),
    ({"type": "subscribe", "client_id": "c"}, 4001, "expected 'keys' in subscribe message"),
    ({"type": "subscribe", "keys": ["a", 1], "client_id": "c"}, 4001, "expected 'keys' in subscribe message"),
    ({"type": "subscribe", "keys": ["a"]}, 4001, "expected 'client_id' in subscribe message"),
    ("no json", 4001, "expected 'subscribe' message"),
])
def test_wrong_subscriptions(shared_server, message, code, reason):
    async def play():
        async with connected(shared_server, "/task_runs/subscriptions/scheduled") as socket:
            await socket.send(json.dumps(message) if isinstance(message, dict) else message)
            return await received(socket)
    assert asyncio.run(play()) == (code, f"Protocol violation: {reason}")
