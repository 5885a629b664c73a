"""What the documentation of Prefect shows of its client (programs/features.py), `prefect deploy --all`, and an old client.

The old client needs a venv of its own, named by WF_OLD_CLIENT (`pip install prefect==3.0.11 pydantic==2.9.2`): by hand."""
import os
import pathlib
import subprocess
import sys

import wf
from test_worker import SLOW, Client

HERE = pathlib.Path(__file__).parent
TWO = """\
deployments:
- name: one
  entrypoint: flows.py:first
  work_pool: {name: pool}
  schedules:
  - {cron: "0 4 * * *", timezone: Europe/Berlin, slug: night}
- name: two
  entrypoint: flows.py:second
  work_pool: {name: pool}
  parameters: {n: 3}
"""
FLOWS = """\
from prefect import flow, task

@task
def plus(n):
    return n + 1

@flow
def first():
    return plus(1)

@flow
def second(n: int):
    return [f.result() for f in [plus.submit(n), plus.submit(n + 1)]]

if __name__ == "__main__":
    assert first() == 2 and second(1) == [2, 3]
"""


def python(program, *args, env, cwd, interpreter=sys.executable):
    done = subprocess.run([interpreter, program, *args], env=env, cwd=cwd, text=True, timeout=SLOW, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_features(server, tmp_path):
    client = Client(tmp_path / "home", server.api)
    folder = tmp_path / "work"
    folder.mkdir()
    said = python(HERE / "programs/features.py", folder, env=client.env, cwd=folder)
    assert said.count("\nok ") + said.startswith("ok ") == 6, said


def deployed(server, client, folder):
    (folder / "flows.py").write_text(FLOWS)
    (folder / "prefect.yaml").write_text(TWO)
    if server.request("GET", "/work_pools/pool").status == 404:
        server.pool("pool")
    client.ok("deploy", "--all", cwd=folder)
    one = server.call("GET", "/deployments/name/first/one")
    two = server.call("GET", "/deployments/name/second/two")
    assert (one["schedules"][0]["schedule"]["cron"], one["work_pool_name"], two["parameters"]) == ("0 4 * * *", "pool", {"n": 3})
    assert list(two["parameter_openapi_schema"]["properties"]) == ["n"]
    return one, two


def test_deploy_all(server, tmp_path):
    client = Client(tmp_path / "home", server.api)
    first = deployed(server, client, tmp_path)
    again = deployed(server, client, tmp_path)
    assert [d["id"] for d in first] == [d["id"] for d in again]


def an_old_client(server, tmp_path, workers):
    """Its flows, tasks, deployments and worker; its runs with our worker."""
    venv = pathlib.Path(os.environ["WF_OLD_CLIENT"])
    client = Client(tmp_path / "home", server.api)
    client.env["PATH"] = f"{venv}/bin:{client.env['PATH']}"
    (tmp_path / "flows.py").write_text(FLOWS)
    python("flows.py", env=client.env, cwd=tmp_path, interpreter=venv / "bin/python")
    runs = server.call("POST", "/flow_runs/filter", {})
    assert sorted(r["state_type"] for r in runs) == ["COMPLETED"] * 2
    wf.wait_until(lambda: server.call("POST", "/task_runs/count", {}) == 3, "three task runs")
    server.pool("pool")
    # Prefect's server refuses the members max_active_runs and catchup of its schedules, and so do we.
    (tmp_path / "prefect.yaml").write_text("".join(line for line in TWO.splitlines(True) if "sched" not in line and "cron" not in line))

    def prefect(*words):
        done = subprocess.run([venv / "bin/prefect", "--no-prompt", *words], env=client.env, cwd=tmp_path, text=True,
                              timeout=SLOW, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        return done.stdout
    prefect("deploy", "--all")
    prefect("deployment", "run", "second/two", "-p", "n=7")
    prefect("worker", "start", "--pool", "pool", "--run-once")
    two = server.call("GET", "/deployments/name/second/two")
    run, = server.call("POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [two["id"]]}}})
    assert server.wait_run(run["id"])["state_type"] == "COMPLETED"
    more = server.submit(two, parameters={"n": 1})
    workers(server, pool="pool", env={"WF_PYTHON": venv / "bin/python"})
    assert server.wait_run(more["id"])["state_type"] == "COMPLETED"
    assert "second" in prefect("flow-run", "ls") and "pool" in prefect("work-pool", "ls")


if "WF_OLD_CLIENT" in os.environ:
    test_an_old_client = an_old_client
