#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-model.sh: spin checks docs/model/lease.pml, and refutes each of its planted bugs.
set -euo pipefail
model=$(cd "$(dirname "$0")/../.." && pwd)/docs/model/lease.pml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cp "$model" .

# errors VARIANT: how many errors spin finds.
errors() {
	spin "-D$1" -a lease.pml >spin.log || { cat spin.log >&2; return 1; }
	gcc -w -O1 -DSAFETY -DCOLLAPSE -o pan pan.c
	./pan -m200000 -w24 >pan.log
	if grep -q 'max search depth too small\|out of memory' pan.log; then
		cat pan.log >&2
		return 1
	fi
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

bad=0
n=$(errors AS_IT_IS)
echo "lease.pml: $n errors, $(sed -n 's/ *\([0-9]*\) states, stored.*/\1/p' pan.log) states"
[ "$n" = 0 ] || bad=1
for v in NO_MARGIN DROP_FENCE_CHECK NO_SELF_KILL START_LATE; do
	n=$(errors "$v")
	echo "with $v: $n errors"
	[ "$n" != 0 ] || { echo "$v is not refuted: the check is empty"; bad=1; }
done
exit $bad
