#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test.sh [LAYER...] - builds wf and runs its tests; without LAYER all of them.
#
#   static       formatting, layers, headers, sizes, docs, scripts
#   unit         Criterion programs and fuzz corpora, gcc with ASan and UBSan
#   integration  our programs against real redis-server, SQLite, processes (pytest)
#   cli          the command line, as people see it (pytest)
#   chaos        kill -9 of every part at several points of a run (pytest)
#   compat       the unmodified Prefect client, CLI, worker and server (pytest)
#   clang        clang with warnings as errors, clang-tidy, fuzzers for some seconds each
#   dist         make distcheck, install into a prefix
#   stress       wf-api and its thread programs under ThreadSanitizer and load (pytest)
#   valgrind     the daemons and the engine under valgrind (short)
#
# Installs what it needs (build-aux/deps.sh test). A missing tool is a failure, not a skip.
# Logs: $WF_TEST_DIR (default: build-test/ in the source folder). Closes with the line
#   N passed, M failed, K skipped
set -uo pipefail
top=$(cd "$(dirname "$0")" && pwd)
cd "$top" || exit 1
out=${WF_TEST_DIR:-$top/build-test}
jobs=${WF_TEST_JOBS:-$(nproc)}
layers=("$@")
all=(static unit integration cli chaos compat clang dist stress valgrind)
[ ${#layers[@]} -gt 0 ] || layers=("${all[@]}")
for l in "${layers[@]}"; do
	case " ${all[*]} " in
	*" $l "*) ;;
	*) echo "test.sh: no layer '$l'; layers: ${all[*]}" >&2; exit 64 ;;
	esac
done
mkdir -p "$out"
passed=0 failed=0 skipped=0
failures=()
started=$SECONDS

note() { printf '[%4ds] %s\n' $((SECONDS - started)) "$*"; }
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); failures+=("$1"); note "FAILED: $1"; }

# step NAME LOG CMD...: one check that passes or fails as a whole.
step() {
	local name=$1 log=$out/$2; shift 2
	note "$name"
	if "$@" >"$log" 2>&1; then ok; else
		bad "$name (log: $log)"
		tail -${WF_TEST_TAIL:-60} "$log"
		return 1
	fi
}

finish() {
	echo
	if [ ${#failures[@]} -gt 0 ]; then
		printf 'failed: %s\n' "${failures[@]}"
	fi
	note "done"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit $?
}

note "packages"
if ! ./build-aux/deps.sh test >"$out/deps.log" 2>&1; then
	cat "$out/deps.log"; bad "installing packages"; finish
fi
export CCACHE_NOHASHDIR=1
cc() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }

[ -x configure ] && [ configure -nt configure.ac ] || step autogen autogen.log ./autogen.sh || finish

# build DIR CC CONFIGURE_ARGS...: configures once, builds programs and tests.
build() {
	local dir=$out/$1 compiler=$2; shift 2
	mkdir -p "$dir"
	if [ ! -f "$dir/Makefile" ] || [ configure -nt "$dir/Makefile" ]; then
		local src
		src=$(realpath --relative-to="$dir" "$top") # the same command lines everywhere: ccache
		(cd "$dir" && CC="$(cc "$compiler")" "$src/configure" --prefix="$dir/inst" --enable-werror "$@") || return 1
	fi
	make -C "$dir" -j"$jobs" ${BUILD_TARGETS:-all} || return 1
}

asan_built=
need_asan() {
	[ -n "$asan_built" ] && return 0
	step "build (gcc, address and undefined sanitizers)" build-asan.log \
		build asan gcc --enable-sanitizers=address,undefined CFLAGS="-O1 -g" || return 1
	asan_built=1
}
plain_built=
need_plain() {
	[ -n "$plain_built" ] && return 0
	step "build (gcc, optimised)" build-plain.log build plain gcc --disable-tests CFLAGS="-O2 -g" || return 1
	plain_built=1
}

# tap LOG: adds the TAP results of an Automake test log.
count_tap() {
	local p f s
	p=$(grep -chE '^(PASS|XPASS):' "$1" | paste -sd+ | bc 2>/dev/null || echo 0)
	f=$(grep -cE '^(FAIL|ERROR):' "$1"); s=$(grep -cE '^SKIP:' "$1"); p=$(grep -cE '^PASS:' "$1")
	passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
	if [ "$f" -gt 0 ]; then
		while read -r line; do failures+=("$line"); done < <(grep -E '^(FAIL|ERROR):' "$1" | head -20)
	fi
	[ $((p + f)) -gt 0 ] || bad "no test ran ($1)"
}

# py NAME DIR [ARGS]: runs pytest on a folder with the built programs.
py() {
	local name=$1 dir=$2 bin=$3 log; shift 3
	log=$out/$name.log
	local venv
	venv=$(./build-aux/venv.sh 2>"$out/venv.log") || { cat "$out/venv.log"; bad "python environment"; return 1; }
	note "$name ($dir)"
	WF_BIN=$bin WF_TOP=$top PYTHONDONTWRITEBYTECODE=1 \
		ASAN_OPTIONS="log_path=$out/san-$name:detect_stack_use_after_return=1" \
		TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1" \
		UBSAN_OPTIONS="log_path=$out/san-$name:print_stacktrace=1:halt_on_error=1" \
		LSAN_OPTIONS="suppressions=$top/build-aux/lsan.supp:print_suppressions=0" \
		"$venv/bin/python" -m pytest -q -x --maxfail="${WF_TEST_MAXFAIL:-5}" -p no:cacheprovider --durations=10 \
		--junitxml="$out/$name.xml" "$dir" "$@" >"$log" 2>&1
	local rc=$?
	local p f e s
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
	passed=$((passed + p)); failed=$((failed + f + e)); skipped=$((skipped + s))
	if [ $rc -ne 0 ]; then
		failures+=("$name: $f failed, $e errors (log: $log)")
		[ $((f + e)) -gt 0 ] || bad "$name: pytest exit $rc"
		grep -E '^(FAILED|ERROR) ' "$log" || true
		tail -${WF_TEST_TAIL:-80} "$log"
	fi
	local reports
	reports=$(ls "$out"/san-"$name".* 2>/dev/null | head -3)
	if [ -n "$reports" ]; then
		bad "$name: sanitizer reports"
		for r in $reports; do echo "--- $r"; head -60 "$r"; done
	fi
}

layer_static() {
	need_asan || return
	step "layers" layers.log make -C "$out/asan" check-layers
	step "headers stand alone" headers.log make -C "$out/asan" check-headers
	step "format" format.log make -C "$out/asan" check-format
	step "sizes" sizes.log make -C "$out/asan" check-sizes
	step "docs" docs.log make -C "$out/asan" check-docs
	step "shell scripts" shellcheck.log bash -c "git ls-files \"*.sh\" .ci/run \":!tests/compat/scenarios\" | xargs shellcheck -S warning -x"
}
layer_unit() {
	need_asan || return
	note "unit tests"
	make -C "$out/asan" -j"$jobs" check >"$out/unit.log" 2>&1
	local rc=$?
	count_tap "$out/unit.log"
	if [ $rc -ne 0 ]; then
		[ "$failed" -gt 0 ] || bad "make check (log: $out/unit.log)"
		grep -E '^(FAIL|ERROR):' "$out/unit.log" | head; tail -40 "$out/unit.log"
	fi
}
layer_integration() { need_asan && py integration tests/integration "$out/asan"; }
layer_cli() { need_asan && py cli tests/cli "$out/asan"; }
layer_chaos() { need_asan && py chaos tests/chaos "$out/asan"; }
layer_compat() { need_plain && py compat tests/compat "$out/plain"; }
layer_clang() {
	step "build (clang)" build-clang.log build clang clang CFLAGS="-O1 -g" || return
	step "clang-tidy" tidy.log make -C "$out/clang" check-tidy
	step "build (fuzzers)" build-fuzz.log build fuzz clang --enable-fuzzing CFLAGS="-O1 -g" || return
	step "fuzzers" fuzz.log make -C "$out/fuzz" check-fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-3}"
}
layer_dist() {
	need_plain || return
	step "install into a prefix" install.log make -C "$out/plain" install
	step "distcheck" distcheck.log make -C "$out/plain" -j"$jobs" distcheck DISTCHECK_CONFIGURE_FLAGS="--disable-tests"
}
layer_stress() {
	BUILD_TARGETS="wf-api tests/stress/stress_db tests/stress/stress_resolve" \
		step "build (gcc, thread sanitizer)" build-tsan.log build tsan gcc --enable-sanitizers=thread \
		CFLAGS="-O1 -g" || return
	py stress tests/stress "$out/tsan"
}
layer_valgrind() { need_plain && py valgrind tests/valgrind "$out/plain"; }

for l in "${layers[@]}"; do "layer_$l"; done
finish
