"""What stands before the routes: TLS, authentication and its limit, CSRF tokens, CORS; and that secrets are not logged."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess

import pytest

import wf

SECRET = "admin:correct-horse"
CLIENT = {"Prefect-Csrf-Client": "11111111-1111-4111-8111-111111111111"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True)
    return cert, key


class Door:
    """wf-api with settings of its own; ask() wants no certificate of an authority but ours."""

    def __init__(self, folder, args=(), env=None, cert=None):
        self.folder = pathlib.Path(folder)
        self.process = wf.Process([wf.program("wf-api"), "--port", "0", "--data-dir", self.folder / "data", "--log-level", "debug", *args],
                                  self.folder / "wf-api.log", env=wf.clean_env(WF_SERVICES="false", **(env or {})))
        self.context = ssl.create_default_context(cafile=str(cert)) if cert else None
        self.url = None

        def ready():
            assert self.process.running(), self.process.text()
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.url = (self.folder / "data" / "url").read_text().strip()
                return self.url and self.ask("GET", "/health")[0] == 200
            return False
        wf.wait_until(ready, lambda: self.process.text())

    def connect(self):
        host = self.url.split("//")[1].split("/")[0]
        if self.context:
            return http.client.HTTPSConnection(host, timeout=20, context=self.context)
        return http.client.HTTPConnection(host, timeout=20)

    def ask(self, method, path, body=None, headers=None, connection=None):
        c = connection or self.connect()
        c.request(method, "/api" + path, None if body is None else json.dumps(body), headers or {})
        answer = c.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def stop(self):
        return self.process.stop()


@contextlib.contextmanager
def door(*args, **options):
    d = Door(*args, **options)
    try:
        yield d
    finally:
        assert d.stop() == 0


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def socket_token(d, token, address=None):
    """Opens /events/in and authenticates; the first frame of the answer: (opcode, text)."""
    host, port = d.url.split("//")[1].split("/")[0].split(":")
    s = socket.create_connection((host, int(port)), timeout=20)
    if d.context:
        s = d.context.wrap_socket(s, server_hostname=host)
    more = f"X-Forwarded-For: {address}\r\n" if address else ""
    s.sendall(f"GET /api/events/in HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Protocol: prefect\r\n{more}\r\n".encode())
    f = s.makefile("rb")
    assert b" 101 " in f.readline()
    while f.readline() not in (b"\r\n", b""):
        pass
    text = json.dumps({"type": "auth", "token": token}).encode()
    mask = os.urandom(4)
    s.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
    head = f.read(2)
    data = f.read(head[1] & 0x7f)
    s.close()
    return (head[0] & 0x0f, struct.unpack("!H", data[:2])[0] if head[0] & 0x0f == 8 else None, data.decode(errors="replace"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TLS 1.1 is offered on purpose
def test_https_and_sockets_over_it(tmp_path, certificate):
    cert, key = certificate
    with door(tmp_path, ["--tls-cert", cert, "--tls-key", key], {"WF_API_AUTH_STRING": SECRET}, cert) as d:
        assert d.url.startswith("https://127.0.0.1:")
        kept = d.connect()
        for n in range(3):  # one connection, several requests, a body above one TLS record
            status, text, _ = d.ask("POST", "/flows/", {"name": f"f{n}", "labels": {"x": "y" * 60000}}, basic(SECRET), kept)
            assert status == 201 and len(json.loads(text)["labels"]["x"]) == 60000
        assert d.ask("POST", "/flows", {"name": "f"}, basic(SECRET))[2]["Location"].startswith("https://")
        assert socket_token(d, SECRET)[0] == 1
        assert d.ask("POST", "/flows/", {"name": "x" * 9_000_000}, basic(SECRET))[0] == 413
        with pytest.raises((OSError, http.client.HTTPException)):  # plain HTTP is not answered
            plain = http.client.HTTPConnection(d.url.split("//")[1].split("/")[0], timeout=20)
            plain.request("GET", "/api/health")
            plain.getresponse()
        old = ssl.create_default_context(cafile=str(cert))
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        d.context, now = old, d.context
        with pytest.raises(OSError):
            d.ask("GET", "/health")
        d.context = now
        assert d.ask("GET", "/health")[0] == 200
        told = d.ask("GET", "/admin/settings", None, basic(SECRET))[1]
        told = json.loads(told) if isinstance(told, str) else told
        assert told["server"]["api"]["auth_string"] == told["server"]["database"]["connection_url"] == "*" * 10
        assert SECRET not in json.dumps(told)


@pytest.mark.parametrize("args,said", [
    (["--tls-cert", "CERT"], "belong together"), (["--tls-cert", "KEY", "--tls-key", "KEY"], "cannot use the certificate"),
    (["--tls-cert", "CERT", "--tls-key", "CERT"], "cannot use the key")])
def test_wrong_files_are_named(tmp_path, certificate, args, said):
    names = {"CERT": str(certificate[0]), "KEY": str(certificate[1])}
    done = subprocess.run([wf.program("wf-api"), "--port", "0", "--data-dir", str(tmp_path / "data"), *[names.get(a, a) for a in args]],
                          env=wf.clean_env(), capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and said in done.stderr


def test_guesses_are_limited_and_secrets_are_not_logged(tmp_path):
    with door(tmp_path, env={"WF_API_AUTH_STRING": SECRET}) as d:
        attacker = {"X-Forwarded-For": "203.0.113.7"}  # as a proxy on this host names it
        seen = [d.ask("POST", "/flows/filter", {}, {**basic(f"admin:guess-{n}"), **attacker})[0] for n in range(24)]
        assert seen[:20] == [401] * 20 and seen[20:] == [429] * 4
        status, text, headers = d.ask("POST", "/flows/filter", {}, {**basic(SECRET), **attacker})
        assert status == 429 and int(headers["Retry-After"]) > 0 and "failed attempts" in text
        assert socket_token(d, SECRET, "203.0.113.7")[1] == 1008
        assert socket_token(d, SECRET, "198.51.100.1")[0] == 1
        assert socket_token(d, "wrong", "198.51.100.1")[1] == 1008
        assert d.ask("POST", "/flows/filter", {}, {**basic(SECRET), "X-Forwarded-For": "203.0.113.7, 198.51.100.1"})[0] == 200
        assert d.ask("POST", "/flows/filter", {})[0] == 401
        assert d.ask("GET", "/health")[0] == 200
        d.ask("POST", "/block_types/", {"name": "n", "slug": "n", "description": "d"}, basic(SECRET))
        log = d.process.text()
    assert "POST /flows/filter -> 401" in log  # the log is a talkative one
    for secret in ("correct-horse", "guess-1", base64.b64encode(SECRET.encode()).decode()):
        assert secret not in log


def test_csrf_tokens(tmp_path):
    with door(tmp_path, ["--csrf"]) as d:
        status, text, _ = d.ask("POST", "/flows/", {"name": "f"})
        assert status == 403 and "Missing CSRF token." in text
        status, text, _ = d.ask("GET", f"/csrf-token?client={CLIENT['Prefect-Csrf-Client']}")
        made = json.loads(text)
        assert status == 200 and set(made) == {"id", "created", "updated", "token", "client", "expiration"}
        good = {**CLIENT, "Prefect-Csrf-Token": made["token"]}
        assert d.ask("POST", "/flows/", {"name": "f"}, good)[0] == 201
        assert "Missing client" in d.ask("POST", "/flows/", {"name": "f"}, {"Prefect-Csrf-Token": made["token"]})[1]
        for bad in ({**good, "Prefect-Csrf-Client": "another"}, {**good, "Prefect-Csrf-Token": "0" * 64}):
            status, text, _ = d.ask("POST", "/flows/", {"name": "f"}, bad)
            assert status == 403 and "Invalid CSRF token" in text
        assert d.ask("GET", "/flows/name/f")[0] == 200
        assert made["token"] not in d.process.text()


def test_only_listed_pages_may_read(tmp_path):
    with door(tmp_path, ["--cors-origins", "https://a.example, https://b.example"]) as d:
        for origin, allowed in (("https://b.example", "https://b.example"), ("https://evil.example", None), (None, None)):
            for method in ("GET", "OPTIONS"):
                headers = d.ask(method, "/health", None, {"Origin": origin} if origin else {})[2]
                assert headers.get("Access-Control-Allow-Origin") == allowed
                assert headers["Vary"] == "Origin"
