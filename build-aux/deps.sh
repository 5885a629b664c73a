#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh SET [--check] - the Debian and Ubuntu packages that wf needs, in one place.
#
# SET: run (only to run it), build (to build and run), test (build + everything ./test.sh uses).
# --check prints what is missing and exits 1, installs nothing.
set -euo pipefail

build="autoconf automake pkg-config gcc make libc6-dev libevent-dev libjansson-dev libsqlite3-dev libpq-dev \
libcurl4-openssl-dev libhiredis-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler \
libyaml-dev libwslay-dev libssl-dev libxxhash-dev"
run="redis-server ca-certificates tzdata libpq5"
test="clang clang-tidy clang-format libclang-rt-dev libcriterion-dev postgresql sqlite3 valgrind \
python3 python3-venv redis-tools openssl curl git ccache mandoc groff-base shellcheck xz-utils procps iproute2 tmux zsh fish systemd libluajit-5.1-dev spin chromium fonts-dejavu-core"

set_name=${1:-build}
check=${2:-}
case $set_name in
run) want=$run ;;
build) want="$build $run" ;;
test) want="$build $run $test" ;;
*) sed -n '3,7p' "$0" >&2; exit 64 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: this system has no apt-get. wf is built and tested on Debian 12 and Ubuntu 24.04;" >&2
	echo "elsewhere install these (or what your system calls them) by hand:" >&2
	echo "  $want" >&2
	exit 69
fi

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# The sanitizer runtime has the compiler's version in its package name on Debian 12.
resolve() {
	if [ "$1" != libclang-rt-dev ]; then
		echo "$1"
	elif apt-cache show libclang-rt-14-dev >/dev/null 2>&1; then
		echo libclang-rt-14-dev
	elif apt-cache show libclang-rt-18-dev >/dev/null 2>&1; then
		echo libclang-rt-18-dev
	else
		echo libclang-rt-dev
	fi
}

missing=()
for p in $want; do
	if [ "$p" = libclang-rt-dev ]; then
		ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 || missing+=("$p")
	else
		installed "$p" || missing+=("$p")
	fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$check" = --check ]; then
	echo "missing packages: ${missing[*]}"
	echo "install them with: sudo apt-get install ${missing[*]}"
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps.sh: packages are missing and this is neither root nor is there sudo: ${missing[*]}" >&2
		exit 77
	fi
	sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! $sudo apt-get update -q >"$log" 2>&1; then
	cat "$log" >&2
	echo "deps.sh: apt-get update failed" >&2
	exit 69
fi
names=()
for p in "${missing[@]}"; do names+=("$(resolve "$p")"); done
if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${names[@]}" >"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "deps.sh: could not install: ${names[*]}" >&2
	exit 69
fi
