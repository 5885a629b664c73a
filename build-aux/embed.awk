# embed.awk - text files as C strings: `awk -f embed.awk a.lua b.lua` writes one
# `static const char a_src[]` for each, named after the file without folder and suffix.
function ident(path)
{
	sub(/.*\//, "", path)
	sub(/\.[a-z]+$/, "", path)
	gsub(/[^A-Za-z0-9_]/, "_", path)
	return path
}
FNR == 1 {
	if (open) {
		print "\t;"
	}
	printf "static const char %s_src[] =\n", ident(FILENAME)
	open = 1
}
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\\&")
	printf "\t\"%s\\n\"\n", $0
}
END {
	if (open) {
		print "\t;"
	}
}
