# check-layers.awk - keeps the rules on who may include whom, which calls have one home, and
# some habits.  `awk -f check-layers.awk FILES`, paths relative to the root of the tree.
# Prints "file:line: message" and ends with status 1 when a rule is broken.

function complain(msg)
{
	printf "%s:%d: %s\n", FILENAME, FNR, msg
	bad = 1
}

# The code of a line: comments become blanks, strings become "".  in_comment is kept over
# lines; the texts of the line's strings are joined in `strings`.
function code_of(line,    out, i, c, two, quote)
{
	out = ""
	strings = ""
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		two = substr(line, i, 2)
		if (in_comment) {
			if (two == "*/") {
				in_comment = 0
				i++
			}
		} else if (two == "/*") {
			in_comment = 1
			i++
			out = out " "
		} else if (two == "//") {
			complain("use /* */ comments")
			break
		} else if (c == "\"" || c == "'") {
			quote = c
			out = out quote quote
			for (i++; i <= length(line) && (c = substr(line, i, 1)) != quote; i++) {
				if (c == "\\") {
					i++
				}
				if (quote == "\"") {
					strings = strings substr(line, i, 1)
				}
			}
			strings = strings " "
		} else {
			out = out c
		}
	}
	return out
}

# Does CODE call one of the functions in NAMES ("a|b")?  Members (x->kill(...)) do not count.
function calls(code, names)
{
	return (" " code) ~ ("[^A-Za-z0-9_.>](" names ")[ \t]*\\(")
}

function one_home(code, names, home, what)
{
	if (calls(code, names) && FILENAME !~ home) {
		complain(what)
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

	process = "fork|vfork|clone|posix_spawnp?|system|popen|execl|execle|execlp|execv|execve" \
	    "|execvp|execvpe|execveat|fexecve|wait|waitpid|waitid|wait3|wait4|kill|killpg"
	clock = "time|clock_gettime|gettimeofday|ftime"
	environment = "getenv|secure_getenv|setenv|putenv|unsetenv|clearenv"
	banned = "strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|tmpnam|mktemp|atoi|atol|atof" \
	    "|rand|srand"
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

product {
	one_home(code, process, "^base/proc[a-z_]*\\.c$",
	    "processes are started, signalled and reaped in base/proc*.c only")
	one_home(code, clock, "^base/clock\\.c$", "clocks are read in base/clock.c only")
	one_home(code, environment, "^base/opts\\.c$",
	    "the environment is used in base/opts.c only (opts_env, opts_env_set)")
	one_home(code, "sleep|usleep|nanosleep|clock_nanosleep", "^((cli|sdk)/|base/clock\\.c$)",
	    "daemons arm a timer of their loop; start-up may use clock_sleep_ms()")
	one_home(code, "evhttp_[a-z_]+|wslay_[a-z_]+", "^api/http/",
	    "evhttp and wslay are used in api/http/ only")
	one_home(code, "redis[A-Z][A-Za-z]+|freeReplyObject", "^pools/redis\\.c$",
	    "hiredis is used in pools/redis.c only")
	one_home(code, "sqlite3_[a-z0-9_]+|PQ[a-z][A-Za-z]+", "^api/db/",
	    "SQLite and PostgreSQL are used in api/db/ only")
	if (calls(code, banned)) {
		complain("this function is banned (snprintf, strtok_r, opts_parse_*, base/buf.h)")
	}
	if (FILENAME ~ /\.c$/ && strings ~ /(SELECT .* FROM |INSERT INTO [a-z]|UPDATE [a-z_]+ SET |DELETE FROM [a-z])/) {
		complain("SQL belongs into api/db/sql/*.sql")
	}
}

END {
	exit bad
}
