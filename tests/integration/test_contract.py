"""The routes that Prefect's clients call (tests/data/contract/routes.tsv): each is there, with the conventions of all."""
import asyncio
import csv
import pathlib
import urllib.parse
import urllib.request

import pytest
import websockets

import wf

TABLE = pathlib.Path(__file__).parents[1] / "data" / "contract" / "routes.tsv"
ID = "0190f6d2-0000-7000-8000-00000000abcd"
ROUTES = [row for row in csv.reader(TABLE.open(), delimiter="\t") if row and not row[0].startswith("#")]
HTTP = [(method, path) for _, method, path in ROUTES if method != "WS"]
SOCKETS = [path for _, method, path in ROUTES if method == "WS"]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
LISTS = {("POST", "/logs/"), ("POST", "/events")}
# No model: the body is not looked at.
OPEN = {("GET", "/health"), ("GET", "/ready")}  # for probes: neither a version nor a password is asked for
BODILESS = {("POST", "/block_types/install_system_block_types"), ("POST", "/deployments/{id}/pause_deployment"),
            ("POST", "/deployments/{id}/resume_deployment")}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def filled(path):
    """PATH of something that is not there."""
    return path.replace("{id}", ID).replace("{text}", "nobody-here")


def ask(server, method, path, body=None, headers=None):
    """Without following a redirect: status, body, headers."""
    request = urllib.request.Request(server.api + path, data=body, method=method,
                                     headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def body_for(method, path):
    if method in ("GET", "DELETE"):
        return None
    return b"[]" if (method, path) in LISTS or path.endswith("/schedules") else b"{}"


def test_every_route_is_there(shared_server):
    missing = []
    for method, path in HTTP:
        status, text, _ = ask(shared_server, method, filled(path), body_for(method, path))
        if (status == 404 and text == '{"detail":"Not Found"}') or status == 405 or status >= 500 or status == 307:
            missing.append(f"{method} {path}: {status} {text[:100]}")
    assert not missing, "\n".join(missing)


def test_the_other_form_of_a_path_is_a_redirect(shared_server):
    wrong = []
    for method, path in HTTP:
        path = filled(path)
        other = path[:-1] if path.endswith("/") else path + "/"
        status, text, headers = ask(shared_server, method, other, body_for(method, path))
        if (status, text, headers.get("Location")) != (307, "", shared_server.api + path):
            wrong.append(f"{method} {other}: {status} {headers.get('Location')} {text[:60]}")
    assert not wrong, "\n".join(wrong)


def test_wrong_methods_say_what_is_allowed(shared_server):
    wrong = []
    for path in sorted({p for _, p in HTTP}):
        here = {m for m, p in HTTP if filled(p) == filled(path)}
        status, text, headers = 405, "", {}
        for method in sorted(METHODS - here):
            status, text, headers = ask(shared_server, method, filled(path), body_for(method, path))
            if status == 405:
                break
        allowed = set(headers.get("Allow", "").replace(" ", "").split(","))
        if status != 405 or text != '{"detail":"Method Not Allowed"}' or not here & allowed:
            wrong.append(f"{path}: {status} Allow {sorted(allowed)} {text[:60]}")
    assert not wrong, "\n".join(wrong)


def test_bodies_that_are_no_json_are_422(shared_server):
    wrong = []
    for method, path in HTTP:
        if method in ("GET", "DELETE") or (method, path) in BODILESS:
            continue
        status, text, _ = ask(shared_server, method, filled(path), b'{"a": nope')
        if status != 422 or '"json_invalid"' not in text or '"request_body":"{\\"a\\": nope"' not in text:
            wrong.append(f"{method} {path}: {status} {text[:160]}")
    assert not wrong, "\n".join(wrong)


def test_ids_are_uuids_and_versions_are_looked_at(shared_server):
    wrong = []
    for method, path in HTTP:
        body = body_for(method, path)
        if "{id}" in path:
            status, text, _ = ask(shared_server, method, filled(path.replace("{id}", "no-uuid")), body)
            if status not in (404, 405):
                wrong.append(f"{method} {path} with a word for the id: {status} {text[:60]}")
        status, text, _ = ask(shared_server, method, filled(path), body, {"X-PREFECT-API-VERSION": "0.7.0"})
        if status != (200 if (method, path) in OPEN else 400):
            wrong.append(f"{method} {path} with API version 0.7.0: {status} {text[:60]}")
    assert not wrong, "\n".join(wrong)


def test_without_the_password_nothing_is_answered(tmp_path):
    server = wf.Server(tmp_path, env={"WF_API_AUTH_STRING": "a:b"}).start()
    try:
        wrong = []
        for method, path in HTTP:
            status, text, _ = ask(server, method, filled(path), body_for(method, path))
            if status != (200 if (method, path) in OPEN else 401):
                wrong.append(f"{method} {path}: {status} {text[:60]}")
        assert not wrong, "\n".join(wrong)
        assert [asyncio.run(first_word(server, path, "wrong")) for path in SOCKETS] == [1008] * len(SOCKETS)
    finally:
        assert server.stop() == 0


async def first_word(server, path, token=None):
    """The answer to the auth message, or the code with which the socket is closed."""
    url = server.api.replace("http", "ws", 1) + filled(path)
    async with websockets.connect(url, subprotocols=["prefect"], open_timeout=20) as socket:
        await (await socket.ping())
        await socket.send('{"type": "auth", "token": %s}' % (f'"{token}"' if token else "null"))
        try:
            return await asyncio.wait_for(socket.recv(), 20)
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code


@pytest.mark.parametrize("path", SOCKETS)
def test_sockets_answer_pings_and_auth(shared_server, path):
    assert asyncio.run(first_word(shared_server, path)).replace(" ", "") == '{"type":"auth_success"}'
