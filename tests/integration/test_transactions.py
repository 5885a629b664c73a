"""Transactions of YAML flows: when they commit, what holds the locks, and what a rollback leaves."""
import subprocess

import pytest

import wf

FLOW = """version: 1
flows:
  txn:
    params: {bad: {type: boolean, default: false}}
    transactions: {publish: {tasks: [a, b, c], mode: MODE}}
    tasks:
      a: &task
        run: "true"
        hooks: {on_commit: [{run: echo "commit $WF_TASK_RUN_NAME"}], on_rollback: [{run: echo "undo $WF_TASK_RUN_NAME"}]}
      b: {<<: *task, needs: [a]}
      c: {needs: [b], with: {bad: "{{ params.bad }}"}, run: sleep 0.3; test $WF_IN_bad = false}
tests:
  good:
    expect: {GOOD}
  bad:
    params: {bad: true}
    expect: {state: Failed, BAD}
"""
UNDONE = "tasks: {a: RolledBack, b: RolledBack}, order: [a, b, c], log: [undo b-0, undo a-0], no_log: [commit ]"
MODES = {
    "LAZY": ("log: [commit a-0, commit b-0], no_log: [undo ]", UNDONE),
    # a and b are committed while c runs, and stay so
    "EAGER": ("log: [commit a-0, commit b-0], no_log: [undo ]",
              "tasks: {a: Completed, b: Completed}, log: [commit a-0, commit b-0, Command exited], no_log: [undo ]"),
    "OFF": ("tasks: {a: RolledBack, b: RolledBack, c: RolledBack}, log: [undo b-0, undo a-0], no_log: [commit ]", UNDONE),
}


def flow_test(folder, text):
    (folder / "t.flow.yaml").write_text(text)
    done = subprocess.run([wf.program("wf"), "flow", "test", "t.flow.yaml"], cwd=folder, capture_output=True, text=True, timeout=60,
                          env=wf.clean_env(HOME=folder, TMPDIR=folder))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mode", MODES)
def test_when_a_transaction_commits(mode, tmp_path):
    good, bad = MODES[mode]
    flow_test(tmp_path, FLOW.replace("MODE", mode).replace("{GOOD}", "{" + good + "}").replace("BAD", bad))


def test_a_commit_hook_that_fails_undoes_its_run_alone(tmp_path):
    text = FLOW.replace("MODE", "EAGER").replace("b: {<<: *task,", "b: {run: 'true', hooks: {on_commit: [{run: exit 9}], on_rollback: [{run: echo undo b}]},")
    expected = "state: Failed, tasks: {a: Completed, b: RolledBack, c: Completed}, log: [commit a-0, undo b], no_log: [undo a]"
    flow_test(tmp_path, text[:text.index("  bad:\n    params")].replace("{GOOD}", "{" + expected + "}"))
