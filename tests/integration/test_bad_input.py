"""Bad input: whatever arrives on a socket, the answer is clear, memory stays flat and the server lives."""
import base64
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import socket
import struct
import threading
import time

import pytest

import wf

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A server for this file; slow clients get two seconds."""
    s = wf.Server(tmp_path_factory.mktemp("bad"), args=["--request-timeout", "2s"]).start()
    yield s
    assert s.stop() == 0


@pytest.fixture(autouse=True)
def alive(bad):
    yield
    assert bad.process.running(), bad.process.text()[-4000:]
    assert bad.request("GET", "/health").status == 200
    assert bad.request("GET", "/ready").status == 200


def connect(server, timeout=20):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def receive(sock):
    """Everything until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            data += chunk
    return data


def raw(server, data, shut=False):
    with connect(server) as sock:
        with contextlib.suppress(OSError):  # closed already
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        return receive(sock)


def status(answer):
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    assert match, answer[:300]
    return int(match[1])


# -- bodies ----------------------------------------------------------------------------------------------

MALFORMED = [b"{", b"{\"name\": }", b"[1,", b"\"open", b"{\"a\":1}}", b"nul", b"{'name': 'x'}", b"\x00\x01\x02", b"",
             b"{\"name\": \"\\ud800\"}", b"[" * 50000, b"{\"a\":" * 5000, b"1e999999"]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda b: repr(b[:12]))
@pytest.mark.parametrize("path", ["/flows/", "/work_pools/", "/flow_runs/filter", "/logs/", "/wf/v1/updates"])
def test_malformed_json(bad, path, body):
    answer = bad.request("POST", path, raw=body)
    if path.endswith("/filter") and body in (b"",):
        assert answer.status == 200  # a filter may be left out
        return
    assert answer.status in (400, 422), (answer.status, answer.text[:300])
    assert answer.json.get("exception_detail") or answer.json.get("detail"), answer.text[:300]


def test_not_utf8(bad):
    answer = bad.request("POST", "/flows/", raw=b"{\"name\": \"\xff\xfe\"}")
    assert answer.status == 400 and answer.json == {"detail": "There was an error parsing the body"}


WRONG = [
    ("POST", "/flows/", {"name": 5}, "name"),
    ("POST", "/flows/", {"name": None}, "name"),
    ("POST", "/flows/", {}, "name"),
    ("POST", "/flows/", [], None),
    ("POST", "/flows/", {"name": "x", "tags": "a"}, "tags"),
    ("POST", "/work_pools/", {"name": "p", "concurrency_limit": "many"}, "concurrency_limit"),
    ("POST", "/work_pools/", {"name": "p", "concurrency_limit": -1}, "concurrency_limit"),
    ("POST", "/work_pools/", {"name": "p", "is_paused": {}}, "is_paused"),
    ("POST", "/flow_runs/", {"flow_id": "not-a-uuid"}, "flow_id"),
    ("POST", "/flow_runs/", {"flow_id": 12}, "flow_id"),
    ("POST", "/flow_runs/filter", {"limit": "x"}, "limit"),
    ("POST", "/flow_runs/filter", {"sort": "SIDEWAYS"}, "sort"),
    ("POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": "x"}}}, "any_"),
    ("POST", "/flow_runs/filter", {"flow_runs": {"start_time": {"before_": "yesterday"}}}, "before_"),
    ("POST", "/deployments/", {"name": "d", "flow_id": NOBODY, "schedules": 7}, "schedules"),
    ("POST", "/logs/", {"name": "x"}, None),
    ("POST", "/logs/", [{"name": "x", "level": "loud"}], "level"),
]


@pytest.mark.parametrize("method,path,body,field", WRONG, ids=lambda v: str(v)[:40])
def test_wrong_types(bad, method, path, body, field):
    answer = bad.request(method, path, body)
    assert answer.status == 422, (answer.status, answer.text[:500])
    said = answer.json["exception_detail"]
    assert said and all({"loc", "msg", "type"} <= set(item) for item in said)
    assert field is None or any(field in item["loc"] for item in said), said


UNKNOWN = [
    ("GET", f"/flows/{NOBODY}", None), ("GET", f"/flow_runs/{NOBODY}", None), ("DELETE", f"/flow_runs/{NOBODY}", None),
    ("POST", f"/flow_runs/{NOBODY}/set_state", {"state": {"type": "RUNNING"}}), ("GET", f"/task_runs/{NOBODY}", None),
    ("PATCH", f"/flow_runs/{NOBODY}", {"name": "x"}), ("GET", f"/deployments/{NOBODY}", None),
    ("POST", f"/deployments/{NOBODY}/create_flow_run", {}), ("GET", "/work_pools/nosuch", None),
    ("PATCH", "/work_pools/nosuch", {"is_paused": True}), ("GET", "/work_pools/nosuch/queues/x", None),
    ("POST", "/work_pools/nosuch/get_scheduled_flow_runs", {}), ("GET", f"/work_queues/{NOBODY}", None),
    ("GET", f"/wf/v1/flow_runs/{NOBODY}/explain", None), ("GET", "/no/such/route", None),
    ("GET", "/flows/name/nobody", None), ("GET", "/deployments/name/no/body", None),
]


@pytest.mark.parametrize("method,path,body", UNKNOWN, ids=lambda v: str(v)[:60])
def test_unknown_ids(bad, method, path, body):
    answer = bad.request(method, path, body)
    assert answer.status == 404, (answer.status, answer.text[:500])
    assert any(answer.json.get(k) for k in ("detail", "exception_message", "exception_detail")), answer.text


@pytest.mark.parametrize("path", ["/flow_runs/not-a-uuid", "/flows/%00", "/deployments/%ff%fe", "/task_runs/123"])
def test_ids_that_are_none(bad, path):
    assert bad.request("GET", path).status in (404, 422)


def test_oversized_bodies(bad):
    small = bad.request("POST", "/flows/", {"name": "x", "labels": {"k": "y" * (1 << 20)}})
    assert small.status == 413 and "detail" in small.json, small.text[:300]
    head = b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    assert status(raw(bad, head % (9 << 20) + b"x" * (9 << 20))) == 413
    for length in (9 << 20, 1 << 62, 10 ** 30):  # what is announced is refused before it is sent
        begin = time.monotonic()
        with connect(bad) as sock:
            sock.sendall(head % length)
            answer = receive(sock)
        assert status(answer) == 413 and b"is too large" in answer and time.monotonic() - begin < 1.5, answer
    expecting = raw(bad, (head % (9 << 20))[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert status(expecting) == 413
    # the answer is not lost behind a body that comes all the same
    with connect(bad) as sock:
        sock.sendall(head % (40 << 20))
        with contextlib.suppress(OSError):
            sock.sendall(b"x" * (40 << 20))
        assert status(receive(sock)) == 413
    before = memory(bad)
    with connect(bad) as sock:  # far more than is taken: what comes is thrown away, until --request-timeout
        with contextlib.suppress(OSError):
            sock.sendall(head % (1 << 40))
            for _ in range(64):
                sock.sendall(b"x" * (1 << 20))
        answer = receive(sock)
    assert answer == b"" or status(answer) in (408, 413)
    assert memory(bad) - before < (200 if sanitized(bad) else 16)
    chunked = b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(bad, chunked + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 12)
    assert answer == b"" or status(answer) == 413


HEADS = [
    b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64) + b"\r\n\r\n",
    b"GET /api/health HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"FROB /api/health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/health HTTP/1.1\r\nbroken header\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/health HTTP/1.1\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n",
    b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
    b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n{}",
    b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS, ids=lambda h: repr(h[:40]))
def test_not_http(bad, head):
    answer = raw(bad, head, shut=True)
    assert answer == b"" or 400 <= status(answer) < 600, answer[:300]


# -- clients that are slow, half gone or idle --------------------------------------------------------------

@pytest.mark.parametrize("start", [
    b"GET /api/hea", b"GET /api/health HTTP/1.1\r\nX-Slow: ",
    b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
], ids=["request line", "header", "body"])
def test_slow_client(bad, start):
    """One byte now and then does not hold a connection for ever: --request-timeout counts from the first byte."""
    began = time.monotonic()
    with connect(bad) as sock:
        sock.sendall(start)
        answer = b""
        while time.monotonic() - began < 15:
            ready, _, _ = select.select([sock], [], [], 0.2)
            if ready:
                answer = receive(sock)
                break
            with contextlib.suppress(OSError):
                sock.sendall(b"a")
        else:
            raise AssertionError("the connection is still open after 15 s")
    assert time.monotonic() - began >= 1
    assert answer == b"" or status(answer) in (400, 408)


def test_half_closed_sockets(bad):
    """A client that shuts its writing side after a whole request is answered; after half a one it is let go."""
    whole = b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert status(raw(bad, whole, shut=True)) == 200
    for half in (b"", b"GET /api/he", b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name\""):
        answer = raw(bad, half, shut=True)
        assert answer == b"" or status(answer) == 400


def test_gone_before_the_answer(bad):
    request = (b"POST /api/flow_runs/filter HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Content-Length: 2\r\n\r\n{}")
    for _ in range(300):
        sock = connect(bad)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(request)
        sock.close()  # a reset


def memory(server):
    """Resident memory in MiB."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024


def sanitized(server):
    return "asan" in pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()


def test_idle_connections(bad):
    wanted = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted + 500:
        pytest.fail(f"the hard limit of open files is {hard}; this test needs {wanted + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 500), hard))
    slack = 400 if sanitized(bad) else 0  # freed memory is kept for a while by the sanitizer
    before, during = memory(bad), []
    try:
        for _ in range(2):
            idle = []
            try:
                for n in range(wanted):
                    idle.append(connect(bad))
                    if n % 3 == 1:
                        idle[-1].sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")  # kept alive
                began = time.monotonic()
                assert bad.request("GET", "/health").status == 200
                assert time.monotonic() - began < 5
                during.append(memory(bad))
                assert status(idle[1].recv(4096)) == 200
            finally:
                for sock in idle:
                    sock.close()
            opened = lambda: len(os.listdir(f"/proc/{bad.process.pid}/fd"))  # noqa: E731
            wf.wait_until(lambda: opened() < 200, lambda: f"{opened()} descriptors are still open")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    after = memory(bad)
    figures = f"MiB: before {before:.0f}, with {wanted} connections {during}, after {after:.0f}"
    print(figures)
    assert max(during) - before < 120 + slack, figures   # about 10 KiB for each
    assert during[1] - during[0] < 12 + slack, figures    # and the second time no more than the first
    assert after - before < 60 + slack, figures


# -- WebSockets --------------------------------------------------------------------------------------------

def upgrade(server, path="/events/in", protocol="prefect"):
    sock = connect(server)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall((f"GET /api{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = sock.recv(1)
        assert chunk, answer
        answer += chunk
    assert b" 101 " in answer.split(b"\r\n")[0], answer
    return sock


def frame(payload, opcode=1, fin=True, masked=True, length=None):
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def closing(data):
    """The code of the close frame in DATA (after any text frames), or None."""
    while len(data) >= 2:
        opcode, size, start = data[0] & 15, data[1] & 127, 2
        if size == 126:
            size, start = struct.unpack(">H", data[2:4])[0], 4
        if opcode == 8:
            return struct.unpack(">H", data[start:start + 2])[0] if size >= 2 else 1005
        data = data[start + size:]
    return None


def last_words(sock):
    """Reads until the close frame, answers it; its code, or None when the connection just ended."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while closing(data) is None and (chunk := sock.recv(65536)):
            data += chunk
    with contextlib.suppress(OSError):
        sock.sendall(frame(b"", opcode=8))
        receive(sock)
    return closing(data)


AUTH = json.dumps({"type": "auth", "token": None}).encode()
JUNK = {
    "random bytes": os.urandom(4096),
    "http again": b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "not masked": frame(AUTH, masked=False),
    "reserved opcode": frame(b"x", opcode=5),
    "huge length": frame(b"x", length=(1 << 62)),
    "too long": frame(b"x" * 100, length=(64 << 20)),
    "fragmented ping": frame(b"x", opcode=9, fin=False),
    "long ping": frame(b"x" * 126, opcode=9),
    "lonely continuation": frame(b"x", opcode=0),
    "not utf-8": frame(b"\xff\xfe{"),
    "not json": frame(b"hello"),
    "binary": frame(os.urandom(100), opcode=2),
    "json, but no object": frame(b"[1]"),
    "wrong type": frame(b"{\"type\": \"open sesame\"}"),
    "type is no text": frame(b"{\"type\": [[[]]]}"),
    "deep": frame(b"[" * 100000),
    "bad close": frame(b"\x00", opcode=8),
}


@pytest.mark.parametrize("path", ["/events/in", "/events/out", "/logs/out"])
@pytest.mark.parametrize("name", JUNK)
def test_junk_on_the_websocket(bad, path, name):
    with upgrade(bad, path) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(JUNK[name])
        code = last_words(sock)
    assert code is None or 1000 <= code < 5000


@pytest.mark.parametrize("path,code", [("/events/in", {1002, 1003, 1007, 1008}), ("/events/out", {1002, 1007, 1008}),
                                       ("/logs/out", {1002, 1007, 1008})])
def test_junk_after_authentication(bad, path, code):
    with upgrade(bad, path) as sock:
        sock.sendall(frame(AUTH))
        sock.sendall(frame(b"{\"type\": \"filter\", \"filter\": {\"occurred\": 5, \"level\": \"loud\"}}"))
        sock.sendall(frame(b"not json at all"))
        assert last_words(sock) in code


@pytest.mark.parametrize("path", ["/events/in", "/events/out"])
def test_what_was_said_before_the_close_arrives(bad, path):
    with upgrade(bad, path) as sock:
        sock.sendall(frame(AUTH) + frame(b"not json at all"))
        said = b""
        while closing(said) is None and (chunk := sock.recv(65536)):
            said += chunk
    assert b'"auth_success"' in said and closing(said) == 1002


def test_refused_upgrades(bad):
    head = "GET /api{} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{}\r\n"
    good = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    for path, more, wanted in (("/nowhere", good, {403}), ("/events/in", "", {400}),
                               ("/events/in", good.replace("13", "8"), {400, 426}),
                               ("/events/in", good.replace("AAAA==", ""), {400})):
        assert status(raw(bad, head.format(path, more).encode(), shut=True)) in wanted, (path, more)


# -- a Redis that is none ----------------------------------------------------------------------------------

class FakeRedis(threading.Thread):
    """Answers each command with what ANSWER gives for its name; None closes the connection."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.commands = answer, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "redis://127.0.0.1:%d/0" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, sock):
        with contextlib.suppress(OSError, ValueError), sock, sock.makefile("rb") as lines:
            while line := lines.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(lines.read(int(lines.readline()[1:]) + 2)[:-2])
                self.commands.append(words[0].decode().upper())
                answer = self.answer(self.commands[-1])
                if answer is None:
                    return
                sock.sendall(answer)


REDISES = {
    "errors": lambda c: b"-ERR no, and no again\r\n",
    "out of memory": lambda c: b"+OK\r\n" if c in ("HELLO", "AUTH", "SELECT", "PING", "CLIENT")
    else b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "read only": lambda c: b"-READONLY You can't write against a read only replica.\r\n",
    "closes": lambda c: None,
    "silent": lambda c: b"",
    "wrong types": lambda c: b"*2\r\n:1\r\n*0\r\n",
    "no redis": lambda c: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "promises much": lambda c: b"$999999999999\r\n",
}


@pytest.mark.parametrize("kind", REDISES)
def test_redis_answers_nonsense(kind, tmp_path):
    """The API goes on without it: the run is there, waits, and explain tells what is the matter."""
    redis = FakeRedis(REDISES[kind])
    server = wf.Server(tmp_path / "server", args=["--redis-url", redis.url])
    try:
        server.start()
        server.pool()
        flow = server.flow()
        run = server.submit(server.call("POST", "/deployments/", {
            "name": "d", "flow_id": flow["id"], "work_pool_name": "test-pool", "entrypoint": "f.flow.yaml:f"}))
        before = memory(server)
        wf.wait_until(lambda: redis.commands, "a command for Redis")
        time.sleep(3)
        assert server.run_state(run["id"])["type"] == "SCHEDULED"
        assert server.explain(run["id"])["waiting_for"]
        assert len(redis.commands) < 3000, "a storm of commands"
        assert memory(server) - before < (60 if sanitized(server) else 20)
        said = server.process.text()
        assert len(said.splitlines()) < 300, said[-3000:]
        assert "redis" in said.lower(), said
    finally:
        if server.process:
            assert server.process.running(), server.process.text()[-4000:]
            assert server.stop() == 0, server.process.text()[-4000:]
        redis.listener.close()
