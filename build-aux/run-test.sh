#!/bin/sh
# Runs one Criterion program for Automake's TAP driver; a sanitizer report fails the test.
t=$1; shift
d=$(mktemp -d) || exit 99
trap 'rm -rf "$d"' EXIT
srcdir=${srcdir:-.}
export ASAN_OPTIONS="log_path=$d/san:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="log_path=$d/san:print_stacktrace=1:halt_on_error=1"
export LSAN_OPTIONS="suppressions=$srcdir/build-aux/lsan.supp:print_suppressions=0"
"$t" --tap="$d/tap" --jobs "${TEST_JOBS:-2}" --timeout "${TEST_TIMEOUT:-60}" "$@" >&2
rc=$?
cat "$d/tap"
for f in "$d"/san.*; do
	[ -e "$f" ] || continue
	sed 's/^/# /' "$f"; echo 'Bail out! sanitizer report (see log)'; rc=1
done
exit $rc
