"""`wf server start|status|stop`: one server for a data folder, found again by its url file, ended cleanly."""
import pathlib
import re
import stat

import pytest

import wf


@pytest.fixture
def run(tmp_path):
    """run(*words) runs wf with tmp_path as home; a server that it left is stopped."""
    def go(*words, **options):
        return wf.wf(*words, env={"HOME": tmp_path, **options.pop("env", {})}, cwd=tmp_path, **options)
    yield go
    go("server", "stop", "--data-dir", tmp_path / "data")


def test_the_life_of_a_server(run, tmp_path):
    data = tmp_path / "data"
    started = run("server", "start", "--background", "--port", "0", "--data-dir", data)
    assert started.returncode == 0, started.stdout
    url = (data / "url").read_text().strip()
    assert url in started.stdout and re.fullmatch(r"http://127\.0\.0\.1:\d+/api", url)
    assert f"end it with `wf server stop --data-dir {data}`" in started.stdout
    assert run("server", "status", "--data-dir", data).stdout == f"Server is healthy: {url}\n"
    # found by the other commands through the same file
    assert run("work-pool", "ls", env={"WF_DATA_DIR": data}).returncode == 0

    again = run("server", "start", "--background", "--port", "0", "--data-dir", data)
    assert again.returncode == 73
    assert re.search(rf"a server \(pid \d+, {re.escape(url)}\) already runs on {re.escape(str(data))}; "
                     "stop it with `wf server stop`", again.stdout)
    assert run("server", "status", "--data-dir", data).returncode == 0  # the first one is as it was

    stopped = run("server", "stop", "--data-dir", data)
    assert (stopped.returncode, stopped.stdout) == (0, "Server stopped.\n")
    assert not (data / "url").exists()
    assert run("server", "status", "--data-dir", data).returncode != 0
    assert run("server", "stop", "--data-dir", data).stdout == f"No server runs on {data}.\n"

    assert run("server", "start", "--background", "--port", "0", "--data-dir", data).returncode == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700 or stat.S_IMODE((data / "block.key").stat().st_mode) == 0o600


def test_the_banner_says_what_to_set(tmp_path):
    server = wf.Server(tmp_path / "server").start()
    try:
        said = server.process.text()
        for line in (rf"URL +{server.api}", rf"data +{server.data}", rf"database +sqlite:///{server.data}/wf.db",
                     r"redis +private redis-server, pid \d+", r"auth +none", rf"export PREFECT_API_URL={server.api}"):
            assert re.search(line, said), f"{line} is not in\n{said}"
    finally:
        server.stop()


def test_a_port_in_use(run, tmp_path, shared_server):
    done = run("server", "start", "--background", "--port", str(shared_server.port), "--data-dir", tmp_path / "data")
    assert done.returncode != 0
    assert str(shared_server.port) in done.stdout and "--port" in done.stdout, done.stdout


def test_a_data_folder_that_cannot_be_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("server", "start", "--background", "--port", "0", "--data-dir", tmp_path / "file" / "data")
    assert done.returncode != 0 and str(pathlib.Path(tmp_path / "file")) in done.stdout and "Not a directory" in done.stdout
