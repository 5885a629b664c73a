# SPDX-License-Identifier: Apache-2.0
"""The child: from the fork to the flow engine.  It does what a new interpreter would do, in the same order."""
import ctypes
import importlib
import importlib.util
import os
import resource
import signal
import socket
import sys
import time
import types

from wf_pyhost import wire, world
from wf_pyhost.gate import Refused

PR_SET_PDEATHSIG = 1
EXIT_NOT_STARTED = 127
MARK = "PREFECT__FLOW_RUN_ID"
ID_LENGTH = 36
CPU_GRACE = 5  # seconds from SIGXCPU, which says why, to SIGKILL
LIMITS = {"address_space": resource.RLIMIT_AS, "cpu": resource.RLIMIT_CPU, "open_files": resource.RLIMIT_NOFILE,
          "core": resource.RLIMIT_CORE}


def take_mark():
    """Where the run's id belongs in the environment that the kernel shows of us, or None; it is no variable of ours."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    at = libc.getenv(MARK.encode()) if len(os.environ.get(MARK, "")) == ID_LENGTH else None
    os.environ.pop(MARK, None)
    return at


def set_mark(at, run_id):
    """So the worker recognises us and what we fork, wherever it went."""
    if at is not None and len(run_id) == ID_LENGTH:
        ctypes.memmove(at, run_id.encode(), ID_LENGTH)


def set_limits(limits):
    for name, kind in LIMITS.items():
        value = limits.get(name)
        if value is not None:
            _, hard = resource.getrlimit(kind)
            wanted = value + (CPU_GRACE if name == "cpu" else 0)
            if hard == resource.RLIM_INFINITY or wanted < hard:
                hard = wanted  # one that is lower already stays
            resource.setrlimit(kind, (min(value, hard), hard))
    if limits.get("nice"):
        os.setpriority(os.PRIO_PROCESS, 0, limits["nice"])


def set_world(request):
    """Folder, environment, arguments, path: what the kernel and the interpreter's start give to a new process."""
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    set_limits(request.get("limits") or {})
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    argv = request["argv"]
    sys.orig_argv = [sys.executable, "-m", *argv]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()


def prepare(request, fds, template):
    os.setsid()
    for target, fd in enumerate(fds[:3]):
        os.dup2(fd, target)
    for fd in fds[:3]:
        if fd > 2:
            os.close(fd)
    set_world(request)
    set_mark(template.mark, request["env"].get(MARK, ""))
    if world.refresh(template.world):
        raise Refused("Prefect plugins are enabled")
    if template.shelf is not None:
        template.shelf.open()


def wait_for_go(gate, parent):
    """Waits until the worker has taken us: it is our parent from then on, and we die with it."""
    if gate.recv(1) != b"g":
        os._exit(EXIT_NOT_STARTED)  # not wanted any more, or the worker is gone
    gate.close()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(EXIT_NOT_STARTED)


def main_module(name):
    """The code of NAME as a fresh __main__, as `python -m` makes it."""
    spec = importlib.util.find_spec(name)
    main = types.ModuleType("__main__")
    main.__spec__, main.__loader__, main.__file__ = spec, spec.loader, spec.origin
    main.__cached__, main.__package__ = spec.cached, spec.parent
    sys.modules["__main__"] = main
    return main, spec.loader.get_code(name)


def start(template, request, fds):
    """Prepares, tells how that went, waits for the worker; the code to run and its globals."""
    template.sock.close()
    gate = socket.socket(fileno=fds[3])
    try:
        prepare(request, fds, template)
        name, *args = request["argv"]
        main, code = main_module(name)
        sys.argv = [main.__file__, *args]
    except BaseException as e:
        reason = str(e) if isinstance(e, Refused) else f"it could not be prepared ({type(e).__name__}: {e})"
        wire.send(gate, {"id": request["id"], "refuse": reason})
        os._exit(EXIT_NOT_STARTED)
    wire.send(gate, {"id": request["id"], "ready": os.getpid()})
    wait_for_go(gate, request["parent"])
    return code, main.__dict__
