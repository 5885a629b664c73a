"""wf without a server: usage, help, hints, exit statuses, settings, completion."""
import json
import subprocess

import pytest

import wf


@pytest.fixture
def run(tmp_path):
    """run(*words) runs wf with a home of its own."""
    def go(*words, **options):
        env = {"HOME": tmp_path, **options.pop("env", {})}
        return wf.wf(*words, env=env, cwd=tmp_path, **options)
    return go


def commands():
    return wf.wf("__commands").stdout.splitlines()


@pytest.mark.parametrize("words, text", [
    (["frob"], "No such command 'frob'."),
    (["work-pol", "ls"], "Did you mean 'work-pool'?"),
    (["work-pool", "creat"], "No such command 'work-pool creat'. Did you mean 'create'? See `wf work-pool --help`."),
    (["work-pool", "create"], "Missing argument NAME (usage: wf work-pool create NAME [options])"),
    (["work-pool", "create", "--tpye", "x", "y"], "Unknown option --tpye: did you mean --type?"),
    (["work-pool", "create", "a", "b"], "b"),
    (["work-queue", "create", "q", "--limit", "x"], "x"),
    (["work-pool", "set-concurrency-limit", "a", "x"], "must be a whole number of 0 or more, not 'x'"),
    (["-x"], "Unknown option '-x'. See `wf --help`."),
    (["logs"], "No such command 'logs'. Did you mean `wf flow-run logs`?"),
    (["explain", "x"], "'x' is not a flow run id. List runs with `wf flow-run ls`."),
    (["flow-run", "cancel", "x"], "'x' is not a flow run id."),
    (["flow-run", "delete", "x"], "'x' is not a flow run id."),
])
def test_words_that_cannot_be_understood(run, words, text):
    done = run(*words)
    assert done.returncode == 2
    assert text in done.stdout


@pytest.mark.parametrize("words, text", [
    (["deployment", "ls", "-o", "yaml"], "Only 'json' output format is supported."),
    (["--profile", "nope", "work-pool", "ls"], "Profile 'nope' not found. See them all with `wf profile ls`."),
    (["config", "set", "A"], "Failed to parse argument 'A'. Use the format 'VAR=VAL'."),
    (["config", "set", "FOO=1"], "Unknown setting name 'FOO'"),
    (["profile", "use", "nope"], "Profile 'nope' not found."),
    (["deployment", "run"], "Name a deployment, FLOW/DEPLOYMENT, or give its --id."),
    (["deployment", "delete"], "Name a deployment, FLOW/DEPLOYMENT, or give its --id or --all."),
    (["flow-run", "ls", "--state-type", "nope"], "Invalid state type 'nope'. Options are SCHEDULED, PENDING,"),
    (["work-pool", "create", "x", "--provision-infra"], "has no infrastructure to provision"),
    (["server", "start", "--no-ui", "--analytics-off", "--no-scheduler"], "--no-scheduler: services are not switched off one by one"),
    (["server", "start", "--workers", "2"], "--workers 2: the server is one process"),
    (["profile", "rename", "nope", "x"], "Profile 'nope' not found."),
    (["deploy"], "Nothing to deploy: there is no wf.yaml or prefect.yaml with deployments here."),
])
def test_mistakes_are_explained(run, words, text):
    done = run(*words)
    assert done.returncode == 1
    assert text in done.stdout


def test_no_server_to_stop_is_fine(run):
    done = run("server", "stop")
    assert done.returncode == 0 and done.stdout.startswith("No server runs on ")


def test_options_of_the_session_stand_anywhere(run):
    run("profile", "create", "other")
    for words in (["--profile", "other", "config", "view"], ["config", "view", "--profile", "other"],
                  ["config", "view", "--profile=other", "--no-prompt"]):
        assert "WF_PROFILE='other'" in run(*words).stdout, words


def test_assignments_in_pieces(run):
    run("config", "set", "PREFECT_A", "=", "[1,", "10,", "100]", "WF_B=2", "WF_C", "=", "x", "y")
    kept = run("config", "view").stdout
    assert "PREFECT_A='1,10,100'" in kept and "WF_B='2'" in kept and "WF_C='x y'" in kept


def test_settings_as_json(run):
    run("config", "set", "PREFECT_API_KEY=secret")
    told = json.loads(run("config", "view", "-o", "json").stdout)
    assert told["profile"] == "default"
    assert {"name": "PREFECT_API_KEY", "value": "********", "source": "profile"} in told["settings"]
    assert told["settings"][0]["name"] == "WF_API_URL"
    assert "(from" not in run("config", "view", "--hide-sources").stdout
    assert run("config", "validate").stdout == "Configuration valid!\n"
    run("profile", "create", "p")
    assert json.loads(run("profile", "ls", "-o", "json").stdout) == [
        {"name": "default", "active": True}, {"name": "p", "active": False}]
    assert json.loads(run("profile", "inspect", "default", "-o", "json").stdout) == {"PREFECT_API_KEY": "********"}
    told = json.loads(run("server", "status", "-o", "json", env={"WF_API_URL": "http://127.0.0.1:9/api"}).stdout)
    assert told == {"status": "unavailable", "api_url": "http://127.0.0.1:9/api", "server_version": None}


def test_rename_a_profile(run):
    run("profile", "create", "a")
    run("-p", "a", "config", "set", "WF_API_URL=http://127.0.0.1:9/api")
    run("profile", "use", "a")
    assert run("profile", "rename", "a", "default").returncode == 0
    run("profile", "create", "c")
    assert "already exists" in run("profile", "rename", "c", "default").stdout
    assert "* default" in run("profile", "ls").stdout
    assert "127.0.0.1:9" in run("config", "view").stdout


def test_worker_start_hands_its_words_over(run):
    done = run("worker", "start", "--pool", "x", "--type", "kubernetes")
    assert done.returncode == 1 and "Worker type 'kubernetes' is not supported" in done.stdout


@pytest.mark.parametrize("words", [
    ["work-pool", "ls"], ["work-queue", "ls"], ["worker", "ls"], ["deployment", "ls"], ["flow", "ls"], ["flow-run", "ls"],
    ["work-pool", "inspect", "x"], ["work-pool", "create", "x"], ["deployment", "run", "a/b"],
    ["flow-run", "cancel", "01a20c8d-b510-7a87-8189-e4f62593f200"], ["explain", "01a20c8d-b510-7a87-8189-e4f62593f200"],
    ["server", "status"],
])
def test_no_server_says_how_to_start_one(run, words):
    url = f"http://127.0.0.1:{wf.free_port()}/api"
    done = run(*words, env={"PREFECT_API_URL": url})
    assert done.returncode == 1
    assert f"No server answers at {url} (from the environment)" in done.stdout
    assert "Start one with `wf server start`" in done.stdout
    assert "Traceback" not in done.stdout


def test_help_lists_every_group_and_command(run):
    for words in ([], ["--help"], ["-h"]):
        done = run(*words)
        assert done.returncode == 0
        for command in commands():
            assert command.split()[1] in done.stdout


def test_every_command_has_help_that_begins_with_its_usage(run):
    for command in commands():
        done = run(*command.split()[1:], "--help")
        assert done.returncode == 0, command
        assert done.stdout.startswith(f"Usage: {command}"), done.stdout
        assert "--help" in done.stdout


def test_help_of_a_group(run):
    done = run("work-queue", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: wf work-queue COMMAND")
    assert "set-concurrency-limit" in done.stdout


def test_version(run):
    plain = [run(flag) for flag in ("--version", "-v", "-V")]
    assert {p.returncode for p in plain} == {0}
    assert len({p.stdout for p in plain}) == 1
    done = run("version", "-o", "json", env={"WF_API_URL": f"http://127.0.0.1:{wf.free_port()}/api"})
    told = json.loads(done.stdout)
    assert told["Version"] == plain[0].stdout.strip()
    assert told["Server"] == "not reachable"


def test_manual_page_has_every_command(run):
    page = run("__man").stdout
    for command in commands():
        assert f".Ss {command}\n" in page
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words, wanted", [
    (["work-"], ["work-pool", "work-queue"]),
    (["deploy"], ["deploy", "deployment"]),
    (["work-pool", "p"], ["pause", "preview"]),
    (["server", "stop", "--d"], ["--data-dir"]),
    (["deploy", "--ver"], ["--version"]),
    (["--pro"], ["--profile", "--prompt"]),
    (["--profile", "x", "--no-prompt", "work-q"], ["work-queue"]),
    (["nope", "x"], []),
])
def test_completion(run, words, wanted):
    done = run("__complete", *words)
    assert done.returncode == 0
    assert done.stdout.split() == wanted


def test_completion_in_bash(tmp_path):
    script = wf.TOP / "cli" / "completions" / "wf.bash"
    program = wf.program("wf")
    done = subprocess.run(["bash", "-c", f"""
        source {script}
        COMP_WORDS=({program} work-pool p) COMP_CWORD=2; _wf; echo "${{COMPREPLY[*]}}"
        COMP_WORDS=({program} "") COMP_CWORD=1; _wf; echo "${{#COMPREPLY[@]}}"
        """], env=wf.clean_env(HOME=tmp_path), text=True, stdout=subprocess.PIPE)
    first, second = done.stdout.split("\n")[:2]
    assert first.split() == ["pause", "preview"]
    assert int(second) >= 10


def test_settings_are_kept_in_the_active_profile(run):
    assert run("config", "set", "WF_API_URL=http://127.0.0.1:9/api").stdout.endswith("Updated profile 'default'.\n")
    assert "WF_API_URL='http://127.0.0.1:9/api'" in run("config", "view").stdout
    assert "(from the active profile)" in run("work-pool", "ls").stdout
    assert run("config", "unset", "WF_API_URL", "-y").returncode == 0
    assert "127.0.0.1:9" not in run("config", "view").stdout


def test_the_environment_wins_over_the_profile(run):
    run("config", "set", "WF_API_URL=http://127.0.0.1:9/api")
    done = run("work-pool", "ls", env={"WF_API_URL": "http://127.0.0.1:10/api"})
    assert "http://127.0.0.1:10/api (from the environment)" in done.stdout


def test_profiles(run):
    assert "Created profile 'p1'." in run("profile", "create", "p1").stdout
    assert run("profile", "create", "p1").returncode == 1
    run("--profile", "p1", "config", "set", "WF_API_URL=http://127.0.0.1:9/api")
    assert "Using profile 'p1'." in run("profile", "use", "p1").stdout
    assert "* p1" in run("profile", "ls").stdout
    assert "http://127.0.0.1:9/api" in run("profile", "inspect", "p1").stdout
    assert "Profile 'p1' is the active one" in run("profile", "delete", "p1").stdout
    run("profile", "create", "p2", "--from", "p1")
    run("profile", "use", "p2")
    assert run("profile", "delete", "p1").returncode == 0
    assert "p1" not in run("profile", "ls").stdout


def test_profiles_of_prefect_are_read(run, tmp_path):
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text(
        'active = "remote"\n[profiles.remote]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n')
    before = (tmp_path / ".prefect" / "profiles.toml").read_bytes()
    assert "http://127.0.0.1:9/api (from the active profile)" in run("work-pool", "ls").stdout
    run("--profile", "remote", "config", "set", "WF_API_URL=http://127.0.0.1:11/api")
    assert (tmp_path / ".prefect" / "profiles.toml").read_bytes() == before


def test_secrets_are_not_shown(run):
    run("config", "set", "WF_API_KEY=topsecret")
    assert "topsecret" not in run("config", "view").stdout
    assert "topsecret" in run("config", "view", "--show-secrets").stdout


def test_a_flow_without_a_server(run):
    flow = wf.TOP / "examples" / "hello" / "hello.flow.yaml"
    done = run("flow", "run", f"{flow}:hello", "-p", "name=otter", "--offline")
    assert done.returncode == 0, done.stdout
    assert "HELLO, OTTER!" in done.stdout.upper()
    done = run("flow", "run", f"{flow}:hello", "--offline", "-o", "json", "-q")
    assert done.returncode == 0, done.stdout
    done = run("flow", "run", "none.yaml", "--offline")
    assert done.returncode == 2 and "none.yaml: No such file or directory" in done.stdout
