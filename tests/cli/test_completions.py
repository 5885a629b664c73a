"""The completions, loaded by real shells: what TAB makes of a line."""
import os
import shutil
import subprocess

import pytest

import terminal
import wf

COMPLETIONS = wf.TOP / "cli" / "completions"
LINES = [
    ("wf work-pool pau", "wf work-pool pause"),
    ("wf deployment run a/b --wat", "wf deployment run a/b --watch"),
    ("wf serv", "wf server"),
]


def shell(name):
    path = shutil.which(name)
    assert path, f"{name} is not installed (build-aux/deps.sh test)"
    return path


PROMPT = "ready> "
# each is told, once, how to complete
SETUP = {
    "bash": (["--norc", "--noprofile", "-i"], f"source '{COMPLETIONS}/wf.bash'"),
    "zsh": (["-f", "-i"], f"fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; compinit -u -D; bindkey -e"),
}


@pytest.mark.parametrize("name", SETUP)
def test_a_tab(tmp_path, name):
    args, setup = SETUP[name]
    t = terminal.Terminal(tmp_path, shell(name), *args, PS1=PROMPT)
    try:
        t.wait(PROMPT)
        t.type(f"{setup}\n")
        for typed, completed in LINES:
            t.wait(PROMPT)
            t.type(f"{typed}\t\x01echo got: \n")  # ^A: to the beginning of the line
            t.wait(f"\ngot: {completed}\r")
    finally:
        t.close()


def test_fish(tmp_path):
    for typed, completed in LINES:
        done = subprocess.run([shell("fish"), "--no-config", "-c", f"source '{COMPLETIONS}/wf.fish'; complete -C '{typed}'"],
                              env=wf.clean_env(HOME=tmp_path, PATH=f"{wf.BIN}:{os.environ['PATH']}"), cwd=tmp_path,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=wf.PATIENCE)
        assert done.stdout.split("\n")[0].split("\t")[0] == completed.split()[-1], done.stdout
