"""Counts that come from cells (run_cell) are those of the runs, after anything that can happen to runs."""
import datetime
import random
import sqlite3
import uuid

import pg
import wf

NOW = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=2)
# true of every run here, and nothing that cells know: the runs themselves are asked
SLOW = {"tags": {"operator": "and_", "all_": ["t"]}}
STATES = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED", "PAUSED"]


class Scene:
    def __init__(self, server, seed):
        self.s, self.rng = server, random.Random(seed)
        self.flows = [server.flow(f"rolled-{seed}-{i}")["id"] for i in range(3)]
        self.deployments = [server.call("POST", "/deployments/", {"name": "d", "flow_id": f})["id"] for f in self.flows]
        self.runs, self.tasks = [], []

    def when(self):
        near = self.rng.choice([0, 0, 59, 60, 61, 3599, 3600, 86400, 90000, 40 * 86400])
        return (NOW - datetime.timedelta(seconds=near + self.rng.random() * 90)).isoformat()

    def state(self, kind=None):
        kind = kind or self.rng.choice(STATES)
        return {"type": kind, "name": self.rng.choice([kind.title(), "Odd"]),
                "state_details": {"scheduled_time": self.when()} if kind == "SCHEDULED" else {}}

    def make(self):
        i = self.rng.randrange(3)
        body = {"flow_id": self.flows[i], "tags": ["t"], "state": self.state("SCHEDULED")}
        if self.rng.random() < 0.3 and self.tasks:
            body["parent_task_run_id"] = self.rng.choice(self.tasks)
        if self.rng.random() < 0.5:
            body["deployment_id"] = self.deployments[i]
        answer = self.s.request("POST", "/flow_runs/", body)
        if answer.status == 201:  # the parent may be gone with its run
            self.runs.append(answer.json["id"])

    def make_task(self):
        if not self.runs:
            return
        run = self.rng.choice(self.runs)
        task, state, start = str(uuid.uuid4()), self.rng.choice(STATES[2:7]), self.when()
        self.s.call("POST", "/events", [{
            "id": str(uuid.uuid4()), "occurred": start, "event": f"prefect.task-run.{state.title()}",
            "resource": {"prefect.resource.id": f"prefect.task-run.{task}", "prefect.orchestration": "client"},
            "related": [{"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.role": "flow-run"}],
            "payload": {"validated_state": {"type": state, "name": state.title(), "state_details": {}},
                        "task_run": {"name": "n", "task_key": "z", "dynamic_key": task, "run_count": 1, "tags": ["t"],
                                     "start_time": start, "expected_start_time": self.when(), "total_run_time": 1.0}}}])
        self.tasks.append(task)

    def move(self):
        kind, ids = self.rng.choice([("flow_runs", self.runs), ("task_runs", self.tasks)])
        if ids:
            self.s.request("POST", f"/{kind}/{self.rng.choice(ids)}/set_state", {"state": self.state(), "force": True})

    def delete(self):
        kind, ids = self.rng.choice([("flow_runs", self.runs), ("task_runs", self.tasks)])
        if len(ids) > 5:
            self.s.request("DELETE", f"/{kind}/{ids.pop(self.rng.randrange(len(ids)))}")

    def filters(self, kind):
        """Filters of KIND that cells can answer."""
        pick = self.rng.choice
        own = {}
        if pick([0, 1]):
            own["state"] = pick([{"type": {"any_": self.rng.sample(STATES, 3)}}, {"name": {"any_": ["Odd", "Failed"]}}])
        if pick([0, 1]):
            ends = sorted([self.when(), self.when()])
            own[pick(["start_time", "expected_start_time"])] = pick([
                {"after_": ends[0]}, {"before_": ends[1]}, {"after_": ends[0], "before_": ends[1]}])
        if kind == "task_runs":
            return {"task_runs": own}
        if pick([0, 1]):
            own["parent_task_run_id"] = {"is_null_": pick([True, False])}
        if "state" in own and pick([0, 1]):
            own["state"] = {"type": {"not_any_": ["COMPLETED"]}}
        return {"flow_runs": own, **pick([{}, {}, {"flows": {"id": {"any_": self.rng.sample(self.flows, 2)}}},
                                           {"deployments": {"id": {"any_": self.deployments[:2]}}}])}

    def same(self, path, kind, body):
        slow = {**body, kind: {**body.get(kind, {}), **SLOW}}
        fast, runs = (self.s.call("POST", path, b) for b in (body, slow))
        if isinstance(fast, float):
            assert abs(fast - runs) < 1 + 1e-6 * abs(runs), (path, body)  # what has not ended gets later
        elif "history" in path:
            def shape(h):
                return [(b["interval_start"], [(s["state_type"], s["state_name"], s["count_runs"]) for s in b["states"]]) for b in h]
            assert shape(fast) == shape(runs), (path, body)
            for a, b in zip((s for x in fast for s in x["states"]), (s for x in runs for s in x["states"])):
                for sums in ("sum_estimated_run_time", "sum_estimated_lateness"):
                    assert abs(a[sums] - b[sums]) < 1 + a["count_runs"], (path, body)
        else:
            assert fast == runs, (path, body)

    def compare(self):
        for kind in ("flow_runs", "task_runs"):
            for _ in range(3):
                body = self.filters(kind)
                self.same(f"/{kind}/count", kind, body)
                body[kind].pop("start_time", None)
                seconds = self.rng.choice([7.5, 60, 100, 1800, 7000, 86400, 100000])
                steps = self.rng.choice([1, 5, 30])
                start = NOW - datetime.timedelta(seconds=self.rng.choice([0, 0.7 * seconds, steps * seconds]))
                self.same(f"/{kind}/history", kind, {**body, "history_start": start.isoformat(), "history_interval_seconds": seconds,
                                                     "history_end": (start + datetime.timedelta(seconds=steps * seconds)).isoformat()})
        self.same("/flow_runs/lateness", "flow_runs", self.filters("flow_runs"))
        self.same("/ui/task_runs/count", "task_runs", self.filters("task_runs"))
        self.same("/ui/task_runs/dashboard/counts", "task_runs", {"task_runs": {"start_time": {"after_": self.when()}}})


def test_cells_count_what_runs_do(shared_server):
    scene = Scene(shared_server, 1)
    for _ in range(5):
        for _ in range(12):
            scene.rng.choice([scene.make, scene.make, scene.move, scene.move, scene.make_task,
                              scene.delete])()
        scene.compare()
    # a deployment that is gone has no runs; a flow takes its runs along
    shared_server.call("DELETE", f"/deployments/{scene.deployments[0]}")
    scene.same("/flow_runs/count", "flow_runs", {"deployments": {"id": {"any_": scene.deployments}}})
    shared_server.call("DELETE", f"/flows/{scene.flows[1]}")
    for _ in range(5):
        scene.compare()
    # all changes come into the cells, and the same holds
    if not pg.wanted():
        file = f"file:{shared_server.data}/wf.db?mode=ro"
        wf.wait_until(lambda: sqlite3.connect(file, uri=True).execute("SELECT count(*) FROM run_delta").fetchone() == (0,),
                      "the rollups are not done")
    for _ in range(5):
        scene.compare()

