# gen-commands.awk - the table of commands in docs/compatibility.md:
#   awk -f gen-commands.awk commands.tsv scenarios/*.sh
# A row for each command of commands.tsv: the golden scenarios in which it runs, unmodified, against wf-api.
FNR == 1 {
	files++
	number = FILENAME
	sub(/.*\//, "", number)
	number = number ~ /^[0-9]/ ? substr(number, 1, 2) : "all"
}
files == 1 {
	if ($0 !~ /^#/) {
		n++
		split($0, part, "\t")
		command[n] = part[1]
		note[n] = part[2]
		runs[n] = "(^|[ (])(cli|prefect)( --no-prompt)* " part[1] "( |$|\\))"
	}
	next
}
/cli|prefect/ {
	for (i = 1; i <= n; i++) {
		if ($0 ~ runs[i] && index(golden[i], number) == 0 && number != "all") {
			golden[i] = golden[i] (golden[i] == "" ? "" : " ") number
		}
	}
}
END {
	print "| command | golden scenarios | notes |"
	print "|---|---|---|"
	for (i = 1; i <= n; i++) {
		printf "| `prefect %s` | %s | %s |\n", command[i], golden[i] == "" ? "-" : golden[i], note[i]
	}
}
