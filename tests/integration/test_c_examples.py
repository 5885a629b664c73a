"""The programs of examples/c, built as a user builds them, do what their first comment says."""
import http.server
import json
import subprocess
import threading

import pytest

import wf
from test_c_flows import flows, lines_of, tasks_of  # noqa: F401  (a fixture)


@pytest.fixture
def run(flows, tmp_path):  # noqa: F811
    """run(program, flow, key=value...): exit status and the record of the run."""
    def go(program, flow, **parameters):
        args = [a for k, v in parameters.items() for a in ("-p", f"{k}={v}")]
        done = subprocess.run([wf.BIN / "examples" / "c" / program, "run", flow, "--offline", "-o", "json", *args], capture_output=True,
                              text=True, env=wf.clean_env(HOME=tmp_path), timeout=60, cwd=tmp_path)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)
    return go


def test_fibo(run):
    rc, record = run("fibo", "fibo", n=20, count=3)
    assert rc == 0 and record["result"] == 6765 + 4181 + 2584 and "fibo(20) is 6765" in lines_of(record)


def test_images(run, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        (photos / f"{i}.ppm").write_bytes(b"P6\n8 4\n255\n" + bytes([i * 50, 100, 200]) * 32)
    (photos / "bad.ppm").write_text("no picture")
    rc, record = run("images", "images", **{"from": photos, "to": tmp_path / "small", "width": 4})
    assert rc == 0 and record["result"] == {"resized": 3, "bad": 1} and "bad.ppm is no PPM picture" in lines_of(record)
    assert (tmp_path / "small" / "1.ppm").read_bytes() == b"P6\n4 2\n255\n" + bytes([50, 100, 200]) * 8


def test_logs(run, tmp_path):
    (tmp_path / "a.log").write_text("10.0.0.1 GET / 200\n10.0.0.2 GET /x 503\nrubbish\n")
    (tmp_path / "b.log").write_text("10.0.0.1 GET / 500\n")
    rc, record = run("logs", "logs", files='["a.log", "b.log"]')
    assert rc == 0 and record["result"] == {"lines": 4, "errors": 2, "rate": 0.5}
    rc, record = run("logs", "logs", files='["a.log", "none.log"]')
    assert rc == 1 and "none.log: No such file" in record["state"]["message"]


@pytest.fixture
def flaky_server():
    """Answers 503 twice per path, then 200; 404 below /gone."""
    class Handler(http.server.BaseHTTPRequestHandler):
        seen = []

        def do_GET(self):
            self.seen.append(self.path)
            status = 404 if self.path == "/gone" else 503 if self.seen.count(self.path) < 3 else 200
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *args):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, Handler.seen
    server.shutdown()


def test_flaky_http(run, flaky_server):
    port, seen = flaky_server
    rc, record = run("flaky_http", "fetch", port=port, path="/status")
    assert rc == 0 and record["result"] == "hello" and seen == ["/status"] * 3
    assert tasks_of(record)["get_page-0"].count("AwaitingRetry") == 2
    rc, record = run("flaky_http", "fetch", port=port, path="/gone")
    assert rc == 1 and seen.count("/gone") == 1 and "answered 404" in record["state"]["message"]


def test_transaction(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    rc, record = run("transaction", "publish", folder=out)
    assert rc == 0 and sorted(p.name for p in out.iterdir()) == ["data", "index"]
    assert lines_of(record).index(f"kept: {out}/index") < lines_of(record).index(f"kept: {out}/data")
    rc, record = run("transaction", "publish", folder=out, fail="true")
    assert rc == 1 and list(out.iterdir()) == []
    assert lines_of(record).index(f"removed {out}/data") < lines_of(record).index(f"removed {out}/index")
    assert tasks_of(record)["write index"] == ["Pending", "Running", "Completed", "RolledBack"]


def test_background(run):
    rc, record = run("background", "orders", count=6)
    assert rc == 0 and record["result"] == {"handled": 5, "late": 1} and "6 orders taken" in lines_of(record)


def blocks(name):
    text = (wf.TOP / "docs" / name).read_text()
    return [b.split("```")[0] for b in text.split("```c\n")[1:]]


@pytest.fixture(scope="module")
def libs(flows):  # noqa: F811
    """What pkg-config would say of this build."""
    words = next(line for line in (wf.BIN / "build-aux" / "wf.pc").read_text().splitlines() if line.startswith("Libs:")).split()[1:]
    flags = ["-fsanitize=address,undefined"] if b"__asan_init" in flows.read_bytes() else []
    return ["-I", str(wf.TOP / "sdk" / "include"), *flags, str(wf.BIN / "sdk" / "libwf.a"), *[w for w in words if w != "-lwf" and w[:2] != "-L"]]


@pytest.mark.parametrize("number", range(len(blocks("c-sdk.md"))))
def test_code_of_the_page(libs, tmp_path, number):
    code = blocks("c-sdk.md")[number]
    (tmp_path / "page.c").write_text(code)
    whole = "int main(" in code
    words = [*libs[:2], *([] if whole else ["-fsyntax-only"]), "-o", "page", "page.c", *(libs[2:] if whole else [])]
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *words], cwd=tmp_path, check=True)
    if "wf_test_flow" in code:
        subprocess.run(["./page"], cwd=tmp_path, check=True, timeout=60)
    elif whole:
        done = subprocess.run(["./page", "run", "hello", "--offline", "-p", "name=marvin"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout == '"Hello, marvin!"\n', done.stderr


CPP = """
#include <wf.h>
#include <string>

static int told(const wf_obj *, const wf_state *, void *) { return 0; }

WF_TASK(twice, wf_json, .retries = 2, .retry_delays = WF_DELAYS(0.5, 2), .tags = WF_TAGS("a", "b"),
        .handlers = WF_HANDLERS(WF_CALLBACK(told, wf_is_retrying, nullptr)))
{
    std::string s = wf_str(in, "s");
    return wf_ok_text(ctx, (s + s).c_str());
}
WF_GENERATOR(letters, wf_json) { wf_yield(ctx, wf_from_text("a")); return wf_none(ctx); }
WF_FLOW(plus, .params = "{s: string = 'x'}")
{
    wf_futs f = wf_map(ctx, twice, WF_EACH("s", wf_parse("[\\"a\\"]")), WF_CONST("k", wf_null()));
    wf_wait_all(&f, -1);
    return wf_ok(ctx, wf_get(wf_call(ctx, twice, "{s: %s}", wf_str(in, "s"))));
}
int main(int argc, char **argv) { return wf_main(argc, argv); }
"""


def test_cpp(libs, tmp_path):
    (tmp_path / "plus.cc").write_text(CPP.replace("\\\\", "\\"))
    subprocess.run(["g++", "-std=c++20", "-Wall", "-Werror", *libs[:2], "-o", "plus", "plus.cc", *libs[2:]], cwd=tmp_path, check=True)
    done = subprocess.run(["./plus", "run", "plus", "--offline", "-p", "s=ab"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == '"abab"\n', done.stderr


WRONG = """
#include <wf.h>
WF_TASK(bad, wf_json, .retries = 1, .retry_delay = 1, .retry_delays = WF_BACKOFF(2), .timeout = -1) { return wf_none(ctx); }
WF_TASK(inl, wf_json, .run_inline = true, .timeout = 3) { return wf_none(ctx); }
WF_FLOW(f, .params = "{n: intger}") { return wf_none(ctx); }
int main(int argc, char **argv) { return wf_main(argc, argv); }
"""


def test_contradictions_are_told_at_the_start(libs, tmp_path):
    (tmp_path / "wrong.c").write_text(WRONG)
    subprocess.run(["cc", "-std=gnu11", *libs[:2], "-o", "wrong", "wrong.c", *libs[2:]], cwd=tmp_path, check=True)
    done = subprocess.run(["./wrong", "list"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    for words in ("wrong.c:3: bad: both retry_delay and retry_delays", "wrong.c:3: bad: a time below zero", "wrong.c:4: inl: run_inline knows no timeout",
                  "wrong.c:5: f: params: a type was expected"):
        assert words in done.stderr
