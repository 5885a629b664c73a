#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check-tidy.sh FILE FLAGS... - clang-tidy on one file; says nothing when the file is clean.
#
# A clean file is remembered: an empty file in the cache folder, named by the hash of all that
# the answer depends on (the preprocessed text with its comments, the flags, .clang-tidy, the
# version).  CLANG_TIDY names the program; WF_TIDY_CACHE the folder, "" for no cache.
set -u
file=$1
shift
tidy=${CLANG_TIDY:-clang-tidy}
cache=${WF_TIDY_CACHE-${XDG_CACHE_HOME:-$HOME/.cache}/wf/tidy}
stamp=

if [ -n "$cache" ] && mkdir -p "$cache" 2>/dev/null; then
	key=$({
		echo "$*"
		"$tidy" --version
		cat .clang-tidy
		clang -E -C "$@" "$file" || date +%s%N
	} 2>/dev/null | sha256sum | cut -c1-40)
	stamp=$cache/$key
	if [ -e "$stamp" ]; then
		touch "$stamp"
		exit 0
	fi
fi

if said=$("$tidy" --quiet "$file" -- "$@" 2>&1); then
	[ -z "$stamp" ] || : > "$stamp"
else
	printf '%s\n' "$said"
	exit 1
fi
