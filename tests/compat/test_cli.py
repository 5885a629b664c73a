"""`prefect` and `wf` side by side, against one server: the same words give the same exit status, columns, keys and texts.

In the words @ is p for prefect and w for wf, so that each has objects of its own; RUN@ is the id of a run, NOBODY that of none.
What differs on purpose is not here: docs/prefect.md lists it.
"""
import json
import subprocess
import sys
import time

import pytest

import wf

NOBODY = "00000000-0000-4000-8000-000000000000"
STATUS, SAME, COLUMNS, KEYS = "exit status", "the same text", "the same columns", "the same keys"

# Members of Prefect's client-side models that no server sends.
CLIENT_ONLY = {"version_id", "version_info", "branch", "base", "root", "work_pool_id", "work_pool_name"}

# words, what is compared besides the exit status
CASES = [
    ("work-pool create a@ --type process", STATUS),
    ("work-pool create a@ --type process", SAME),  # it exists
    ("work-pool create a@ --type process --overwrite", STATUS),
    ("work-pool create b@ --type nosuch", STATUS),
    ("work-pool create c@ -t process --paused", STATUS),
    ("work-pool ls", COLUMNS),
    ("work-pool ls -v", STATUS),  # prefect folds its columns away
    ("work-pool ls -o json", KEYS),
    ("work-pool ls -o xml", SAME),
    ("work-pool inspect a@ -o json", KEYS),
    ("work-pool inspect nope", STATUS),
    ("work-pool inspect", STATUS),
    ("work-pool inspect a b", STATUS),
    ("work-pool pause a@", SAME),
    ("work-pool resume a@", SAME),
    ("work-pool resume nope", STATUS),
    ("work-pool update a@ --description d --concurrency-limit 3", SAME),
    ("work-pool update nope --description d", STATUS),
    ("work-pool set-concurrency-limit a@ 5", SAME),
    ("work-pool set-concurrency-limit a@ x", STATUS),
    ("work-pool clear-concurrency-limit a@", SAME),
    ("work-pool clear-concurrency-limit nope", STATUS),
    ("work-pool preview a@", SAME),
    ("work-pool preview nope", STATUS),
    ("work-pool nosuch", STATUS),
    ("work-pool ls --nosuch", STATUS),
    ("work-queue create q@ -p a@ -l 2 -q 5", STATUS),
    ("work-queue create q@ -p a@", SAME),
    ("work-queue create q@ -p nope", SAME),
    ("work-queue create r@ -p a@ -q 0", STATUS),
    ("work-queue create r@ -p a@ -l x", STATUS),
    ("work-queue ls", COLUMNS),
    ("work-queue ls -p a@", COLUMNS),
    ("work-queue ls -p a@ -v", COLUMNS),
    ("work-queue ls -p nope", SAME),
    ("work-queue ls -p a@ -o json", KEYS),
    ("work-queue inspect q@ -p a@ -o json", STATUS),
    ("work-queue inspect nope -p a@", SAME),
    ("work-queue pause q@ -p a@", SAME),
    ("work-queue pause q@", STATUS),
    ("work-queue resume q@ -p a@", SAME),
    ("work-queue set-concurrency-limit q@ 4 -p a@", SAME),
    ("work-queue set-concurrency-limit nope 4 -p a@", SAME),
    ("work-queue clear-concurrency-limit q@ -p a@", SAME),
    ("work-queue preview q@ -p a@", SAME),
    ("work-queue read-runs nope -p a@", SAME),
    ("work-queue delete q@ -p a@", SAME),
    ("work-queue delete q@ -p a@", SAME),
    ("work-pool delete a@", SAME),
    ("work-pool delete a@", STATUS),
    ("deployment ls", COLUMNS),
    ("deployment ls hello", COLUMNS),
    ("deployment ls -o json", KEYS),
    ("deployment inspect hello/d@ -o json", KEYS),
    ("deployment inspect hello/nope", STATUS),
    ("deployment inspect bad", STATUS),
    ("deployment run", STATUS),
    ("deployment run hello/nope", STATUS),
    ("deployment run hello/d@ -p zz=1", STATUS),
    ("deployment run hello/d@ -p n=3 --tag t --job-variable env.A=1 --flow-run-name nm-{n}", STATUS),
    ("deployment run hello/d@ --start-at tomorrow_at_5:30pm", STATUS),
    ("deployment run hello/d@ --start-in 2_hours --start-at 5:30pm", SAME),
    ("deployment run hello/d@ --start-in gibberish", STATUS),
    ("deployment run hello/d@ --params {", STATUS),
    ("deployment run hello/d@ --watch --watch-timeout 1 --watch-interval 1", STATUS),
    ("work-pool preview default", COLUMNS),
    ("work-pool preview default -o json", KEYS),
    ("flow ls", COLUMNS),
    ("flow ls -o json", KEYS),
    ("flow-run ls", COLUMNS),
    ("flow-run ls --flow-name nope", SAME),
    ("flow-run ls --state scheduled --state-type SCHEDULED --limit 1 -o json", KEYS),
    ("flow-run ls --state-type nope", STATUS),
    ("flow-run inspect RUN@ -o json", KEYS),
    ("flow-run inspect bad", STATUS),
    ("flow-run logs RUN@ --head -n 2", SAME),
    ("flow-run logs RUN@ -t -n 2", SAME),
    ("flow-run logs RUN@ -r -n 2", SAME),
    ("flow-run logs RUN@ -h -t", SAME),
    ("flow-run logs RUN@ -o json -n 1", KEYS),
    (f"flow-run logs {NOBODY}", SAME),
    ("flow-run cancel RUN@", SAME),
    (f"flow-run cancel {NOBODY}", SAME),
    ("flow-run cancel bad", STATUS),
    ("flow-run retry nope", SAME),
    ("flow-run delete RUN@", SAME),
    ("flow-run delete RUN@", SAME),
    ("deployment delete hello/d@", SAME),
    ("deployment delete hello/nope", STATUS),
    ("deployment delete", STATUS),
    ("config set PREFECT_LOGGING_LEVEL=DEBUG", STATUS),
    ("config set bad", SAME),
    ("config set NOSUCH=1", STATUS),
    ("config set", STATUS),
    ("config view -o json", STATUS),
    ("config view --hide-sources", STATUS),
    ("config unset PREFECT_LOGGING_LEVEL -y", STATUS),
    ("config unset PREFECT_LOGGING_LEVEL -y", STATUS),
    ("config validate", SAME),
    ("profile create x1", STATUS),
    ("profile create x1", STATUS),
    ("profile create x2 --from nope", STATUS),
    ("profile ls -o json", KEYS),
    ("profile inspect x1", SAME),
    ("profile inspect x1 -o json", SAME),
    ("profile inspect nope", STATUS),
    ("profile rename x1 x9", SAME),
    ("profile rename nope x3", SAME),
    ("profile ls --profile x9", STATUS),
    ("--profile nope work-pool ls", STATUS),
    ("profile use nope", SAME),
    ("profile delete nope", STATUS),
    ("profile delete x9", STATUS),
    ("server status", STATUS),
    ("server status -o json", KEYS),
    ("server stop", STATUS),
    ("nosuch", STATUS),
    ("", STATUS),
    ("--version", STATUS),
    ("version", STATUS),
]


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """[(exit status, text)] of each command for prefect, and for wf."""
    folder = tmp_path_factory.mktemp("cli")
    server = wf.Server(folder / "server").start()
    server.pool("default")
    flow, runs = server.flow("hello"), {}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    for side in "pw":
        server.deploy("flow.py:hello", folder, flow="hello", name=f"d{side}", pool="default", parameter_openapi_schema=schema)
        run = server.call("POST", "/flow_runs/", {"flow_id": flow["id"], "name": f"run-{side}", "state": {"type": "RUNNING"}})
        runs[side] = run["id"]
        today = time.strftime("%Y-%m-%d", time.gmtime())  # retention deletes what is older than 30 days
        server.call("POST", "/logs/", [{"name": "prefect.flow_runs", "level": level, "message": f"line {level}",
                                        "timestamp": f"{today}T00:00:{level}Z", "flow_run_id": run["id"]}
                                       for level in (10, 20, 30, 40, 50)])

    def words(text, side):
        return [w.replace("RUN@", runs[side]).replace("@", side).replace("_at_", " at ").replace("2_", "2 ")
                for w in text.split()]

    common = {"PREFECT_API_URL": server.api, "COLUMNS": 400, "NO_COLOR": 1, "DO_NOT_TRACK": 1}
    done = subprocess.run([sys.executable, wf.TOP / "tests" / "compat" / "prefect_cli.py"], text=True, stdout=subprocess.PIPE,
                          input=json.dumps([words(text, "p") for text, _ in CASES]), timeout=6 * wf.PATIENCE,
                          env=wf.clean_env(HOME=folder / "p", PREFECT_HOME=folder / "p", **common))
    assert done.returncode == 0
    ours = []
    for text, _ in CASES:
        mine = wf.wf(*words(text, "w"), env={"HOME": folder / "w", **common}, cwd=folder)
        ours.append([mine.returncode, mine.stdout.replace(runs["w"], runs["p"])])
    yield json.loads(done.stdout), ours
    server.stop()


def columns(text):
    """Names of the columns: of a table with lines, or in the first line of what is piped."""
    for line in text.splitlines():
        if line.startswith("┃"):
            return [name.strip() for name in line.strip("┃").split("┃")]
        if "\t" in line:
            return line.split("\t")
    return []


def keys(value):
    if isinstance(value, list):
        return keys(value[0]) if value else set()
    return set(value)


@pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{i}: {text}" for i, (text, _) in enumerate(CASES)])
def test_side_by_side(sides, at):
    (status, theirs), (mine, ours), what = sides[0][at], sides[1][at], CASES[at][1]
    told = f"\n--- prefect: {status}\n{theirs}\n--- wf: {mine}\n{ours}"
    assert mine == status, told
    assert "Traceback" not in ours
    if what == SAME:
        text = ours.replace("qw", "qp").replace("aw", "ap").replace("'cw", "'cp").replace("/dw", "/dp").replace("run-w", "run-p")
        assert text.split() == theirs.split(), told
    elif what == COLUMNS:
        assert columns(ours) == columns(theirs) != [], told
    elif what == KEYS:
        assert keys(json.loads(theirs)) - keys(json.loads(ours)) <= CLIENT_ONLY, told
