"""Block documents: sealed at rest, built-in types."""
import base64
import os
import sqlite3
import stat

import pytest

import pg
import wf

SECRET = "hunter2-is-not-in-the-file"


def schema(server, slug):
    kind = server.call("GET", f"/block_types/slug/{slug}")
    found, = server.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})
    return kind, found


def save(server, name, value, slug="secret"):
    kind, found = schema(server, slug)
    return server.call("POST", "/block_documents/", {
        "name": name, "block_type_id": kind["id"], "block_schema_id": found["id"], "data": value})["id"]


def load(server, document):
    return server.call("GET", f"/block_documents/{document}?include_secrets=true")["data"]


def column(server):
    """The data of all documents, as the database has it; with the server stopped."""
    with sqlite3.connect(server.data / "wf.db") as db:
        return [row[0] for row in db.execute("SELECT data FROM block_document ORDER BY name")]


def on_disk(server, text):
    return [f.name for f in server.data.glob("wf.db*") if text.encode() in f.read_bytes()]


@pg.file_only
def test_secrets_are_sealed(tmp_path):
    server = wf.Server(tmp_path).start()
    key = server.data / "block.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    one = save(server, "one", {"value": SECRET})
    two = save(server, "two", {"url": "http://x", "headers": {"a": SECRET}, "inner": {"$ref": {"block_document_id": one}}}, "webhook")
    shown = server.call("GET", f"/block_documents/{two}")["data"]
    assert shown["url"] == "********" and shown["headers"] == {"a": "********"}
    assert shown["inner"] == {"value": "********"}  # its own schema says so
    server.call("PATCH", f"/block_documents/{one}", {"data": {"value": SECRET + "!"}})
    assert load(server, one) == {"value": SECRET + "!"}
    assert load(server, two) == {"url": "http://x", "headers": {"a": SECRET}, "inner": {"value": SECRET + "!"}}
    assert on_disk(server, SECRET) == []
    server.kill()
    server.start()  # with the key of before
    assert load(server, one) == {"value": SECRET + "!"}
    assert server.stop() == 0
    assert all(data.startswith("wf1:") for data in column(server))
    # stored before there was a key: sealed at the next start
    with sqlite3.connect(server.data / "wf.db") as db:
        db.execute("UPDATE block_document SET data = ? WHERE name = 'one'", ['{"value": "plain"}'])
    server.start()
    assert load(server, one) == {"value": "plain"}
    assert server.stop() == 0
    assert all(data.startswith("wf1:") for data in column(server))
    # two documents cannot change places
    with sqlite3.connect(server.data / "wf.db") as db:
        db.execute("UPDATE block_document SET data = (SELECT data FROM block_document WHERE name = 'two') WHERE name = 'one'")
    server.start()
    answer = server.request("GET", f"/block_documents/{one}?include_secrets=true")
    assert answer.status == 500 and SECRET not in answer.text
    assert server.stop() == 0


def refused(server):
    """What a server says that does not start."""
    process = wf.Process([wf.program("wf-api"), "--port", 0, "--data-dir", server.data], server.folder / "refused.log",
                         env=server.env)
    assert process.child.wait(60) != 0
    return process.text()


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


@pg.file_only
def test_keys_can_be_kept_elsewhere_and_changed(tmp_path):
    first, second, file = new_key(), new_key(), tmp_path / "keys"
    file.write_text(f"# today\n{first}\n")
    file.chmod(0o600)
    server = wf.Server(tmp_path / "s", env={"WF_API_BLOCK_KEY_FILE": str(file)}).start()
    assert not (server.data / "block.key").exists()
    document = save(server, "one", {"value": SECRET})
    assert server.stop() == 0
    before = column(server)
    # a new key in front: what is there is sealed with it at the next start
    file.write_text(f"{second}\n{first}\n")
    server.start()
    assert load(server, document) == {"value": SECRET} and server.stop() == 0
    assert column(server)[0][:13] != before[0][:13]
    file.write_text(f"{second}\n")
    server.start()
    assert load(server, document) == {"value": SECRET} and server.stop() == 0
    # without the key nothing starts, and nothing is made in its place
    file.write_text(f"{first}\n")
    assert "lacks a key: block documents are sealed with the key" in refused(server)
    server.env.pop("WF_API_BLOCK_KEY_FILE")
    said = refused(server)
    assert "1 block documents are sealed and" in said and "--block-key-file" in said
    assert not (server.data / "block.key").exists() and second not in said


@pytest.mark.parametrize("text", ["", "no key\n"])
def test_a_file_without_a_key_is_refused(tmp_path, text):
    (tmp_path / "keys").write_text(text)
    server = wf.Server(tmp_path / "s", env={"WF_API_BLOCK_KEY_FILE": str(tmp_path / "keys")})
    assert "the key file" in refused(server)


def test_built_in_types(shared_server):
    server = shared_server
    types = {t["slug"]: t for t in server.call("POST", "/block_types/filter", {})}
    assert {"secret", "webhook", "slack-webhook", "local-file-system", "remote-file-system", "email-server-credentials"} <= set(types)
    kind, found = schema(server, "secret")
    assert kind["is_protected"] and found["fields"]["secret_fields"] == ["value"]
    assert found["fields"]["block_type_slug"] == "secret" and found["version"] == server.call("GET", "/admin/version")
    assert server.call("GET", f"/block_schemas/checksum/{found['checksum']}")["id"] == found["id"]
    assert "write-path" in schema(server, "local-file-system")[1]["capabilities"]
    assert schema(server, "webhook")[1]["fields"]["secret_fields"] == ["url", "headers.*"]
    refusal = server.request("DELETE", f"/block_types/{kind['id']}")
    assert (refusal.status, refusal.json["detail"]) == (403, "protected block types cannot be deleted.")
    server.call("DELETE", f"/block_types/{types['smb']['id']}")
    server.call("PATCH", f"/block_types/{kind['id']}", {"description": "ours"})
    server.call("POST", "/block_types/install_system_block_types")
    again = {t["slug"]: t for t in server.call("POST", "/block_types/filter", {})}
    assert set(again) == set(types) and again["secret"]["description"] == "ours"
    assert again["webhook"]["id"] == types["webhook"]["id"]
    # results go where the default storage says, until that is deleted
    place = save(server, "results", {"basepath": "/tmp"}, "local-file-system")
    server.call("PUT", "/admin/storage", {"default_result_storage_block_id": place})
    server.call("DELETE", f"/block_documents/{place}")
    assert server.call("GET", "/admin/storage") == {"default_result_storage_block_id": None}
