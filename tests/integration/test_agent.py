"""wf-agent: several pools of a host, one budget; workers that die; draining; queues; a new version."""
import os
import signal
import socket
import time

import pytest

import flows
import wf
from test_delivery import OwnRedis


@pytest.fixture
def folder(tmp_path):
    return flows.write(tmp_path / "flows")


@pytest.fixture
def agents(tmp_path):
    started = []

    def start(server, *args, **options):
        a = wf.Agent(server, tmp_path / f"agent-{len(started)}", *args, **options)
        started.append(a)
        return a
    yield start
    for a in started:
        if a.process.running():
            a.kill(signal.SIGTERM)
            time.sleep(0.05)
            a.kill(signal.SIGTERM)
        a.stop(limit=60)


def sleeper(server, folder, tmp_path, name, pool, seconds=60, **more):
    pidfile = tmp_path / f"{name}.pid"
    deployment = flows.native(server, folder, "sleeper", pool=pool, **more)
    run = server.submit(deployment, parameters={"seconds": seconds, "pidfile": str(pidfile)})
    return run["id"], pidfile


def pid_in(file):
    return wf.wait_until(lambda: file.exists() and file.read_text().strip() and int(file.read_text()), f"a pid in {file}")


def test_two_pools_share_one_budget(server, agents, folder, tmp_path):
    for pool in ("a", "b"):
        server.pool(pool)
    agent = agents(server, "--pool", "a", "--pool", "b", "--limit", "2").serving("a", "b")
    out = tmp_path / "out"
    runs = {p: [] for p in "ab"}
    for p in "ab":
        deployment = flows.native(server, folder, "sleeper", pool=p)
        runs[p] = [server.submit(deployment, parameters={"seconds": 1, "pidfile": str(out)})["id"] for _ in range(3)]
    most, both = 0, False
    todo = runs["a"] + runs["b"]

    def over():
        nonlocal most, both
        states = {r: server.run_state(r)["type"] for r in todo}
        running = [r for r in todo if states[r] == "RUNNING"]
        most = max(most, len(running))
        both |= any(r in runs["a"] for r in running) and any(r in runs["b"] for r in running)
        return all(s in wf.TERMINAL for s in states.values())
    wf.wait_until(over, lambda: agent.text()[-3000:])
    assert {server.run_state(r)["type"] for r in todo} == {"COMPLETED"}
    assert most == 2 and both, (most, both)


def test_a_killed_worker_is_replaced_and_its_runs_end_within_a_second(server, agents, folder, tmp_path):
    for pool in ("a", "b"):
        server.pool(pool)
    agent = agents(server, "--pool", "a", "--pool", "b", "--limit", "4").serving("a", "b")
    run, pidfile = sleeper(server, folder, tmp_path, "lost", "a")
    other, other_pidfile = sleeper(server, folder, tmp_path, "other", "b", seconds=4)
    task, other_task = pid_in(pidfile), pid_in(other_pidfile)
    worker = agent.pool("a")["pid"]
    strays = [p for p in wf.descendants(worker) if p != task]
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    done = server.wait_run(run, limit=20)
    took = time.monotonic() - began
    assert done["state_type"] == "CRASHED" and "died (signal 9" in done["state"]["message"], done["state"]
    assert took < 3, f"{took:.2f} s (1 s without sanitizers)"
    assert not wf.alive(task) and not any(wf.alive(p) for p in strays)
    assert wf.alive(other_task), "the runs of the other pool go on"
    wf.wait_until(lambda: agent.pool("a").get("deaths") == 1 and agent.pool("a")["state"] == "serving", agent.text)
    assert "signal 9" in agent.pool("a")["last_death"]
    assert server.wait_run(other)["state_type"] == "COMPLETED"
    again = server.submit(flows.native(server, folder, "quick", pool="a"))
    assert server.wait_run(again["id"])["state_type"] == "COMPLETED"


def test_a_run_that_was_not_started_is_delivered_again_at_once(agents, folder, tmp_path):
    redis = OwnRedis(tmp_path).start()
    server = wf.Server(tmp_path / "s", args=["--redis-url", f"redis+unix://{redis.path}"]).start()
    try:
        server.pool("a")
        agent = agents(server, "--pool", "a").serving("a")
        out, worker = tmp_path / "out", agent.pool("a")["pid"]
        client = redis.client()
        os.kill(worker, signal.SIGSTOP)
        run = server.submit(flows.native(server, folder, "quick", pool="a"), parameters={"mark": "once", "file": str(out)})["id"]
        key = f"wf:{{a}}:run:{run}"
        wf.wait_until(lambda: client("HGET", key, "st") == "ready", "the run in Redis")
        server.process.kill(signal.SIGSTOP)  # claimed, but Pending is not answered
        os.kill(worker, signal.SIGCONT)
        wf.wait_until(lambda: client("HGET", key, "st") == "leased", "the run is claimed")
        time.sleep(0.1)  # its entry in the run table
        os.kill(worker, signal.SIGKILL)
        began = time.monotonic()
        wf.wait_until(lambda: client("HGET", key, "st") == "ready", "the run is ready again", 5)
        assert time.monotonic() - began < 2
        server.process.kill(signal.SIGCONT)
        assert server.wait_run(run, limit=40)["state_type"] == "COMPLETED"
        assert out.read_text() == "once\n"
    finally:
        server.process.kill(signal.SIGCONT)
        for a in [agent]:
            a.kill(signal.SIGTERM)
            a.stop()
        server.stop()
        redis.process.stop()


def test_sigterm_drains_and_a_second_one_stops_the_runs(server, agents, folder, tmp_path):
    for pool in ("a", "b"):
        server.pool(pool)
    agent = agents(server, "--pool", "a", "--pool", "b", "--cancel-grace", "1s").serving("a", "b")
    short, short_pid = sleeper(server, folder, tmp_path, "short", "a", seconds=2)
    long, long_pid = sleeper(server, folder, tmp_path, "long", "b")
    pid_in(short_pid), pid_in(long_pid)
    agent.kill(signal.SIGTERM)
    agent.wait_text("SIGTERM received")
    late = server.submit(flows.native(server, folder, "quick", pool="a"))["id"]
    assert server.wait_run(short)["state_type"] == "COMPLETED"
    assert agent.process.running() and server.run_state(long)["type"] == "RUNNING"
    agent.kill(signal.SIGTERM)
    assert agent.process.child.wait(40) == 0, agent.text()[-3000:]
    done = server.wait_run(long)
    assert done["state_type"] == "CRASHED" and "shut down" in done["state"]["message"], done["state"]
    assert server.run_state(late)["type"] in ("SCHEDULED", "PENDING")  # not started, claimed or not
    assert "died" not in agent.text()


def test_a_drain_has_a_limit(server, agents, folder, tmp_path):
    server.pool("a")
    agent = agents(server, "--pool", "a", "--cancel-grace", "1s", "--drain-timeout", "500ms").serving("a")
    run, pidfile = sleeper(server, folder, tmp_path, "long", "a")
    pid_in(pidfile)
    agent.kill(signal.SIGTERM)
    assert agent.process.child.wait(40) == 0
    assert server.wait_run(run)["state_type"] == "CRASHED"


def test_queues_by_prefix_and_by_name(server, agents, folder, tmp_path):
    server.pool("a")
    queues = lambda: {q["name"] for q in server.call("POST", "/work_pools/a/queues/filter", {})}  # noqa: E731
    agent = agents(server, "--pool", "a", "--match", "night-", "--work-queue", "named").serving("a")
    wf.wait_until(lambda: agent.pool("a")["queues"] == ["named"], agent.text)
    assert queues() == {"default", "named"}, "a named queue is created, a prefix creates none"
    ignored = server.submit(flows.native(server, folder, "quick", pool="a"))["id"]
    server.call("POST", "/work_pools/a/queues", {"name": "night-1"})
    wf.wait_until(lambda: agent.pool("a")["queues"] == ["named", "night-1"], agent.text)
    taken = server.submit(flows.native(server, folder, "quick", pool="a", work_queue_name="night-1"))["id"]
    assert server.wait_run(taken)["state_type"] == "COMPLETED"
    assert server.run_state(ignored)["type"] == "SCHEDULED"
    assert queues() == {"default", "named", "night-1"}


def test_pools_by_prefix_config_file_and_sighup(server, agents, folder, tmp_path):
    server.pool("team-x")
    config = tmp_path / "agent.toml"
    config.write_text('pool = ["team-*"]\nlimit = 3\n')
    agent = agents(server, "--config", config).serving("team-x")
    server.pool("team-y")
    server.pool("other")
    agent.serving("team-y")
    config.write_text('pool = ["team-y=2", "other"]\nlimit = 5\n')
    agent.kill(signal.SIGHUP)
    agent.serving("other")
    wf.wait_until(lambda: not agent.pool("team-x"), agent.text)
    assert agent.status()["slots_limit"] == 5 and agent.pool("team-y")["weight"] == 2
    assert not agent.pool("other")["deaths"]


def test_a_new_version_takes_over_and_no_run_ends(server, agents, folder, tmp_path):
    server.pool("a")
    agent = agents(server, "--pool", "a", "--limit", "2").serving("a")
    run, pidfile = sleeper(server, folder, tmp_path, "on", "a", seconds=4)
    task, worker, pid = pid_in(pidfile), agent.pool("a")["pid"], agent.pid
    for times in (1, 2):
        agent.kill(signal.SIGUSR2)
        wf.wait_until(lambda: agent.text().count("took over 1 runs") == times and agent.pool("a").get("state") == "serving",
                      agent.text)
    assert agent.process.running() and agent.pid == pid and agent.pool("a")["pid"] == worker and wf.alive(task)
    wf.wait_until(lambda: agent.status()["slots_used"] == 1, "the run counts")
    quick = server.submit(flows.native(server, folder, "quick", pool="a"))["id"]
    assert server.wait_run(quick)["state_type"] == "COMPLETED"
    assert server.wait_run(run)["state_type"] == "COMPLETED"
    assert agent.status()["retired_workers"] == [] and agent.pool("a")["deaths"] == 0


def test_workers_drain_when_their_agent_dies(server, agents, folder, tmp_path):
    server.pool("a")
    agent = agents(server, "--pool", "a").serving("a")
    run, pidfile = sleeper(server, folder, tmp_path, "on", "a", seconds=3)
    pid_in(pidfile)
    worker = agent.pool("a")["pid"]
    agent.kill(signal.SIGKILL)
    assert server.wait_run(run)["state_type"] == "COMPLETED"
    wf.wait_until(lambda: not wf.alive(worker), "the worker has ended")


def test_drain_from_afar(server, agents, workers, folder, tmp_path):
    for pool in ("a", "b"):
        server.pool(pool)
    agent = agents(server, "--pool", "a").serving("a")
    alone = workers(server, pool="b", name="alone")
    run, pidfile = sleeper(server, folder, tmp_path, "on", "a", seconds=6)
    pid_in(pidfile)
    wf.wait_until(lambda: "1/" in wf.wf("worker", "ls", server=server, env={"COLUMNS": "200"}).stdout,
                  lambda: wf.wf("worker", "ls", server=server).stdout)
    assert wf.wf("worker", "drain", "nobody", server=server).returncode == 1
    began = time.monotonic()
    said = wf.wf("worker", "drain", "host-a", server=server)
    assert said.returncode == 0, said.stdout
    wf.wait_until(lambda: agent.pool("a").get("state") == "draining", agent.text)
    assert time.monotonic() - began < 3
    wf.wait_until(lambda: "DRAINING" in wf.wf("worker", "ls", server=server).stdout, lambda: wf.wf("worker", "ls", server=server).stdout)
    waits = server.submit(flows.native(server, folder, "quick", pool="a"))["id"]
    assert server.wait_run(run)["state_type"] == "COMPLETED"
    wf.wait_until(lambda: agent.pool("a").get("state") == "drained", agent.text)
    assert server.run_state(waits)["type"] == "SCHEDULED"
    agent.kill(signal.SIGHUP)
    assert server.wait_run(waits)["state_type"] == "COMPLETED", "SIGHUP starts its worker again"
    # a worker on its own; the wake-up is only a hint, so without --pool and by its heartbeat alone, too
    wf.wait_until(lambda: "started!" in alone.text(), alone.text)
    assert wf.wf("worker", "drain", "alone", "--pool", "b", server=server).returncode == 0
    assert alone.wait_exit(30) == 0


def test_systemd_is_told(server, agents, tmp_path):
    server.pool("a")
    path = tmp_path / "notify"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(path))
    manager.setblocking(False)
    heard = []

    def hears(word):
        try:
            while True:
                heard.append(manager.recv(4096).decode())
        except BlockingIOError:
            return any(word in m for m in heard)
    agent = agents(server, "--pool", "a", env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "300000"})
    wf.wait_until(lambda: hears("READY=1"), lambda: heard)
    wf.wait_until(lambda: hears("STATUS=1 pools, 0 of") and hears("WATCHDOG=1"), lambda: heard)
    worker = agent.serving("a").pool("a")["pid"]
    with open(f"/proc/{worker}/environ") as f:
        assert "NOTIFY_SOCKET" not in f.read()
    agent.stop()
    assert hears("STOPPING=1")
