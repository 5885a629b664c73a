#!/usr/bin/env bash
# Records scenarios through wiretap.
#
#   record.sh --to http://127.0.0.1:4200 --out DIR [NN ...]         against a server that is already running
#   record.sh --server 'CMD with {port} {dir}' --out DIR [NN ...]   starts CMD afresh for every scenario
#
# Needs: prefect 3.8.x and aiohttp in the active Python. Every scenario gets its own PREFECT_HOME and
# working directory under $GOLDEN_TMP (default: a new temporary folder). Ports are chosen by the system.
# A scenario's own output goes to $GOLDEN_TMP/NN/scenario.log; it may take up to SCENARIO_LIMIT (240) s.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tap=$here/../wiretap.py
to= server= out= names=()
while [ $# -gt 0 ]; do
  case $1 in
    --to) to=$2; shift 2 ;;
    --server) server=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    *) names+=("$1"); shift ;;
  esac
done
[ -n "$out" ] && [ -n "$to$server" ] || { sed -n '2,11p' "$0"; exit 2; }
[ ${#names[@]} -gt 0 ] || names=($(cd "$here" && ls [0-9][0-9]-*.sh | cut -c1-2))
out=$(mkdir -p "$out" && cd "$out" && pwd)
tmp=${GOLDEN_TMP:-$(mktemp -d)}
venv=$(python3 -c 'import sys; print(sys.prefix)')

wait_for() {  # wait_for URL: until it answers, at most 90 s
  for _ in $(seq 450); do
    python3 -c "import sys,urllib.request as u; u.urlopen(sys.argv[1], timeout=2)" "$1" 2>/dev/null && return 0
    sleep 0.2
  done
  echo "no answer from $1" >&2; return 1
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

one() {
  local nn=$1 script dir port target server_pid= tap_pid rc
  script=$(ls "$here"/"$nn"-*.sh) || return 1
  dir=$tmp/$nn; port=$(free_port); server_port=$(free_port)
  rm -rf "$dir"; mkdir -p "$dir/home" "$dir/cwd" "$dir/server"
  cp -r "$here"/. "$dir/cwd/"
  [ -z "${GOLDEN_SEED:-}" ] || cp -r "$GOLDEN_SEED"/. "$dir/server/"  # a server home made before: saves its first start
  target=$to
  if [ -n "$server" ]; then
    target=http://127.0.0.1:$server_port
    local cmd=${server//\{port\}/$server_port}; cmd=${cmd//\{dir\}/$dir/server}
    PREFECT_HOME=$dir/server PREFECT_SERVER_ANALYTICS_ENABLED=false setsid bash -c "exec $cmd" >"$dir/server.log" 2>&1 &
    server_pid=$!
    wait_for "$target/api/health" || return 1
  fi
  python3 "$tap" --listen 127.0.0.1:$port --to "$target" --out "$out/$(basename "$script" .sh).jsonl" \
    --scrub "$dir/home=/srv/home" --scrub "$dir/cwd=/srv/demo" --scrub "$dir=/srv" --scrub "$venv=/srv/venv" \
    --scrub "$HOME=/home/demo" --scrub ":$port=:4200" --scrub ":$server_port=:4200" >"$dir/tap.log" 2>&1 &
  tap_pid=$!
  for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
  (
    cd "$dir/cwd" || exit 1
    export PREFECT_HOME=$dir/home PREFECT_API_URL=http://127.0.0.1:$port/api DO_NOT_TRACK=1
    export PREFECT_CLI_PROMPT=false PREFECT_CLI_COLORS=false NO_COLOR=1 COLUMNS=160 PYTHONUNBUFFERED=1
    timeout "${SCENARIO_LIMIT:-240}" bash ./"$(basename "$script")"
  ) >"$dir/scenario.log" 2>&1
  rc=$?
  kill -TERM $tap_pid; wait $tap_pid
  if [ -n "$server_pid" ]; then kill -TERM $server_pid; wait $server_pid 2>/dev/null; fi
  echo "$(basename "$script" .sh): exit $rc, $(wc -l <"$out/$(basename "$script" .sh).jsonl") exchanges"
}

for nn in "${names[@]}"; do one "$nn"; done
