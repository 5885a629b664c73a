"""Two servers behind one address (tests/lib/replicas.py), each request to the next one: what an unmodified client does there.

The whole compat suite that way, by hand: WF_TEST_REPLICAS=2 ... pytest tests/compat.
"""
import asyncio
import os
import re
import subprocess
import sys

import websockets

import wf

PROGRAM = """
from prefect import flow, get_run_logger, task

@task
def plus(n):
    get_run_logger().info("plus %s", n)
    return n + 1

@flow
def first():
    return sum(f.result() for f in [plus.submit(n) for n in range(4)])

assert first() == 10
"""


async def events(server, wanted, started):
    """Names of the events that a socket hears until it has WANTED."""
    heard = set()
    async with websockets.connect(server.api.replace("http", "ws", 1) + "/events/out", subprotocols=["prefect"]) as socket:
        await socket.send('{"type": "auth", "token": null}')
        await socket.recv()
        await socket.send('{"type": "filter", "filter": {"occurred": {"since": "2020-01-01T00:00:00Z"}}}')
        started()
        while not wanted <= heard:
            heard |= set(re.findall(r'"event": ?"(prefect[^"]+)"', await asyncio.wait_for(socket.recv(), wf.PATIENCE)))
    return heard


def test_a_client_does_not_notice(tmp_path, monkeypatch):
    monkeypatch.setenv("WF_TEST_REPLICAS", "2")
    server = wf.Server(tmp_path / "server").start()
    (tmp_path / "first.py").write_text(PROGRAM)
    env = wf.clean_env(PREFECT_API_URL=server.api, PREFECT_HOME=tmp_path / "home", PREFECT_SERVER_ANALYTICS_ENABLED="false",
                       PREFECT_LOGGING_TO_API_BATCH_INTERVAL="0.2", DO_NOT_TRACK="1", PATH=os.environ["PATH"])
    runs = []

    def start():
        runs.append(subprocess.Popen([sys.executable, "first.py"], cwd=tmp_path, env=env, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True))
    wanted = {"prefect.flow-run.Running", "prefect.flow-run.Completed", "prefect.task-run.Completed"}
    asyncio.run(events(server, wanted, start))
    said = runs[0].communicate(timeout=wf.PATIENCE)[0]
    assert runs[0].returncode == 0, said
    run, = server.call("POST", "/flow_runs/filter", {})
    assert run["state_type"] == "COMPLETED"
    for _ in range(2):  # each of them
        wf.wait_until(lambda: server.call("POST", "/task_runs/count", {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}) == 4,
                      "four task runs")
        wf.wait_until(lambda: sum("plus" in line for line in server.logs(run["id"])) == 4, "their logs")
    assert server.stop() == 0
    given = eval(re.search(r"requests to each: (\[.*\])", server.process.text())[1])  # pylint: disable=eval-used
    assert min(given) > 5, given
