# SPDX-License-Identifier: Apache-2.0
# Makes the table of named SQL statements from api/db/sql/*.sql.
#   awk -v mode=h -f gen-sql.awk FILE...   enums        (sql_gen.h)
#   awk -v mode=c -f gen-sql.awk FILE...   texts, flags (sql_gen.c)
# Input:
#   -- name: flow_by_id        a statement: the text up to ';' at the end of a line
#   -- hot                     (after the name) the test of query plans looks at it;
#   -- hot: e_by_time_desc     with this fragment as its order
#   -- pg:                     the PostgreSQL text of the statement or fragment above, where the
#                              rules of to_pg() below are not enough
#   -- only: sqlite            (after the name) the statement is for one database; also: pg
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

BEGIN {
	may_be_null = "(^|[ .(])(expected_start_time|next_scheduled_start_time|start_time|end_time|" \
	    "state_timestamp|horizon|key)([ ,)]|$)"
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

/^-- only:/ {
	if (last != "stmt" || ($3 != "sqlite" && $3 != "pg")) {
		fail("'-- only:' is followed by sqlite or pg and belongs to a statement")
	}
	only[ns] = $3
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

# json_each(X), whose column is value, for a list of texts.
function json_lists(s,    out, arg, name) {
	out = ""
	while (match(s, /json_each\([^()]*\)( AS [a-z]+)?/)) {
		out = out substr(s, 1, RSTART - 1)
		arg = substr(s, RSTART + 10, RLENGTH - 10)
		s = substr(s, RSTART + RLENGTH)
		name = "json_item"
		if (match(arg, /\) AS /)) {
			name = substr(arg, RSTART + 5)
			arg = substr(arg, 1, RSTART)
		}
		sub(/\)$/, "", arg)
		out = out "json_array_elements_text((" arg ")::json) AS " name "(value)"
	}
	return out s
}

# LIKE without a case and, unless the text names one, without an escape character.
function likes(s,    out) {
	out = ""
	while (match(s, / LIKE \?[0-9]*( ESCAPE)?/)) {
		out = out substr(s, 1, RSTART - 1) " I" substr(s, RSTART + 1, RLENGTH - 1)
		if (substr(s, RSTART + RLENGTH - 6, 6) != "ESCAPE") {
			out = out " ESCAPE ''"
		}
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

# An ORDER BY list: columns that may be null in SQLite's order.  The same columns are NULLS FIRST
# in indexes, see gen-migrations.awk.
function nulls(l,    i, ch, depth, e, out) {
	for (i = 1; i <= length(l) + 1; i++) {
		ch = i > length(l) ? "," : substr(l, i, 1)
		depth += (ch == "(") - (ch == ")")
		if (ch != "," || depth > 0) {
			e = e ch
			continue
		}
		sub(/^ +/, "", e)
		if (e ~ may_be_null && e !~ / NULLS /) {
			e = e (e ~ / DESC$/ ? " NULLS LAST" : " NULLS FIRST")
		}
		out = out (out == "" ? "" : ", ") e
		e = ""
	}
	return out
}

# The ORDER BY lists of a statement: each up to LIMIT, a mark, the end of its brackets or the end.
function orders(s,    out, i, ch, depth, rest) {
	out = ""
	while (match(s, / ORDER BY /)) {
		out = out substr(s, 1, RSTART + RLENGTH - 1)
		s = substr(s, RSTART + RLENGTH)
		depth = 0
		for (i = 1; i <= length(s); i++) {
			ch = substr(s, i, 1)
			depth += (ch == "(") - (ch == ")")
			rest = substr(s, i)
			if (depth < 0 || ch == "{" || index(rest, " LIMIT ") == 1) {
				break
			}
		}
		out = out nulls(substr(s, 1, i - 1))
		s = substr(s, i)
	}
	return out s
}

# The text for PostgreSQL: what SQLite writes in its own way is written as meant there.
function to_pg(s, is_stmt, name,    out, n, parts, i) {
	s = likes(json_lists(s))
	gsub(/ AS BLOB\)/, " AS bytea)", s)
	gsub(/ INDEXED BY [a-z_]+/, "", s)
	if (!is_stmt) {
		return name ~ /_(by|order)_/ ? nulls(s) : s
	}
	s = orders(s)
	n = split(s, parts, "'") # placeholders are outside of quotes: the odd parts
	out = ""
	for (i = 1; i <= n; i++) {
		if (i % 2 == 1) {
			gsub(/\?/, "$", parts[i])
		}
		out = out (i > 1 ? "'" : "") parts[i]
	}
	return out
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
		    sname[i], only[i] == "pg" ? "NULL" : quoted(stext[i]), \
		    only[i] == "sqlite" ? "NULL" : quoted(to_pg(spg[i] != "" ? spg[i] : stext[i], 1)), \
		    n, stmt_flags(i), (i in hot) ? hot[i] : "SQL_FRAG_NONE"
	}
	print "};\n\nconst struct sql_fragment sql_fragments[SQL_FRAG_MAX] = {"
	print "\t[SQL_FRAG_NONE] = { \"none\", \"\", \"\", 0, 0 },"
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
		if (fpg[i] != "" && marks(fpg[i]) != marks(ftext[i])) {
			fail("the fragment " fname[i] " has other values for PostgreSQL")
		}
		printf "\t[FRAG_%s] = { \"%s\", %s,\n\t    %s, %d, %s },\n", toupper(fname[i]), \
		    fname[i], quoted(ftext[i]), quoted(to_pg(fpg[i] != "" ? fpg[i] : ftext[i], 0, fname[i])), \
		    marks(ftext[i]), f
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
