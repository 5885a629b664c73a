"""YAML flows and what is around them: Prefect's result records, S3, SMTP, a worker, somebody who resumes."""
import http.server
import json
import socketserver
import subprocess
import threading

import pytest

import wf


def run(folder, text, *words, api=None, code=0, flow=None, **env):
    """Runs the only flow of TEXT, or FLOW, by hand; (stdout, log)."""
    (folder / "x.flow.yaml").write_text("version: 1\nflows:\n" + text)
    address = {"WF_API_URL": api} if api else {}
    more = {"HOME": folder, "NO_COLOR": "1", "WF_RESULTS_DIR": folder / "results", **address, **env}
    where = [] if api else ["--offline"]
    done = subprocess.run([wf.program("wf"), "flow", "run", "x.flow.yaml" + (f":{flow}" if flow else ""), *where, *words], cwd=folder,
                          env=wf.clean_env(**more), capture_output=True, text=True, timeout=90)
    assert done.returncode == code, done.stderr
    return done.stdout.strip(), done.stderr


KEPT = """\
  kept:
    tasks:
      t: {run: 'echo "computing" >&2; echo "[1, 2.5, \\"x\\"]" > "$WF_RESULT"', log_prints: true, cache: {key: the-key}}
    return: "{{ tasks.t }}"
"""


def test_prefect_reads_what_a_native_task_kept(tmp_path):
    run(tmp_path, KEPT)
    from prefect.results import ResultRecord
    record = ResultRecord.deserialize((tmp_path / "results" / "the-key").read_bytes())
    assert record.result == [1, 2.5, "x"] and record.metadata.serializer.type == "json"
    assert record.metadata.storage_key == str(tmp_path / "results" / "the-key") and record.metadata.expiration is None


def test_a_native_task_reads_what_prefect_kept(tmp_path):
    from prefect.results import ResultRecord, ResultRecordMetadata
    from prefect.serializers import JSONSerializer
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "the-key"
    path.write_bytes(ResultRecord(result={"from": "python"}, metadata=ResultRecordMetadata(
        storage_key=str(path), serializer=JSONSerializer())).serialize())
    out, log = run(tmp_path, KEPT)
    assert json.loads(out) == {"from": "python"} and "computing" not in log and "Finished in state Cached(" in log


def test_a_damaged_record_is_made_again(tmp_path):
    run(tmp_path, KEPT)
    path = tmp_path / "results" / "the-key"
    path.write_text(path.read_text().replace("2.5", "3.5"))
    out, log = run(tmp_path, KEPT)
    assert json.loads(out) == [1, 2.5, "x"] and "sha256" in log


@pytest.fixture
def bucket():
    """A service that keeps what is put, if the request is signed."""
    kept, seen = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append((self.command, self.path, self.headers.get("authorization", "")))
            signed = self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=me/")
            if self.command == "PUT" and signed:
                kept[self.path] = body
            there = self.command == "GET" and self.path in kept
            status = 403 if not signed else 200 if there or self.command != "GET" else 404
            text = kept[self.path] if status == 200 and there else b""
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        do_GET = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"s3://results/wf?endpoint=http://127.0.0.1:{server.server_port}&region=eu-1", kept, seen
        server.shutdown()


def test_results_in_a_bucket(tmp_path, bucket):
    url, kept, seen = bucket
    keys = {"WF_RESULT_STORAGE": url, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"}
    run(tmp_path, KEPT, **keys)
    assert list(kept) == ["/results/wf/the-key"] and "/eu-1/s3/aws4_request" in seen[0][2]
    out, log = run(tmp_path, KEPT, **keys)
    assert json.loads(out) == [1, 2.5, "x"] and "computing" not in log


@pytest.fixture
def mailbox():
    """An SMTP server: its port and the conversations."""
    talks = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            talk, data = [], False
            talks.append(talk)
            self.wfile.write(b"220 sink\r\n")
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                talk.append(line)
                if data:
                    data = line != "."
                    if data:
                        continue
                if line.upper() == "DATA":
                    data = True
                self.wfile.write(b"354 go on\r\n" if data else b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")
                if line.upper() == "QUIT":
                    return
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], talks
        server.shutdown()


def test_a_mail_goes_out(tmp_path, mailbox):
    port, talks = mailbox
    run(tmp_path, f"""\
  mail:
    tasks:
      work:
        run: echo 700
        outputs: json
        state_handlers:
          - when: {{is: successful}}
            notify: {{email: {{server: "smtp://127.0.0.1:{port}", from: wf@example.test, to: [ops@example.test], subject: "{{{{ object.run_name }}}} done", body: "gave {{{{ new_state.data }}}}"}}}}
""")
    text = "\n".join(talks[0])
    assert "MAIL FROM:<wf@example.test>" in text and "RCPT TO:<ops@example.test>" in text
    assert "Subject: work-0 done" in text and "gave 700" in text


WORLD = """\
version: 1
flows:
  world:
    state_handlers: [{log: "{{ new_state.name }} of {{ flow_run.name }}"}]
    tasks:
      child: {uses: child, with: {n: 4}}
      limited:
        needs: [child]
        with: {token: "{{ secrets.pager }}", v: "{{ variables.colour }}"}
        run: echo "$WF_IN_token $WF_IN_v"
        log_prints: true
        outputs: text
        concurrency: [{name: walk-world, slots: 1, strict: true}]
    return: "{{ tasks.limited }}"
  child:
    params: {n: {type: integer}}
    tasks:
      add: {run: 'echo $((WF_IN_n + 1))', with: {n: "{{ params.n }}"}, outputs: json}
    return: "{{ tasks.add }}"
  gate:
    tasks:
      before: {run: 'echo before; echo 5 > "$WF_RESULT"', log_prints: true}
      gate:
        needs: [before]
        suspend: {timeout_seconds: 60, input: {type: object, properties: {ok: {type: boolean}}, required: [ok]}}
      after: {with: {ok: "{{ tasks.gate.ok }}", n: "{{ tasks.before }}"}, run: 'echo "$WF_IN_ok $WF_IN_n"', outputs: text}
    return: "{{ tasks.after }}"
"""


def secret(server, name, value):
    kind = server.call("GET", "/block_types/slug/secret")
    schema = server.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})[0]
    server.call("POST", "/block_documents/", {"name": name, "data": {"value": value}, "block_type_id": kind["id"],
                                              "block_schema_id": schema["id"]})


@pytest.fixture
def place(server, workers, tmp_path):
    (tmp_path / "world.flow.yaml").write_text(WORLD)
    server.pool()
    workers(server)
    return server, tmp_path


def test_under_a_worker(place):
    server, folder = place
    secret(server, "pager", "s3cr3t-world")
    server.call("POST", "/variables/", {"name": "colour", "value": "green"})
    server.call("POST", "/v2/concurrency_limits/", {"name": "walk-world", "limit": 1})
    run = server.submit(server.deploy("world.flow.yaml:world", folder, flow="world"))
    done = server.wait_run(run["id"])
    logs = wf.wait_until(lambda: [x for x in server.logs(run["id"]) if "******** green" in x] and server.logs(run["id"]), "the log", 20)
    assert done["state_type"] == "COMPLETED", done["state"]
    assert any("Created subflow run" in x for x in logs) and not any("s3cr3t-world" in x for x in logs)
    children = server.call("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["child"]}}})
    assert [c["state_type"] for c in children] == ["COMPLETED"] and children[0]["parent_task_run_id"]
    limit = server.call("GET", "/v2/concurrency_limits/walk-world")
    assert limit["active_slots"] == 0


def test_suspended_and_resumed(place):
    server, folder = place
    run = server.submit(server.deploy("world.flow.yaml:gate", folder, flow="gate"))
    server.wait_run(run["id"], states={"PAUSED"})
    wf.wait_until(lambda: server.call("POST", f"/flow_runs/{run['id']}/resume", {"run_input": {"ok": True}})["status"] == "ACCEPT",
                  "the resumption", 20)
    done = server.wait_run(run["id"])
    assert done["state_type"] == "COMPLETED", (done["state"], server.logs(run["id"]))
    assert sum(x == "before" for x in server.logs(run["id"])) == 1
    found = server.call("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "type": {"any_": ["result"]}}})
    assert "true 5" in [a["data"] for a in found if a["task_run_id"] is None]
