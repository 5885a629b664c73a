#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check-install.sh PREFIX - what `make install` put beside the programs is good: systemd takes
# the units, mandoc and groff have nothing to say about the manual pages, the shells find
# their completions.  Prints what is wrong; status 1 then.
set -u
prefix=$1
bad=0

# says NAME COMMAND...: the command must end well and silently
quiet() {
	name=$1
	shift
	if ! said=$("$@" 2>&1) || [ -n "$said" ]; then
		printf 'check-install: %s: %s\n%s\n' "$name" "$*" "$said"
		bad=1
	fi
}

for unit in wf-api.service wf-worker@a-pool.service; do
	quiet "$unit" systemd-analyze verify --man=no "$prefix/lib/systemd/system/$unit"
done
for page in man1/wf.1 man1/wf-worker.1 man1/wf-engine.1 man8/wf-api.8; do
	quiet "$page" mandoc -Tlint -Wwarning "$prefix/share/man/$page"
	quiet "$page" groff -mdoc -Tutf8 -ww -z "$prefix/share/man/$page"
done
for file in bash-completion/completions/wf zsh/site-functions/_wf fish/vendor_completions.d/wf.fish wf/flow.schema.json; do
	quiet "$file" test -s "$prefix/share/$file"
done
for page in wf-api.8 wf-worker.1; do
	unit=$prefix/lib/systemd/system/$(expr "$page" : '\(wf-[a-z]*\)')
	quiet "$page" grep -q "^Documentation=man:${page%.*}(${page##*.})" "$unit"*.service
done
[ "$bad" = 0 ] && echo "check-install: units, manual pages and completions are good"
exit "$bad"
