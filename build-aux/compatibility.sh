#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# compatibility.sh SRCDIR [AWK] - docs/compatibility.md with its tables made anew, on standard output.
#   make compatibility-doc    writes it
set -u
src=$1 awk=${2:-awk}
data=$src/tests/data/contract
compat=$src/tests/compat

"$awk" '/<!-- routes -->/ { print; exit } { print }' "$src/docs/compatibility.md"
"$awk" -f "$src/build-aux/gen-compatibility.awk" "$data/routes.tsv" "$data/deviations.tsv" "$compat"/exchanges/*.jsonl
"$awk" '/<!-- end of routes -->/ { on = 1 } on { print } /<!-- commands -->/ { exit }' "$src/docs/compatibility.md"
"$awk" -f "$src/build-aux/gen-commands.awk" "$data/commands.tsv" "$compat"/scenarios/*.sh
"$awk" '/<!-- end of commands -->/ { on = 1 } on { print }' "$src/docs/compatibility.md"
