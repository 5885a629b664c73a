#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test.sh [LAYER...] - builds wf and runs its tests; without LAYER all of them.
#
#   static       formatting, layers, headers, sizes, docs, scripts
#   unit         Criterion programs and fuzz corpora, gcc with ASan and UBSan
#   integration  our programs against real redis-server, SQLite, processes (pytest)
#   postgresql   some of them, and its own, on a private PostgreSQL; its SQL and query plans
#   cli          the command line, as people see it (pytest)
#   chaos        kill -9 of every part at several points of a run (pytest)
#   sim          many workers, APIs, Redis in virtual time under faults; the lease model (spin)
#   compat       the unmodified Prefect client, CLI, worker and server (pytest)
#   walkthrough  programs that use the Prefect client as the documents of its users do (pytest)
#   web          the reference's web pages on wf-api, in a headless browser (pytest)
#   stress       wf-api and its thread programs under ThreadSanitizer and load (pytest)
#   valgrind     the daemons and the engine under valgrind (short)
#   clang        clang with warnings as errors, clang-tidy, fuzzers for some seconds each
#   readme       a clean clone: ./quickstart.sh and every command of the README (pytest)
#   dist         install into a prefix and look at what is there, make distcheck
#
# Installs what it needs (build-aux/deps.sh test). A missing tool is a failure, not a skip.
# Layers of one lane run one after the other, lanes beside each other (see the list below).
# Logs: $WF_TEST_DIR (default: build-test/ in the source folder). Closes with the line
#   N passed, M failed, K skipped
set -uo pipefail
top=$(cd "$(dirname "$0")" && pwd)
cd "$top" || exit 1
out=${WF_TEST_DIR:-$top/build-test}
jobs=${WF_TEST_JOBS:-$(nproc)}
export CCACHE_NOHASHDIR=1

# A layer is one line here and one function below. The lanes asan and client have tests that
# wait a lot and watch the clock; the lane work computes in what they leave over (nice).
#      layer        lane
layer_list="
	static       asan
	unit         asan
	integration  asan
	postgresql   asan
	cli          asan
	chaos        asan
	compat       client
	walkthrough  client
	web          client
	stress       client
	valgrind     client
	sim          work
	clang        work
	dist         work
	readme       work
"
lanes="asan client work"

# --- builds: each is made once, by the first layer that needs it -------------------------

build_asan() { BUILD=asan configure_and_make gcc --enable-sanitizers=address,undefined CFLAGS="-O1 -g"; }
build_plain() { BUILD=plain configure_and_make gcc --disable-tests CFLAGS="$plain_cflags"; }
build_fuzz() { BUILD=fuzz configure_and_make clang --enable-fuzzing CFLAGS="-O1 -gline-tables-only"; }
build_tsan() {
	BUILD=tsan TARGETS="wf-api tests/stress/stress_db tests/stress/stress_resolve" \
		configure_and_make gcc --enable-sanitizers=thread CFLAGS="-O1 -g"
}
build_sim() { BUILD=sim TARGETS="tests/sim/run tests/sim/triggers" configure_and_make gcc CFLAGS="-O2 -g"; }
build_venv() { ./build-aux/venv.sh; }
plain_cflags="-O2 -g"

cc() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }

configure_and_make() {
	local dir=$out/$BUILD compiler=$1; shift
	mkdir -p "$dir"
	if [ ! -f "$dir/Makefile" ] || [ configure -nt "$dir/Makefile" ]; then
		local src
		src=$(realpath --relative-to="$dir" "$top") # the same command lines everywhere: ccache
		(cd "$dir" && CC="$(cc "$compiler")" "$src/configure" --prefix="$dir/inst" --enable-werror "$@") || return 1
	fi
	# shellcheck disable=SC2086  # several targets
	make -C "$dir" -j"$jobs" ${TARGETS:-all}
}

# --- layers ----------------------------------------------------------------------------

layer_static() {
	need asan || return
	step "layers" layers.log make -C "$out/asan" check-layers
	step "headers stand alone" headers.log make -C "$out/asan" check-headers
	step "format" format.log make -C "$out/asan" check-format
	step "sizes" sizes.log make -C "$out/asan" check-sizes
	step "docs" docs.log make -C "$out/asan" check-docs
	step "shell scripts" shellcheck.log bash -c 'git ls-files "*.sh" .ci/run ":!tests/compat/scenarios" | xargs shellcheck -S warning -x'
}
layer_unit() {
	need asan || return
	timed "tests" unit.log make -C "$out/asan" -j"$jobs" check
	count_tap unit.log $?
}
# They wait more than they compute: two halves at once.
layer_integration() {
	local half halves=()
	need asan venv || return
	for half in 0 1; do
		# shellcheck disable=SC2046  # one argument for each file
		py "integration-$half" asan $(printf '%s\n' tests/integration/test_*.py | awk -v h=$half 'NR % 2 == h') &
		halves+=($!)
	done
	wait "${halves[@]}"
}
layer_postgresql() { need asan venv && py postgresql asan; }
layer_cli() { need asan venv && py cli asan; }
layer_chaos() { need asan venv && py chaos asan; }
layer_compat() { need plain venv && py compat plain; }
layer_walkthrough() { need plain venv && py walkthrough plain; }
layer_web() { need plain venv && py web plain; }
layer_stress() { need tsan venv && py stress tsan; }
layer_valgrind() { need plain venv && py valgrind plain; }
layer_sim() {
	need sim || return
	step "planted bugs are found" sim-plants.log "$out/sim/tests/sim/run" --check-plants
	step "seeds" sim-seeds.log "$out/sim/tests/sim/run" --seeds "${SIM_SEEDS:-2000}"
	step "planted bugs of triggers are found" sim-trigger-plants.log "$out/sim/tests/sim/triggers" --check-plants
	step "triggers" sim-triggers.log "$out/sim/tests/sim/triggers" --seeds "${SIM_TRIGGER_SEEDS:-5000}"
	step "model of the leases" sim-model.log ./tests/sim/check-model.sh
}
layer_clang() {
	need fuzz || return
	step "clang-tidy" tidy.log make -C "$out/fuzz" check-tidy CHECK_JOBS="$jobs"
	step "fuzzers" fuzz.log make -C "$out/fuzz" check-fuzz CHECK_JOBS="$jobs" FUZZ_SECONDS="${FUZZ_SECONDS:-3}"
}
layer_readme() { need plain venv && py readme plain; }
layer_dist() {
	need plain || return
	step "install into a prefix" install.log make -C "$out/plain" install &&
		step "what was installed" installed.log ./build-aux/check-install.sh "$out/plain/inst"
	step "distcheck" distcheck.log make -C "$out/plain" -j"$jobs" distcheck \
		DISTCHECK_CONFIGURE_FLAGS="--disable-tests --enable-werror CC='$(cc gcc)' CFLAGS='$plain_cflags'"
}

# --- steps, counts, output -------------------------------------------------------------

say() { printf '[%4ds] %s\n' $((SECONDS - started)) "$*"; }
count() { echo "$1 $2 $3" >>"$run/counts"; } # passed, failed, skipped
fail() { echo "$1" >>"$run/failures"; }
bad() { count 0 1 0; fail "$1"; }

# timed NAME LOG CMD...: says when it starts and ends, how long and how much computing it took.
timed() {
	local name="$layer: $1" log=$out/$2 from=$SECONDS rc cpu TIMEFORMAT='%U %S'; shift 2
	say "$name ..."
	{ time "$@" >"$log" 2>&1; } 2>"$log.cpu"
	rc=$?
	cpu=$(awk '{ printf "%d", $1 + $2 }' "$log.cpu")
	echo "$cpu" >>"$run/cpu"
	if [ $rc -eq 0 ]; then
		say "$name: ok ($((SECONDS - from)) s, computing $cpu s)"
	else
		say "$name: FAILED ($((SECONDS - from)) s, computing $cpu s)"
	fi
	return $rc
}

tail_of() { tail -"${WF_TEST_TAIL:-60}" "$out/$1" | sed "s/^/$layer| /"; }

# step NAME LOG CMD...: one check that passes or fails as a whole.
step() {
	if timed "$@"; then
		count 1 0 0
	else
		bad "$layer: $1 (log: $out/$2)"
		tail_of "$2"
		return 1
	fi
}

# need BUILD...: made when no layer of this run has done it yet; fails when it failed.
need() {
	local b
	for b; do
		(
			flock 9
			[ -e "$run/$b.ok" ] && exit 0
			[ -e "$run/$b.failed" ] && exit 1
			step "build $b" "build-$b.log" "build_$b" 9>&- && touch "$run/$b.ok" && exit 0
			touch "$run/$b.failed"
			exit 1
		) 9>"$run/$b.lock" || { say "$layer: left out, build $b failed"; return 1; }
	done
}

# count_tap LOG STATUS: adds the results in the log of `make check`.
count_tap() {
	local p f s log=$out/$1
	p=$(grep -cE '^PASS:' "$log"); f=$(grep -cE '^(FAIL|ERROR|XPASS):' "$log"); s=$(grep -cE '^SKIP:' "$log")
	count "$p" "$f" "$s"
	grep -E '^(FAIL|ERROR|XPASS):' "$log" | head -20 >>"$run/failures"
	[ "$2" -eq 0 ] || { [ "$f" -gt 0 ] || bad "$layer: make check (log: $log)"; tail_of "$1"; }
	[ $((p + f)) -gt 0 ] || bad "$layer: no test ran (log: $log)"
}

# py NAME BUILD [FILE...]: runs pytest on files, or all of tests/NAME, with the programs of a build.
py() {
	local name=$1 bin=$out/$2 rc venv p f e s report; shift 2
	[ $# -gt 0 ] || set -- "tests/$name"
	venv=$(./build-aux/venv.sh)
	rm -f "$out/san-$name".*
	WF_BIN=$bin WF_TOP=$top PYTHONDONTWRITEBYTECODE=1 \
		ASAN_OPTIONS="log_path=$out/san-$name:detect_stack_use_after_return=1" \
		TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1" \
		UBSAN_OPTIONS="log_path=$out/san-$name:print_stacktrace=1:halt_on_error=1" \
		timed "tests${name#"$layer"}" "$name.log" "$venv/bin/python" -m pytest -q --maxfail="${WF_TEST_MAXFAIL:-5}" -p no:cacheprovider \
		--durations=15 --junitxml="$out/$name.xml" "$@"
	rc=$?
	read -r p f e s < <("$venv/bin/python" - "$out/$name.xml" <<'P'
import sys, xml.etree.ElementTree as T
try:
    r = T.parse(sys.argv[1]).getroot()
    s = r if r.tag == "testsuite" else r.find("testsuite")
    n, f, e, k = (int(s.get(a, 0)) for a in ("tests", "failures", "errors", "skipped"))
    print(n - f - e - k, f, e, k)
except Exception:
    print(0, 0, 1, 0)
P
	)
	count "$p" $((f + e)) "$s"
	if [ $rc -ne 0 ]; then
		[ $((f + e)) -gt 0 ] || bad "$layer: pytest exit $rc"
		fail "$layer: $f failed, $e errors (log: $out/$name.log)"
		grep -E '^(FAILED|ERROR) ' "$out/$name.log" | tee -a "$run/failures"
		tail_of "$name.log"
	fi
	for report in $(find "$out" -maxdepth 1 -name "san-$name.*" | head -3); do
		# what the leak checker says of a thread that was killed while it looked: no report
		grep -qv "Unable to get registers from thread" "$report" || continue
		bad "$layer: sanitizer report $report"
		sed "s/^/$layer| /" "$report" | head -60
	done
}

finish() {
	local p f s
	echo
	[ ! -s "$run/failures" ] || sed 's/^/failed: /' "$run/failures"
	read -r p f s < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$run/counts")
	say "done, computing $(awk '{ s += $1 } END { print s + 0 }' "$run/cpu") s"
	echo "$p passed, $f failed, $s skipped"
	[ "$f" -eq 0 ] && [ "$p" -gt 0 ]
	exit $?
}

# --- the run ---------------------------------------------------------------------------

all=$(awk 'NF { print $1 }' <<<"$layer_list" | paste -sd' ')
lane_of() { awk -v l="$1" '$1 == l { print $2 }' <<<"$layer_list"; }
# shellcheck disable=SC2086  # one argument for each layer
[ $# -gt 0 ] || set -- $all
for l in "$@"; do
	[ -n "$(lane_of "$l")" ] || { echo "test.sh: no layer '$l'; layers: $all" >&2; exit 64; }
done

# lane NAME LAYER...: the wanted layers of a lane, one after the other.
lane() {
	local name=$1 l; shift
	[ "$name" != work ] || renice -n 10 -p "$BASHPID" >/dev/null
	for l; do
		[ "$(lane_of "$l")" != "$name" ] || { layer=$l; "layer_$l"; }
	done
}

started=$SECONDS layer=test.sh run=$out/run
rm -rf "$run"
mkdir -p "$run" || exit 1
touch "$run/counts" "$run/cpu"
timed "packages" deps.log ./build-aux/deps.sh test || { tail_of deps.log; bad "installing packages"; finish; }
[ -x configure ] && [ configure -nt configure.ac ] || step "autogen" autogen.log ./autogen.sh || finish

pids=()
set -m # a process group for each lane, to end it as a whole
for l in $lanes; do
	lane "$l" "$@" </dev/null &
	pids+=($!)
done
set +m
trap 'for p in "${pids[@]}"; do kill -TERM -- "-$p" 2>/dev/null; done; exit 130' INT TERM
wait "${pids[@]}"
finish
