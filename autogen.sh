#!/bin/sh
# Makes configure and Makefile.in; needs autoconf, automake and pkg-config.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all,no-portability
