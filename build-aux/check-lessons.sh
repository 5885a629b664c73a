#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check-lessons.sh SRCDIR - each row of docs/field-lessons.md names tests, and each of them exists.
set -u
src=$1 bad=0
missing() { echo "docs/field-lessons.md: $1"; bad=1; }
exists() { # NAME
	case $1 in
	sim:*) grep -qrF "\"${1#sim:}\"" "$src/tests/sim" --include='*.c' || grep -qrF "\"${1#sim:}: " "$src/tests/sim" --include='*.c' ;;
	plant:*) grep -qF "\"${1#plant:}\"" "$src/tests/sim/plant.c" ;;
	test_*) grep -qr "^def $1(" "$src/tests" --include='test_*.py' ;;
	docs/* | tests/* | bench/*) [ -e "$src/$1" ] ;;
	*/*) grep -qrE "^Test\(${1%%/*}, ${1#*/}[,)]" "$src/tests/unit" --include='*.c' ;;
	*) false ;;
	esac
}
rows=$(grep -cE '^\| (P[0-9]|found)' "$src/docs/field-lessons.md")
[ "$rows" -gt 30 ] || missing "the table was not found"
tests=$(awk -F'|' '/^\| (P[0-9]|found)/ { n = gsub(/`[^`]+`/, "&", $4); if (n == 0) print "row-without-a-test:" $2
	s = $4; while (match(s, /`[^`]+`/)) { print substr(s, RSTART + 1, RLENGTH - 2); s = substr(s, RSTART + RLENGTH) } }' \
	"$src/docs/field-lessons.md" | tr ' ' '_' | sort -u)
for t in $tests; do
	exists "$t" || missing "no such test: $t"
done
exit $bad
