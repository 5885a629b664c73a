"""kill -9 of every part: nothing acknowledged is lost, nothing runs twice, every run ends and says what happened."""
import os
import signal
import socket
import time

import pytest

import flows
import wf


@pytest.fixture
def folder(tmp_path):
    return flows.write(tmp_path / "flows")


def start_sleeper(server, folder, tmp_path, seconds=60, name="pid"):
    pidfile = tmp_path / name
    run = server.submit(flows.native(server, folder, "sleeper"), parameters={"seconds": seconds, "pidfile": str(pidfile)})
    wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "task started")
    return run["id"], int(pidfile.read_text())


def test_kill_worker_run_crashes_with_the_reason(server, workers, folder, tmp_path):
    server.pool()
    first = workers(server, name="first")
    run, pid = start_sleeper(server, folder, tmp_path)
    workers(server, name="second")
    first.kill()
    t0 = time.monotonic()
    done = server.wait_run(run, limit=60)
    assert done["state_type"] == "CRASHED" and "Lease expired on worker 'first'" in done["state"]["message"], done["state"]
    assert time.monotonic() - t0 < 40
    wf.wait_until(lambda: not wf.alive(pid), "the task of the dead worker to end", 20)


def test_kill_worker_before_the_start_run_goes_to_another(server, workers, folder, tmp_path):
    server.pool()
    out = tmp_path / "out"
    deployment = flows.native(server, folder, "quick")
    first = workers(server, name="first")
    wf.wait_until(lambda: "started" in first.text(), "worker started")
    first.kill(signal.SIGSTOP)
    run = server.submit(deployment, parameters={"mark": "once", "file": str(out)})
    first.kill(signal.SIGKILL)
    workers(server, name="second")
    assert server.wait_run(run["id"], limit=90)["state_type"] == "COMPLETED"
    assert out.read_text() == "once\n"


def test_kill_engine(server, workers, folder, tmp_path):
    server.pool()
    workers(server)
    run, pid = start_sleeper(server, folder, tmp_path)
    engine = int(server.call("GET", f"/flow_runs/{run}")["infrastructure_pid"])
    os.kill(engine, signal.SIGKILL)
    done = server.wait_run(run)
    assert done["state_type"] == "CRASHED" and "-9" in done["state"]["message"], done["state"]
    wf.wait_until(lambda: not wf.alive(pid), "its task to end", 20)


def test_kill_task(server, workers, folder, tmp_path):
    server.pool()
    workers(server)
    run, pid = start_sleeper(server, folder, tmp_path)
    os.kill(pid, signal.SIGKILL)
    done = server.wait_run(run)
    assert done["state_type"] == "FAILED", done["state"]
    task = server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run]}}})[0]
    assert "signal 9" in task["state"]["message"], task["state"]


def test_kill_api_while_a_run_goes_on(server, workers, folder, tmp_path):
    server.pool()
    workers(server)
    run, _ = start_sleeper(server, folder, tmp_path, seconds=4)
    server.kill()
    time.sleep(5)  # the run ends while nobody listens
    server.start()
    done = server.wait_run(run, limit=90)
    assert done["state_type"] == "COMPLETED", done["state"]


def test_kill_api_and_redis_survives_or_not_next_start_works(server, folder):
    server.pool()
    runs = [server.submit(flows.native(server, folder, "quick"))["id"] for _ in range(20)]
    server.kill()
    server.start()
    for run in runs:
        assert server.run_state(run)["type"] == "SCHEDULED"


def test_acknowledged_writes_survive_kills(server, folder):
    server.pool()
    deployment = flows.native(server, folder, "quick")
    acknowledged = []
    for _ in range(5):
        acknowledged += [server.submit(deployment)["id"] for _ in range(10)]
        server.kill()
        server.start()
    for run in acknowledged:
        assert server.request("GET", f"/flow_runs/{run}").status == 200


def test_kill_redis_runs_still_happen_once(server, workers, folder, tmp_path):
    server.pool()
    out = tmp_path / "out"
    deployment = flows.native(server, folder, "quick")
    workers(server)
    first = [server.submit(deployment, parameters={"mark": f"a{i}", "file": str(out)})["id"] for i in range(10)]
    pid = server.redis_pid()
    assert pid, "the private redis-server"
    os.kill(pid, signal.SIGKILL)
    second = [server.submit(deployment, parameters={"mark": f"b{i}", "file": str(out)})["id"] for i in range(10)]
    for run in first + second:
        done = server.wait_run(run, limit=120)
        assert done["state_type"] == "COMPLETED", done["state"]
    assert sorted(out.read_text().split()) == sorted([f"a{i}" for i in range(10)] + [f"b{i}" for i in range(10)])


def test_redis_loses_everything_and_is_filled_again(server, workers, folder, tmp_path):
    server.pool()
    out = tmp_path / "out"
    deployment = flows.native(server, folder, "quick")
    runs = [server.submit(deployment, parameters={"mark": f"m{i}", "file": str(out)})["id"] for i in range(10)]
    server.stop()
    for file in (server.data / "redis").rglob("*"):
        if file.is_file() and ("aof" in file.name or "rdb" in file.name):
            file.unlink()
    server.start()
    workers(server)
    for run in runs:
        assert server.wait_run(run, limit=120)["state_type"] == "COMPLETED"
    assert len(out.read_text().split()) == 10


def flush(server):
    """FLUSHALL: Redis loses its data and keeps its connections."""
    folder = server.data / "redis"
    password = (folder / "password").read_text().strip()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(folder / "redis.sock"))
        s.sendall(f"AUTH {password}\r\nFLUSHALL\r\n".encode())
        wf.wait_until(lambda: s.recv(100).endswith(b"+OK\r\n"), "FLUSHALL")


def test_redis_is_emptied_owners_keep_their_runs_and_a_dead_owner_is_noticed(server, workers, folder, tmp_path):
    server.pool()
    doomed = workers(server, "--limit", "1", name="doomed")
    lost, _ = start_sleeper(server, folder, tmp_path, name="lost")
    workers(server, name="healthy")
    kept, _ = start_sleeper(server, folder, tmp_path, seconds=12, name="kept")
    doomed.kill()
    flush(server)
    done = server.wait_run(lost, limit=45)
    assert done["state_type"] == "CRASHED" and "worker 'doomed'" in done["state"]["message"], done["state"]
    assert server.wait_run(kept)["state_type"] == "COMPLETED"


def test_restarted_worker_sends_what_its_predecessor_journalled(server, workers, folder, tmp_path):
    server.pool()
    home = {"WF_DATA_DIR": str(tmp_path / "home")}
    first = workers(server, name="first", env=home)
    run, _ = start_sleeper(server, folder, tmp_path, seconds=3)
    server.kill()
    time.sleep(4.5)  # the engine has reported, nobody listens
    first.kill()
    server.start()
    workers(server, name="second", env=home)
    done = server.wait_run(run, limit=90)
    assert done["state_type"] in ("COMPLETED", "CRASHED"), done["state"]
    assert len([n for n in server.states(run) if n in ("Completed", "Crashed")]) == 1
