"""Golden scenarios: what the unmodified client does, recorded through wiretap against wf-api and compared, exchange by
exchange, with the recordings of the reference server (exchanges/NN.jsonl, made by golden.py).

The scenarios mostly wait (timers of the client), so some of them run side by side, and beside the other tests:
conftest.py starts them."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import pytest

import golden

HERE = pathlib.Path(__file__).parent
LIMIT = 600  # seconds for one scenario: it takes one or two minutes where nobody else wants the cores
ALL = sorted(p.name[:2] for p in (HERE / "scenarios").glob("[0-9][0-9]-*.sh"))
# Those of every day; WF_GOLDEN=all runs the others, too (a minute or two each).
SCENARIOS = ALL if os.environ.get("WF_GOLDEN") == "all" else ["01", "02", "03", "04", "05", "07", "09", "13", "14", "15", "17"]


class Runs:
    """Starts every wanted scenario once, WF_COMPAT_JOBS at a time; results by number."""

    def __init__(self, folder, wanted):
        self.pool = concurrent.futures.ThreadPoolExecutor(int(os.environ.get("WF_COMPAT_JOBS", "3")))
        self.futures = {nn: self.pool.submit(self.run, folder, nn) for nn in wanted}

    @staticmethod
    def run(folder, nn):
        import pg
        import wf
        out, tmp = folder / nn / "out", folder / nn / "tmp"
        server = f"{wf.program('wf-api')} --port {{port}} --data-dir {{dir}}/wf"
        env = {**os.environ, "GOLDEN_TMP": str(tmp), "SCENARIO_LIMIT": str(LIMIT),
               "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
        if pg.wanted() or wf.replicas() > 1:
            env["WF_DATABASE_URL"] = pg.cluster().url(pg.cluster().new_database())
        done = subprocess.run(["bash", str(HERE / "scenarios" / "record.sh"), "--server", server, "--out", str(out), nn],
                              env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT + 120)
        recording = next(out.glob(f"{nn}-*.jsonl"), None)
        log = tmp / nn / "scenario.log"
        return recording, log.read_text() if log.exists() else "", done.stdout


def exits(log):
    """The exit statuses of the scenario's commands, in order, each with its command."""
    return re.findall(r"^=== (.*)\n(?:(?!=== ).*\n)*?--- exit (\d+)", log, re.M)


@pytest.mark.parametrize("nn", SCENARIOS)
def test_scenario(nn, runs):
    recording, log, said = runs.futures[nn].result()
    assert recording is not None, said
    problems = golden.compare(nn, golden.load(HERE / "exchanges" / f"{nn}.jsonl"), golden.exchanges(recording))
    wanted = HERE / "expected" / f"{nn}.exits"
    if wanted.exists():
        got = [f"{code} {command}" for command, code in exits(log)]
        expected = wanted.read_text().splitlines()
        clean = [golden.UUID.sub("<id>", line) for line in got]
        problems += [f"exit status: got '{a}', expected '{b}'" for a, b in zip(clean, expected) if a != b]
        if len(clean) != len(expected):
            problems.append(f"{len(clean)} commands ended, expected {len(expected)}")
    assert not problems, "\n".join(problems) + "\n--- scenario\n" + log[-6000:]
