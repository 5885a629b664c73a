#!/bin/sh
# install.sh DIR [celery|dagu|prefect|parallel]...: what bench/peers compares with, in DIR; nothing of it is needed.
# Each part is tried on its own and says so when it cannot be had.
set -u
dir=${1:?usage: install.sh DIR [PEER]...}
shift
mkdir -p "$dir" || exit 1
[ $# -gt 0 ] || set -- parallel celery prefect dagu

pip_into() { # VENV PACKAGE...
	[ -x "$dir/$1/bin/python" ] || python3 -m venv "$dir/$1" || return 1
	venv=$1
	shift
	"$dir/$venv/bin/pip" install -q "$@"
}

for peer in "$@"; do
	case $peer in
	parallel) command -v parallel >/dev/null || apt-get install -y -q parallel ;;
	celery) pip_into celery celery redis packaging ;;
	prefect) pip_into prefect prefect==3.8.8 ;;
	dagu)
		# a released program in $DAGU or PATH; the Go module proxy and npm do not have it
		program=${DAGU:-$(command -v dagu)}
		[ -x "$program" ] && cp "$program" "$dir/dagu"
		;;
	*) echo "unknown peer" >&2 && false ;;
	esac && echo "$peer: there" || echo "$peer: could not be installed; bench/run leaves it out"
done
