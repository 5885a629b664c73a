"""Blocks with the unmodified client: built-in types, secrets, nested blocks."""
import subprocess
import sys

import wf
from test_worker import SLOW, Client

SCRIPT = '''\
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect.filesystems import LocalFileSystem
from prefect.variables import Variable
from pydantic import SecretStr


class Holder(Block):
    token: SecretStr
    inner: Secret


Secret(value="hunter2").save("mine")
Secret(value={"user": "u", "password": "p"}).save("both")
Secret(value="later").save("mine", overwrite=True)
Webhook(url="http://example.invalid/hook", headers={"X-Key": "k"}).save("hook")
LocalFileSystem(basepath="/tmp/results").save("results")
Holder(token="t", inner=Secret.load("mine")).save("holder")

assert Secret.load("mine").get() == "later"
assert Secret.load("both").get() == {"user": "u", "password": "p"}
hook = Block.load("webhook/hook")
assert type(hook) is Webhook and hook.headers.get_secret_value() == {"X-Key": "k"}, hook
assert LocalFileSystem.load("results").basepath == "/tmp/results"
holder = Holder.load("holder")
assert holder.token.get_secret_value() == "t" and holder.inner.get() == "later"
print("fine")
'''


def test_blocks(tmp_path):
    server = wf.Server(tmp_path / "server").start()
    try:
        client = Client(tmp_path / "home", server.api)
        (tmp_path / "blocks.py").write_text(SCRIPT)
        listed = client.popen("block", "type", "ls")
        done = subprocess.run([sys.executable, "-W", "error::UserWarning", "blocks.py"], env=client.env, cwd=tmp_path, text=True,
                              timeout=SLOW, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0 and "fine" in done.stdout.splitlines(), done.stdout
        said, _ = listed.communicate(timeout=SLOW)
        assert listed.returncode == 0
        for slug in ("secret", "webhook", "slack-webhook", "local-file-system", "remote-file-system"):
            assert slug in said, said
        shown = client.ok("block", "inspect", "secret/mine")
        assert "later" not in shown and "********" in shown
        assert not any(b"hunter2" in f.read_bytes() for f in server.data.glob("wf.db*"))
    finally:
        assert server.stop() == 0
