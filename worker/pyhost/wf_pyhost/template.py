# SPDX-License-Identifier: Apache-2.0
"""The template: imports Prefect once, then waits for requests and forks.

It has one thread, one socket, no event loop and no client, and it never imports user code.  Its children are handed to
the worker: each is forked twice, so that the worker (a child subreaper) is the parent, waits for it, and outlives us.
"""
import gc
import importlib
import os
import signal
import socket
import sys
import time

from wf_pyhost import child, gate, heat, wire, world

SOCKET_FD = 3
MODULES = """
prefect.main prefect.engine prefect.flow_engine prefect.task_engine prefect.task_runners prefect.client.orchestration
prefect.deployments.steps.core prefect.deployments.steps.pull prefect.deployments.steps.utility prefect.runner.storage
prefect.events.clients prefect.events.worker prefect.logging.handlers prefect.results prefect.filesystems
prefect.concurrency._asyncio prefect.concurrency._sync websockets httpx anyio._backends._asyncio ssl cloudpickle rich
rich._emoji_codes encodings.idna pydantic.v1
""".split()


def load(preload):
    """Imports; what of the user's list could not be imported."""
    for name in MODULES:
        importlib.import_module(name)
    failed = {}
    for name in preload:
        try:
            importlib.import_module(name)
        except Exception as e:
            failed[name] = f"{type(e).__name__}: {e}"
    return failed


def fork_twice():
    """0 in the grandchild; in the template the grandchild's pid, when the one between us has gone."""
    r, w = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid == 0:
            os.close(r)
            os.close(w)
            return 0
        os.write(w, str(pid).encode())
        os._exit(0)
    os.close(w)
    text = b""
    while part := os.read(r, 32):
        text += part
    os.close(r)
    os.waitpid(between, 0)
    return int(text) if text else -1


class Template:
    def __init__(self, sock, preload):
        self.sock = sock
        self.mark = child.take_mark()
        self.began = time.monotonic()
        self.failed = load(preload)
        self.world = world.World()
        self.shelf = self.heat()
        self.watched = gate.watched()
        gc.collect()
        gc.freeze()

    @staticmethod
    def heat():
        """The shelf; None with a Prefect whose inside is not known here: then a run takes a little longer."""
        shelf = None
        for part in (heat.models, heat.console, heat.shelf):
            try:
                shelf = part()
            except Exception as e:
                print(f"{part.__name__} not heated: {type(e).__name__}: {e}", file=sys.stderr)
        return shelf

    def hello(self):
        with open("/proc/self/statm") as f:
            pages = int(f.read().split()[1])
        return {"ready": True, "pid": os.getpid(), "prefect": sys.modules["prefect"].__version__,
                "python": sys.version.split()[0], "import_ms": int((time.monotonic() - self.began) * 1000),
                "rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024, "preload_failed": self.failed}

    def refusal(self, fds):
        """What to answer instead of a pid, or None."""
        if gate.watched() != self.watched:
            return {"refuse": "the installed packages changed", "changed": True}
        reason = gate.why_not(self.sock.fileno(), fds)
        return {"refuse": reason} if reason else None

    def serve(self):
        """Until the worker goes: None.  In a child: what it is to run."""
        reason = gate.why_not(self.sock.fileno())
        wire.send(self.sock, {"refuse": reason} if reason else self.hello())
        while not reason:
            request, fds = wire.receive(self.sock)
            if request is None:
                break
            answer = self.refusal(fds)
            if answer is None:
                sys.stdout.flush()
                sys.stderr.flush()
                pid = fork_twice()
                if pid == 0:
                    return request, fds
                answer = {"pid": pid} if pid > 0 else {"refuse": "fork failed"}
            for fd in fds:
                os.close(fd)
            wire.send(self.sock, {"id": request["id"], **answer})
        return None


def become(template, work):
    """From here on this process is a flow run: exceptions and exits take the normal way out of the interpreter."""
    request, fds = work
    code, namespace = child.start(template, request, fds)
    for name in [n for n in sys.modules if n.partition(".")[0] == "wf_pyhost"]:
        del sys.modules[name]
    exec(code, namespace)


def main(argv):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    preload = [n.strip() for n in argv[argv.index("--preload") + 1].split(",")] if "--preload" in argv else []
    sock = socket.socket(fileno=SOCKET_FD)
    sock.set_inheritable(False)
    try:
        template = Template(sock, [n for n in preload if n])
    except Exception as e:
        wire.send(sock, {"refuse": f"Prefect cannot be imported ({type(e).__name__}: {e})"})
        os._exit(1)
    try:
        work = template.serve()
    except (BrokenPipeError, ConnectionResetError):
        work = None
    if work is None:
        os._exit(0)
    become(template, work)
