# gen-words.awk - what docs/api.md says about each route, as rows of a C table:
#   {"POST", "/flows/", "create a flow"},
# Tables there have the columns method, path in backquotes, text.
BEGIN {
	FS = " *[|] *"
	print "/* made by build-aux/gen-words.awk from docs/api.md */"
	print "#include \"api/routes/openapi.h\"\n"
	print "const struct route_words route_words[] = {"
}
$2 ~ /^(GET|POST|PUT|PATCH|DELETE|HEAD|WS)$/ && $3 ~ /^`\// {
	path = $3
	gsub(/`/, "", path)
	text = $4
	for (i = 5; i < NF; i++) {
		text = text "|" $i
	}
	gsub(/`/, "", text)
	while (match(text, /\[[^]]*\]\([^)]*\)/)) {
		link = substr(text, RSTART + 1, RLENGTH - 1)
		sub(/\].*/, "", link)
		text = substr(text, 1, RSTART - 1) link substr(text, RSTART + RLENGTH)
	}
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	printf "    {\"%s\", \"%s\",\n     \"%s\"},\n", $2, path, text
}
END {
	print "    {0, 0, 0},\n};"
}
