# Routes that web pages and rarer commands ask, one after the other; nothing waits.
. ./lib.sh
run python 17-rare-routes.py
