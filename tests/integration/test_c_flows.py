"""Flows in C: run by hand without a server and with one, and by a worker."""
import json
import signal
import subprocess

import pytest

import wf


@pytest.fixture(scope="session")
def flows():
    """The program with the flows of tests/c/flows.c."""
    subprocess.run(["make", "-s", "-C", str(wf.BIN), "c-programs"], check=True)
    return wf.BIN / "tests" / "c" / "flows"


def test_the_interface_from_a_test_program(flows):
    done = subprocess.run([flows.parent / "api"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.fixture
def offline(flows, tmp_path):
    """offline(flow, key=value...): exit status and the record of the run."""
    def run(flow, *words, **parameters):
        args = [a for k, v in parameters.items() for a in ("-p", f"{k}={v}")]
        done = subprocess.run([flows, "run", flow, "--offline", "-o", "json", *args, *words], capture_output=True, text=True,
                              env=wf.clean_env(HOME=tmp_path), timeout=60)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)
    return run


def tasks_of(record):
    return {t["name"]: [s["name"] for s in t["states"]] for t in record["tasks"]}


def lines_of(record):
    return "\n".join(line["message"] for line in record["logs"])


def test_results_are_passed_on(offline):
    rc, record = offline("sums", n=7)
    assert rc == 0 and record["result"] == 50 and record["state"]["message"] == "All states completed."
    assert tasks_of(record) == {"square-0": ["Pending", "Running", "Completed"], "add-0": ["Pending", "Running", "Completed"]}


def test_parameters_are_checked(offline):
    rc, record = offline("sums", n="seven")
    assert rc == 1 and "parameter 'n': must be of type integer" in record["state"]["message"]


def test_retries(offline):
    rc, record = offline("retried")
    assert rc == 0
    assert tasks_of(record)["flaky-0"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"]
    assert "TaskFailed('not yet') - Retry 1/2 will start 0.1 second(s) from now" in lines_of(record)


def test_functions_that_do_not_return(offline):
    rc, record = offline("deaths")
    assert rc == 1 and record["state"]["message"] == "3/3 states failed."
    assert tasks_of(record)["slow-0"][-1] == "TimedOut"
    text = lines_of(record)
    assert "codes [137,7,0]" in text and "killed by signal 9 (SIGKILL)" in text and "called exit(7)" in text


def test_a_flow_that_crashes(offline):
    rc, record = offline("flow_crash")
    assert rc == 1 and record["state"]["name"] == "Crashed" and "signal 9 (SIGKILL)" in record["state"]["message"]


def test_not_ready(offline):
    rc, record = offline("not_ready")
    assert rc == 1 and record["state"]["message"] == "1/3 states failed."
    assert [s[-1] for s in tasks_of(record).values()] == ["Failed", "NotReady", "NotReady"]


def test_nested_inline_and_one_worker(offline):
    rc, record = offline("deep")
    assert rc == 0 and record["result"] == 16 and list(tasks_of(record)) == ["inside-0", "nested-0", "square-0"]


def test_a_flow_in_a_flow(offline):
    rc, record = offline("parent")
    assert rc == 0 and record["result"] == 36 and list(tasks_of(record)) == ["child-0", "square-0"]
    rc, record = offline("parent", n="true")
    assert rc == 1 and "parameter 'n': must be of type integer" in record["state"]["message"]


def test_secrets_and_variables(flows, tmp_path):
    env = wf.clean_env(HOME=tmp_path, WF_SECRET_PAGER="s3cr3t", WF_VARIABLE_X='{"a": 1}')
    done = subprocess.run([flows, "run", "asks", "--offline"], capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 0 and done.stdout == '{"a":1}\n' and "the secret is ********" in done.stderr and "s3cr3t" not in done.stderr
    done = subprocess.run([flows, "run", "asks", "--offline"], capture_output=True, text=True, env=wf.clean_env(HOME=tmp_path), timeout=60)
    assert done.returncode == 1 and "the secret 'pager'" in done.stderr


def test_paused_and_resumed(shared_server, workers, flows, tmp_path):
    s = shared_server
    s.pool("p")
    workers(s, pool="p")
    s.call("POST", "/variables/", {"name": "answer", "value": 42})
    run = s.submit(s.deploy(f"{flows}:paused", tmp_path, flow="paused", name="p", pool="p"))
    s.wait_run(run["id"], states=("PAUSED",))
    s.call("POST", f"/flow_runs/{run['id']}/resume", {"run_input": {"ok": True}})
    done = s.wait_run(run["id"])
    assert done["state_type"] == "COMPLETED", done["state"]
    run = s.submit(s.deploy(f"{flows}:suspended", tmp_path, flow="suspended", name="s", pool="p"))
    s.wait_run(run["id"], states=("PAUSED",))
    wf.wait_until(lambda: s.run_state(run["id"])["name"] == "Suspended", "the run to be suspended")
    s.call("POST", f"/flow_runs/{run['id']}/resume", {})
    assert s.wait_run(run["id"])["state_type"] == "COMPLETED"


LAZY, EAGER, OFF = range(3)


@pytest.mark.parametrize("mode, commit, names, hooks", [
    (LAZY, True, ["a", "b"], ["all called", "commit a", "commit b"]),
    (LAZY, False, ["a", "b"], ["all called", "commit a", "commit b"]),
    (LAZY, True, ["a", "b", "bad"], ["all called", "undo b", "undo a"]),
    (EAGER, True, ["a", "b"], ["commit a", "commit b", "all called"]),
    (EAGER, True, ["a", "b", "bad"], ["all called", "commit a", "commit b"]),
    (OFF, True, ["a", "b"], ["all called", "commit a", "commit b"]),
    (OFF, False, ["a", "b"], ["all called", "undo b", "undo a"])])
def test_when_a_transaction_commits(offline, mode, commit, names, hooks):
    rc, record = offline("modes", mode=mode, commit=json.dumps(commit), names=json.dumps(names))
    assert rc == ("bad" in names)
    lines = [line for line in lines_of(record).splitlines() if line.split(" ")[0] in ("all", "commit", "undo")]
    if mode == EAGER:  # a commit goes on beside the flow
        assert sorted(lines) == sorted(hooks)
    else:
        assert lines == hooks
    ends = {name: states[-1] for name, states in tasks_of(record).items()}
    assert all((ends[n] == "RolledBack") == (f"undo {n}" in hooks) for n in ("a", "b"))


def test_generators_maps_and_names(offline):
    assert offline("streamed")[1]["result"] == [0, 1, 4, [0, 1, 2]]
    assert offline("mapped", n=40)[1]["result"] == {"total": 40 * 100 + 780, "count": 40}
    rc, record = offline("names")
    assert record["result"] == "hello-marvin-on-Thursday" and record["name"] == "run-of-marvin"


def test_a_retried_flow_keeps_what_is_done(offline):
    rc, record = offline("again")
    assert rc == 0 and record["result"] == 9
    assert tasks_of(record) == {"square-0": ["Pending", "Running", "Completed"], "square-1": ["Pending", "Cached"]}


def test_what_functions_print(offline):
    rc, record = offline("talk")
    text = lines_of(record)
    assert rc == 0 and "to stdout \U0001f48c" in text and "to stderr" in text and "a warning with 5" in text
    assert list(tasks_of(record)) == ["renamed"]


@pytest.mark.parametrize("what, words", [
    ("missing", "'nothing' is missing in"), ("type", "'what' must be an integer, not a text"), ("void", "in NULL, not in an object"),
    ("template", "template: "), ("length", "of equal length: a has 2, b has 1"), ("future", "the future is NULL"),
    ("index", "item 3 is looked for in 1 items")])
def test_misuse_is_told_with_its_place(offline, what, words):
    rc, record = offline("misuse", what=what)
    assert rc == 1 and words in record["state"]["message"] and "(flows.c:" in record["state"]["message"]


def test_a_context_that_is_none(offline):
    rc, record = offline("no_context")
    names = ["the ctx is NULL", "wf_self", "wf_attempt", "wf_params", "wf_set_name", *["wf_artifact"] * 5, "wf_yield", "wf_concurrency",
             "wf_release", "can pause", "ended"]
    assert rc == 0, record["state"]
    wrong = [(n, s) for n, s in zip(names, record["result"], strict=True) if not s or n not in s or "(flows.c:" not in s]
    assert not wrong


def test_recorded_by_hand(shared_server, flows, tmp_path):
    done = subprocess.run([flows, "run", "sums"], capture_output=True, text=True, timeout=60,
                          env=wf.clean_env(HOME=tmp_path, WF_API_URL=shared_server.api, NO_COLOR="1"))
    assert done.returncode == 0 and done.stdout == "37\n", done.stderr
    run = shared_server.call("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["sums"]}}})[0]
    assert run["state_type"] == "COMPLETED" and shared_server.states(run["id"]) == ["Pending", "Running", "Completed"]
    tasks = shared_server.call("POST", "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})
    by_name = {t["name"]: t for t in tasks}
    assert by_name["add-0"]["task_inputs"]["a"] == [{"input_type": "task_run", "id": by_name["square-0"]["id"]}]


def test_deployed_and_run_by_a_worker(shared_server, workers, flows, tmp_path):
    shared_server.pool("c")
    worker = workers(shared_server, pool="c")
    env = wf.clean_env(HOME=tmp_path, WF_API_URL=shared_server.api, PATH=f"{wf.BIN}:/usr/bin:/bin")
    for flow in ("sums", "flow-crash"):
        subprocess.run([flows, "deploy", flow, "-n", "d", "--pool", "c"], env=env, check=True, cwd=tmp_path, capture_output=True)
    deployment = shared_server.call("GET", "/deployments/name/sums/d")
    assert deployment["entrypoint"].endswith("/flows:sums") and deployment["parameter_openapi_schema"]["properties"]["n"]["default"] == 6
    done = shared_server.wait_run(shared_server.submit(deployment, parameters={"n": 3})["id"])
    assert done["state_type"] == "COMPLETED", (done["state"], worker.text())
    crashed = shared_server.wait_run(shared_server.submit(shared_server.call("GET", "/deployments/name/flow-crash/d"))["id"])
    assert crashed["state_name"] == "Crashed" and "SIGKILL" in crashed["state"]["message"]
    gone = shared_server.deploy("./nothing:sums", tmp_path, flow="sums", name="gone", pool="c")
    failed = shared_server.wait_run(shared_server.submit(gone)["id"])
    assert failed["state_type"] == "FAILED" and "No such file" in failed["state"]["message"]


def test_cancelled_under_a_worker(shared_server, workers, flows, tmp_path):
    shared_server.pool("c2")
    workers(shared_server, pool="c2")
    pidfile = tmp_path / "pid"
    deployment = shared_server.deploy(f"{flows}:sleeper", tmp_path, flow="sleeper", name="s", pool="c2")
    run = shared_server.submit(deployment, parameters={"pidfile": str(pidfile)})
    pid = int(wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "the flow to run"))
    shared_server.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert shared_server.wait_run(run["id"])["state_type"] == "CANCELLED"
    wf.wait_until(lambda: not wf.alive(pid), "the function's process to end")


def test_interrupted_by_hand(flows, tmp_path):
    pidfile = tmp_path / "pid"
    process = wf.Process([str(flows), "run", "sleeper", "--offline", "-p", f"pidfile={pidfile}"], tmp_path / "log", env=wf.clean_env(HOME=tmp_path),
                         cwd=tmp_path)
    pid = int(wf.wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), process.text))
    process.kill(signal.SIGINT)
    assert process.child.wait(30) == 1 and "aborted by an interrupt signal" in process.text()
    wf.wait_until(lambda: not wf.alive(pid), "the function's process to end")
