#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several wf-api that look like one: the same options and files, and a proxy in front that gives each request to the next.

    replicas.py --port PORT --data-dir DIR [options of wf-api]

$WF_TEST_REPLICAS of them (2) share the PostgreSQL of $WF_DATABASE_URL (without it: a cluster of their own), one Redis
and one key of blocks. Sockets are spread as requests are: what comes in at one server must reach those of the others.
"""
import argparse
import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pg  # noqa: E402
import wf  # noqa: E402

HEAD_MAX = 1 << 20
BLOCK = 1 << 16


async def head(reader):
    """(first line, headers in small letters, the bytes) of a message; None when the connection is over."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    return first, {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}, raw


async def body(reader, writer, headers, to_end=False):
    """Passes the body of a message on."""
    if "chunked" in headers.get("transfer-encoding", ""):
        while True:
            line = await reader.readline()
            size = int(line.split(b";")[0], 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
            if size == 0:
                return
    left = int(headers["content-length"]) if "content-length" in headers else (-1 if to_end else 0)
    while left:
        block = await reader.read(BLOCK if left < 0 else min(left, BLOCK))
        if not block:
            return
        writer.write(block)
        await writer.drain()
        left -= len(block) if left > 0 else 0


async def pipe(reader, writer):
    try:
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Front:
    """The proxy: requests of a kept connection go to one server after the other."""

    def __init__(self, ports):
        self.ports, self.turn, self.given = ports, 0, [0] * len(ports)

    def next(self):
        self.turn = (self.turn + 1) % len(self.ports)
        self.given[self.turn] += 1
        return self.turn

    async def exchange(self, request, reader, writer, kept):
        """One request; False when the connection ends with it."""
        first, headers, raw = request
        n = self.next()
        if n not in kept:
            kept[n] = await asyncio.open_connection("127.0.0.1", self.ports[n], limit=HEAD_MAX)
        up, down = kept[n]
        down.write(raw)
        if headers.get("expect"):
            del headers["expect"]  # an interim answer comes first
        await body(reader, down, headers)
        await down.drain()
        while True:
            answer = await head(up)
            if answer is None:
                return False
            writer.write(answer[2])
            status = int(answer[0].split()[1])
            if status == 101:
                await asyncio.gather(pipe(reader, down), pipe(up, writer))
                return False
            if status >= 200:
                break
        if not first.startswith("HEAD ") and status not in (204, 304):
            await body(up, writer, answer[1], to_end=True)
        await writer.drain()
        if answer[1].get("connection", "").lower() == "close":
            kept.pop(n)[1].close()
            return headers.get("connection", "").lower() != "close" and "content-length" in answer[1]
        return True

    async def serve(self, reader, writer):
        kept = {}
        try:
            while (request := await head(reader)) and await self.exchange(request, reader, writer, kept):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            for _, down in kept.values():
                down.close()
            writer.close()


def redis(folder):
    """A Redis of their own; its URL for wf-api."""
    socket = folder / "redis.sock"
    child = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
                             stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, preexec_fn=wf._die_with_us)
    wf.wait_until(socket.exists, "redis-server")
    return child, f"redis+unix://{socket}"


def start(folder, args, count):
    """(processes, ports) of the servers, one after the other: the first makes the schema and the key."""
    child, url = redis(folder)
    env = {**os.environ, "WF_REDIS_URL": os.environ.get("WF_REDIS_URL", url)}
    env.setdefault("WF_DATABASE_URL", "")
    if not env["WF_DATABASE_URL"]:
        env["WF_DATABASE_URL"] = pg.cluster().url(pg.cluster().new_database())
    children, ports = [child], []
    for n in range(count):
        data = folder / f"replica-{n}"
        data.mkdir(exist_ok=True)
        (data / "url").unlink(missing_ok=True)
        children.append(subprocess.Popen([str(wf.BIN / "wf-api"), "--port", "0", "--data-dir", str(data), *args], env=env,
                                         stdin=subprocess.DEVNULL, preexec_fn=wf._die_with_us))
        end = time.monotonic() + wf.PATIENCE
        while not ((data / "url").exists() and (data / "url").read_text().strip()):
            if children[-1].poll() is not None or time.monotonic() > end:
                sys.exit(f"replica {n} did not start")
            time.sleep(0.02)
        ports.append(int((data / "url").read_text().strip().rsplit(":", 1)[1].split("/")[0]))
        if n == 0 and (data / "block.key").exists():
            env.setdefault("WF_API_BLOCK_KEY_FILE", str(data / "block.key"))
    return children, ports


async def run(port, data, ports, children):
    front = Front(ports)
    server = await asyncio.start_server(front.serve, "127.0.0.1", port, limit=HEAD_MAX)
    (data / "url").write_text(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api\n")
    over = asyncio.Event()
    for signo in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signo, over.set)
    while not over.is_set() and all(c.poll() is None for c in children):
        try:
            await asyncio.wait_for(over.wait(), 0.5)
        except asyncio.TimeoutError:
            pass
    print(f"requests to each: {front.given}", file=sys.stderr, flush=True)
    for child in children[1:]:
        child.terminate()
    status = [child.wait(60) for child in children[1:]]
    children[0].terminate()
    return max(map(abs, status))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--data-dir", type=pathlib.Path, required=True)
    a, rest = p.parse_known_args()
    a.data_dir.mkdir(parents=True, exist_ok=True)
    children, ports = start(a.data_dir.resolve(), rest, int(os.environ.get("WF_TEST_REPLICAS", "2")))
    sys.exit(asyncio.run(run(a.port, a.data_dir, ports, children)))


if __name__ == "__main__":
    main()
