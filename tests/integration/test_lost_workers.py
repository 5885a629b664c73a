"""Every worker is dead: the API itself ends their leases, and says what became of their runs."""
import time

import flows
import wf
from test_delivery import OwnRedis, wait_waiting

LUA = wf.TOP / "pools" / "lua"
LEASE_MS = 15000


def claim(client, worker):
    """What a worker does that dies before it starts anything: the id of the run it got."""
    script = (LUA / "prelude.lua").read_text() + (LUA / "claim.lua").read_text()
    return client("EVAL", script, 1, "wf:{test-pool}", worker, LEASE_MS, 1, 0)[0]


def test_without_a_worker_leases_end_within_seconds(tmp_path, workers):
    redis = OwnRedis(tmp_path).start()
    server = wf.Server(tmp_path / "s", args=["--redis-url", f"redis+unix://{redis.path}"]).start()
    try:
        server.pool()
        folder, out, pidfile = flows.write(tmp_path / "flows"), tmp_path / "out", tmp_path / "pid"
        sleeper, quick = flows.native(server, folder, "sleeper"), flows.native(server, folder, "quick")
        only = workers(server, name="only")
        started = server.submit(sleeper, parameters={"seconds": 60, "pidfile": str(pidfile)})["id"]
        wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "task started")
        only.kill()
        only.wait_exit()
        died = time.monotonic()
        waiting = server.submit(quick, parameters={"mark": "once", "file": str(out)})["id"]
        wait_waiting(redis, [waiting])
        assert claim(redis.client(), "ghost") == waiting
        run = server.wait_run(started, limit=30)
        assert time.monotonic() - died <= 25, "the reconciler did it, not the reaper"
        assert run["state_type"] == "CRASHED" and run["state"]["message"] == "Lease expired on worker 'only'.", run["state"]
        assert server.states(started)[-2:] == ["Running", "Crashed"]
        wait_waiting(redis, [waiting])  # never started: delivered again
        assert time.monotonic() - died <= 25
        again = workers(server, name="again")
        assert server.wait_run(waiting)["state_type"] == "COMPLETED", again.text()[-2000:]
        assert again.stop() == 0 and out.read_text() == "once\n"
        # confirmed: Redis does not report it again
        assert redis.client()("HGET", f"wf:{{test-pool}}:run:{started}", "st") == "done"
        assert redis.client()("ZCARD", "wf:{test-pool}:lost") == 0
    finally:
        assert server.stop() == 0
        redis.process.stop()
