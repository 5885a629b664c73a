"""Options of wf-worker that `prefect worker start` has, too."""
import re
import urllib.error
import urllib.request

import pytest

import wf


def ask(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def run(tmp_path, *words, **env):
    process = wf.Process([wf.program("wf-worker"), *words], tmp_path / "log",
                         env=wf.clean_env(HOME=tmp_path, PREFECT_API_URL=f"http://127.0.0.1:{wf.free_port()}/api", **env))
    return process.child.wait(30), process.text()


@pytest.mark.parametrize("words, text", [
    ([], "missing option --pool"),
    (["--pool"], "--pool"),
    (["-p", "x", "--type", "kubernetes"], "Worker type 'kubernetes' is not supported"),
    (["-p", "x", "-n", "a/b"], "A worker's name has no '/'"),
    (["-p", "x", "--install-policy", "sometimes"], "--install-policy is always, if-not-present, never or prompt"),
    (["-p", "x", "--limit", "many"], "--limit"),
    (["-p", "x", "--prefetch-seconds", "-1"], "--prefetch-seconds"),
    (["-p", "x", "--pol", "y"], "did you mean --pool?"),
])
def test_refused_options(tmp_path, words, text):
    status, said = run(tmp_path, *words)
    assert status == 1 and text in said, said


def test_a_health_port_that_is_taken(tmp_path, shared_server):
    status, said = run(tmp_path, "-p", "x", "--with-healthcheck", PREFECT_WORKER_WEBSERVER_HOST="127.0.0.1",
                       PREFECT_WORKER_WEBSERVER_PORT=shared_server.port)
    assert status != 0 and "Address already in use" in said and "PREFECT_WORKER_WEBSERVER_PORT chooses another" in said


def test_health(shared_server, workers):
    """And a pool that is waited for until somebody creates it."""
    worker = workers(shared_server, "--with-healthcheck", "--no-create-pool-if-not-found", pool="late",
                     env={"PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": "0"})
    url = wf.wait_until(lambda: re.search(r"health: (http://127.0.0.1:\d+)/health", worker.text()), worker.text).group(1)
    assert ask(f"{url}/health") == (200, '{"message":"OK"}')
    assert ask(f"{url}/health", "POST")[0] == 405
    assert ask(f"{url}/other") == (404, '{"detail":"Not Found"}')
    wf.wait_until(lambda: "waiting for it" in worker.text(), worker.text)
    assert "started!" not in worker.text()
    shared_server.pool("late")
    wf.wait_until(lambda: "started!" in worker.text(), worker.text)
