"""wf server database: check, backup while the server runs, reset, restore, upgrade; on both databases."""
import contextlib
import os
import shutil
import sqlite3

import pytest

import pg
import wf


def place(kind, folder):
    """A server with a flow and a run, and the environment of `wf server database` for it."""
    if kind == "postgresql":
        cluster = pg.cluster()
        database = cluster.new_database()
        with contextlib.suppress(AssertionError):  # it is there already
            cluster.sql("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'ba:d\\pass'")
        server = wf.Server(folder, database=database)
        env = {"WF_DATABASE_URL": cluster.url(database, "keeper", "ba%3Ad%5Cpass")}
    else:
        url = f"sqlite://{folder}/own.db"
        server = wf.Server(folder, env={"WF_DATABASE_URL": url})
        env = {"WF_DATABASE_URL": url}
    server.start()
    return server, {**env, "WF_DATA_DIR": server.data, "HOME": folder}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_and_its_copy(tmp_path, kind):
    server, env = place(kind, tmp_path / "s")

    def database(*words, ok=True):
        done = wf.wf("server", "database", *words, env=env, cwd=tmp_path)
        assert (done.returncode == 0) == ok, done.stdout
        assert "pass" not in done.stdout.replace("password", "")
        return done.stdout
    run = server.call("POST", "/flow_runs/", {"flow_id": server.flow("kept")["id"]})["id"]
    assert "is sound" in database("check")
    assert "complete copy" in database("backup", "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0 or kind == "sqlite"
    server.flow("later")
    for words in (("reset", "--yes"), ("restore", "copy", "--yes"), ("upgrade",)):
        assert "stop" in database(*words, ok=False)
    server.stop()
    assert "Nothing was changed" in database("reset", ok=False)
    assert "is empty" in database("reset", "--yes")
    server.start()
    assert server.call("POST", "/flows/count", {}) == 0
    server.stop()
    assert "copy holds" in database("restore", "copy", "--yes")
    assert "already" in database("upgrade")
    assert "ok   0 flow runs whose state is not stored" in database("check")
    server.start()
    assert server.call("GET", f"/flow_runs/{run}")["state_type"] == "PENDING"
    assert [f["name"] for f in server.call("POST", "/flows/filter", {})] == ["kept"]
    server.stop()
    assert "no such" in database("restore", "nosuch", "--yes", ok=False).lower()
    assert "there is upgrade" in database("polish", ok=False)


def test_check_finds_what_is_wrong(tmp_path):
    server, env = place("sqlite", tmp_path / "s")
    run = server.call("POST", "/flow_runs/", {"flow_id": server.flow()["id"]})["id"]
    server.stop()
    with sqlite3.connect(tmp_path / "s" / "own.db") as db:
        db.execute("UPDATE flow_run SET state_type = 7 WHERE id = ?", (bytes.fromhex(run.replace("-", "")),))
    done = wf.wf("server", "database", "check", env=env)
    assert done.returncode != 0 and "BAD  1 flow runs of another type than their state" in done.stdout


def test_without_the_tools_of_postgresql(tmp_path):
    server, env = place("postgresql", tmp_path / "s")
    server.stop()
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("sh",):
        os.symlink(shutil.which(name), bare / name)
    done = wf.wf("server", "database", "backup", "copy", env={**env, "PATH": bare}, cwd=tmp_path)
    assert done.returncode != 0 and "pg_dump is not installed" in done.stdout and "postgresql-client" in done.stdout
    assert not (tmp_path / "copy").exists() and not (tmp_path / "copy.part").exists()
