"""What a stranger does first: a clean clone, ./quickstart.sh, and the commands of the README as they are written.

Each runs in a network namespace of its own, where the default port is free and nothing but loopback is reachable.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest

import wf

VENV = pathlib.Path(sys.executable).parent
FLOW = '''from prefect import flow


@flow(log_prints=True)
def my_flow():
    print("hello from my_flow")


if __name__ == "__main__":
    my_flow()
'''


def alone(script, cwd, limit=300, **env):
    """Runs SCRIPT with bash in a network namespace; the processes that it leaves end with the test, by their session."""
    home = cwd.parent / "home"
    home.mkdir(exist_ok=True)
    full = wf.clean_env(HOME=home, CC="ccache gcc" if shutil.which("ccache") else "gcc", CCACHE_NOHASHDIR=1,
                        CCACHE_DIR=os.environ.get("CCACHE_DIR", pathlib.Path.home() / ".cache/ccache"), **env)
    full.setdefault("PATH", os.defpath)
    return subprocess.run(["unshare", "-n", "bash", "-c", f"ip link set lo up && cd '{cwd}' && {script}"], env=full,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=limit)


def running_from(folder):
    """Our programs that run out of FOLDER, and what they started."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The files of the repository as they are now, without anything that was built."""
    to = tmp_path_factory.mktemp("stranger") / "wf"
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=wf.TOP,
                           check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    for name in filter(None, files):
        source = wf.TOP / name
        if source.is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)
    return to


@pytest.fixture(scope="module")
def first(clone):
    """The first run of ./quickstart.sh in the clone."""
    return alone("./quickstart.sh --no-install", clone)


def test_quickstart_runs_a_flow(first, clone):
    out = first.stdout
    assert first.returncode == 0, out[-3000:]
    assert re.findall(r"^\[(\d)/7\]", out, re.M) == list("1234567")
    for text in ("Created work pool 'tutorial-process-pool'!", "Deployment 'hello/hello' successfully created",
                 "Flow run '", " - Scheduled", " - Pending", " - Running", "the service is busy", " - Completed",
                 'Result: "HELLO, WORLD! HALLO, WORLD!"', "server data", "worker log",
                 "Nothing is left running."):
        assert text in out, f"not said: {text}\n{out}"
    wf.wait_until(lambda: not running_from(clone), lambda: running_from(clone), limit=10)


def test_quickstart_again_is_quick_and_changes_nothing(first, clone):
    assert first.returncode == 0
    made = (clone / "build/wf-api").stat().st_mtime_ns
    begin = time.monotonic()
    again = alone("./quickstart.sh --no-install", clone)
    assert again.returncode == 0, again.stdout[-3000:]
    assert "exists" in again.stdout and "Created work pool" not in again.stdout
    assert (clone / "build/wf-api").stat().st_mtime_ns == made
    assert "Result:" in again.stdout
    assert time.monotonic() - begin < 60  # a build would take longer than that by far without a cache
    wf.wait_until(lambda: not running_from(clone), lambda: running_from(clone), limit=10)


def test_no_install_names_the_packages(clone, tmp_path):
    """An empty dpkg database: nothing is installed as far as dpkg knows."""
    (tmp_path / "info").mkdir()
    (tmp_path / "updates").mkdir()
    (tmp_path / "status").touch()
    done = alone("./quickstart.sh --no-install", clone, DPKG_ADMINDIR=tmp_path)
    assert done.returncode == 1
    assert "missing packages: autoconf automake" in done.stdout
    assert "install them with: sudo apt-get install autoconf" in done.stdout


def test_another_system_is_told_what_it_needs(clone, tmp_path):
    """A PATH without apt-get, as on a system that is not a Debian."""
    for tool in ("bash", "env", "sed", "dirname", "cat", "sh", "ip", "unshare"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    done = alone("./build-aux/deps.sh build --check", clone, PATH=f"{tmp_path}")
    assert done.returncode == 69, done.stdout
    assert "this system has no apt-get" in done.stdout and "libhiredis-dev" in done.stdout


def test_unknown_option(clone):
    done = alone("./quickstart.sh --frob", clone)
    assert done.returncode == 64 and "unknown option '--frob' (--no-install, --keep)" in done.stdout


def blocks_of_the_readme():
    """{heading: [shell blocks below it]}"""
    found, heading = {}, ""
    for part in re.split(r"^(## [^\n]*|```sh\n.*?^```)$", (wf.TOP / "README.md").read_text(), flags=re.M | re.S):
        if part.startswith("## "):
            heading = part[3:]
        elif part.startswith("```sh\n"):
            found.setdefault(heading, []).append(part[6:-3])
    return found


def test_commands_of_the_readme(first, clone):
    """"By hand" and "With Prefect", line by line as written, after one another in one shell."""
    assert first.returncode == 0
    blocks = blocks_of_the_readme()
    by_hand, offline = blocks["By hand"]
    [prefect] = blocks["With Prefect"]
    assert by_hand.rstrip().endswith("wf server stop")
    (clone / "my_flow.py").write_text(FLOW)
    steps = by_hand.rstrip().removesuffix("wf server stop") + offline + prefect
    script = clone / "as_written.sh"
    script.write_text(f"set -e -o pipefail\ntrap 'kill %1; wf server stop' EXIT\n{steps}\nwf flow-run ls\n")
    done = alone("bash -m as_written.sh", clone, PATH=f"{VENV}:{os.environ['PATH']}",
                 PREFECT_HOME=clone.parent / "prefect", NO_PROXY="127.0.0.1,localhost")
    out = done.stdout
    assert done.returncode == 0, out[-4000:]
    assert "http://127.0.0.1:4200/api" in out
    assert out.count('HALLO, WORLD!') >= 2  # by a worker and offline
    assert "hello from my_flow" in out
    assert re.search(r"Deployment 'my-flow/mine' successfully created", out)
    assert out.count("Completed") >= 4
    wf.wait_until(lambda: not running_from(clone), lambda: running_from(clone), limit=15)
