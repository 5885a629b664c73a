# SPDX-License-Identifier: Apache-2.0
# Makes the table of named SQL statements from api/db/sql/*.sql.
#   awk -v mode=h -f gen-sql.awk FILE...   enums        (sql_gen.h)
#   awk -v mode=c -f gen-sql.awk FILE...   texts, flags (sql_gen.c)
# Input:
#   -- name: flow_by_id        a statement: the text up to ';' at the end of a line
#   -- hot                     (after the name) the test of query plans looks at it;
#   -- hot: e_by_time_desc     with this fragment as its order
#   -- pg:                     the PostgreSQL text of the statement or fragment above
#   -- fragment: flow_name_in  a piece of a predicate or an ORDER BY list: the text up to an
#                              empty line, a ';' or the next of these marks
#   -- text: flow_run_columns  a piece that statements of any file use as {flow_run_columns};
#                              it ends like a fragment
# Other lines that begin with "--" are comments.  Works with mawk and gawk.

function fail(msg) {
	printf "%s:%d: %s\n", FILENAME, FNR, msg > "/dev/stderr"
	bad = 1
	exit 1
}

function finish() {
	if (kind == "stmt" || (kind == "pg" && last == "stmt")) {
		fail("the statement " sname[ns] " is not ended by ';'")
	}
	kind = ""
}

function quoted(s) {
	if (s == "") {
		return "NULL"
	}
	gsub(/\\/, "&&", s)
	gsub(/"/, "\\\\&", s)
	return "\"" s "\""
}

# Text without what stands in single quotes.
function bare(s) {
	gsub(/'[^']*'/, "''", s)
	return s
}

# Highest N of ?N; -1 when there is an unnumbered '?'.
function params(s,    max, n) {
	s = bare(s)
	max = 0
	while (match(s, /\?[0-9]*/)) {
		if (RLENGTH == 1) {
			return -1
		}
		n = substr(s, RSTART + 1, RLENGTH - 1) + 0
		if (n > max) {
			max = n
		}
		s = substr(s, RSTART + RLENGTH)
	}
	return max
}

function marks(s) {
	s = bare(s)
	return gsub(/\?/, "", s)
}

function add(line,    ends) {
	sub(/[ \t]+--[ \t].*$/, "", line)
	gsub(/^[ \t]+|[ \t]+$/, "", line)
	ends = sub(/;$/, "", line)
	if (kind == "stmt") {
		stext[ns] = stext[ns] (stext[ns] == "" ? "" : " ") line
	} else if (kind == "text") {
		piece[pn] = piece[pn] (piece[pn] == "" ? "" : " ") line
	} else if (kind == "frag") {
		ftext[nf] = ftext[nf] (ftext[nf] == "" ? "" : " ") line
	} else if (kind == "pg" && last == "stmt") {
		spg[ns] = spg[ns] (spg[ns] == "" ? "" : " ") line
	} else if (kind == "pg") {
		fpg[nf] = fpg[nf] (fpg[nf] == "" ? "" : " ") line
	} else {
		fail("text outside of a statement")
	}
	if (ends) {
		kind = ""
	}
}

function check_name(n) {
	if (n !~ /^[a-z][a-z0-9_]*$/) {
		fail("bad name '" n "'")
	}
}

FNR == 1 {
	if (NR > 1) {
		finish()
	}
	last = ""
}

/^-- name: / {
	finish()
	check_name($3)
	if ($3 in seen_s) {
		fail("the statement " $3 " is defined twice")
	}
	seen_s[$3] = 1
	sname[++ns] = $3
	kind = last = "stmt"
	next
}

/^-- fragment: / {
	finish()
	check_name($3)
	if ($3 in seen_f) {
		fail("the fragment " $3 " is defined twice")
	}
	seen_f[$3] = 1
	fname[++nf] = $3
	kind = last = "frag"
	next
}

/^-- text: / {
	finish()
	check_name($3)
	pn = $3
	if (pn in piece) {
		fail("the text " pn " is defined twice")
	}
	piece[pn] = ""
	kind = last = "text"
	next
}

/^-- hot/ {
	if (last != "stmt") {
		fail("'-- hot' belongs to a statement")
	}
	hot[ns] = $3 == "" ? "SQL_FRAG_NONE" : "FRAG_" toupper($3)
	next
}

/^-- pg:/ {
	if (last == "") {
		fail("'-- pg:' belongs to a statement or fragment")
	}
	kind = "pg"
	sub(/^-- pg:[ \t]*/, "")
	if ($0 != "") {
		add($0)
	}
	next
}

/^[ \t]*--/ { next }

/^[ \t]*$/ {
	if (kind == "frag" || kind == "text" || (kind == "pg" && last == "frag")) {
		kind = ""
	}
	next
}

{ add($0) }

# {name} of a text is replaced; {where} and {order} stay.
function filled(s,    n, out) {
	out = ""
	while (match(s, /\{[a-z][a-z0-9_]*\}/)) {
		n = substr(s, RSTART + 1, RLENGTH - 2)
		if (n in piece) {
			out = out substr(s, 1, RSTART - 1) piece[n]
		} else {
			out = out substr(s, 1, RSTART + RLENGTH - 1)
		}
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

function write_h(    i) {
	print "enum sql_id {\n\tSQL_ID_NONE = 0,"
	for (i = 1; i <= ns; i++) {
		printf "\tSQL_%s,\n", toupper(sname[i])
	}
	print "\tSQL_ID_MAX\n};\n\nenum sql_frag {\n\tSQL_FRAG_NONE = 0,"
	for (i = 1; i <= nf; i++) {
		printf "\tFRAG_%s,\n", toupper(fname[i])
	}
	print "\tSQL_FRAG_MAX\n};\n\n#endif"
}

function stmt_flags(i,    f) {
	f = "0"
	if (index(stext[i], "{where}")) {
		f = f " | SQL_F_WHERE"
	}
	if (index(stext[i], "{order}")) {
		f = f " | SQL_F_ORDER"
	}
	if (i in hot) {
		f = f " | SQL_F_HOT"
	}
	return f
}

function write_c(    i, n, f) {
	print "#include \"api/db/sql.h\"\n\nconst struct sql_stmt sql_stmts[SQL_ID_MAX] = {"
	for (i = 1; i <= ns; i++) {
		n = params(stext[i])
		if (n < 0 || (spg[i] != "" && params(spg[i]) != n)) {
			fail("parameters of the statement " sname[i] " are not ?1, ?2, ...")
		}
		printf "\t[SQL_%s] = { \"%s\", %s,\n\t    %s, %d, %s, %s },\n", toupper(sname[i]), \
		    sname[i], quoted(stext[i]), quoted(spg[i]), n, stmt_flags(i), (i in hot) ? hot[i] : "SQL_FRAG_NONE"
	}
	print "};\n\nconst struct sql_fragment sql_fragments[SQL_FRAG_MAX] = {"
	print "\t[SQL_FRAG_NONE] = { \"none\", \"\", NULL, 0, 0 },"
	for (i = 1; i <= nf; i++) {
		if (ftext[i] == "") {
			fail("the fragment " fname[i] " has no text")
		}
		f = "0"
		if (index(bare(ftext[i]), "%")) {
			f = f " | FRAG_F_LIST"
		}
		if (index(bare(ftext[i]), "@")) {
			f = f " | FRAG_F_BODY"
		}
		printf "\t[FRAG_%s] = { \"%s\", %s,\n\t    %s, %d, %s },\n", toupper(fname[i]), \
		    fname[i], quoted(ftext[i]), quoted(fpg[i]), marks(ftext[i]), f
	}
	print "};"
}

END {
	if (bad) {
		exit 1
	}
	finish()
	for (i = 1; i <= ns; i++) {
		stext[i] = filled(stext[i])
		spg[i] = filled(spg[i])
	}
	print "/* Generated from api/db/sql/ by build-aux/gen-sql.awk: do not edit. */"
	if (mode == "h") {
		print "#ifndef API_DB_SQL_GEN_H\n#define API_DB_SQL_GEN_H\n"
		write_h()
	} else {
		write_c()
	}
}
