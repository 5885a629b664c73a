"""PostgreSQL as users meet it: a start that fails, two servers on one database, servers and databases that die."""
import asyncio
import contextlib
import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

import pytest
import websockets

import pg
import test_automations as automations
import wf


# -- starting --

def ended(folder, url, **env):
    """The output of a wf-api that does not start."""
    done = subprocess.run([wf.program("wf-api"), "--port", "0", "--data-dir", folder / "data"], text=True, timeout=60,
                          env=wf.clean_env(WF_DATABASE_URL=url, **env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode != 0
    return done.stdout


def test_a_start_that_fails_says_why(tmp_path):
    cluster = pg.cluster()
    cluster.sql("CREATE ROLE secret LOGIN PASSWORD 'right'")
    database = cluster.new_database()
    text = ended(tmp_path, cluster.url(database, "secret", "wr0ng"))
    assert "password authentication failed" in text and "check the user and the password" in text
    assert "wr0ng" not in text
    assert "wants a password" in ended(tmp_path, cluster.url(database, "secret"))
    text = ended(tmp_path, cluster.url(database, "secret", "right"))
    assert "permission denied" in text and "GRANT CREATE" in text and "right@" not in text
    assert "does not exist" in ended(tmp_path, cluster.url("nosuch"))
    assert "cannot connect" in ended(tmp_path, "postgresql://wf@/x?host=/nonexistent")
    cluster.sql("CREATE TABLE something (x int)", database)
    assert "database of another program" in ended(tmp_path, cluster.url(database))


def test_the_password_is_nowhere_to_be_read(tmp_path):
    cluster = pg.cluster()
    database = cluster.new_database()
    cluster.sql("CREATE ROLE owner LOGIN; GRANT ALL ON DATABASE %s TO owner" % database)
    cluster.sql("GRANT ALL ON SCHEMA public TO owner", database)
    url = cluster.url(database, "owner", "hunter2")
    server = wf.Server(tmp_path, database=database, args=["--database-url", url]).start()
    assert "hunter2" not in server.process.text()
    with open(f"/proc/{server.process.pid}/cmdline", encoding="utf-8") as f:
        assert "hunter2" not in f.read()
    server.stop()
    assert "hunter2" not in server.process.text()


# -- one server --

class Load:
    """Threads that make flow runs; what was acknowledged is remembered."""

    def __init__(self, servers, threads=4):
        self.servers, self.acknowledged, self.refused, self.odd = servers, {}, 0, []
        self.flow = servers[0].flow()["id"]
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(threads)]
        for t in self.threads:
            t.start()

    def work(self, number):
        server = self.servers[number % len(self.servers)]
        while not self.over.is_set():
            key = str(uuid.uuid4())
            try:
                answer = server.request("POST", "/flow_runs/", {"flow_id": self.flow, "idempotency_key": key})
            except (OSError, urllib.error.URLError):  # a killed server
                self.refused += 1
                time.sleep(0.05)
                continue
            if answer.status in (200, 201):
                self.acknowledged[key] = answer.json["id"]
            elif answer.status == 503:
                self.refused += 1
            else:
                self.odd.append((answer.status, answer.text))

    def grows(self, by=20):
        goal = len(self.acknowledged) + by
        wf.wait_until(lambda: len(self.acknowledged) >= goal or self.odd, lambda: f"{goal} runs, {self.refused} refused")

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()

    def check(self, database):
        """Each acknowledged run is there once, with its first state; the database is consistent."""
        assert not self.odd
        rows = dict(line.split("|") for line in pg.cluster().sql(
            "SELECT fr.idempotency_key, encode(fr.id, 'hex') FROM flow_run fr "
            "JOIN flow_run_state s ON s.id = fr.state_id WHERE fr.idempotency_key IS NOT NULL", database))
        missing = {k for k, i in self.acknowledged.items() if rows.get(k) != i.replace("-", "")}
        assert not missing
        assert pg.cluster().sql("SELECT count(*) FROM flow_run WHERE state_id IS NULL", database) == ["0"]


def test_postgresql_restarted_under_load(tmp_path):
    cluster = pg.cluster()
    server = wf.Server(tmp_path).start()
    load = Load([server])
    try:
        for signo in (signal.SIGINT, signal.SIGQUIT):
            load.grows()
            cluster.stop(signo)
            cluster.start()
        load.grows()
    finally:
        load.stop()
    load.check(server.database)
    assert server.request("GET", "/ready").status == 200
    server.stop()


def test_a_database_that_stays_away_is_a_503(tmp_path):
    cluster = pg.cluster()
    server = wf.Server(tmp_path).start()
    cluster.stop()
    try:
        answer = server.request("POST", "/flows/", {"name": "f"})
        assert answer.status == 503, answer.text
        assert server.request("GET", "/health").status == 200
    finally:
        cluster.start()
    wf.wait_until(lambda: server.request("POST", "/flows/", {"name": "f"}).status in (200, 201), "back")
    server.stop()


# -- two servers --

@pytest.fixture
def pair(tmp_path):
    """Two servers on one database and one redis-server."""
    socket = tmp_path / "r.sock"
    redis = wf.Process(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"],
                       tmp_path / "redis.log")
    wf.wait_until(socket.exists, "redis-server")
    key = tmp_path / "block.key"
    env = {"WF_REDIS_URL": f"redis+unix://{socket}", "WF_API_BLOCK_KEY_FILE": key}
    a = wf.Server(tmp_path / "a", env={**env, "WF_API_BLOCK_KEY_FILE": ""}).start()
    key.write_bytes((a.data / "block.key").read_bytes())
    key.chmod(0o600)
    b = wf.Server(tmp_path / "b", env=env, database=a.database).start()
    yield a, b
    for server in (a, b):
        server.stop()
    redis.stop()


@contextlib.asynccontextmanager
async def subscribed(server, path, what):
    url = server.api.replace("http", "ws", 1) + path
    async with websockets.connect(url, subprotocols=["prefect"], open_timeout=20) as socket:
        await socket.send('{"type": "auth", "token": null}')
        assert json.loads(await socket.recv())["type"] == "auth_success"
        await socket.send(json.dumps({"type": "filter", "filter": what}))
        await socket.ping()
        yield socket


async def one(socket, want):
    """The first message that WANT takes."""
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), wf.PATIENCE))
        if want(message):
            return message


def test_live_events_and_logs_reach_sockets_of_either_server(pair):
    a, b = pair

    async def both(here, there):
        flow = here.flow()["id"]
        run = here.call("POST", "/flow_runs/", {"flow_id": flow})["id"]
        since = "2020-01-01T00:00:00Z"
        async with subscribed(there, "/events/out", {"occurred": {"since": since}}) as events, \
                subscribed(there, "/logs/out", {"flow_run_id": {"any_": [run]}}) as logs:
            await (await events.ping())
            await (await logs.ping())
            here.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
            here.call("POST", "/logs/", [{"name": "x", "level": 20, "message": "hello", "flow_run_id": run,
                                          "timestamp": "2026-01-01T00:00:00Z"}])
            event = await one(events, lambda m: m["type"] == "event" and m["event"]["event"] == "prefect.flow-run.Running"
                              and run in m["event"]["resource"]["prefect.resource.id"])
            log = await one(logs, lambda m: m["type"] == "log")
            assert event and log["log"]["message"] == "hello"
    asyncio.run(both(a, b))
    asyncio.run(both(b, a))


def test_both_servers_are_one(pair):
    """A run made here is claimed, moved and read there; one of them leads each service."""
    a, b = pair
    a.pool()
    flow = a.flow()["id"]
    deployment = b.call("POST", "/deployments/", {"name": "d", "flow_id": flow, "work_pool_name": "test-pool",
                                                  "entrypoint": "x:y"})
    run = a.submit(deployment)["id"]
    assert b.run_state(run)["type"] == "SCHEDULED"
    answers = []

    def propose(server):
        answers.append(server.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})["status"])
    threads = [threading.Thread(target=propose, args=(s,)) for s in (a, b) * 8]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers).count("ACCEPT") == 1
    limit = a.call("POST", "/v2/concurrency_limits/", {"name": "one", "limit": 5})["id"]
    got = []

    def take(server):
        got.append(server.request("POST", "/v2/concurrency_limits/increment", {"names": ["one"], "slots": 1, "mode": "concurrency"}).status)
    threads = [threading.Thread(target=take, args=(s,)) for s in (a, b) * 8]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got.count(200) == 5, got
    assert b.call("GET", f"/v2/concurrency_limits/{limit}")["active_slots"] == 5
    owners = pg.cluster().sql("SELECT name, count(DISTINCT owner) FROM service_lease GROUP BY name", a.database)
    assert owners and all(line.endswith("|1") for line in owners)


def test_one_of_two_servers_is_killed(pair):
    a, b = pair
    load = Load([a, b])
    try:
        load.grows(40)
        a.kill()
        load.grows(40)
    finally:
        load.stop()
    load.check(b.database)

    def taken_over():
        return pg.cluster().sql("SELECT count(*) FROM service_lease WHERE expires < "
                                "(extract(epoch FROM now()) * 1000000)::bigint", b.database) == ["0"]
    wf.wait_until(taken_over, "the services have a new leader")
    a.start()
    assert a.request("GET", "/ready").status == 200


def evaluates(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        return "\nwf_triggers_evaluated_total 0\n" not in answer.read().decode()


def test_each_firing_is_acted_on_once(pair):
    """Both servers take events; the one that evaluates and acts is killed in the middle."""
    a, b = pair
    sink, n = automations.Sink(), 60
    hook = automations.block(a, "webhook", {"url": sink.url})
    automation = automations.automation(a, "x", {"type": "call-webhook", "block_document_id": hook,
                                                 "payload": "{{ event.resource.id }}"}, match={"prefect.resource.id": "p.*"})
    sent = set()

    def emit(server, count):
        events = [{"id": str(uuid.uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": "x",
                   "resource": {"prefect.resource.id": f"p.{len(sent) + i}"}} for i in range(count)]
        server.call("POST", "/events", events)
        sent.update(e["resource"]["prefect.resource.id"] for e in events)
    for i in range(10):
        emit((a, b)[i % 2], 2)
    wf.wait_until(lambda: len(sink.got) >= 10, "the first actions")
    emit(a, 10)
    emit(b, 10)
    leader, other = (a, b) if evaluates(a) else (b, a)
    leader.kill()
    pg.cluster().sql("UPDATE service_lease SET expires = 0", a.database)  # as if its 20 s had passed
    while len(sent) < n:
        emit(other, 5)
    leader.start()
    wf.wait_until(lambda: automations.results(other, automation, "executed")["total"] >= n, lambda: len(sink.got), 40)
    fired = other.call("POST", "/events/filter", {"filter": {"event": {"name": ["prefect.automation.triggered"]}}})
    assert fired["total"] == n and automations.results(leader, automation, "executed")["total"] == n
    keys = {}
    for _, headers, body in sink.got:
        keys.setdefault(body, set()).add(headers["Idempotency-Key"])
    assert set(keys) == sent and all(len(k) == 1 for k in keys.values())
