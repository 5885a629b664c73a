"""The two servers: the reference (the real product, from the package index) and ours, each with data of its own."""
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

import wf

# What both leave out: background services that would change objects between two calls.
QUIET = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in (
    "SCHEDULER", "LATE_RUNS", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP", "FOREMAN", "REPOSSESSOR", "TRIGGERS")}
REFERENCE = {**QUIET, "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "", "PREFECT_SERVER_UI_ENABLED": "false",
             "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
             "PREFECT_SERVER_DATABASE_TIMEOUT": "2",
             "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.7"}
HEADERS = {"Content-Type": "application/json", "User-Agent": "prefect/3.8.8 (API 0.8.4)",
           "X-PREFECT-API-VERSION": "0.8.4"}


class Side:
    """A kept connection to one server."""

    def __init__(self, api):
        rest = api.split("//", 1)[1]
        self.host, self.base = rest.split("/", 1)
        self.base = "/" + self.base
        self.connection, self.last = None, None

    def send(self, method, path, data, headers):
        path = urllib.parse.quote(path, safe="/?=&:,%-._~")
        self.last = (method, path, data, headers)
        for attempt in (1, 2):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.host, timeout=20)
                self.connection.request(method, self.base + path, data, {**HEADERS, **(headers or {})})
                return
            except (OSError, http.client.HTTPException):
                self.close()
                if attempt == 2:
                    raise

    def receive(self):
        try:
            answer = self.connection.getresponse()
        except (ConnectionResetError, http.client.RemoteDisconnected):
            self.close()  # a kept connection that was closed when we wrote to it
            self.send(*self.last)
            answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer.status, text

    def ask(self, method, path, body=None):
        """One exchange on this side only; the status and the JSON."""
        self.send(method, path, None if body is None else json.dumps(body), None)
        status, text = self.receive()
        with contextlib.suppress(ValueError):
            return status, json.loads(text)
        return status, text

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Reference:
    """`prefect server start` in a home of its own."""

    def __init__(self, folder, more=None):
        self.folder, self.more = pathlib.Path(folder), more
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = wf.free_port()
        self.start()

    def start(self):
        self.api = f"http://127.0.0.1:{self.port}/api"
        env = wf.clean_env(PREFECT_HOME=self.folder / "home", HOME=self.folder, **REFERENCE, **(self.more or {}))
        program = os.path.join(os.path.dirname(sys.executable), "prefect")
        self.process = wf.Process([program, "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
                                  self.folder / "reference.log", env=env, start_new_session=True)

    def wait(self, limit=180):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not self.process.running():
                break
            side = Side(self.api)
            with contextlib.suppress(OSError, http.client.HTTPException):
                if side.ask("GET", "/health")[0] == 200:
                    side.close()
                    return self
            time.sleep(0.2)
        raise AssertionError(f"the reference server is not ready:\n{self.process.text()[-3000:]}")

    def stop(self):
        try:
            self.process.stop(limit=20)
        except AssertionError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.child.wait(5)


def both(folder):
    """(the reference, our server), started beside each other."""
    folder = pathlib.Path(folder)
    reference = Reference(folder / "reference")
    ours = wf.Server(folder / "ours", env={"WF_SERVICES": "false"}).start()
    return reference.wait(), ours
