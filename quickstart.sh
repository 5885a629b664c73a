#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh - from a clone to a real flow run on a Redis-backed work pool.
#
#   ./quickstart.sh               install what is missing, build, run examples/hello on a work pool
#   ./quickstart.sh --no-install  only check that the packages are there
#   ./quickstart.sh --keep        leave the server and the worker running
#
# Builds in build/ beside this script; the server's data goes to build/quickstart/. A second run is quick.
set -euo pipefail
top=$(cd "$(dirname "$0")" && pwd)
cd "$top"

install=1 keep=0
for a in "$@"; do
	case $a in
	--no-install) install=0 ;;
	--keep) keep=1 ;;
	-h | --help) sed -n '4,10p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
	*) echo "quickstart.sh: unknown option '$a' (--no-install, --keep)" >&2; exit 64 ;;
	esac
done

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\033[1m' green=$'\033[32m' red=$'\033[31m' dim=$'\033[2m' off=$'\033[0m'
else
	bold='' green='' red='' dim='' off=''
fi
step=0 began=$SECONDS
say() { step=$((step + 1)); printf '%s[%d/7]%s %s\n' "$bold" "$step" "$off" "$*"; }
die() { printf '%s%s%s\n' "$red" "$*" "$off" >&2; exit 1; }

# Shows that something is going on while COMMAND runs; its output is shown when it fails.
quietly() {
	local what=$1 log=$2 t0=$SECONDS pid; shift 2
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	if [ -t 1 ]; then
		while kill -0 "$pid" 2>/dev/null; do
			printf '\r      %s%s … %ds%s ' "$dim" "$what" $((SECONDS - t0)) "$off"
			sleep 0.2
		done
		printf '\r\033[K'
	fi
	if ! wait "$pid"; then
		tail -40 "$log" >&2
		die "$what failed; the whole log is in $log"
	fi
}

os=unknown
# shellcheck disable=SC1091  # the file of the system is not ours to check
[ -r /etc/os-release ] && os=$(. /etc/os-release && echo "$ID $VERSION_ID")
say "packages"
case $os in
"debian 12" | "ubuntu 24.04") ;;
*) echo "      This is '$os'; wf is tested on Debian 12 and Ubuntu 24.04. Going on." ;;
esac
rc=0
missing=$(./build-aux/deps.sh build --check 2>&1) || rc=$?
if [ $rc = 69 ]; then # not a Debian: the list is for the reader, configure will say what is not there
	printf '%s\n' "$missing" | sed 's/^/      /'
	echo "      Going on with what is installed."
elif [ $rc != 0 ]; then
	echo "      ${missing%%$'\n'*}"
	[ "$install" = 1 ] || die "Not installing (--no-install): ${missing##*$'\n'}"
	mkdir -p build
	quietly "installing" build/install.log ./build-aux/deps.sh build
fi

say "build (build/)"
mkdir -p build
if [ ! -x configure ] || [ configure.ac -nt configure ]; then
	quietly "autogen" build/autogen.log ./autogen.sh
fi
if [ ! -f build/Makefile ] || [ configure -nt build/Makefile ]; then
	quietly "configure" build/configure.log bash -c 'cd build && ../configure --disable-tests CFLAGS="-O2 -g"'
fi
quietly "make" build/make.log make -C build -j"$(nproc)" all

data=$top/build/quickstart
export PATH=$top/build:$PATH
export WF_DATA_DIR=$data NO_PROXY=127.0.0.1,localhost
mkdir -p "$data"
worker_pid=
cleanup() {
	rc=$?
	if [ "$keep" = 1 ] && [ $rc = 0 ]; then return; fi
	if [ -n "$worker_pid" ] && kill -0 "$worker_pid" 2>/dev/null; then
		kill -TERM "$worker_pid" 2>/dev/null || true
		wait "$worker_pid" 2>/dev/null || true
	fi
	wf server stop --data-dir "$data" >/dev/null 2>&1 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say "server (SQLite and a private redis-server)"
if wf server status --data-dir "$data" >/dev/null 2>&1; then
	echo "      already running"
else
	wf server start --background --port 0 --data-dir "$data" >"$data.log" 2>&1 || { cat "$data.log" >&2; die "The server did not start."; }
fi
WF_API_URL=$(cat "$data/url")
export WF_API_URL
echo "      $WF_API_URL"

say "work pool tutorial-process-pool"
if ! wf work-pool inspect tutorial-process-pool >/dev/null 2>&1; then
	wf work-pool create tutorial-process-pool --type process | sed 's/^/      /'
else
	echo "      exists"
fi

say "deployment of examples/hello/hello.flow.yaml"
(cd examples/hello && wf --no-prompt deploy --all) | sed 's/^/      /'

say "wf-worker --pool tutorial-process-pool"
wf-worker --pool tutorial-process-pool >"$data/worker.log" 2>&1 &
worker_pid=$!
for _ in $(seq 100); do
	grep -q 'started' "$data/worker.log" && break
	kill -0 "$worker_pid" 2>/dev/null || { cat "$data/worker.log" >&2; die "The worker ended."; }
	sleep 0.1
done

say "run"
wf deployment run hello/hello -p name=world --watch || die "The run did not complete; worker log: $data/worker.log"

printf '\n%sIt works.%s (%d s)\n' "$green" "$off" $((SECONDS - began))
cat <<T
  programs      $top/build/{wf,wf-api,wf-worker,wf-agent,wf-engine}
  server data   $data
  worker log    $data/worker.log
  the flow      examples/hello/hello.flow.yaml
T
if [ "$keep" = 1 ]; then
	cat <<T
Left running: the server ($WF_API_URL) and the worker (pid $worker_pid). To use them:
  export PATH=$top/build:\$PATH WF_API_URL=$WF_API_URL PREFECT_API_URL=$WF_API_URL
  wf flow-run ls
To stop them:
  kill $worker_pid; wf server stop --data-dir $data
T
	disown "$worker_pid"
else
	echo "Nothing is left running. With --keep the server and the worker stay."
fi
