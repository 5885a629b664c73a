"""Work pools, queues and workers on the command line."""
import json
import re

import pytest

import wf


@pytest.fixture
def run(shared_server, tmp_path):
    def go(*words, status=0, **options):
        env = {"HOME": tmp_path, **options.pop("env", {})}
        done = wf.wf(*words, server=shared_server, env=env, cwd=tmp_path, **options)
        assert done.returncode == status, done.stdout
        return done.stdout
    return go


def test_life_of_a_pool(run):
    assert run("work-pool", "create", "a") == "Created work pool 'a'!\nStart a worker for it:  wf-worker --pool 'a'\n"
    assert run("work-pool", "create", "a", status=1) == \
        "Work pool named 'a' already exists. Use --overwrite to update it.\n"
    assert run("work-pool", "create", "a", "--overwrite") == "Updated work pool 'a'\n"
    assert run("work-pool", "pause", "a") == "Paused work pool 'a'\n"
    assert "a (**)" in run("work-pool", "ls")
    assert run("work-pool", "resume", "a") == "Resumed work pool 'a'\n"
    assert run("work-pool", "set-concurrency-limit", "a", "3") == "Set concurrency limit for work pool 'a' to 3\n"
    told = json.loads(run("work-pool", "inspect", "a", "-o", "json"))
    assert told["name"] == "a" and told["concurrency_limit"] == 3 and not told["is_paused"]
    assert "concurrency_limit: 3\n" in run("work-pool", "inspect", "a")
    assert run("work-pool", "clear-concurrency-limit", "a") == "Cleared concurrency limit for work pool 'a'\n"
    assert run("work-pool", "update", "a", "--description", "d") == "Updated work pool 'a'\n"
    assert json.loads(run("work-pool", "inspect", "a", "-o", "json"))["description"] == "d"
    assert run("work-pool", "preview", "a").startswith("No runs found")
    assert run("work-pool", "delete", "a") == "Deleted work pool 'a'\n"
    assert run("work-pool", "delete", "a", status=1).startswith("Work pool 'a' not found!\n")


def test_a_pool_with_a_template(run, tmp_path):
    template = tmp_path / "t.json"
    template.write_text(json.dumps({"job_configuration": {"command": "{{ command }}"},
                                    "variables": {"type": "object", "properties": {"command": {"default": "x"}}}}))
    run("work-pool", "create", "templated", "--base-job-template", template, "--paused")
    told = json.loads(run("work-pool", "inspect", "templated", "-o", "json"))
    assert told["base_job_template"]["variables"]["properties"]["command"]["default"] == "x"
    assert told["is_paused"]
    template.write_text("{")
    assert "t.json" in run("work-pool", "create", "broken", "--base-job-template", template, status=1)


@pytest.mark.parametrize("words, text", [
    (["work-pool", "inspect", "nope"], "Work pool 'nope' not found!\nSee them all with `wf work-pool ls`."),
    (["work-pool", "pause", "nope"], "Work pool 'nope' not found!"),
    (["work-pool", "create", "x", "--type", "nope"], "Unknown work pool type 'nope'. Known types: process."),
    (["work-pool", "update", "nope"], "Nothing to update: give --description"),
    (["work-queue", "delete", "nope", "--pool", "none"], "No work queue named 'nope' found in work pool 'none'."),
    (["work-queue", "preview", "nope"], "No work queue named 'nope' found. Name its pool with --pool."),
    (["work-pool", "create", "a/b"], "String should match pattern"),
])
def test_mistakes(run, words, text):
    assert text in run(*words, status=1)


def test_life_of_a_queue(run):
    run("work-pool", "create", "qp")
    out = run("work-queue", "create", "q", "--pool", "qp", "--limit", "2", "--priority", "5")
    assert out.startswith("Created work queue with properties:\n    name - 'q'\n    work pool - 'qp'\n    id - ")
    assert out.split("\n")[4] == "    concurrency limit - 2"
    assert "greater than" in run("work-queue", "create", "zero", "--pool", "qp", "-q", "0", status=1)
    assert run("work-queue", "preview", "q", "-p", "qp").startswith("No runs found - try increasing")
    assert run("work-queue", "read-runs", "q", "-p", "qp") == "Read 0 runs for work queue 'q' in work pool 'qp'\n"
    assert run("work-queue", "create", "q", "--pool", "qp", status=1) == "Work queue with name: 'q' already exists.\n"
    listed = run("work-queue", "ls", "--pool", "qp").splitlines()
    assert listed[0].split("\t")[:2] == ["Name", "Priority"]
    assert "q\t5\t2" in listed
    assert run("work-queue", "pause", "q", "-p", "qp") == "Work queue 'q' in work pool 'qp' paused\n"
    assert json.loads(run("work-queue", "inspect", "q", "-p", "qp", "-o", "json"))["is_paused"]
    assert run("work-queue", "resume", "q", "-p", "qp") == "Work queue 'q' in work pool 'qp' resumed\n"
    assert run("work-queue", "set-concurrency-limit", "q", "4", "-p", "qp") == \
        "Concurrency limit of 4 set on work queue 'q' in work pool 'qp'\n"
    assert run("work-queue", "clear-concurrency-limit", "q", "-p", "qp") == \
        "Concurrency limits removed on work queue 'q' in work pool 'qp'\n"
    assert run("work-queue", "delete", "q", "-p", "qp") == "Successfully deleted work queue 'q' in work pool 'qp'\n"
    assert run("work-queue", "delete", "q", "-p", "qp", status=1) == "No work queue named 'q' found in work pool 'qp'.\n"


def test_json_lists_are_arrays(run):
    run("work-pool", "create", "json", "--overwrite")
    assert "json" in [p["name"] for p in json.loads(run("work-pool", "ls", "-o", "json"))]
    for words in (["work-queue", "ls", "-p", "json"], ["worker", "ls"], ["deployment", "ls"], ["flow", "ls"],
                  ["flow-run", "ls"]):
        assert isinstance(json.loads(run(*words, "-o", "json")), list), words


def test_pipes_are_plain_and_terminals_are_not(run):
    run("work-pool", "create", "looks", "--overwrite")
    plain = run("work-pool", "ls")
    assert plain.splitlines()[0] == "Name\tType\tID\tConcurrency Limit"
    assert "\x1b" not in plain
    bright = run("work-pool", "ls", env={"CLICOLOR_FORCE": "1", "COLUMNS": "100", "LC_ALL": "C.UTF-8"})
    assert "\x1b[" in bright and "╭" in bright
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in bright.splitlines()]
    assert {len(line) for line in lines if line[:1] in "╭│├╰"} == {len(lines[1])}
    boxed = run("work-pool", "ls", env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1", "COLUMNS": "100"})
    assert "\x1b" not in boxed and "╭" in boxed
    narrow = run("work-pool", "ls", env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1", "COLUMNS": "50", "LC_ALL": "C.UTF-8"})
    assert max(len(line) for line in narrow.splitlines()) <= 50


def test_workers_are_listed(run, shared_server, workers):
    assert run("work-pool", "create", "served")
    assert run("worker", "ls", "--pool", "served") == "No workers found. Start one with `wf-worker --pool NAME`.\n"
    workers(shared_server, pool="served", name="w-one")
    wf.wait_until(lambda: "w-one\tserved\tONLINE" in run("worker", "ls"), "the worker is listed")


def test_server_status(run, shared_server):
    assert run("server", "status") == f"Server is healthy: {shared_server.api}\n"
