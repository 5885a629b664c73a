"""Automations that fire: durable through kill -9, one stuck endpoint delays no other, what services get."""
import datetime
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import uuid

import pytest

import wf


class Sink:
    """A web service that remembers what it got."""

    def __init__(self, status=200, text="ok"):
        got = self.got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                got.append((self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def until(fn, limit=wf.PATIENCE):
    end = time.monotonic() + limit
    while True:
        value = fn()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def emit(server, name, n=1, **labels):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    server.call("POST", "/events", [{"id": str(uuid.uuid4()), "occurred": now, "event": name,
                                     "resource": {"prefect.resource.id": f"r.{i}", **labels}} for i in range(n)])


def block(server, slug, data):
    kind = server.call("GET", f"/block_types/slug/{slug}")
    found, = server.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})
    return server.call("POST", "/block_documents/", {"name": f"b{uuid.uuid4().hex[:8]}", "block_type_id": kind["id"],
                                                     "block_schema_id": found["id"], "data": data})["id"]


def automation(server, expect, *actions, **trigger):
    return server.call("POST", "/automations/", {
        "name": expect, "actions": list(actions),
        "trigger": {"type": "event", "posture": "Reactive", "expect": [expect], "within": 0, **trigger}})["id"]


def results(server, automation_id, kind):
    return server.call("POST", "/events/filter", {"filter": {
        "event": {"name": [f"prefect.automation.action.{kind}"]}, "resource": {"id": [f"prefect.automation.{automation_id}"]}}})


def test_actions_in_flight_survive_kill_9(tmp_path):
    """Each is delivered, and told once; what is delivered twice carries the same key.  WF_ACTIONS: how many."""
    sink, n = Sink(), int(os.environ.get("WF_ACTIONS", "200"))
    server = wf.Server(tmp_path).start()
    hook = block(server, "webhook", {"url": sink.url})
    a = automation(server, "x", {"type": "call-webhook", "block_document_id": hook, "payload": "{{ event.resource.id }}"})
    emit(server, "x", n)
    for part in (n // 40, n // 2):
        assert until(lambda part=part: len(sink.got) >= part)
        server.kill()
        server.start()
    assert until(lambda: results(server, a, "executed")["total"] >= n, 30 + n / 20)
    assert results(server, a, "executed")["total"] == n        # told once each
    assert results(server, a, "failed")["total"] == 0
    keys = {}
    for _, headers, body in sink.got:
        keys.setdefault(body, set()).add(headers["Idempotency-Key"])
    assert set(keys) == {f"r.{i}" for i in range(n)}
    assert all(len(k) == 1 for k in keys.values()) and len(set.union(*keys.values())) == n
    print(f"{n} actions, killed twice: {len(sink.got)} requests, {len(sink.got) - n} of them repeated with the same key")


def test_an_absence_is_noticed_after_a_restart(tmp_path):
    server = wf.Server(tmp_path).start()
    a = automation(server, "B", {"type": "do-nothing"}, posture="Proactive", after=["A"], within=10,
                   for_each=["prefect.resource.id"])
    emit(server, "A", 2)
    emit(server, "B")                                           # r.0 is done, r.1 is not
    time.sleep(0.3)
    server.kill()
    server.start()
    done = until(lambda: results(server, a, "executed")["events"], 15)
    assert len(done) == 1, done


def test_one_stuck_endpoint_delays_no_other(shared_server):
    server, sink = shared_server, Sink()
    deaf = socket.create_server(("127.0.0.1", 0), backlog=200)  # connects, never answers
    name = uuid.uuid4().hex
    stuck = block(server, "webhook", {"url": f"http://127.0.0.1:{deaf.getsockname()[1]}/"})
    good = block(server, "webhook", {"url": sink.url})
    automation(server, f"stuck-{name}", {"type": "call-webhook", "block_document_id": stuck})
    automation(server, f"good-{name}", {"type": "call-webhook", "block_document_id": good, "payload": "here"})
    emit(server, f"stuck-{name}", 100)
    emit(server, f"good-{name}")
    start = time.monotonic()
    assert until(lambda: sink.got, 4), "the good one waited for the stuck one"
    assert time.monotonic() - start < 3
    deaf.close()


def test_what_services_get(shared_server):
    server, sink, name = shared_server, Sink(), uuid.uuid4().hex
    port = int(sink.url.rsplit(":", 1)[1])
    blocks = {"slack-webhook": {"url": sink.url + "/slack"},
              "ms-teams-webhook": {"url": sink.url + "/workflows/w/triggers/manual/paths/invoke?sig=s"},
              "mattermost-webhook": {"hostname": "127.0.0.1", "port": port, "token": "t", "channels": ["#a", "b"]},
              "custom-webhook": {"name": "c", "url": sink.url + "/custom", "params": {"q": "{{ subject }}"},
                                 "json_data": {"t": "{{subject}}: {{body}}", "k": "{{ key }}"}, "secrets": {"key": [1]}}}
    ids = {slug: block(server, slug, data) for slug, data in blocks.items()}
    for slug, document in ids.items():
        automation(server, name, {"type": "send-notification", "block_document_id": document,
                                  "subject": "S & {{ event.event|length }}", "body": "<B>"})
    emit(server, name)
    assert until(lambda: len(sink.got) >= 5)
    by = {path.split("?")[0]: (path, headers, json.loads(body)) for path, headers, body in sink.got}
    slack = by["/slack"][2]["attachments"][0]
    assert (slack["title"], slack["text"], slack["color"]) == ("S &amp; 32", "&lt;B&gt;", "#3AA3E3")
    assert by["/slack"][1]["User-Agent"] == "Prefect Notifications"
    card = by["/workflows/w/triggers/manual/paths/invoke"][2]["attachments"][0]["content"]
    assert [b["type"] for b in card["body"]] == ["Image", "TextBlock", "TextBlock"] and card["body"][2]["text"] == "<B>"
    assert by["/hooks/t"][2]["text"] == "S & 32\r\n<B>"
    assert sorted(json.loads(b)["channel"] for p, _, b in sink.got if p == "/hooks/t") == ["a", "b"]
    assert by["/custom"][2] == {"t": "S & 32: <B>", "k": [1]} and by["/custom"][0] == "/custom?q=S%20%26%2032"


@pytest.mark.parametrize("data, reason", [
    ({"url": "http://127.0.0.1:9/", "allow_private_urls": False}, "resolves to the private address 127.0.0.1"),
    ({"url": "http://127.0.0.1:1/"}, "Webhook call failed")])
def test_a_webhook_that_cannot_be_called(shared_server, data, reason):
    name = uuid.uuid4().hex
    a = automation(shared_server, name, {"type": "call-webhook", "block_document_id": block(shared_server, "webhook", data)})
    emit(shared_server, name)
    failed = until(lambda: results(shared_server, a, "failed")["events"])
    assert reason in failed[0]["payload"]["reason"] and failed[0]["payload"]["action_type"] == "call-webhook"


def test_why_it_did_not_fire(shared_server):
    name = uuid.uuid4().hex
    a = automation(shared_server, name, {"type": "do-nothing"}, match={"env": "prod"}, threshold=2)
    emit(shared_server, name, 3, env="dev")
    emit(shared_server, name, 2, env="prod")
    said = shared_server.call("GET", f"/wf/v1/automations/{a}/explain?hours=1")
    assert said["no_match"] == 3 and said["fitting"] == 2 and len(said["would_fire"]) == 1
    assert said["near_misses"][0]["reason"] == "the resource does not satisfy match"


def explain(server, name):
    done = subprocess.run([wf.program("wf"), "explain", "automation", name], capture_output=True, text=True, timeout=60,
                          env=wf.clean_env(PREFECT_API_URL=server.api))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_says_why(shared_server):
    name = "why-" + uuid.uuid4().hex
    a = automation(shared_server, name, {"type": "cancel-flow-run"}, match={"env": "prod"}, threshold=3, within=600)
    emit(shared_server, name, 1, env="dev")
    emit(shared_server, name, 1, env="prod")
    assert until(lambda: shared_server.call("GET", f"/wf/v1/automations/{a}/explain")["counting"])
    said = explain(shared_server, name)
    assert "It has not fired yet." in said and "the resource does not satisfy match" in said
    assert "2 more are missing (until 20" in said
    emit(shared_server, name, 2, env="prod")
    assert until(lambda: results(shared_server, a, "failed")["events"])
    shared_server.call("PATCH", f"/automations/{a}", {"enabled": False})
    said = explain(shared_server, a)
    assert "an action failed: No flow run could be inferred" in said and "Last at 20" in said and "is paused" in said
