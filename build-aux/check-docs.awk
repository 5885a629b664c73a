# check-docs.awk - what the documentation must name, from the sources.  Prints one fact per
# line, fields separated by tabs:
#   route METHOD PATH     of api/**/*.c
#   error CODE HTTP EXIT  of base/error.h
#   option PROGRAM FLAG   of manual pages; the program may be "wf work-pool create"
# A manual page is given as `program=NAME FILE`.

# In one C file: names of macros that stand for the first part of a path.
/^#define [A-Z_]+ +"\// {
	split($0, part, "\"")
	macro[$2] = part[2]
}

/^[ \t]*\{"(GET|POST|PUT|PATCH|DELETE)",/ {
	split($0, part, "\"")
	path = ""
	if (match($0, /, *[A-Z][A-Z_]+/)) {
		name = substr($0, RSTART, RLENGTH)
		sub(/^, */, "", name)
		path = macro[name]
	}
	# a string behind the macro or instead of it
	if (part[4] ~ /^\// && $0 !~ /^[^\/]*, *[a-z]/) {
		path = path part[4]
	}
	printf "route\t%s\t%s\n", part[2], path
}

/^[ \t]*\{?\.pattern = "\// {
	split($0, part, "\"")
	printf "route\tWS\t%s\n", part[2]
}

FILENAME ~ /error\.h$/ && /^[ \t]*X\([A-Z_]+, *[0-9]+, *[0-9]+,/ {
	line = $0
	gsub(/[ \t]|X\(/, "", line)
	split(line, part, ",")
	printf "error\t%s\t%s\t%s\n", part[1], part[2], part[3]
}

FILENAME ~ /\.[18]$/ {
	if (/^\.Sh NAME/) {
		command = program
	} else if (/^\.Sh COMMANDS/) {
		below = 1
	} else if (/^\.Sh/) {
		below = 0
	} else if (below && /^\.Ss /) {
		command = substr($0, 5)
		printf "command\t%s\n", command
	} else if (/^\.It Fl/ && match($0, /Fl -[a-z][a-z-]+/)) {
		flag = substr($0, RSTART + 3, RLENGTH - 3)
		if (flag != "-help" && flag != "-version") {
			printf "option\t%s\t-%s\n", command, flag
		}
	}
}
