"""Redis for real: TLS, sentinels and failover, a user with few rights, no memory, a stall, data lost under load, a rebuild."""
import contextlib
import signal
import socket
import subprocess

import pytest

import flows
import wf


class Redis:
    """redis-server on a port, with a few commands."""

    def __init__(self, folder, name, *args, conf="", sentinel=False):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = wf.free_port()
        self.conf = folder / f"{name}.conf"
        self.conf.write_text(f'port {self.port}\nbind 127.0.0.1\ndir "{folder}"\n'
                             + ("" if sentinel else 'save ""\n') + conf)
        self.argv = ["redis-server", self.conf, *(["--sentinel"] if sentinel else []), *args]
        self.log = folder / f"{name}.log"

    def start(self):
        self.process = wf.Process(self.argv, self.log)
        wf.wait_until(lambda: self.ask("PING") == "PONG", self.process.text)
        return self

    def ask(self, *words):
        """One command; the first line of its answer, or the whole list."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            line = s.makefile("rb").readline().decode().strip()
            return line[1:] if line[:1] in "+-:" else line
        return None

    def kill(self):
        self.process.kill()
        self.process.child.wait()


def fill(server, folder, out, count):
    made = flows.native(server, folder, "quick")
    return [server.submit(made, parameters={"mark": f"m{i}", "file": str(out)})["id"] for i in range(count)]


def once_each(server, runs, out, count):
    for run in runs:
        assert server.wait_run(run, limit=2 * wf.PATIENCE)["state_type"] == "COMPLETED"
    assert sorted(out.read_text().split()) == sorted(f"m{i}" for i in range(count))


@pytest.fixture
def serve(tmp_path):
    """serve(url): a server on that Redis, with a pool."""
    servers = []

    def start(url):
        servers.append(wf.Server(tmp_path / "server", env={"WF_REDIS_URL": url}).start())
        servers[-1].pool()
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def test_failover_is_followed_through_sentinels(serve, workers, tmp_path):
    folder, out = flows.write(tmp_path / "flows"), tmp_path / "out"
    first = Redis(tmp_path / "a", "first").start()
    second = Redis(tmp_path / "b", "second", conf=f"replicaof 127.0.0.1 {first.port}\n").start()
    wf.wait_until(lambda: second.ask("WAIT", "0", "0") is not None and "link_status:up" in info(second), lambda: info(second))
    sentinel = Redis(tmp_path / "s", "sentinel", sentinel=True, conf=(
        f"sentinel monitor wf 127.0.0.1 {first.port} 1\nsentinel down-after-milliseconds wf 1000\n"
        "sentinel failover-timeout wf 5000\n")).start()
    dead = wf.free_port()  # one sentinel of the list is not there
    wf.wait_until(lambda: "slaves=1" in info(sentinel, "sentinel"), lambda: info(sentinel, "sentinel"))
    server = serve(f"redis+sentinel://127.0.0.1:{dead},127.0.0.1:{sentinel.port}/wf")
    worker = workers(server)
    pidfile = tmp_path / "pid"
    long = server.submit(flows.native(server, folder, "sleeper"), parameters={"seconds": 20, "pidfile": str(pidfile)})["id"]
    wf.wait_until(pidfile.exists, worker.text)
    first.kill()
    runs = fill(server, folder, out, 5)  # while there is no Redis
    once_each(server, runs, out, 5)
    assert "role:master" in info(second, "replication")
    assert server.wait_run(long)["state_type"] == "COMPLETED", "what ran goes on"
    assert "Running" in server.states(long) and len(server.states(long)) == 4


def info(redis, section="replication"):
    return subprocess.run(["redis-cli", "-p", str(redis.port), "INFO", section], text=True, stdout=subprocess.PIPE).stdout


def test_a_user_with_the_rights_that_are_needed(serve, workers, tmp_path):
    redis = Redis(tmp_path / "r", "acl", conf=(
        'user default on nopass -@all +ping\nuser wf on >geheim ~wf:* &wf:* -@all +@connection +@read +@write +@pubsub '
        '+@scripting +eval +evalsha +time +scan\n')).start()
    server = serve(f"redis://wf:geheim@127.0.0.1:{redis.port}")
    workers(server)
    out = tmp_path / "out"
    once_each(server, fill(server, flows.write(tmp_path / "flows"), out, 3), out, 3)
    refused = Redis(tmp_path / "n", "refused", conf="user default on nopass -@all +ping\n").start()
    said = wf.Process([wf.program("wf-api"), "--port", "0", "--data-dir", tmp_path / "other"], tmp_path / "other.log",
                      env=wf.clean_env(WF_REDIS_URL=f"redis://wf:wrong@127.0.0.1:{refused.port}"))
    wf.wait_until(lambda: "WRONGPASS" in said.text(), said.text)
    assert "wrong@" not in said.text()
    said.kill()


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(folder, name):
    """A throw-away authority: its certificate; and a signed certificate and key for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key, key, request, cert, ext = (folder / f"{name}.{x}" for x in ("ca", "ca.key", "key", "csr", "crt", "ext"))
    ext.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", ca_key, "-out", ca)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", ext, "-out", cert)
    return ca, cert, key


def test_tls_with_certificates_of_both_ends(serve, workers, tmp_path):
    ca, cert, key = authority(tmp_path / "pki", "good")
    other, _, _ = authority(tmp_path / "pki", "other")
    port = wf.free_port()
    (tmp_path / "tls.conf").write_text(
        f'port 0\ntls-port {port}\nbind 127.0.0.1\nsave ""\ndir "{tmp_path}"\ntls-ca-cert-file {ca}\n'
        f"tls-cert-file {cert}\ntls-key-file {key}\ntls-auth-clients yes\nrequirepass geheim\n")
    redis = wf.Process(["redis-server", tmp_path / "tls.conf"], tmp_path / "redis.log")
    wf.wait_until(lambda: "Ready to accept" in redis.text(), redis.text)
    server = serve(f"rediss://:geheim@127.0.0.1:{port}/0?ca={ca}&cert={cert}&key={key}")
    workers(server)
    out = tmp_path / "out"
    once_each(server, fill(server, flows.write(tmp_path / "flows"), out, 3), out, 3)
    for options, why in ((f"?ca={other}&cert={cert}&key={key}", "TLS: "), (f"?ca={ca}&cert={cert}&key={ca}", "no private key")):
        said = wf.Process([wf.program("wf-api"), "--port", "0", "--data-dir", tmp_path / "o"], tmp_path / "o.log",
                          env=wf.clean_env(WF_REDIS_URL=f"rediss://:geheim@127.0.0.1:{port}/0{options}"))
        wf.wait_until(lambda: why in said.text(), said.text)
        said.stop()
    redis.kill()


def test_no_memory_a_stall_and_lost_data_lose_and_double_nothing(serve, workers, tmp_path):
    folder, out = flows.write(tmp_path / "flows"), tmp_path / "out"
    redis = Redis(tmp_path / "r", "r").start()
    server = serve(f"redis://127.0.0.1:{redis.port}")
    worker = workers(server, name="w")
    pidfile = tmp_path / "pid"
    long = server.submit(flows.native(server, folder, "sleeper"), parameters={"seconds": 25, "pidfile": str(pidfile)})["id"]
    wf.wait_until(pidfile.exists, worker.text)
    assert redis.ask("CONFIG", "SET", "maxmemory", "1mb") == "OK"
    runs = fill(server, folder, out, 20)
    wf.wait_until(lambda: "OOM" in server.process.text(), server.process.text)
    assert redis.ask("CONFIG", "SET", "maxmemory", "0") == "OK"
    wf.wait_until(lambda: out.exists() and len(out.read_text().split()) > 3, server.process.text)
    redis.process.kill(signal.SIGSTOP)
    wf.wait_until(lambda: "not reachable" in worker.text() or "no answer" in worker.text(), worker.text, 20)
    redis.process.kill(signal.SIGCONT)
    wf.wait_until(lambda: len(out.read_text().split()) > 8, worker.text)
    redis.kill()
    redis.start()  # empty
    once_each(server, runs, out, 20)
    assert server.wait_run(long)["state_type"] == "COMPLETED"
    assert server.states(long).count("Pending") == 1, "it had one owner all the time"


def test_rebuild_tells_redis_what_it_only_seems_to_know(serve, tmp_path):
    redis = Redis(tmp_path / "r", "r").start()
    server = serve(f"redis://127.0.0.1:{redis.port}")
    run = server.submit(flows.native(server, flows.write(tmp_path / "flows"), "quick"))["id"]
    wf.wait_until(lambda: redis.ask("EXISTS", f"wf:{{test-pool}}:run:{run}") == "1", "delivered")
    redis.ask("DEL", "wf:{test-pool}:t:default")  # damage that no reconciler sees
    done = wf.wf("pool", "rebuild", server=server)
    assert done.returncode == 0 and "Redis knows all" in done.stdout, done.stdout
    assert redis.ask("ZCARD", "wf:{test-pool}:t:default") == "1"
    redis.kill()
    refused = wf.wf("pool", "rebuild", server=server)
    assert refused.returncode == 1 and "no connection to Redis" in refused.stdout, refused.stdout
