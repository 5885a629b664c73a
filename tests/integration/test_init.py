"""`wf init`: what it writes runs as its README says, and nothing is overwritten."""
import os
import re
import subprocess

import pytest

import wf


def readme(folder, kind):
    """The commands of the README, without or with a server."""
    return re.search(rf"```{kind}\n(.*?)```", (folder / "README.md").read_text(), re.S)[1]


@pytest.fixture
def init(tmp_path):
    """init(*words): the folder that was made, and a shell for commands in it."""
    def go(*words):
        env = wf.clean_env(HOME=tmp_path, NO_COLOR="1", PATH=f"{wf.BIN}:{os.environ['PATH']}", **extra)
        done = subprocess.run([wf.program("wf"), "init", *words, "made/hello"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

        def sh(text, **more):
            run = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path / "made" / "hello", env={**env, **more}, capture_output=True,
                                 text=True, timeout=120)
            assert run.returncode == 0, run.stdout + run.stderr
            return run.stdout
        return tmp_path / "made" / "hello", sh, done.stdout, env
    extra = {}
    go.extra = extra
    return go


def test_a_yaml_project(init, tmp_path, shared_server):
    folder, sh, said, env = init()
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "hello.flow.yaml", "hello.test.yaml", "wf.yaml"]
    out = sh(readme(folder, "sh"))
    assert "2 passed, 0 failed" in out and "Hello, marvin!" in out
    subprocess.run(["sh", "-eu", "-c", said.split("Next:\n")[1]], check=True, env=env, cwd=tmp_path, timeout=60)
    commands = [c for c in readme(folder, "sh server").splitlines() if not c.startswith("wf-worker")]
    sh("\n".join(commands[:2]), WF_API_URL=shared_server.api)
    assert shared_server.call("GET", "/deployments/name/hello/hello")["entrypoint"] == "hello.flow.yaml:hello"
    before = (folder / "README.md").read_text()
    (folder / "hello.flow.yaml").unlink()
    again = subprocess.run([wf.program("wf"), "init", str(folder)], env=env, capture_output=True, text=True)
    assert again.returncode == 1 and "README.md is there already and is not overwritten" in again.stdout
    assert (folder / "README.md").read_text() == before and not (folder / "hello.flow.yaml").exists()


def test_a_c_project(init, tmp_path):
    subprocess.run(["make", "-s", "-C", str(wf.BIN), "sdk/libwf.a", "build-aux/wf.pc"], check=True)
    packages = tmp_path / "pc"
    packages.mkdir()
    text = (wf.BIN / "build-aux" / "wf.pc").read_text()
    text = re.sub(r"(?m)^libdir=.*", f"libdir={wf.BIN / 'sdk'}", re.sub(r"(?m)^includedir=.*", f"includedir={wf.TOP / 'sdk' / 'include'}", text))
    (packages / "wf.pc").write_text(text)
    sanitized = b"__asan_init" in (wf.BIN / "sdk" / "libwf.a").read_bytes()
    init.extra.update(PKG_CONFIG_PATH=packages, CFLAGS="-g -Wall -Wextra -Werror" + " -fsanitize=address,undefined" * sanitized)
    folder, sh, said, _ = init("--c")
    assert "make check" in said
    out = sh(readme(folder, "sh"))
    assert "\nok\n" in "\n" + out and "Hello, marvin!" in out, out
