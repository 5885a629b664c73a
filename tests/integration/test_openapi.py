"""GET /openapi.json: it says what is served, no more and no less."""
import csv
import pathlib
import re
import urllib.request

import pytest

import wf

TOP = pathlib.Path(__file__).parents[2]
ROUTES = [row for row in csv.reader((TOP / "tests/data/contract/routes.tsv").open(), delimiter="\t")
          if row and not row[0].startswith("#")]
OURS = ("/wf/v1/", "/webhooks/", "/hooks/")     # not of the reference server


@pytest.fixture(scope="module")
def document(shared_server):
    return shared_server.call("GET", "/openapi.json")


def plain(path):
    """PATH with the names of its parameters taken out; ids and texts stay apart."""
    return re.sub(r"\{(\w+)\}", lambda m: "{id}" if m[1] == "id" or m[1].endswith("_id") else "{text}", path)


def test_it_is_the_table_of_routes(document):
    told = {(method.upper(), plain(path)) for path, operations in document["paths"].items() for method in operations
            if not path.startswith(OURS) and "servers" not in operations[method]}
    told |= {("WS", plain(path)) for path in document["x-websockets"]}
    wanted = {(method, path) for _, method, path in ROUTES}
    assert told - wanted == set(), "served, but not in routes.tsv"
    assert wanted - told == set(), "in routes.tsv, but not served"


def test_it_is_the_table_of_the_documentation(document):
    lines = re.findall(r"^\| ([A-Z]+) \| `(/[^`]*)` \| (.*) \|$", (TOP / "docs/api.md").read_text(), re.M)
    told = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    told |= {("WS", path) for path in document["x-websockets"]}
    assert told == {(method, path) for method, path, _ in lines}
    assert all(o["summary"] for operations in document["paths"].values() for o in operations.values())


def test_it_is_well_formed(document):
    assert document["openapi"] == "3.1.0" and document["servers"][0]["url"].endswith("/api")
    ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            ids.append(operation["operationId"])
            assert [p["name"] for p in operation["parameters"]] == re.findall(r"\{(\w+)\}", path)
            assert all(p["required"] and p["in"] == "path" for p in operation["parameters"])
            assert ("requestBody" in operation) == (method in ("post", "put", "patch"))
            assert "security" not in operation
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    assert content["schema"]["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"]
    assert len(ids) == len(set(ids))


def test_the_page(shared_server, document):
    page = urllib.request.urlopen(shared_server.api.removesuffix("/api") + "/docs", timeout=20)
    text = page.read().decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert all(f"<code>/api{path}</code>" in text or f"<code>{path}</code>" in text for path in document["paths"])
    assert "<script" not in text and "//" not in text.replace("://", "")


def test_the_password_is_told_of(tmp_path):
    server = wf.Server(tmp_path, env={"WF_API_AUTH_STRING": "a:b"}).start()
    try:
        assert server.request("GET", "/openapi.json").status == 401
        document = server.call("GET", "/openapi.json", headers={"Authorization": "Basic YTpi"})
        assert document["components"]["securitySchemes"]["basic"] == {"type": "http", "scheme": "basic"}
        assert document["paths"]["/flows/"]["post"]["security"] == [{"basic": []}]
        assert "security" not in document["paths"]["/health"]["get"]
    finally:
        server.stop()
