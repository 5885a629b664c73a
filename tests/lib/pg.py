"""A private PostgreSQL for the tests: a cluster in a temporary folder, on a Unix socket only, ended with the session.

It runs as the user "postgres" or "nobody" when the tests run as root. Data is not synced to the disk: what is killed
here are processes, not the machine.
"""
import atexit
import ctypes
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
max_connections = 80
shared_buffers = 32MB
log_min_messages = fatal
log_line_prefix = '%m [%p] '
"""
# "secret" has a password, everybody else is let in
HBA = """
local all secret scram-sha-256
local all all trust
"""


def wanted():
    """Do the tests of both databases run on PostgreSQL?"""
    return os.environ.get("WF_TEST_DATABASE", "sqlite") == "postgresql"


# tests that look into the file themselves
file_only = pytest.mark.skipif(wanted(), reason="of SQLite only")


def tool(name):
    found = shutil.which(name)
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True):
        found = found if found and "postgresql" in os.path.realpath(found) else os.path.join(folder, name)
        break
    if not found or not os.path.exists(found):
        raise AssertionError(f"{name} not found: install postgresql (build-aux/deps.sh test)")
    return found


def other_user():
    """Arguments of Popen: PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise AssertionError("no user postgres or nobody")


def _end_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG: a fast shutdown


class Cluster:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wf-pg-", dir="/tmp"))
        self.user = other_user()
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        self.data = self.folder / "data"
        self.count = 0
        self.child = None
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "wf", "-E", "UTF8", "--locale=C", "--no-sync",
                 "--no-instructions")
        with open(self.data / "postgresql.conf", "a") as f:
            f.write(SETTINGS.format(folder=self.folder))
        (self.data / "pg_hba.conf").write_text(HBA)
        self.start()
        atexit.register(self.remove)

    def env(self):
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PGUSER": "wf", "PGHOST": str(self.folder),
                "PGDATABASE": "postgres"}

    def run(self, name, *args, check=True, env=None, **options):
        done = subprocess.run([tool(name), *[str(a) for a in args]], env={**self.env(), **(env or {})}, text=True,
                              cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.user, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{name} {args}: {done.stdout}")
        return done.stdout

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.child = subprocess.Popen([tool("postgres"), "-D", str(self.data)], env=self.env(), cwd="/", stdout=log,
                                          stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_end_with_us, **self.user)
        end = time.monotonic() + 60
        while subprocess.run([tool("pg_isready"), "-q"], env=self.env()).returncode != 0:
            if self.child.poll() is not None or time.monotonic() > end:
                raise AssertionError("postgres: " + (self.folder / "log").read_text()[-4000:])
            time.sleep(0.05)

    def stop(self, signo=signal.SIGINT):
        """SIGINT: connections are ended; SIGQUIT: as after a crash."""
        if self.child and self.child.poll() is None:
            self.child.send_signal(signo)
            self.child.wait(60)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text, database="postgres"):
        """Rows of the last statement, columns separated by '|'."""
        out = self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text, env={"PGDATABASE": database})
        return out.splitlines()

    def url(self, database, user="wf", password=None):
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def new_database(self):
        """The name of an empty database."""
        self.count += 1
        name = f"wf_{self.count}"
        self.sql(f"CREATE DATABASE {name}")
        return name


_cluster = None


def cluster():
    """The session's cluster, started when it is first asked for."""
    global _cluster
    if _cluster is None:
        _cluster = Cluster()
    return _cluster
