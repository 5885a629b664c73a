"""A Redis Cluster: pools on different servers, slots that move and a server that dies while runs go on."""
import socket
import subprocess
import time

import pytest

import flows
import wf


def port_pair():
    """A free port whose bus port is free, too."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            b.bind(("127.0.0.1", 0))
            return a.getsockname()[1], b.getsockname()[1]


class Node:
    def __init__(self, folder, number):
        self.folder = folder / f"node-{number}"
        self.folder.mkdir()
        self.port, self.bus = port_pair()
        self.process = wf.Process(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", self.bus,
             "--cluster-node-timeout", "1000", "--cluster-config-file", self.folder / "nodes.conf", "--dir", self.folder,
             "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"], self.folder / "log")
        wf.wait_until(lambda: self("PING") == "PONG", "redis-server")

    def __call__(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *[str(w) for w in words]], capture_output=True, text=True,
                              timeout=20).stdout.strip()

    @property
    def id(self):
        return self("CLUSTER", "MYID")

    def slots(self):
        for line in self("CLUSTER", "NODES").splitlines():
            if "myself" in line:
                return line.split()[8:]
        return []


@pytest.fixture
def cluster(tmp_path):
    """Three masters, and a replica of the first."""
    nodes = [Node(tmp_path, n) for n in range(4)]
    bounds = (0, 5461, 10923, 16384)
    for n in range(3):
        nodes[n]("CLUSTER", "ADDSLOTSRANGE", bounds[n], bounds[n + 1] - 1)
        nodes[n]("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
    for other in nodes[1:]:
        nodes[0]("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus)
    wf.wait_until(lambda: all("cluster_state:ok" in n("CLUSTER", "INFO") and "cluster_known_nodes:4" in n("CLUSTER", "INFO")
                              for n in nodes), "the cluster is up")
    wf.wait_until(lambda: nodes[3]("CLUSTER", "REPLICATE", nodes[0].id) == "OK", "the replica")
    wf.wait_until(lambda: "master_link_status:up" in nodes[3]("INFO", "replication"), "the replica follows")
    yield nodes
    for node in nodes:
        node.process.kill()
        node.process.child.wait()


def pool_at(node):
    """The name of a pool whose keys are at the node."""
    low, high = (int(part) for part in node.slots()[0].split("-"))
    for n in range(1000):
        if low <= int(node("CLUSTER", "KEYSLOT", f"wf:{{p{n}}}")) <= high:
            return f"p{n}"
    raise AssertionError("no such name")


@pytest.fixture
def server(tmp_path, cluster):
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{n.port}" for n in cluster[:2])
    s = wf.Server(tmp_path / "server", args=["--redis-url", url]).start()
    yield s
    s.stop()


def test_work_goes_on_while_slots_move_and_a_server_dies(server, cluster, workers, tmp_path):
    folder = flows.write(tmp_path / "flows")
    first, second, third, replica = cluster
    pools = [pool_at(node) for node in (first, second, third)]
    deployments, run_workers = {}, {}
    for pool in pools:
        server.pool(pool)
        deployments[pool] = flows.native(server, folder, "quick", pool=pool)
        run_workers[pool] = workers(server, "--limit", "8", pool=pool)
    for pool in pools:
        run = server.submit(deployments[pool])["id"]
        assert server.wait_run(run)["state_type"] == "COMPLETED", run_workers[pool].text()[-3000:]
    assert all(len(set(n("--scan", "--pattern", "wf:*").split())) > 2 for n in cluster[:3]), "each server has its pool"

    # a slot moves from the second to the third while its pool works
    pool, out = pools[1], tmp_path / "marks"
    slot = int(second("CLUSTER", "KEYSLOT", f"wf:{{{pool}}}"))
    nap = flows.native(server, folder, "sleeper", pool=pool)
    long = server.submit(nap, parameters={"seconds": 3, "pidfile": str(tmp_path / "pid")})["id"]
    wf.wait_until(lambda: server.run_state(long)["type"] == "RUNNING", run_workers[pool].text)
    third("CLUSTER", "SETSLOT", slot, "IMPORTING", second.id)
    second("CLUSTER", "SETSLOT", slot, "MIGRATING", third.id)
    moved = [server.submit(deployments[pool], parameters={"mark": f"m{n}", "file": str(out)})["id"] for n in range(5)]
    while True:
        keys = second("CLUSTER", "GETKEYSINSLOT", slot, 100).split()
        if not keys:
            break
        assert second("MIGRATE", "127.0.0.1", third.port, "", 0, 5000, "KEYS", *keys) in ("OK", "NOKEY")
    for node in (third, second, first):
        node("CLUSTER", "SETSLOT", slot, "NODE", third.id)
    for run in moved:
        assert server.wait_run(run)["state_type"] == "COMPLETED", run_workers[pool].text()[-3000:]
    assert server.wait_run(long)["state_type"] == "COMPLETED" and server.states(long).count("Running") == 1
    assert sorted(out.read_text().split()) == [f"m{n}" for n in range(5)], "each ran once"

    # the first server dies: its replica takes over
    pool, out = pools[0], tmp_path / "after"
    nap = flows.native(server, folder, "sleeper", pool=pool)
    long = server.submit(nap, parameters={"seconds": 5, "pidfile": str(tmp_path / "pid2")})["id"]
    wf.wait_until(lambda: server.run_state(long)["type"] == "RUNNING", run_workers[pool].text)
    first.process.kill()
    after = [server.submit(deployments[pool], parameters={"mark": f"a{n}", "file": str(out)})["id"] for n in range(5)]
    began = time.monotonic()
    for run in after:
        assert server.wait_run(run)["state_type"] == "COMPLETED", run_workers[pool].text()[-3000:]
    assert "role:master" in replica("INFO", "replication")
    assert server.wait_run(long)["state_type"] == "COMPLETED" and server.states(long).count("Running") == 1
    assert sorted(out.read_text().split()) == [f"a{n}" for n in range(5)]
    assert time.monotonic() - began < 40
    # the others did not notice
    assert "no longer ours" not in "".join(w.text() for w in run_workers.values())
