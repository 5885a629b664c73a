# check-layers.awk - keeps the rules on who may include whom, which calls have one home, and
# some habits.  `awk -f check-layers.awk FILES`, paths relative to the root of the tree.
# Prints "file:line: message" and ends with status 1 when a rule is broken.

function complain(msg)
{
	printf "%s:%d: %s\n", FILENAME, FNR, msg
	bad = 1
}

# The code of a line: comments become blanks, strings become "".  in_comment is kept over
# lines; the texts of the line's strings are joined in `strings`.  Goes from mark to mark,
# not from character to character: most lines have none.
function code_of(line,    out, at, quote, text)
{
	out = ""
	strings = ""
	while (line != "") {
		if (in_comment) {
			at = index(line, "*/")
			if (at == 0) {
				return out
			}
			in_comment = 0
			line = substr(line, at + 2)
		} else if (match(line, /\/\*|\/\/|["']/) == 0) {
			return out line
		} else {
			out = out substr(line, 1, RSTART - 1)
			quote = substr(line, RSTART, RLENGTH)
			line = substr(line, RSTART + RLENGTH)
			if (quote == "/*") {
				in_comment = 1
				out = out " "
			} else if (quote == "//") {
				complain("use /* */ comments")
				return out
			} else {
				if (quote == "'") {
					match(line, /^([^'\\]|\\.)*/)
				} else {
					match(line, /^([^"\\]|\\.)*/)
				}
				text = substr(line, 1, RLENGTH)
				line = substr(line, RLENGTH + 2)
				out = out quote quote
				if (quote == "\"") {
					gsub(/\\/, "", text)
					strings = strings text " "
				}
			}
		}
	}
	return out
}

function one_home(home, what)
{
	if (FILENAME !~ home) {
		complain(what)
	}
}

# A function that is called or declared in the code.
function check_call(name)
{
	if (name in process) {
		one_home("^base/proc[a-z_]*\\.c$",
		    "processes are started, signalled and reaped in base/proc*.c only")
	} else if (name in clock) {
		one_home("^base/clock\\.c$", "clocks are read in base/clock.c only")
	} else if (name in environment) {
		one_home("^base/opts\\.c$",
		    "the environment is used in base/opts.c only (opts_env, opts_env_set)")
	} else if (name in sleeping) {
		one_home("^((cli|sdk)/|base/clock\\.c$)",
		    "daemons arm a timer of their loop; start-up may use clock_sleep_ms()")
	} else if (name in banned) {
		complain("this function is banned (snprintf, strtok_r, opts_parse_*, base/buf.h)")
	} else if (name ~ /^(evhttp|wslay)_[a-z_]+$/) {
		one_home("^api/http/", "evhttp and wslay are used in api/http/ only")
	} else if (name ~ /^(redis[A-Z][A-Za-z]+|freeReplyObject)$/) {
		one_home("^pools/redis\\.c$", "hiredis is used in pools/redis.c only")
	} else if (name ~ /^(sqlite3_[a-z0-9_]+|PQ[a-z][A-Za-z]+)$/) {
		one_home("^api/db/", "SQLite and PostgreSQL are used in api/db/ only")
	}
}

# Every `name (` of the code; members (x->kill(...)) do not count.
function check_calls(code,    name)
{
	while (match(code, /[A-Za-z0-9_]+[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH - 1)
		sub(/[ \t]+$/, "", name)
		if (RSTART == 1 || substr(code, RSTART - 1, 1) !~ /[.>]/) {
			check_call(name)
		}
		code = substr(code, RSTART + RLENGTH)
	}
}

function set_of(set, words,    list, i)
{
	for (i = split(words, list, " "); i > 0; i--) {
		set[list[i]]
	}
}

function check_include(line,    path, dir)
{
	if (match(line, /"[^"]*"/) == 0) {
		return
	}
	path = substr(line, RSTART + 1, RLENGTH - 2)
	if (index(path, "/") == 0) {
		if (!(path == "wf.h" && (layer == "sdk" || layer == "cli"))) {
			complain("include \"" path "\" by its full path from the root")
		}
		return
	}
	dir = path
	sub(/\/.*/, "", dir)
	if ((" " allowed[layer] " ") !~ (" " dir " ")) {
		complain(layer "/ must not include " dir "/ (allowed: " allowed[layer] ")")
	}
}

BEGIN {
	allowed["base"] = "base"
	allowed["proto"] = "base proto"
	allowed["pools"] = "base proto pools"
	allowed["agent"] = "base proto pools agent"
	allowed["worker"] = "base proto agent worker"
	allowed["engine"] = "base proto engine"
	allowed["sdk"] = "base proto engine sdk"
	allowed["cli"] = "base proto engine sdk cli"
	allowed["api"] = "base proto pools api"

	set_of(process, "fork vfork clone posix_spawn posix_spawnp system popen execl execle " \
	    "execlp execv execve execvp execvpe execveat fexecve wait waitpid waitid wait3 " \
	    "wait4 kill killpg")
	set_of(clock, "time clock_gettime gettimeofday ftime")
	set_of(environment, "getenv secure_getenv setenv putenv unsetenv clearenv")
	set_of(sleeping, "sleep usleep nanosleep clock_nanosleep")
	set_of(banned, "strcpy strcat sprintf vsprintf gets strtok alloca tmpnam mktemp atoi " \
	    "atol atof rand srand")
}

FNR == 1 {
	layer = FILENAME
	sub(/\/.*/, "", layer)
	product = layer in allowed
	in_comment = 0
	if ($0 != "/* SPDX-License-Identifier: Apache-2.0 */") {
		complain("the first line must be the SPDX line")
	}
}

{
	code = code_of($0)
}

/TODO|FIXME/ {
	complain("unfinished work belongs into an issue, not into the tree")
}

product && code ~ /^[ \t]*#[ \t]*include[ \t]*""/ {
	check_include($0)
}

product && code ~ /\(/ {
	check_calls(code)
}

strings ~ /(SELECT .* FROM |INSERT INTO [a-z]|UPDATE [a-z_]+ SET |DELETE FROM [a-z])/ &&
    product && FILENAME ~ /\.c$/ {
	complain("SQL belongs into api/db/sql/*.sql")
}

END {
	exit bad
}
