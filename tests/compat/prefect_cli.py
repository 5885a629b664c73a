"""Runs many commands of the unmodified prefect command line: imports it once, forks for each.

stdin: [[word, ...], ...] as JSON; stdout: [[exit status, what it said], ...] as JSON.
"""
import json
import os
import sys
import tempfile

import prefect.cli

MODULES = ("config", "deployment", "flow", "flow_run", "profile", "server", "version", "work_pool", "work_queue", "worker")


def run(words):
    with tempfile.TemporaryFile() as out:
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            sys.argv = ["prefect", *words]
            try:
                prefect.cli.app()
                status = 0
            except SystemExit as leaving:
                status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
            sys.stdout.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        return [status, out.read().decode()]


for name in MODULES:
    __import__(f"prefect.cli.{name}")
commands = json.load(sys.stdin)
sys.stdin.close()
sys.stdin = open(os.devnull)
json.dump([run(words) for words in commands], sys.stdout)
