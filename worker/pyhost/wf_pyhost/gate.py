# SPDX-License-Identifier: Apache-2.0
"""Whether it is safe to fork now: only what is certain is warm, everything else is started cold."""
import os
import sys
import threading

# State that a used process would have, and that would lie in a copy of it.
MUST_BE_EMPTY = [
    ("prefect.utilities.engine", "API_HEALTHCHECKS"),
    ("prefect._internal.version_checking", "_API_VERSION_CHECK_CACHE"),
    ("prefect.client.base", "APP_LIFESPANS"),
    ("prefect.results", "_default_storages"),
    ("prefect.events.related", "RESOURCE_CACHE"),
    ("prefect.runtime.deployment", "CACHED_DEPLOYMENT"),
    ("prefect.concurrency.services", "_no_limits_cache"),
    ("prefect._internal.control_listener", "_configured"),
    ("prefect._internal.control_listener", "_started"),
    ("prefect._internal.concurrency.threads", "_global_loop"),
    ("prefect._internal.concurrency.threads", "_run_sync_loop"),
    ("prefect.utilities.asyncutils", "BACKGROUND_TASKS"),
    ("prefect.utilities.services", "_metrics_server"),
    ("prefect._internal.analytics.client", "_initialized"),
]


class Refused(Exception):
    """The run must be started cold, for the reason in the text."""


def watched():
    """What tells that the installed packages changed: path -> time of its last change."""
    paths = {p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")}
    paths |= {sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")}
    package = sys.modules.get("prefect")
    if package is not None and package.__file__:
        paths.add(os.path.dirname(package.__file__))
    times = {}
    for path in sorted(paths):
        try:
            times[path] = os.stat(path).st_mtime_ns
        except OSError:
            times[path] = 0
    return times


def _sockets(ours):
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) != ours and os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.append(int(name))
        except OSError:
            pass  # the descriptor of the listing itself
    return found


def why_not(ours, also=()):
    """A reason against forking now, or None.  OURS is the worker's socket, ALSO the descriptors of a request."""
    threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    if threads:
        return f"a thread runs in the template ({threads[0]})"
    if len(os.listdir("/proc/self/task")) != 1:
        return "a thread that Python does not know runs in the template"
    sockets = [fd for fd in _sockets(ours) if fd not in also]
    if sockets:
        return "the template has an open socket"
    for module, name in MUST_BE_EMPTY:
        if getattr(sys.modules.get(module), name, None):
            return f"the template is not fresh ({module}.{name})"
    return None
