#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check-docs.sh SRCDIR BUILDDIR [AWK] - every route, error code, command and option is in the
# documentation.  Prints what is missing and where it belongs; status 1 when something is.
# Facts come from the route tables, base/error.h and the manual pages (made from the option
# tables), so that nothing has to be listed here.
set -u
src=$1 build=$2 awk=${3:-awk}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

{
	find "$src/api" -name '*.c' | LC_ALL=C sort | while read -r file; do
		"$awk" -f "$src/build-aux/check-docs.awk" "$file"
	done
	"$awk" -f "$src/build-aux/check-docs.awk" "$src/base/error.h"
	for page in wf.1 wf-worker.1 wf-agent.1 wf-engine.1 wf-api.8; do
		"$awk" -v program="${page%.*}" -f "$src/build-aux/check-docs.awk" "$build/docs/man/$page"
	done
} > "$tmp/facts"

for kind in route error command option; do
	if ! grep -q "^$kind" "$tmp/facts"; then
		echo "check-docs: no $kind was found in the sources: is the script still right?"
		exit 1
	fi
done

# has FILE TEXT [TEXT...]: one line of FILE has all texts
has() {
	file=$src/docs/$1
	shift
	[ -f "$file" ] || return 1
	lines=$(grep -F -e "$1" "$file") || return 1
	shift
	for t in "$@"; do
		lines=$(printf '%s\n' "$lines" | grep -F -e "$t") || return 1
	done
}

tab=$(printf '\t')
while IFS=$tab read -r kind a b c; do
	case $kind in
	route)
		has api.md "| $a | \`$b\` |" || echo "docs/api.md: route $a $b" ;;
	error)
		has errors.md "| \`$a\` | $b | $c |" || echo "docs/errors.md: | \`$a\` | $b | $c |" ;;
	command)
		case $a in
		wf-engine*) has yaml.md "$a" || echo "docs/yaml.md: $a" ;;
		*) has cli.md "| \`$a" || echo "docs/cli.md: command $a" ;;
		esac ;;
	option)
		case $a in
		wf-worker) has workers.md "\`$b" || echo "docs/workers.md: $b" ;;
		wf-agent) has agents.md "\`$b" || echo "docs/agents.md: $b" ;;
		wf-api) has server.md "\`$b" || echo "docs/server.md: $b" ;;
		wf-engine*) has yaml.md "$b" || echo "docs/yaml.md: $b of $a" ;;
		wf) has cli.md "$b" || echo "docs/cli.md: $b" ;;
		*) has cli.md "| \`$a" "\`$b" || echo "docs/cli.md: $b of $a" ;;
		esac ;;
	esac
done < "$tmp/facts" > "$tmp/missing"

# links inside the documentation lead somewhere
for page in "$src"/docs/*.md "$src"/docs/adr/*.md "$src"/README.md "$src"/CONTRIBUTING.md; do
	[ -f "$page" ] || continue
	grep -oE '\]\([^)#: ]+' "$page" | cut -c3- | while read -r link; do
		[ -e "$(dirname "$page")/$link" ] ||
			echo "${page#"$src"/}: link to $link, which does not exist"
	done
done >> "$tmp/missing"

# the tables of compatibility.md are those of the recordings
if [ -d "$src/tests/compat/exchanges" ] &&
	! "$src/build-aux/compatibility.sh" "$src" "$awk" | cmp -s - "$src/docs/compatibility.md"; then
	echo "docs/compatibility.md: stale; \`make compatibility-doc\` makes its tables anew" >> "$tmp/missing"
fi

if [ -s "$tmp/missing" ]; then
	echo "check-docs: missing in the documentation:"
	sort -u "$tmp/missing"
	exit 1
fi
echo "check-docs: $(wc -l < "$tmp/facts") routes, errors, commands and options are documented"
