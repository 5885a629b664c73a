"""What each notification block sends, beside what the same block of Prefect sends (it hands over to Apprise, whose
requests are caught before they leave). Ours go through a proxy that plays every service; mail goes to an SMTP sink."""
import base64
import contextlib
import email
import email.header
import json
import socketserver
import ssl
import subprocess
import sys
import threading
import urllib.parse
import uuid

import pytest

import wf

SUBJECT, BODY = "S & <1> \u00e4", "line one\n<two> & \U0001f600"
TEAMS = ("https://w.logic.azure.com/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
         "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=0123456789abcdef0123456789abcdef0123456789a")
TOKEN = "0123456789abcdef0123456789abcdef"
PAGER = {"integration_key": "i" * 32, "api_key": "a" * 32}
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": TOKEN, "from_phone_number": "+15551230001"}
MATTERMOST = {"hostname": "chat.example.com", "token": "a" * 26}
DISCORD = {"webhook_id": "1" * 18, "webhook_token": "t" * 68}
SENDGRID = {"api_key": "SG" + "k" * 60, "sender_email": "me@example.com", "to_emails": ["a@example.com", "b@example.com"]}
# (block's slug, Prefect's class, fields)
BLOCKS = [
    ("slack-webhook", "SlackWebhook", {"url": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"}),
    ("slack-webhook", "SlackWebhook", {"url": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
                                       "notify_type": "failure"}),
    ("ms-teams-webhook", "MicrosoftTeamsWebhook", {"url": TEAMS}),
    ("ms-teams-webhook", "MicrosoftTeamsWebhook", {"url": TEAMS, "include_image": False, "wrap": False}),
    ("pager-duty-webhook", "PagerDutyWebHook", PAGER),
    ("pager-duty-webhook", "PagerDutyWebHook", {**PAGER, "region_name": "eu", "group": "g", "class_id": "c", "source": "src",
                                                "component": "comp", "clickable_url": "https://example.com/x",
                                                "custom_details": {"k": "v"}, "include_image": False, "notify_type": "failure"}),
    ("opsgenie-webhook", "OpsgenieWebhook", {"apikey": TOKEN}),
    ("opsgenie-webhook", "OpsgenieWebhook", {"apikey": TOKEN, "region_name": "eu", "target_team": ["t1", "t2"],
                                             "target_user": ["u1"], "priority": 1, "alias": "al", "entity": "en",
                                             "tags": ["x", "y"], "details": {"k": "v"}}),
    ("opsgenie-webhook", "OpsgenieWebhook", {"apikey": TOKEN, "batch": True, "target_team": ["t1"], "target_schedule": ["s1"],
                                             "target_escalation": ["e1"]}),
    ("mattermost-webhook", "MattermostWebhook", {**MATTERMOST, "secure": True, "port": 443}),
    ("mattermost-webhook", "MattermostWebhook", {**MATTERMOST, "secure": True, "port": 8443, "path": "/sub", "include_image": True,
                                                 "channels": ["one", "#two"]}),
    ("discord-webhook", "DiscordWebhook", DISCORD),
    ("discord-webhook", "DiscordWebhook", {**DISCORD, "botname": "bot", "tts": True, "avatar": True}),
    ("twilio-sms", "TwilioSMS", {**TWILIO, "to_phone_numbers": ["+15551230002", "+15551230003"]}),
    ("sendgrid-email", "SendgridEmail", SENDGRID),
    ("custom-webhook", "CustomWebhookNotificationBlock", {
        "name": "c", "url": "https://any.example.com/{{name}}", "params": {"q": "{{ subject }}"}, "headers": {"x-k": "{{ key }}"},
        "json_data": {"t": "{{subject}}: {{body}}"}, "secrets": {"key": "s3"}}),
]
# the same calls with Prefect's own classes: prints [[method, url, headers, body], ...] for each block
REFERENCE = """
import json, os, sys, requests, httpx
caught = []
def send(self, request, **options):
    body = request.body or b""
    caught.append([request.method, request.url, dict(request.headers), body.decode() if isinstance(body, bytes) else body])
    answer = requests.Response()
    answer.status_code = 202 if "pagerduty" in request.url or "opsgenie" in request.url else 200
    answer._content, answer.request, answer.url = b"ok", request, request.url
    return answer
requests.adapters.HTTPAdapter.send = send
async def handle(self, request):
    caught.append([request.method, str(request.url), dict(request.headers), request.content.decode()])
    return httpx.Response(200, text="ok", request=request)
httpx.AsyncHTTPTransport.handle_async_request = handle
import apprise.url
apprise.url.URLBase.throttle = lambda *a, **k: None     # it is polite to services that are not there
import prefect.blocks.notifications as blocks
from prefect.utilities.asyncutils import run_coro_as_sync
out = []
subject, body, table = json.load(sys.stdin)
for slug, cls, fields in table:
    caught.clear()
    block = getattr(blocks, cls)(**fields)
    run_coro_as_sync(block.anotify(body, subject))
    out.append(list(caught))
print(json.dumps(out), flush=True)
os._exit(0)
"""


class Services:
    """A proxy that is every service: TLS with a certificate of our own, remembers what was asked."""

    def __init__(self, folder):
        hosts = sorted({"hooks.slack.com", "w.logic.azure.com", "events.pagerduty.com", "events.eu.pagerduty.com",
                        "api.opsgenie.com", "api.eu.opsgenie.com", "chat.example.com", "discord.com", "api.twilio.com",
                        "api.sendgrid.com", "any.example.com", "localhost"})
        self.cert, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", self.cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=" + ",".join("DNS:" + h for h in hosts)], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.cert, key)
        self.got = got = []
        tls = self.tls

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                first = self.request.recv(4096).decode()
                host = first.split()[1]
                self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                with contextlib.suppress(OSError), tls.wrap_socket(self.request, server_side=True) as s, s.makefile("rwb") as f:
                    while line := f.readline():
                        headers = {}
                        while (h := f.readline().decode().strip()):
                            k, v = h.split(": ", 1) if ": " in h else (h.rstrip(":"), "")
                            headers[k] = v
                        body = f.read(int({k.lower(): v for k, v in headers.items()}.get("content-length", 0))).decode()
                        method, target, _ = line.decode().split()
                        got.append([method, f"https://{host.removesuffix(':443')}{target}", headers, body])
                        f.write(b"HTTP/1.1 %d OK\r\ncontent-length: 2\r\n\r\nok" % (
                            202 if "pagerduty" in host or "opsgenie" in host else 200))
                        f.flush()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True
        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    s = Services(tmp_path_factory.mktemp("services"))
    yield s
    s.server.shutdown()


@pytest.fixture(scope="module")
def server(services, tmp_path_factory):
    s = wf.Server(tmp_path_factory.mktemp("server"), env={
        "https_proxy": f"http://127.0.0.1:{services.server.server_address[1]}", "SSL_CERT_FILE": services.cert}).start()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run([sys.executable, "-c", REFERENCE], input=json.dumps([SUBJECT, BODY, BLOCKS]), capture_output=True,
                          text=True, timeout=120, env=wf.clean_env(PREFECT_HOME=home, HOME=home, DO_NOT_TRACK=1))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def block(server, slug, data):
    kind = server.call("GET", f"/block_types/slug/{slug}")["id"]
    schema, = server.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    return server.call("POST", "/block_documents/", {"name": f"b{uuid.uuid4().hex[:8]}", "block_type_id": kind,
                                                     "block_schema_id": schema["id"], "data": data})["id"]


def notify(server, documents, subject=SUBJECT, body=BODY):
    """One automation that tells them all; the result events, in the order of its actions."""
    name = uuid.uuid4().hex
    a = server.call("POST", "/automations/", {
        "name": name, "trigger": {"type": "event", "posture": "Reactive", "expect": [name]},
        "actions": [{"type": "send-notification", "block_document_id": d, "subject": subject, "body": body} for d in documents]})["id"]
    server.call("POST", "/events", [{"id": str(uuid.uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": name,
                                     "resource": {"prefect.resource.id": "r"}}])
    query = {"filter": {"event": {"name": [f"prefect.automation.action.{k}" for k in ("executed", "failed")]},
                        "resource": {"id": [f"prefect.automation.{a}"]}}}
    done = wf.wait_until(lambda: len(e := server.call("POST", "/events/filter", query)["events"]) == len(documents) and e,
                         lambda: "all were sent: %r" % server.call('POST', '/events/filter', query))
    return sorted(done, key=lambda e: e["payload"]["action_index"])


def plain(request):
    """What has to be equal: method, address, body, the headers that mean something."""
    method, url, headers, body = request
    headers = {k.lower(): v for k, v in headers.items()}
    kind = headers.get("content-type", "").lower()
    if "urlencoded" in kind:
        body = sorted(urllib.parse.parse_qsl(body, keep_blank_values=True))
    elif body:
        body = json.loads(body)
        for a in body.get("attachments", []) if isinstance(body, dict) else []:
            a.pop("ts", None)                                   # the time of sending
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.removesuffix(":443")
    return {"method": method, "to": host + parts.path, "query": sorted(urllib.parse.parse_qsl(parts.query)), "body": body,
            "type": kind.replace(" ", ""), "authorization": headers.get("authorization"), "x-k": headers.get("x-k"),
            "agent": headers.get("user-agent")}


def as_texts(requests):
    return sorted(json.dumps(plain(r), sort_keys=True) for r in requests)


def test_each_block_sends_what_the_block_of_prefect_sends(server, services, reference):
    wrong = []
    documents = [block(server, slug, fields) for slug, _, fields in BLOCKS]
    for document, wanted, (slug, _, fields) in zip(documents, reference, BLOCKS):
        services.got.clear()
        result, = notify(server, [document])
        ours, theirs = as_texts(services.got), as_texts(wanted)
        if fields.get("botname"):                               # Prefect's block has the field and never sends it
            theirs = [t.replace('"content"', f'"username": "{fields["botname"]}", "content"') for t in theirs]
            theirs = [json.dumps(json.loads(t), sort_keys=True) for t in theirs]
        if result["event"] != "prefect.automation.action.executed" or ours != theirs:
            wrong.append((slug, fields, result["payload"].get("notification_log"), ours, theirs))
    assert not wrong, "\n\n".join(f"{w[0]} {w[1]} {w[2]}\n ours  {w[3]}\n theirs {w[4]}" for w in wrong)


# ---- mail ----

class Mail(socketserver.ThreadingTCPServer):
    """A mail server: TLS from the start, after STARTTLS, or none; remembers messages and who sent them how."""
    daemon_threads = allow_reuse_address = True

    def __init__(self, tls, at_once, offers):
        self.tls, self.at_once, self.offers, self.got = tls, at_once, offers, []
        super().__init__(("127.0.0.1", 0), Mail.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                self.dialogue(self.server.tls.wrap_socket(self.request, server_side=True) if self.server.at_once else self.request)

        def dialogue(self, sock):
            f, secure, mail = sock.makefile("rwb"), self.server.at_once, {"to": [], "auth": None}

            def say(text):
                f.write(text.encode() + b"\r\n")
                f.flush()
            say("220 sink")
            while line := f.readline().decode().strip():
                word = line.split()[0].upper()
                if word == "EHLO":
                    say("250-sink")
                    say("250-STARTTLS" if self.server.offers and not secure else "250-8BITMIME")
                    say("250 AUTH PLAIN")
                elif word == "STARTTLS":
                    say("220 go on")
                    sock, secure = self.server.tls.wrap_socket(sock, server_side=True), True
                    f = sock.makefile("rwb")
                elif word == "AUTH":
                    text = line.split()[2] if len(line.split()) > 2 else (say("334 "), f.readline().decode())[1]
                    mail["auth"] = base64.b64decode(text).decode().split("\0")[1:]
                    say("235 ok")
                elif word == "MAIL":
                    mail["from"] = line.split(":", 1)[1].split()[0].strip("<>")
                    say("250 ok")
                elif word == "RCPT":
                    mail["to"].append(line.split(":", 1)[1].split()[0].strip("<>"))
                    say("250 ok")
                elif word == "DATA":
                    say("354 go on")
                    text = b""
                    while (got := f.readline()) != b".\r\n":
                        text += got
                    self.server.got.append({**mail, "secure": secure, "message": email.message_from_bytes(text)})
                    say("250 taken")
                else:
                    say("221 bye" if word == "QUIT" else "500 what?")


@pytest.mark.parametrize("kind, secure", [("SSL", True), ("STARTTLS", True), ("INSECURE", False)])
def test_mail(server, services, kind, secure):
    mail = Mail(services.tls, kind == "SSL", kind == "STARTTLS")
    fields = {"smtp_server": "localhost", "smtp_port": mail.port, "smtp_type": kind, "username": "me", "password": "p w",
              "email_from": "me@example.com", "email_to": ["a@example.com", "b@example.com"]}
    result, = notify(server, [block(server, "email", fields)])
    assert result["event"].endswith("executed"), result["payload"]
    got, = mail.got
    assert (got["from"], got["to"], got["auth"]) == ("me@example.com", ["a@example.com", "b@example.com"], ["me", "p w"])
    assert got["secure"] is secure
    message = got["message"]
    assert str(email.header.make_header(email.header.decode_header(message["Subject"]))) == SUBJECT
    assert (message["From"], message["To"]) == ("me@example.com", "a@example.com, b@example.com")
    assert message.get_payload(decode=True).decode() == BODY
    mail.shutdown()


def test_mail_that_would_go_out_in_the_clear_stays(server, services):
    """Somebody on the way who takes STARTTLS out of the offer gets neither message nor password."""
    mail = Mail(services.tls, False, False)
    fields = {"smtp_server": "localhost", "smtp_port": mail.port, "smtp_type": "STARTTLS", "username": "me", "password": "p",
              "email_from": "me@example.com", "email_to": ["a@example.com"]}
    result, = notify(server, [block(server, "email", fields)])
    assert result["event"].endswith("failed") and result["payload"]["reason"] == "Notification failed"
    assert result["payload"]["notification_log"] and not mail.got
    mail.shutdown()


def test_a_certificate_that_nobody_vouches_for(services, tmp_path):
    """Without our authority the services are strangers: nothing is sent, the log says why."""
    stranger = wf.Server(tmp_path / "s", env={"https_proxy": f"http://127.0.0.1:{services.server.server_address[1]}"}).start()
    services.got.clear()
    result, = notify(stranger, [block(stranger, "discord-webhook", DISCORD)])
    stranger.stop()
    log = result["payload"]["notification_log"]
    assert result["event"].endswith("failed") and "certificate" in log.lower()
    assert "discord.com" in log and DISCORD["webhook_token"] not in log      # events are read by many
    assert not services.got
