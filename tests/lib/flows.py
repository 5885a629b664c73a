"""Flows that several tests deploy, written into a folder."""
import pathlib

NATIVE = """\
version: 1
flows:
  quick:
    params: {mark: {type: string, default: done}, file: {type: string, default: ""}}
    tasks:
      write:
        run: |
          [ -z "$WF_IN_file" ] || echo "$WF_IN_mark" >> "$WF_IN_file"
          echo "$WF_IN_mark"
        with: {mark: "{{ params.mark }}", file: "{{ params.file }}"}
        outputs: text
    return: "{{ tasks.write }}"
  flaky:
    params: {file: {type: string}}
    tasks:
      try:
        run: |
          echo attempt >> "$WF_IN_file"
          [ "$(wc -l < "$WF_IN_file")" -ge 3 ]
        with: {file: "{{ params.file }}"}
        retries: 3
        retry_delay_seconds: [0, 0.1]
  failing:
    tasks:
      good: {run: "echo fine"}
      bad:
        run: |
          echo "something is wrong" >&2
          exit 7
        needs: [good]
      after: {run: "echo never", needs: [bad]}
  sleeper:
    params: {seconds: {type: number, default: 60}, pidfile: {type: string, default: ""}}
    tasks:
      nap:
        run: |
          [ -z "$WF_IN_pidfile" ] || echo $$ > "$WF_IN_pidfile"
          setsid sh -c 'sleep 300' &
          sleep "$WF_IN_seconds"
        with: {seconds: "{{ params.seconds }}", pidfile: "{{ params.pidfile }}"}
  family:
    params: {folder: {type: string}}
    tasks:
      inside: {uses: sleeper, with: {seconds: 60, pidfile: "{{ params.folder }}/inside"}}
      deployed: {uses: "deployment:sleeper/sleeper", with: {seconds: 60, pidfile: "{{ params.folder }}/deployed"}}
"""

PYTHON = '''\
import pathlib
import time

from prefect import flow, get_run_logger, task
from prefect.deployments import run_deployment


@task(retries=1, retry_delay_seconds=0)
def flaky(file: str) -> int:
    path = pathlib.Path(file)
    tries = len(path.read_text().splitlines()) if path.exists() else 0
    path.write_text((path.read_text() if path.exists() else "") + "try\\n")
    if tries == 0:
        raise ValueError("first try fails")
    return tries


@task
def branch(fail: bool):
    if fail:
        raise RuntimeError("branch fails")
    return "fine"


@flow(name="two-tasks", log_prints=True)
def two_tasks(file: str, fail: bool = False):
    print("hello from python")
    flaky(file)
    return branch(fail)


@flow(name="mark", log_prints=True)
def mark(file: str):
    with open(file, "a") as f:
        f.write("python\\n")


def hook(flow, flow_run, state):
    pathlib.Path(flow_run.parameters["hookfile"]).write_text(state.name)


@flow(name="napper", on_cancellation=[hook])
def napper(hookfile: str, started: str, seconds: float = 120):
    pathlib.Path(started).touch()
    end = time.time() + seconds
    while time.time() < end:
        time.sleep(0.1)


@flow
def nap(file: str):
    pathlib.Path(file).touch()
    time.sleep(120)


@flow
def family(folder: str):
    """A subflow of a deployment, and then one in this process."""
    run_deployment("sleeper/sleeper", parameters={"pidfile": folder + "/deployed"}, timeout=0)
    nap(folder + "/inside")
'''


def write(folder):
    """flows.yaml (as native.flow.yaml) and pyflows.py in FOLDER."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "native.flow.yaml").write_text(NATIVE)
    (folder / "pyflows.py").write_text(PYTHON)
    return folder


def native(server, folder, name, pool="test-pool", **more):
    """A deployment of one of the YAML flows."""
    return server.deploy(f"native.flow.yaml:{name}", folder, flow=name, name=name, pool=pool, **more)


def python(server, folder, function, pool="test-pool", **more):
    return server.deploy(f"pyflows.py:{function}", folder, flow=function.replace("_", "-"), name=function, pool=pool,
                         **more)
