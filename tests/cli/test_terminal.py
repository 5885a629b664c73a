"""What a person sees on a terminal: colours, tables, the live table of `wf flow run`."""
import re

import pytest

import terminal
import wf

FLOW = """\
version: 1
flows:
  demo:
    tasks:
      first: {run: sleep 0.3}
      flaky: {run: "test -e mark || { touch mark; exit 75; }", retries: 1, retry_delay_seconds: 0.5}
      last: {needs: [first, flaky], run: exit 3}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "f.flow.yaml").write_text(FLOW)
    return tmp_path


def test_a_run_by_hand_is_a_live_table(folder):
    t = terminal.Terminal(folder, wf.program("wf"), "flow", "run", "f.flow.yaml:demo", "--offline", TERM="xterm")
    seen = t.rest()
    t.close()
    assert t.child.returncode == 1, seen
    assert re.search(r"[\u280b-\u283f] ?.*first-0 +.*Running", seen)           # it turns while it runs
    assert re.search(r"\u21bb.*flaky-0 +.*AwaitingRetry.*retry in 0\.\ds +attempt 1 of 2", seen)
    assert "\033[?25l" in seen and seen.rindex("\033[?25h") > seen.rindex("\033[?25l")  # the cursor comes back
    last = re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", seen.split("\033[?25l")[-1])
    assert re.search(r"\u2713 first-0 +Completed", last) and re.search(r"\u2713 flaky-0 +Completed.*attempt 2 of 2", last)
    assert re.search(r"\u2717 last-0 +Failed", last)
    assert re.search(r"demo [a-z-]+ +Failed +3 of 3 done, 1 not completed", last)


def test_no_colour_when_asked(folder):
    t = terminal.Terminal(folder, wf.program("wf"), "flow", "run", "f.flow.yaml:demo", "--offline", TERM="xterm", NO_COLOR="1")
    seen = t.rest()
    t.close()
    assert not re.search(r"\033\[[0-9;]*m", seen)


def test_plain_when_piped(folder):
    done = wf.wf("flow", "run", "f.flow.yaml:demo", "--offline", env={"HOME": folder, "TERM": "xterm"}, cwd=folder)
    assert done.returncode == 1 and "\033" not in done.stdout


def test_tables_and_colours(shared_server, folder):
    wf.wf("work-pool", "create", "seen", server=shared_server)
    t = terminal.Terminal(folder, wf.program("wf"), "work-pool", "ls", TERM="xterm", WF_API_URL=shared_server.api)
    on_terminal = t.rest()
    t.close()
    piped = wf.wf("work-pool", "ls", server=shared_server).stdout
    assert re.search(r"\033\[[0-9;]*m", on_terminal) and "\033" not in piped
    assert "seen" in on_terminal and "seen" in piped
