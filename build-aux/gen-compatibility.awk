# gen-compatibility.awk - the table of docs/compatibility.md:
#   awk -f gen-compatibility.awk routes.tsv exchanges/*.jsonl test_*.py
# A row for each route of routes.tsv: the golden scenarios that ask it (compared with what Prefect's server
# answered) and the test files that name it.  tests/integration/test_contract.py asks every route.

# ERE for PATTERN where parameters stand for texts of SET
function ere(path, set)
{
	gsub(/[.]/, "[.]", path)
	gsub(/[{](id|text)[}]/, set, path)
	return path
}

FNR == 1 {
	file = FILENAME
	sub(/.*\//, "", file)
}

FILENAME ~ /\.tsv$/ {
	if ($0 !~ /^#/ && split($0, part, "\t") == 3) {
		n++
		class[n] = part[1]
		method[n] = part[2]
		path[n] = part[3]
		asked[n] = "^" part[2] " /api" ere(part[3], "[^/?]+") "$"
		named[n] = "[\"' }]" ere(part[3], "[^/\"' ]+") "([?][^\"' ]*)?[\"' ]"
	}
	next
}

FILENAME ~ /\.jsonl$/ {
	line = $0
	while (match(line, /"asked":"[^"]*"/)) {
		what = substr(line, RSTART + 9, RLENGTH - 10)
		line = substr(line, RSTART + RLENGTH)
		if ((file, what) in seen) {
			continue
		}
		seen[file, what] = 1
		number = substr(file, 1, 2)
		for (i = 1; i <= n; i++) {
			if (what ~ asked[i] && index(golden[i], number) == 0) {
				golden[i] = golden[i] (golden[i] == "" ? "" : " ") number
			}
		}
	}
	next
}

/[a-z_]\/|\/[a-z_]/ && file != "test_contract.py" {
	for (i = 1; i <= n; i++) {
		if (index(tests[i], file) == 0 && $0 ~ named[i] &&
		    (method[i] == "GET" || method[i] == "WS" || index($0, method[i]))) {
			tests[i] = tests[i] (tests[i] == "" ? "" : ", ") file
			sub(/\.py$/, "", tests[i])
		}
	}
}

END {
	print "| class | route | golden scenarios | tests |"
	print "|---|---|---|---|"
	for (i = 1; i <= n; i++) {
		printf "| %s | %s `%s` | %s | %s |\n", class[i], method[i], path[i], golden[i],
		       tests[i] == "" ? "test_contract" : tests[i]
	}
}
