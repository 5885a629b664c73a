"""Deploy, run, watch, logs, explain, cancel, retry on the command line."""
import json
import re

import pytest

import wf

FLOW = """\
version: 1
flows:
  greet:
    description: says hello
    params:
      name: {type: string, default: world}
    tasks:
      say:
        cmd: [echo, "hello {{ params.name }}"]
        log_prints: true
  wordy:
    tasks:
      count:
        run: seq 700
        log_prints: true
  slow:
    tasks:
      wait: {run: sleep 60}
  bad:
    tasks:
      fail: {run: exit 3}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("flows")
    (path / "f.flow.yaml").write_text(FLOW)
    return path


@pytest.fixture
def run(shared_server, folder, tmp_path):
    def go(*words, status=0, **options):
        env = {"HOME": tmp_path, **options.pop("env", {})}
        done = wf.wf(*words, server=shared_server, env=env, cwd=folder, **options)
        assert done.returncode == status, done.stdout
        return done.stdout
    return go


@pytest.fixture
def deployed(run):
    """deployed(flow, pool) makes a pool and a deployment; "flow/d"."""
    def go(flow, pool):
        run("work-pool", "create", pool, "--overwrite")
        out = run("deploy", f"f.flow.yaml:{flow}", "-n", "d", "--pool", pool)
        assert f"Deployment '{flow}/d' successfully created with id" in out
        return f"{flow}/d"
    return go


def run_id(text):
    return re.search(r"UUID: ([0-9a-f-]{36})", text).group(1)


def test_deploy_and_list(run, deployed):
    deployed("greet", "p-list")
    assert "greet/d" in run("deployment", "ls")
    told = json.loads(run("deployment", "inspect", "greet/d", "-o", "json"))
    assert told["work_pool_name"] == "p-list" and told["entrypoint"].endswith("f.flow.yaml:greet")
    assert "greet" in run("flow", "ls")


@pytest.mark.parametrize("words, text", [
    (["deploy", "f.flow.yaml:nope", "-n", "d", "--pool", "p-none"], "nope"),
    (["deploy", "none.flow.yaml:x", "-n", "d", "--pool", "p-none"], "none.flow.yaml"),
    (["deployment", "inspect", "a/b"], "Deployment 'a/b' not found!\nSee them all with `wf deployment ls`."),
    (["deployment", "inspect", "ab"], "Invalid deployment name 'ab': expected FLOW/DEPLOYMENT, or --id."),
    (["deployment", "run", "a/b"], "Deployment 'a/b' not found!"),
    (["deployment", "delete", "a/b"], "Deployment 'a/b' not found!"),
    (["flow-run", "inspect", "01a20c8d-b510-7a87-8189-e4f62593f200"], "not found!"),
    (["flow-run", "cancel", "01a20c8d-b510-7a87-8189-e4f62593f200"], "not found!"),
    (["flow-run", "retry", "x"], "Flow run 'x' not found!"),
])
def test_mistakes(run, words, text):
    assert text in run(*words, status=1)


def test_a_run_is_watched_to_its_end(run, deployed, shared_server, workers):
    name = deployed("greet", "p-watch")
    workers(shared_server, pool="p-watch")
    out = run("deployment", "run", name, "-p", "name=otter", "--watch", limit=120)
    assert "Creating flow run for deployment 'greet/d'..." in out
    assert '└── Parameters: {"name":"otter"}' in out
    assert re.search(r"STATE   \| Flow run '[a-z-]+' - Completed", out)
    assert re.search(r"INFO    \| Task run 'say-0' - hello otter", out)
    ident = run_id(out)
    assert "hello otter" in run("flow-run", "logs", ident)
    assert json.loads(run("flow-run", "inspect", ident, "-o", "json"))["state_type"] == "COMPLETED"
    assert ident in run("flow-run", "ls")
    assert "is Completed." in run("explain", ident)
    assert "Completed" in run("flow-run", "watch", ident)
    head = run("flow-run", "logs", ident, "--head", "--num-logs", "1").splitlines()
    assert len(head) == 1


def test_what_is_watched_comes_whole_and_in_order(run, deployed, shared_server, workers):
    """More lines than one page of the API, in a run that has ended when the watching begins."""
    name = deployed("wordy", "p-wordy")
    workers(shared_server, pool="p-wordy")
    out = run("deployment", "run", name, "--watch", limit=120)
    again = run("flow-run", "watch", run_id(out))
    for text in (out, again):
        said = re.findall(r"Task run 'count-0' - (\d+)$", text, re.M)
        assert said == [str(n) for n in range(1, 701)]
    times = re.findall(r"^(\d{4}-\d\d-\d\d [0-9:.]+) \| ", again, re.M)
    assert len(times) > 700 and times == sorted(times)


def test_a_failed_run_is_a_failed_watch(run, deployed, shared_server, workers):
    name = deployed("bad", "p-bad")
    workers(shared_server, pool="p-bad")
    out = run("deployment", "run", name, "--watch", status=1, limit=120)
    assert "Failed" in out


def test_why_a_run_waits(run, deployed):
    name = deployed("greet", "p-wait")
    run("work-pool", "pause", "p-wait")
    ident = run_id(run("deployment", "run", name))
    out = wf.wait_until(lambda: (t := run("explain", ident)) and "paused" in t and t, "it is explained")
    assert "p-wait" in out and "wf work-pool resume" in out
    told = json.loads(run("explain", ident, "-o", "json"))
    assert told["waiting_for"]


def test_later(run, deployed):
    name = deployed("greet", "p-later")
    ident = run_id(run("deployment", "run", name, "--start-in", "2 hours", "--flow-run-name", "evening", "-t", "x"))
    told = json.loads(run("flow-run", "inspect", ident, "-o", "json"))
    assert told["name"] == "evening" and told["state_type"] == "SCHEDULED" and told["tags"] == ["x"]
    assert "evening" in run("work-pool", "preview", "p-later", "--hours", "3") or ident in \
        run("work-pool", "preview", "p-later", "--hours", "3")
    run("flow-run", "delete", ident)
    assert "not found!" in run("flow-run", "inspect", ident, status=1)


def test_names_times_and_variables(run, deployed):
    name = deployed("greet", "p-names")
    out = run("deployment", "run", name, "--params", '{"name": "a"}', "-p", "name=bob", "--start-at", "2099-12-24 18:00 utc",
              "--flow-run-name", "hi-{name}-{{x}}", "--job-variable", "env.A=1", "--watch-interval", "1")
    assert "Given by both --param and --params, --param counts: 'name'" in out
    assert "Created flow run 'hi-bob-{x}'." in out and '└── Job Variables: {"env.A":1}' in out
    assert "└── Scheduled start time: 2099-12-24 18:00:00 UTC (in " in out
    told = json.loads(run("work-queue", "read-runs", "default", "-p", "p-names", "-o", "json"))
    assert [r["name"] for r in told] == []
    told = json.loads(run("work-queue", "preview", "default", "-p", "p-names", "-h", "999999", "-o", "json"))
    assert [r["name"] for r in told] == ["hi-bob-{x}"]
    assert "hi-bob-{x}" in run("work-pool", "preview", "p-names", "--hours", "999999")
    assert "needs the parameter 'nope'" in run("deployment", "run", name, "--flow-run-name", "{nope}", status=1)
    assert "Unable to parse 'gibberish' as a time" in run("deployment", "run", name, "--start-at", "gibberish", status=1)


def test_the_default_pool_of_a_profile(run, deployed, folder):
    run("work-pool", "create", "p-default", "--set-as-default")
    out = run("deploy", "f.flow.yaml:greet", "-n", "without-a-pool")
    assert "p-default" in out
    assert json.loads(run("deployment", "inspect", "greet/without-a-pool", "-o", "json"))["work_pool_name"] == "p-default"


def test_triggers_of_the_command_line(run, deployed, folder):
    trigger = {"enabled": True, "match": {"prefect.resource.id": "x"}, "expect": ["e"]}
    (folder / "t.yaml").write_text("triggers:\n  - {match: {prefect.resource.id: y}, expect: [f]}\n"
                                   "  - {require: all, triggers: [{expect: [a]}, {expect: [b]}]}\n")
    run("work-pool", "create", "p-triggers")
    run("deploy", "f.flow.yaml:greet", "-n", "triggered", "--pool", "p-triggers", "--trigger", json.dumps(trigger),
        "--trigger", "t.yaml")
    assert "Failed to parse trigger" in run("deploy", "f.flow.yaml:greet", "-n", "triggered", "--pool", "p-triggers", "--trigger", "no.yaml",
                              status=1)


def test_cancel_and_retry(run, deployed, shared_server, workers):
    name = deployed("slow", "p-cancel")
    workers(shared_server, "--cancel-grace", "1s", pool="p-cancel")
    ident = run_id(run("deployment", "run", name))
    shared_server.wait_run(ident, {"RUNNING"})
    run("flow-run", "cancel", ident)
    assert shared_server.wait_run(ident)["state_type"] == "CANCELLED"
    run("flow-run", "retry", ident)
    shared_server.wait_run(ident, {"RUNNING", "PENDING", "SCHEDULED"})
    run("flow-run", "cancel", ident)
    shared_server.wait_run(ident)


@pytest.mark.parametrize("words, text", [
    (["-p", "novalue"], "novalue"),
    (["--params", "{"], "params"),
    (["--params", "[1]"], "params"),
    (["-p", "other=1"], "Unknown parameter 'other'. The flow takes: 'name'."),
    (["-p", "nme=1"], "Unknown parameter 'nme'. Did you mean 'name'? The flow takes: 'name'."),
])
def test_bad_parameters(run, deployed, words, text):
    name = deployed("greet", "p-params")
    assert text in run("deployment", "run", name, *words, status=1)


def test_delete(run, deployed):
    name = deployed("bad", "p-delete")
    run("deployment", "delete", name)
    assert name not in run("deployment", "ls").split()
