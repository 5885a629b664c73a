"""docs/yaml.md: every block that names a file is run; the JSON Schema fits them and the files of the walk-through."""
import json
import pathlib
import re
import subprocess

import jsonschema
import pytest
import yaml

import wf

BLOCKS = dict(re.findall(r"```yaml\n# (\S+\.flow\.yaml)\n(.*?)```", (wf.TOP / "docs" / "yaml.md").read_text(), re.S))
ARGS = {"params.flow.yaml": ["-p", "item=tea", "-p", "amount=2"]}
RESULTS = {"fan.flow.yaml": 3, "stream.flow.yaml": [1, 4, 9, 16, 25], "cache.flow.yaml": "report of 2026-08-01", "sub.flow.yaml": 21}
SCHEMA = json.loads((wf.TOP / "engine" / "flow.schema.json").read_text())
FILES = sorted((pathlib.Path(__file__).parent / "yaml").glob("*.flow.yaml"))


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_an_example_runs(name, tmp_path):
    tested = "\ntests:" in BLOCKS[name]
    (tmp_path / name).write_text(BLOCKS[name])
    env = wf.clean_env(HOME=tmp_path, NO_COLOR="1", WF_RESULTS_DIR=tmp_path / "results")
    flow = {"sub.flow.yaml": "sub.flow.yaml:parent"}.get(name, name)
    words = ["test", flow] if tested else ["run", flow, "--offline", *ARGS.get(name, [])]
    done = subprocess.run([wf.program("wf"), "flow", *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if name in RESULTS:
        assert json.loads(done.stdout) == RESULTS[name]


@pytest.mark.parametrize("text", [*BLOCKS.values(), *[p.read_text() for p in FILES]])
def test_the_schema_fits(text):
    jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(text))


@pytest.mark.parametrize("flow", [{"tasks": {"a": {"rnu": "x"}}}, {"tasks": {"a": {"run": "x", "cmd": ["y"]}}}, {"tasks": {}},
                                  {"tasks": {"a": {"run": "x", "cache": {"policy": 1}}}}])
def test_the_schema_refuses(flow):
    assert not jsonschema.Draft7Validator(SCHEMA).is_valid({"version": 1, "flows": {"f": flow}})
