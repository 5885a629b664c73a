# gen-compatibility.awk - the table of routes in docs/compatibility.md:
#   awk -f gen-compatibility.awk routes.tsv deviations.tsv exchanges/*.jsonl
# A row for each route of routes.tsv: the golden scenarios that ask it (tests/compat compares each answer with that of
# Prefect's server), and what deviates. tests/integration/test_contract.py asks every route besides.

function ere(path)
{
	gsub(/[.]/, "[.]", path)
	gsub(/[{](id|text)[}]/, "[^/?]+", path)
	return path
}

FNR == 1 {
	files++
	number = FILENAME
	sub(/.*\//, "", number)
	number = substr(number, 1, 2)
}
/^#/ { next }

files == 1 && split($0, part, "\t") == 3 {
	n++
	class[n] = part[1]
	route[n] = part[2] " `" part[3] "`"
	asked[n] = "^" part[2] " /api" ere(part[3]) "$"
}

files == 2 && split($0, part, "\t") == 2 {
	deviates[part[1]] = part[2]
}

files > 2 {
	line = $0
	while (match(line, /"asked":"[^"]*"/)) {
		what = substr(line, RSTART + 9, RLENGTH - 10)
		line = substr(line, RSTART + RLENGTH)
		if ((number, what) in seen) {
			continue
		}
		seen[number, what] = 1
		for (i = 1; i <= n; i++) {
			if (what ~ asked[i] && index(golden[i], number) == 0) {
				golden[i] = golden[i] (golden[i] == "" ? "" : " ") number
			}
		}
	}
}

END {
	print "| class | route | golden scenarios | deviates |"
	print "|---|---|---|---|"
	for (i = 1; i <= n; i++) {
		plain = route[i]
		gsub(/`/, "", plain)
		printf "| %s | %s | %s | %s |\n", class[i], route[i], golden[i] == "" ? "-" : golden[i], deviates[plain]
		used[plain] = 1
	}
	for (name in deviates) {
		if (!(name in used)) {
			print "deviations.tsv: no such route: " name
		}
	}
}
