#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# venv.sh - makes (once) the Python environment of the tests and prints its path.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
req=$top/tests/compat/requirements.txt
key=$(sha256sum "$req" | cut -c1-12)
venv=${WF_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/wf/venv-$key}
if [ ! -f "$venv/.ready" ]; then
	rm -rf "$venv"
	mkdir -p "$(dirname "$venv")"
	python3 -m venv "$venv" >&2
	"$venv/bin/pip" install -q --disable-pip-version-check -r "$req" >&2
	"$venv/bin/python" -m compileall -q "$venv/lib" >/dev/null 2>&1 || true
	touch "$venv/.ready"
fi
echo "$venv"
