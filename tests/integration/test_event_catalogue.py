"""Every event that the server makes by itself: what causes it, and its shape (docs/events.md lists them; the same
calls to a reference server give the same shapes). Shape: labels of the resource / roles of the related / keys of the payload."""
import datetime
import json
import re
import uuid

import pytest

import wf

STATE = "name run-count state-message state-name state-timestamp state-type"
PLACE = "flow work-queue work-pool"
RUN = "flow deployment work-queue work-pool"
CHANGE = "updated_fields updates"
TRANSITION = "initial_state intended validated_state"
AUTOMATION = "actions actions_on_resolve actions_on_trigger created description enabled id name tags trigger updated"
ACTION, CAUSES = "action_index action_type invocation", "automation-triggered-event triggering-event"
TYPE = "code_example description documentation_url is_protected logo_url name slug"
LIMIT = "active limit name slot_decay_per_second"
# name: (labels, roles, payload), in the order of the first one of each shape
CATALOGUE = {
    "flow.created": ("name", "", "labels name tags"),
    "flow.updated": ("name", "", "labels name tags"),
    "flow.deleted": ("name", "", "labels name tags"),
    "variable.created": ("name", "", "name tags value"),
    "variable.updated": ("name", "", "name tags value"),
    "variable.deleted": ("name", "", "name tags value"),
    "block-type.created": ("name", "", TYPE),
    "block-type.updated": ("name", "", TYPE),
    "block-type.deleted": ("name", "", TYPE),
    "block-document.created": ("name", "block-type block-schema", "block_schema data name"),
    "block-document.updated": ("name", "block-type block-schema", "block_schema data name"),
    "block-document.deleted": ("name", "block-type block-schema", "block_schema data name"),
    "work-pool.created": ("name role type", "default-queue result-storage", ""),
    "work-pool.updated": ("name role type", "", CHANGE),
    "work-pool.deleted": ("name role type", "default-queue result-storage", ""),
    "work-pool.ready": ("name type", "", ""),
    "work-pool.not-ready": ("name type", "", ""),
    "work-pool.paused": ("name type", "", ""),
    "work-queue.created": ("name role", "work-pool", ""),
    "work-queue.updated": ("name role", "work-pool", CHANGE),
    "work-queue.deleted": ("name role", "work-pool", ""),
    "work-queue.ready": ("name role", "work-pool", ""),
    "work-queue.not-ready": ("name role", "work-pool", ""),
    "work-queue.paused": ("name role", "work-pool", ""),
    "concurrency-limit.created": ("name", "", LIMIT),
    "concurrency-limit.updated": ("name", "", LIMIT),
    "concurrency-limit.deleted": ("name", "", LIMIT),
    "deployment.created": ("name", PLACE + " storage infrastructure concurrency-limit", ""),
    "deployment.updated": ("name", PLACE + " storage infrastructure concurrency-limit", CHANGE),
    "deployment.ready": ("name", PLACE + " storage infrastructure concurrency-limit", ""),
    "deployment.deleted": ("name", PLACE + " storage infrastructure concurrency-limit", ""),
    "flow-run.Pending": (STATE, RUN + " tag:dt tag:ft tag:rt", TRANSITION),
    "flow-run.Running": (STATE, RUN + " tag:dt tag:ft tag:rt", TRANSITION),
    "flow-run.Failed": (STATE, "flow task-run tag:ft tag:tt", TRANSITION),        # of a subflow: its parent's tags, too
    "flow-run.Scheduled": (STATE, RUN + " tag:dt tag:ft creator", TRANSITION),    # made by an automation
    "artifact-collection.created": ("name", "latest flow-run task-run", "data description key type"),
    "artifact-collection.updated": ("name", "latest flow-run", "data description key type"),
    "artifact-collection.deleted": ("name", "latest flow-run task-run", "data description key type"),
    "automation.created": ("name", "", AUTOMATION),
    "automation.updated": ("name", "", AUTOMATION),
    "automation.deleted": ("name", "", AUTOMATION),
    "automation.triggered": ("name posture", "triggering-event", "triggering_event triggering_labels"),
    "automation.action.triggered": ("name posture trigger-type", CAUSES, ACTION),
    "automation.action.executed": ("name posture trigger-type", "target flow-run " + CAUSES, ACTION + " status_code"),
    "automation.action.failed": ("name posture trigger-type", CAUSES, ACTION + " reason"),
    "block.custom-webhook.loaded": ("name", "block-type", ""),
}
FOLLOWING = {"work-pool.paused", "flow-run.Running", "automation.action.triggered", "automation.action.executed"}


class Causes:
    """The calls that make each of them happen, in an order that works."""

    def __init__(self, server):
        self.n = uuid.uuid4().hex[:8]
        self.call = server.call

    def objects(self):
        n, call = self.n, self.call
        self.flow = call("POST", "/flows/", {"name": "f" + n, "tags": ["ft"]})["id"]
        call("PATCH", f"/flows/{self.flow}", {"tags": ["ft"]})
        v = call("POST", "/variables/", {"name": "v" + n, "value": 5})["id"]
        call("PATCH", f"/variables/{v}", {"value": 6})
        call("DELETE", f"/variables/{v}")
        self.kind = call("POST", "/block_types/", {"name": "bt" + n, "slug": "bt" + n})["id"]
        call("PATCH", f"/block_types/{self.kind}", {"description": "e"})
        schema = call("POST", "/block_schemas/", {"block_type_id": self.kind, "capabilities": [], "fields": {
            "title": "b", "type": "object", "properties": {"a": {"type": "string"}}, "block_schema_references": {}}})["id"]
        self.block = call("POST", "/block_documents/", {"name": "b" + n, "block_type_id": self.kind,
                                                        "block_schema_id": schema, "data": {"a": "x"}})["id"]
        call("PATCH", f"/block_documents/{self.block}", {"data": {"a": "y"}})
        for path, key, value, change in (("/v2/concurrency_limits/", "name", "limit", {"limit": 4}),):
            limit = call("POST", path, {key: "l" + n, value: 3})["id"]
            call("PATCH", f"{path}{limit}", change)
            call("DELETE", f"{path}{limit}")

    def places(self):
        n, call, pool = self.n, self.call, f"/work_pools/p{self.n}"
        call("POST", "/work_pools/", {"name": "p" + n, "type": "process", "storage_configuration": {
            "default_result_storage_block_id": self.block}})
        call("PATCH", pool, {"description": "d"})
        call("POST", pool + "/queues", {"name": "q" + n})
        for change in ({"priority": 3}, {"is_paused": True}, {"is_paused": False}):
            call("PATCH", f"{pool}/queues/q{n}", change)
        made = {"name": "d" + n, "flow_id": self.flow, "work_pool_name": "p" + n, "work_queue_name": "q" + n, "tags": ["dt"],
                "concurrency_limit": 2, "storage_document_id": self.block, "infrastructure_document_id": self.block}
        self.deployment = call("POST", "/deployments/", made)["id"]
        call("PATCH", f"/deployments/{self.deployment}", {"description": "dd"})
        call("POST", pool + "/workers/heartbeat", {"name": "w"})
        call("POST", pool + "/get_scheduled_flow_runs", {})
        call("PATCH", pool, {"is_paused": True})

    def runs(self):
        call = self.call
        run = call("POST", f"/deployments/{self.deployment}/create_flow_run", {"state": {"type": "PENDING"}, "tags": ["rt"]})["id"]
        call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}, "force": True})
        task = call("POST", "/task_runs/", {"flow_run_id": run, "task_key": "k", "dynamic_key": "0", "tags": ["tt"]})["id"]
        call("POST", "/flow_runs/", {"flow_id": self.flow, "parent_task_run_id": task, "state": {"type": "FAILED"}})
        first = call("POST", "/artifacts/", {"key": "k-" + self.n, "data": "x", "flow_run_id": run, "task_run_id": task})["id"]
        latest = call("POST", "/artifacts/", {"key": "k-" + self.n, "data": "y", "flow_run_id": run})["id"]
        call("DELETE", f"/artifacts/{latest}")                      # the collection shows the first one again: updated
        call("DELETE", f"/artifacts/{first}")

    def automation(self):
        call = self.call
        kind = call("GET", "/block_types/slug/custom-webhook")["id"]
        schema, = call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
        sender = call("POST", "/block_documents/", {"name": "s" + self.n, "block_type_id": kind, "block_schema_id": schema["id"],
                                                    "data": {"name": "s", "url": "http://127.0.0.1:1/"}})["id"]
        a = call("POST", "/automations/", {
            "name": "a" + self.n, "trigger": {"type": "event", "posture": "Reactive", "expect": ["x" + self.n]},
            "actions": [{"type": "cancel-flow-run"},
                        {"type": "run-deployment", "source": "selected", "deployment_id": self.deployment},
                        {"type": "send-notification", "block_document_id": sender, "body": "b"}]})["id"]
        call("PATCH", f"/automations/{a}", {"enabled": True})
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        call("POST", "/events", [{"id": str(uuid.uuid4()), "occurred": now, "event": "x" + self.n,
                                  "resource": {"prefect.resource.id": "r"}}])
        return a

    def end(self, automation):
        for path in (f"/automations/{automation}", f"/deployments/{self.deployment}", f"/work_pools/p{self.n}",
                     f"/block_documents/{self.block}", f"/block_types/{self.kind}", f"/flows/{self.flow}"):
            self.call("DELETE", path)


def everything(server):
    found, path, body = [], "/events/filter", {"filter": {"order": "ASC"}, "limit": 50}
    page = server.call("POST", path, body)
    while page:
        found += page["events"]
        next_page = page.get("next_page")
        page = server.call("GET", next_page.split("/api", 1)[1]) if next_page else None
    return found


def shape(event):
    def short(labels):
        return " ".join(sorted(re.sub(r"^prefect\.(resource\.|work-pool\.)?", "", k) for k in labels if k != "prefect.resource.id"))

    def role(r):
        tag = r["prefect.resource.id"].removeprefix("prefect.tag.")
        return f"tag:{tag}" if r["prefect.resource.role"] == "tag" else r["prefect.resource.role"]
    return short(event["resource"]), " ".join(role(r) for r in event["related"]), " ".join(sorted(event["payload"]))


@pytest.fixture(scope="module")
def events(shared_server):
    c = Causes(shared_server)
    c.objects()
    c.places()
    c.runs()
    a = c.automation()
    wf.wait_until(lambda: {"prefect.automation.action.executed", "prefect.block.custom-webhook.loaded"} <= {
        e["event"] for e in everything(shared_server)}, "the actions are done")
    c.end(a)
    found = {}
    for e in everything(shared_server):
        found.setdefault(e["event"].removeprefix("prefect."), []).append(e)
    return found


def test_each_event_of_the_catalogue(events):
    wrong = {}
    for name, wanted in CATALOGUE.items():
        got = {shape(e) for e in events.get(name, [])}
        if wanted not in got:
            wrong[name] = (wanted, got)
    assert not wrong, json.dumps({k: [v[0], sorted(v[1])] for k, v in wrong.items()}, indent=1)
    assert not [n for n in FOLLOWING if not any(e["follows"] for e in events[n])]


def test_nothing_that_the_catalogue_does_not_know(events):
    ours = {n for n in events if not re.match(r"x[0-9a-f]{8}$", n)}
    assert ours <= set(CATALOGUE) | {"flow-run.AwaitingConcurrencySlot"}, ours - set(CATALOGUE)
    text = (wf.TOP / "docs/events.md").read_text()
    missing = [n for n in CATALOGUE if not documented(n, text)]
    assert not missing, missing


def documented(name, text):
    """As `prefect.a.b`, or in a row `prefect.{a,b}.{c,d}`; STATE stands for states, SLUG for slugs."""
    name = re.sub(r"^(flow-run|task-run)\.[A-Z]\w*$", r"\1.STATE", name)
    name = re.sub(r"^block\.custom-webhook\.", "block.SLUG.", name)
    for written in re.findall(r"`prefect\.([^`]+)`", text):
        options = re.escape(written).replace(r"\{", "(").replace(r"\}", ")").replace(",", "|")
        if re.fullmatch(options, name):
            return True
    return False
