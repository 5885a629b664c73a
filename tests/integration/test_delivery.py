"""From a COMMIT to Redis: the relay, settings, a Redis that dies, a Redis that forgets."""
import contextlib
import statistics
import time

import pytest

import flows
import wf
from resp import Redis


class OwnRedis:
    """A redis-server that the test can kill; nothing is saved."""

    def __init__(self, folder):
        self.path = folder / "r.sock"
        self.process = None

    def start(self):
        self.process = wf.Process(["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no"],
                                  self.path.with_suffix(".log"))

        def answers():
            with contextlib.suppress(OSError):
                return Redis(self.path)("PING") == "PONG"
        wf.wait_until(answers, "redis-server")
        return self

    def kill(self):
        self.process.kill()
        self.process.child.wait()

    def client(self):
        return Redis(self.path)


@pytest.fixture
def place(tmp_path_factory):
    """A server on a redis-server of the test's own, with a pool and a deployment."""
    folder = tmp_path_factory.mktemp("d")
    redis = OwnRedis(folder).start()
    server = wf.Server(folder / "s", args=["--redis-url", f"redis+unix://{redis.path}"]).start()
    server.pool()
    deployment = server.deploy("x.flow.yaml:x", folder)
    yield server, redis, deployment
    server.stop()
    redis.process.stop()


def waiting(client, pool="test-pool", queue="default"):
    prefix, found = f"wf:{{{pool}}}", []
    for lane in client("ZRANGE", f"{prefix}:t:{queue}", 0, -1):
        flat = client("ZRANGE", f"{prefix}:ln:{lane}:{queue}", 0, -1, "WITHSCORES")
        found += [(int(due), run) for run, due in zip(flat[::2], flat[1::2])]
    return [run for _, run in sorted(found, key=lambda r: r[0])]


def wait_waiting(redis, want, **where):
    wf.wait_until(lambda: waiting(redis.client(), **where) == want, lambda: f"{waiting(redis.client(), **where)} is not {want}", 30)


def test_a_submitted_run_can_be_claimed_at_once(place):
    server, redis, deployment = place
    client, times = redis.client(), []
    for _ in range(20):
        run = server.submit(deployment)["id"]
        begin = time.monotonic()
        while client("HGET", f"wf:{{test-pool}}:run:{run}", "st") != "ready":
            assert time.monotonic() - begin < 5, "not in Redis"
        times.append(time.monotonic() - begin)
    # the answer and the enqueue start together after the COMMIT; no polling is in between
    assert statistics.median(times) < 0.1, times


def test_runs_keep_their_order_and_their_payload(place):
    server, redis, deployment = place
    runs = [server.submit(deployment)["id"] for _ in range(5)]
    wait_waiting(redis, runs)
    run = redis.client().hash(f"wf:{{test-pool}}:run:{runs[0]}")
    assert runs[0] in run["pl"] and deployment["id"] in run["pl"] and run["gen"] == "1"


def test_pause_limits_and_priorities_reach_redis(place):
    server, redis, _ = place
    client = redis.client()
    server.call("POST", "/work_pools/test-pool/queues", {"name": "fast", "priority": 1})
    wf.wait_until(lambda: client("ZRANGE", "wf:{test-pool}:prio", 0, -1, "WITHSCORES") == ["fast", "1", "default", "2"],
                  lambda: client("ZRANGE", "wf:{test-pool}:prio", 0, -1, "WITHSCORES"))
    server.call("PATCH", "/work_pools/test-pool", {"is_paused": True, "concurrency_limit": 3})
    wf.wait_until(lambda: client.hash("wf:{test-pool}:pool") == {"paused": "1", "limit": "3"}, "settings of the pool")
    queue = server.call("GET", "/work_pools/test-pool/queues/fast")
    server.call("PATCH", f"/work_queues/{queue['id']}", {"is_paused": True, "concurrency_limit": 2})
    wf.wait_until(lambda: client.hash("wf:{test-pool}:qm:fast") == {"paused": "1", "limit": "2"}, "settings of the queue")
    server.call("PATCH", "/work_pools/test-pool", {"is_paused": False, "concurrency_limit": None})
    wf.wait_until(lambda: client.hash("wf:{test-pool}:pool") == {"paused": "0", "limit": "-1"}, "resumed")


def test_cancelled_and_deleted_runs_leave_redis(place):
    server, redis, deployment = place
    runs = [server.submit(deployment)["id"] for _ in range(3)]
    wait_waiting(redis, runs)
    server.call("POST", f"/flow_runs/{runs[0]}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    server.call("DELETE", f"/flow_runs/{runs[1]}")
    wait_waiting(redis, [runs[2]])
    server.call("DELETE", f"/deployments/{deployment['id']}")
    wait_waiting(redis, [])


def test_a_deleted_flow_takes_its_runs_out_of_redis(place):
    server, redis, deployment = place
    wait_waiting(redis, [server.submit(deployment)["id"]])
    server.call("PATCH", f"/deployments/{deployment['id']}", {"concurrency_limit": 2})
    limit = f"/v2/concurrency_limits/deployment:{deployment['id']}"
    assert server.request("GET", limit).status == 200
    server.call("DELETE", f"/flows/{deployment['flow_id']}")
    wait_waiting(redis, [])
    assert server.request("GET", limit).status == 404


def test_a_renamed_queue_takes_its_runs_along(place):
    server, redis, deployment = place
    server.call("PATCH", f"/deployments/{deployment['id']}", {"work_pool_name": "test-pool", "work_queue_name": "old"})
    run = server.submit(deployment)["id"]
    wait_waiting(redis, [run], queue="old")
    server.call("PATCH", "/work_pools/test-pool/queues/old", {"name": "new"})
    wait_waiting(redis, [run], queue="new")
    assert waiting(redis.client(), queue="old") == []


def test_deleted_queues_and_pools_leave_nothing(place):
    server, redis, deployment = place
    server.submit(deployment)
    server.call("DELETE", "/work_pools/test-pool")
    wf.wait_until(lambda: redis.client()("KEYS", "wf:{test-pool}*") == [], lambda: redis.client()("KEYS", "*"), 30)


def test_redis_killed_and_started_again(place):
    server, redis, deployment = place
    before = [server.submit(deployment)["id"] for _ in range(3)]
    wait_waiting(redis, before)
    redis.kill()
    during = [server.submit(deployment)["id"] for _ in range(3)]
    server.call("PATCH", "/work_pools/test-pool", {"concurrency_limit": 7})
    redis.start()  # empty: nothing was saved
    wait_waiting(redis, before + during)
    wf.wait_until(lambda: redis.client().hash("wf:{test-pool}:pool").get("limit") == "7", "the limit")
    after = server.submit(deployment)["id"]
    wait_waiting(redis, before + during + [after])


def test_a_wiped_redis_is_filled_again(place):
    server, redis, deployment = place
    runs = [server.submit(deployment)["id"] for _ in range(20)]
    server.call("PATCH", "/work_pools/test-pool", {"concurrency_limit": 5})
    wait_waiting(redis, runs)
    redis.client()("FLUSHALL")
    wait_waiting(redis, runs)
    wf.wait_until(lambda: redis.client().hash("wf:{test-pool}:pool").get("limit") == "5", "the limit")


def test_server_killed_with_rows_that_wait(place):
    server, redis, deployment = place
    redis.kill()
    runs = [server.submit(deployment)["id"] for _ in range(3)]
    server.kill()
    redis.start()
    server.start()
    wait_waiting(redis, runs)


def test_polls_make_ready_and_keep_pauses(place):
    server, _, deployment = place
    server.call("POST", "/work_pools/test-pool/workers/heartbeat", {"name": "w", "heartbeat_interval_seconds": 30})
    assert server.call("GET", "/work_pools/test-pool")["status"] == "READY"
    server.call("POST", "/work_pools/test-pool/get_scheduled_flow_runs", {})
    wf.wait_until(lambda: server.call("GET", f"/deployments/{deployment['id']}")["status"] == "READY", "a READY deployment")
    queue = server.call("GET", "/work_pools/test-pool/queues/default")
    assert queue["status"] == "READY" and queue["last_polled"]
    server.call("PATCH", f"/work_queues/{queue['id']}", {"is_paused": True})
    server.call("PATCH", "/work_pools/test-pool", {"is_paused": True})
    server.call("POST", "/work_pools/test-pool/workers/heartbeat", {"name": "w", "work_queue_names": []})
    assert server.call("POST", "/work_pools/test-pool/get_scheduled_flow_runs", {}) == []
    assert server.call("GET", f"/work_queues/{queue['id']}")["status"] == "PAUSED"
    assert server.call("GET", "/work_pools/test-pool")["status"] == "PAUSED"
    server.call("PATCH", "/work_pools/test-pool", {"is_paused": False})
    assert server.call("GET", "/work_pools/test-pool")["status"] == "READY"


def test_polls_follow_priorities_and_limits(place):
    server, _, deployment = place
    place_in = "/deployments/%s/create_flow_run" % deployment["id"]
    slow = [server.call("POST", place_in, {"work_queue_name": "slow"})["id"] for _ in range(2)]
    usual = [server.call("POST", place_in, {})["id"] for _ in range(3)]
    server.call("PATCH", "/work_pools/test-pool/queues/slow", {"priority": 1})

    def polled(**body):
        return [r["flow_run"]["id"] for r in server.call("POST", "/work_pools/test-pool/get_scheduled_flow_runs", body)]
    assert polled() == slow + usual
    assert polled(work_queue_names=["default"]) == usual
    assert polled(limit=3) == slow + usual[:1]
    server.call("PATCH", "/work_pools/test-pool/queues/slow", {"concurrency_limit": 1})
    assert polled() == slow[:1] + usual
    server.call("PATCH", "/work_pools/test-pool", {"concurrency_limit": 2})
    assert polled() == slow[:1] + usual[:1]
    assert server.call("POST", "/work_pools/test-pool/get_scheduled_flow_runs", {"work_queue_names": ["nosuch"]}, expect=404)


def test_schedules_make_runs_and_pausing_drops_them(place):
    server, _, deployment = place

    def ahead():
        return server.call("POST", "/flow_runs/count", {"deployments": {"id": {"any_": [deployment["id"]]}}})
    server.call("POST", f"/deployments/{deployment['id']}/schedules", [{"schedule": {"cron": "0 3 * * *"}, "slug": "a"}])
    wf.wait_until(lambda: ahead() == 3, ahead, 20)
    server.call("PATCH", f"/deployments/{deployment['id']}", {"paused": True})
    assert ahead() == 0
    server.call("PATCH", f"/deployments/{deployment['id']}", {"paused": False})
    wf.wait_until(lambda: ahead() == 3, ahead, 20)
    schedule = server.call("GET", f"/deployments/{deployment['id']}/schedules")[0]
    server.call("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": False})
    assert ahead() == 0
    server.call("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": True})
    wf.wait_until(lambda: ahead() == 3, ahead, 20)
    server.call("DELETE", f"/deployments/{deployment['id']}/schedules/{schedule['id']}")
    assert ahead() == 0


def test_when_redis_stays_away_runs_come_from_the_api(place, workers, tmp_path):
    server, redis, _ = place
    folder = flows.write(tmp_path / "flows")
    deployment, out = flows.native(server, folder, "quick"), tmp_path / "marks"
    worker = workers(server, "--redis-patience", "500ms", "--query-seconds", "1")
    first = server.submit(deployment, parameters={"mark": "before", "file": str(out)})["id"]
    assert server.wait_run(first)["state_type"] == "COMPLETED"
    redis.kill()
    during = [server.submit(deployment, parameters={"mark": f"during-{n}", "file": str(out)})["id"] for n in range(3)]
    for run in during:
        assert server.wait_run(run)["state_type"] == "COMPLETED", worker.text()
    assert "Redis has been away" in worker.text()
    nap = server.submit(flows.native(server, folder, "sleeper"), parameters={"seconds": 4, "pidfile": str(tmp_path / "pid")})["id"]
    wf.wait_until(lambda: server.run_state(nap)["type"] == "RUNNING", worker.text)
    redis.start()
    wf.wait_until(lambda: worker.text().count("Redis is reachable") == 2, worker.text)
    after = server.submit(deployment, parameters={"mark": "after", "file": str(out)})["id"]
    assert server.wait_run(after)["state_type"] == "COMPLETED", worker.text()
    assert server.wait_run(nap)["state_type"] == "COMPLETED" and server.states(nap).count("Running") == 1
    assert sorted(out.read_text().split()) == ["after", "before", "during-0", "during-1", "during-2"], "each ran once"
