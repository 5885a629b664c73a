"""A flow goes on while the API is away and its worker's disk is full for a while; afterwards everything is told once."""
import contextlib
import subprocess

import pytest

import wf

TASKS = 150
FLOW = "version: 1\nflows:\n  many:\n    task_runner: {max_workers: 4}\n    tasks:\n      gate: {run: \"until [ -e $WF_IN_file ]; do sleep 0.1; done\", with: {file: \"{{ params.file }}\"}}\n" + "".join(
    f"      t{i}: {{cmd: [\"true\"], needs: [gate]}}\n" for i in range(TASKS)) + "    params: {file: {type: string}}\n"


@pytest.fixture
def disk(tmp_path):
    """A folder that can be full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "wf-test", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as f:
        while True:
            f.write(bytes(4096))


def test_an_outage_with_a_full_disk_is_made_good(server, workers, tmp_path, disk):
    server.pool()
    (tmp_path / "many.flow.yaml").write_text(FLOW)
    gate = tmp_path / "gate"
    deployment = server.deploy("many.flow.yaml:many", tmp_path, flow="many", name="many")
    worker = workers(server, name="w", env={"WF_DATA_DIR": disk})
    run = server.submit(deployment, parameters={"file": str(gate)})["id"]
    server.wait_run(run, {"RUNNING"})
    server.kill()
    fill(disk)
    gate.touch()  # the engine has much to say, and there is no room for it
    wf.wait_until(lambda: "takes no updates" in worker.text() or "no space left" in worker.text().lower(), worker.text, 30)
    (disk / "filler").unlink()
    # The engine is through when it waits for the answer to its final state; its tasks are gone then.
    journal = disk / "worker"
    wf.wait_until(lambda: sum(f.stat().st_size for f in journal.rglob("*.wfj")) > TASKS * 200, "the journal to grow", 60)
    wf.wait_until(lambda: not any(wf.comm(p) == "true" for p in worker.of_runs()), worker.text, 60)
    server.start()
    done = server.wait_run(run, limit=90)
    assert done["state_type"] == "COMPLETED", done["state"]
    tasks = []
    for offset in range(0, TASKS + 1, 100):
        tasks += server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run]}}, "limit": 100, "offset": offset,
                                                           "sort": "ID_DESC"})
    assert len(tasks) == TASKS + 1 and {t["state_type"] for t in tasks} == {"COMPLETED"}
    for task in tasks[:10]:
        names = [s["name"] for s in server.call("GET", f"/task_run_states/?task_run_id={task['id']}")]
        assert names == ["Pending", "Running", "Completed"], names
    assert server.states(run) == ["Scheduled", "Pending", "Running", "Completed"]
