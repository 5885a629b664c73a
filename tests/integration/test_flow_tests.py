"""`wf flow test`: expectations beside a flow, stubs, a clock that waits for nothing, and no server."""
import subprocess
import time

import pytest

import wf

FLOW = """version: 1
flows:
  orders:
    timeout_seconds: 36000
    tasks:
      fetch: {cmd: ["false"], retries: 3, retry_delay_seconds: 3600, timeout_seconds: 60, outputs: json, cache: {policy: INPUTS + TASK_SOURCE}}
      each:
        for_each: {x: "{{ tasks.fetch }}"}
        with: {x: "{{ item.x }}"}
        run: echo $((WF_IN_x * 2))
        outputs: json
        state_handlers: [{when: {is: finished}, notify: {slack: {url: "http://127.0.0.1:1"}}}]
      child: {uses: sub}
    return: ["{{ tasks.each }}", "{{ tasks.child }}"]
  sub:
    retries: 1
    retry_delay_seconds: 5000
    tasks: {slow: {run: "test $WF_ATTEMPT -ge 2 || exit 7; echo $WF_SECRET_N", outputs: json, retries: 1, retry_delay_seconds: 10000}}
    return: "{{ tasks.slow }}"
"""
GOOD = """tests:
  patient:
    flow: orders
    env: {WF_SECRET_N: "5"}
    stubs: {fetch: {fails: 2, message: no route, exit_code: 6, returns: [1, 2], takes: 30s, prints: [hi there]}}
    expect:
      result: [[2, 4], 5]
      tasks:
        fetch: {attempts: 3, states: [Pending, Running, AwaitingRetry, Retrying, AwaitingRetry, Retrying, Completed]}
        each: {runs: 2, state: Completed}
        each-1: Completed
      order: [fetch, each]
      log: [hi there, no route, Not sent in a test]
      no_log: [Crash]
      seconds: [10000, 10010]
  slow:
    flow: orders
    stubs: {fetch: {takes: 2m}, child: {fails: true}}
    expect:
      state: Failed
      tasks: {fetch: {state: TimedOut, message: exceeded timeout of 60, attempts: 4}, each: NotReady, child: {message: code 1}}
  the flow is out of time:
    flow: sub
    stubs: {slow: {fails: 3, returns: 1}}
    expect: {result: 1, seconds: [25000, 25010]}
"""
BAD = """tests:
  all of it:
    flow: orders
    stubs: {fetch: {returns: [1]}, child: {returns: 3}}
    expect:
      state: Failed
      message: oh
      result: 3
      tasks: {fetch: Failed, nix: Completed, each: {attempts: 2, states: [Pending], runs: 7}}
      order: [each, fetch]
      log: [no such line]
      no_log: [Created]
      seconds: [5, 6]
  nothing is said:
    flow: orders
    stubs: {fetch: {fails: true}, child: {}}
"""
DIFFERENCES = ["7:14: error: the flow ended Completed", "8:16: error: the message of the flow is", "9:15: error: the result is [[2],3]",
               "10:22: error: fetch ended Completed", "10:30: error: 'nix' has no task run", "attempts is 1, not 2",
               "the states of each are [Pending, Running, Completed]", "each: runs is 1, not 7", "'fetch' ran before 'each'",
               "no line of the log has this", "this is logged: \"Created flow run", "the run took 0."]


@pytest.fixture
def run(tmp_path):
    def go(*words):
        return subprocess.run([wf.program("wf"), "flow", "test", *words], capture_output=True, text=True, cwd=tmp_path, timeout=60,
                              env=wf.clean_env(HOME=tmp_path, TMPDIR=tmp_path, WF_API_URL="http://127.0.0.1:1/api", WF_RESULTS_DIR=tmp_path / "none"))
    (tmp_path / "o.flow.yaml").write_text(FLOW)
    return go


def test_a_day_passes_at_once(run, tmp_path):
    (tmp_path / "o.test.yaml").write_text(GOOD)
    began = time.monotonic()
    done = run("o.flow.yaml")
    assert done.returncode == 0 and "3 passed, 0 failed" in done.stdout, done.stdout + done.stderr
    assert time.monotonic() - began < 20
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".yaml" or "wf" in p.name) == ["o.flow.yaml", "o.test.yaml"]


def test_each_difference_has_its_place(run, tmp_path):
    (tmp_path / "o.flow.yaml").write_text(FLOW + BAD.replace("tests:", "tests: # here", 1))
    done = run("o.flow.yaml")
    first = len(FLOW.splitlines())
    assert done.returncode == 1 and "0 passed, 2 failed" in done.stdout, done.stdout + done.stderr
    for words in DIFFERENCES:
        line, colon, rest = words.partition(":")
        where = f"o.flow.yaml:{first + int(line) - 1}:{rest}" if line.isdigit() else words
        assert where in done.stdout, (where, done.stdout)
    assert "the flow ended Failed" in done.stdout  # Completed is expected where nothing is said
    done = run("--tap", "o.flow.yaml")
    assert done.returncode == 1 and [s for s in done.stdout.splitlines() if s[0] != "#"] == [
        "not ok 1 - o.flow.yaml: all of it", "not ok 2 - o.flow.yaml: nothing is said", "1..2"]


@pytest.mark.parametrize("tests, words", [
    ("tests: {a: {flow: orders, stubs: {fetsch: {}}}}", "has no task 'fetsch'; did you mean 'fetch'?"),
    ("tests: {a: {flow: orders, expect: {stat: x, tasks: {fetch: {attempts: many}}}}}", "unknown key 'stat'"),
    ("tests: {a: {}}", "the test needs 'flow: NAME'"),
    ("", "has no tests")])
def test_a_wrong_file_is_no_failure(run, tmp_path, tests, words):
    (tmp_path / "o.flow.yaml").write_text(FLOW + tests)
    done = run("o.flow.yaml")
    assert done.returncode == 2 and words in done.stderr, done.stderr
