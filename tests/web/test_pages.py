"""The reference's own web pages, in a real browser, on wf-api: every page without a failed request or an error.

The pages are the built files of the Prefect package. Pictures of them are left in WF_TEST_PICTURES when it names a folder.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import prefect
import pytest
from playwright.sync_api import sync_playwright

import wf
from pages_site import Site

HERE = pathlib.Path(__file__).parent
PREFECT = str(pathlib.Path(sys.executable).with_name("prefect"))
CHROMIUM = shutil.which("chromium")
PICTURES = os.environ.get("WF_TEST_PICTURES")


class Place:
    """A server with things to look at."""

    def __init__(self, folder):
        self.server = wf.Server(folder / "server").start()
        self.folder = folder
        self.env = wf.clean_env(PREFECT_HOME=folder / "home", PREFECT_API_URL=self.server.api, NO_COLOR=1,
                                PREFECT_LOGGING_TO_API_BATCH_INTERVAL="0.2")
        shutil.copy(HERE / "flows.py", folder)
        self.run(sys.executable, "flows.py")
        self.run(PREFECT, "work-pool", "create", "pool", "--type", "process")
        self.run(PREFECT, "--no-prompt", "deploy", "flows.py:child", "-n", "small", "--pool", "pool", "--cron", "0 9 * * *")
        for path, body in (("/concurrency_limits/", {"tag": "database", "concurrency_limit": 3}),
                           ("/v2/concurrency_limits/", {"name": "network", "limit": 2}),
                           ("/automations/", AUTOMATION)):
            self.server.call("POST", path, body)
        self.ids = {
            "run": self.one("/flow_runs/filter", {"flows": {"name": {"any_": ["parent"]}}}),
            "failed": self.one("/flow_runs/filter", {"flows": {"name": {"any_": ["bad"]}}}),
            "task": self.one("/task_runs/filter", {"task_runs": {"name": {"like_": "broken"}}}),
            "flow": self.one("/flows/filter", {"flows": {"name": {"any_": ["parent"]}}}),
            "deployment": self.one("/deployments/filter", {}),
            "artifact": self.one("/artifacts/filter", {"artifacts": {"key": {"any_": ["report"]}}}),
            "block": self.one("/block_documents/filter", {}),
            "secret_type": self.server.call("GET", "/block_types/slug/secret")["id"],
            "automation": self.one("/automations/filter", {}),
            "limit": self.one("/concurrency_limits/filter", {}),
        }
        self.names = {key: self.server.call("GET", f"/flow_runs/{self.ids[key]}")["name"] for key in ("run", "failed")}

    def run(self, *argv):
        done = subprocess.run(argv, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=180)
        assert done.returncode == 0, done.stdout

    def one(self, path, body):
        return wf.wait_until(lambda: self.server.call("POST", path, body), f"something at {path}")[0]["id"]


AUTOMATION = {
    "name": "tell", "enabled": True, "actions": [{"type": "do-nothing"}],
    "trigger": {"type": "event", "posture": "Reactive", "expect": ["prefect.flow-run.Failed"], "threshold": 1, "within": 0,
                "match": {"prefect.resource.id": "prefect.flow-run.*"}, "for_each": ["prefect.resource.id"]},
}
# address, what a reader must find there, the tabs of the page with what is on each
PAGES = [
    ("/dashboard", ["Flow Runs", "Task Runs", "Active Work Pools", "pool"], {}),
    ("/runs", ["{run_name}", "{failed_name}", "Completed", "Failed"], {"Task runs": "broken"}),
    ("/runs/flow-run/{run}", ["{run_name}", "Completed", "hello from parent"],
     {"Task Runs": "add", "Subflow Runs": "child", "Artifacts": "report", "Details": "Run Count", "Parameters": '"n"'}),
    ("/runs/flow-run/{failed}", ["{failed_name}", "this task is broken"], {}),
    ("/runs/task-run/{task}", ["broken", "Failed", "ValueError"], {}),
    ("/flows", ["parent", "child", "bad"], {}),
    ("/flows/flow/{flow}", ["parent"], {"Deployments": "Deployments"}),
    ("/deployments", ["small", "At 09:00 AM"], {}),
    ("/deployments/deployment/{deployment}", ["small", "At 09:00 AM", "pool"],
     {"Upcoming": "Scheduled", "Parameters": "Type", "Configuration": "flows.py:child"}),
    ("/deployments/deployment/{deployment}/run", ["Run Name", "n (Optional)", "Validate parameters"], {}),
    ("/work-pools", ["pool", "Process"], {}),
    ("/work-pools/work-pool/pool", ["pool", "Process"], {"Work Queues": "default", "Workers": "Workers"}),
    ("/work-pools/create", ["Process"], {}),
    ("/blocks", ["a-secret", "Secret"], {}),
    ("/blocks/block/{block}", ["a-secret", "********"], {}),
    ("/blocks/catalog", ["Secret", "Slack Webhook"], {}),
    ("/blocks/catalog/secret", ["Secret"], {}),
    ("/variables", ["colour", "blue"], {}),
    ("/automations", ["tell"], {}),
    ("/automations/automation/{automation}", ["tell"], {}),
    ("/automations/create", ["Trigger"], {}),
    ("/concurrency-limits", ["network"], {"Task Run": "database"}),
    ("/concurrency-limits/concurrency-limit/{limit}", ["database"], {}),
    ("/artifacts", ["report", "table"], {}),
    ("/artifacts/key/report", ["report"], {}),
    ("/artifacts/artifact/{artifact}", ["all is well"], {}),
    ("/events", ["Flow run completed"], {}),
    ("/settings", ["Version", prefect.__version__], {}),
]
SETTLED_MS = 400  # what a page asks for after its first contents
DOT = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360000000020001e221bc330000000049454e44ae426082")


# A script of the pages (their graph) whose place on the page is gone when it draws: seen once, on a busy machine. Such a visit counts
# when it is clean the second time.
GRAPH_GONE = "error: Cannot read properties of null (reading 'position')"


class Browser:
    """A page of chromium and what went wrong on it."""

    def __init__(self, context, site):
        self.site, self.wrong = site, []
        self.page = context.new_page()
        self.page.set_default_timeout(wf.PATIENCE * 1000)
        self.page.on("console", self.on_console)
        self.page.on("pageerror", lambda e: self.wrong.append(f"error: {e}"))
        self.page.on("requestfailed", self.on_failed)
        self.page.on("response", self.on_response)
        # logos of blocks are pictures on other hosts
        self.page.route(lambda url: not url.startswith("http://127.0.0.1:"), self.elsewhere)

    def on_console(self, said):
        if said.type == "error":
            self.wrong.append(f"console: {said.text}")

    def on_failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # given up by the page itself when it was left
            self.wrong.append(f"failed: {request.method} {request.url} {request.failure}")

    def on_response(self, answer):
        if answer.status >= 400:
            self.wrong.append(f"{answer.status}: {answer.request.method} {answer.url} {answer.request.post_data}")

    def elsewhere(self, route):
        if re.search(r"\.(png|svg|jpe?g)(\?|$)|/[a-z0-9]+/original", route.request.url) or "images" in route.request.url:
            route.fulfill(status=200, content_type="image/png", body=DOT)
        else:
            self.wrong.append(f"asks another host: {route.request.url}")
            route.abort()

    def open(self, address, texts, tabs=()):
        """Goes there as a link inside the pages does, reads, and looks at each tab."""
        self.visit(address, texts, tabs, self.page.url.startswith(self.site.url))
        if self.wrong and all(text == GRAPH_GONE for text in self.wrong):
            self.visit(address, texts, tabs, False)
        assert not self.wrong, address + "\n" + "\n".join(self.wrong)

    def visit(self, address, texts, tabs, inside):
        self.wrong.clear()
        try:
            if inside:
                self.page.evaluate("to => document.querySelector('#app').__vue_app__.config.globalProperties.$router.push(to)",
                                   address)
            else:
                self.page.goto(self.site.url + address)
            for text in texts:
                self.see(text)
            for tab, text in dict(tabs).items():
                self.page.locator(".p-tabs, .p-button-group, [role=tablist]").get_by_text(tab, exact=True).first.click()
                self.see(text)
            self.page.wait_for_timeout(SETTLED_MS)
        finally:
            self.picture(address)

    def see(self, text):
        self.page.get_by_text(text).first.wait_for(state="attached")

    def picture(self, name):
        if PICTURES:
            self.page.screenshot(path=pathlib.Path(PICTURES) / (re.sub(r"\W+", "_", name).strip("_") + ".png"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    p = Place(tmp_path_factory.mktemp("place"))
    yield p
    p.server.stop()


@pytest.fixture(scope="module")
def chromium():
    assert CHROMIUM, "chromium is not installed (build-aux/deps.sh test)"
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context(viewport={"width": 1400, "height": 1000}, locale="en-US", timezone_id="UTC")
        browser.close()


@pytest.fixture(scope="module")
def site(place):
    s = Site(prefect.__ui_static_path__, place.server.api)
    yield s
    s.close()


@pytest.fixture(scope="module")
def web(chromium, site):
    b = Browser(chromium, site)
    yield b
    b.page.close()


@pytest.mark.parametrize("address, texts, tabs", PAGES, ids=[p[0] for p in PAGES])
def test_page(web, place, address, texts, tabs):
    words = {**place.ids, "run_name": place.names["run"], "failed_name": place.names["failed"]}
    web.open(address.format(**words), [t.format(**words) for t in texts], tabs)


def test_a_variable_is_made(web, place):
    web.open("/variables", ["colour"])
    web.page.locator("h1, .page-heading, header").locator("button").first.click()
    web.picture("variable")
    form = web.page.locator(".p-modal")
    form.locator("input").first.fill("size")
    web.page.keyboard.press("Tab")
    web.page.keyboard.type("12")
    form.get_by_role("button", name="Create").click()
    made = wf.wait_until(lambda: place.server.request("GET", "/variables/name/size").status == 200, lambda: web.wrong)
    assert made and place.server.call("GET", "/variables/name/size")["value"] == 12
    # the form asks whether the name is taken: that it is not is a 404, which the browser reports
    assert all("404" in text for text in web.wrong) and len(web.wrong) <= 2, web.wrong


def test_a_pool_is_paused_and_resumed(web, place):
    web.open("/work-pools/work-pool/pool", ["Process"])
    for wanted in (True, False):
        web.page.locator(".p-toggle, [role=switch]").first.click()
        wf.wait_until(lambda: place.server.call("GET", "/work_pools/pool")["is_paused"] == wanted, lambda: web.wrong)
    assert not web.wrong, web.wrong


def test_a_deployment_is_run(web, place, workers):
    w = workers(place.server, pool="pool", env={**place.env})
    web.open(f"/deployments/deployment/{place.ids['deployment']}", ["small"])
    web.page.get_by_role("button", name="Run", exact=True).first.click()
    web.picture("run")
    web.page.get_by_text("Quick run").click()

    def ended():
        return place.server.call("POST", "/flow_runs/filter", {
            "deployments": {"id": {"any_": [place.ids["deployment"]]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})
    runs = wf.wait_until(ended, lambda: w.text()[-3000:] + str(web.wrong))
    web.open(f"/runs/flow-run/{runs[0]['id']}", [runs[0]["name"], "Completed"])
