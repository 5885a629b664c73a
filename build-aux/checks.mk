# check-* targets: static checks of the sources; none of them writes into the source tree
CODE_DIRS = base proto pools agent worker engine api sdk cli
ALL_DIRS = $(CODE_DIRS) tests bench examples
ALL_CFLAGS = $(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(XXHASH_CFLAGS) \
	$(PROTOBUF_C_CFLAGS) $(HIREDIS_CFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS) $(YAML_CFLAGS) $(CRITERION_CFLAGS)
CLANG_FORMAT = clang-format
CLANG_TIDY = clang-tidy
CHECK_JOBS = 2
FUZZ_SECONDS = 30
EXTRA_DIST += build-aux/check-layers.awk build-aux/check-tidy.sh build-aux/check-install.sh build-aux/check-lessons.sh

# every source below the given folders, sorted; folders may be missing
list_sources = for d in $(1); do if test -d $$d; then find $$d -type f $(2); fi; done | LC_ALL=C sort

# all static checks but the slow one
check-code: check-layers check-sizes check-headers check-format

# who may include whom, which calls have one home
check-layers:
	@cd $(srcdir) && $(call list_sources,$(ALL_DIRS),-name '*.[ch]') | \
	  xargs $(AWK) -f build-aux/check-layers.awk

# caps: .c 800 lines, .h 200 (but the public header, which is documentation)
check-sizes:
	@cd $(srcdir) && $(call list_sources,$(ALL_DIRS),-name '*.[ch]') | xargs wc -l | \
	  $(AWK) '$$2 ~ /\.c$$/ && $$1 > 800 || $$2 ~ /\.h$$/ && $$2 !~ /sdk\/include\/wf\.h$$/ && $$1 > 200 { \
	    print $$2 ": " $$1 " lines; split it by responsibility"; bad = 1 } END { exit bad }'

# every header compiles alone
check-headers: $(BUILT_SOURCES)
	@(cd $(srcdir) && $(call list_sources,$(CODE_DIRS),-name '*.h')) | \
	  xargs -P $(CHECK_JOBS) -n 8 $(SHELL) -c 'rc=0; for h in "$$@"; do \
	    echo "#include \"$$h\"" | $(CC) $(DEFS) $(AM_CPPFLAGS) $(ALL_CFLAGS) $(CPPFLAGS) \
	      $(AM_CFLAGS) $(CFLAGS) -I$(srcdir)/sdk/include -fsyntax-only -x c - || \
	      { echo "$$h does not compile alone"; rc=1; }; done; exit $$rc' sh

check-format:
	@cd $(srcdir) && $(call list_sources,$(ALL_DIRS),-name '*.[ch]') | \
	  xargs -P $(CHECK_JOBS) -n 16 $(CLANG_FORMAT) --dry-run -Werror

# one process per file (clang-tidy 14 mixes up va_list between files); clean files are
# remembered (build-aux/check-tidy.sh).  Some files only:
# make check-tidy TIDY_FILES='base/proc.c base/loop.c'
#
# TIDY_NODES: the analyzer follows the paths of a function until it has seen so many states.
# A tenth of its default takes a fifth of the time and sees 98 of 100 findings in the history of
# this tree; before a release: make check-tidy TIDY_NODES=225000 (10 minutes of computing).
TIDY_FILES =
TIDY_NODES = 20000
check-tidy: $(BUILT_SOURCES)
	@b=`realpath --relative-to=$(srcdir) .` && cd $(srcdir) && \
	  find "$${XDG_CACHE_HOME:-$$HOME/.cache}/wf/tidy" -type f -mtime +30 -delete 2>/dev/null; \
	  if test -n '$(TIDY_FILES)'; then printf '%s\n' $(TIDY_FILES); \
	  else $(call list_sources,$(CODE_DIRS),-name '*.c'); fi | \
	  CLANG_TIDY='$(CLANG_TIDY)' B=$$b xargs -P $(CHECK_JOBS) -n 1 $(SHELL) -c \
	    '$(SHELL) build-aux/check-tidy.sh "$$@" -std=gnu11 $(DEFS) -I. -I"$$B" \
	      -Isdk/include $(ALL_CFLAGS) -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)' sh

# with --enable-fuzzing: every fuzzer for FUZZ_SECONDS; inputs found stay in the build folder
check-fuzz: $(fuzz_programs)
	@printf '%s\n' $(fuzz_programs) | xargs -P $(CHECK_JOBS) -n 1 $(SHELL) -c ' \
	  n=`echo $$1 | sed "s,.*/fuzz_,,"`; c=fuzz-corpus/$$n; $(MKDIR_P) $$c || exit 1; \
	  ./$$1 -max_total_time=$(FUZZ_SECONDS) -timeout=10 -verbosity=0 -print_final_stats=0 \
	    -artifact_prefix=$$c- $$c $(srcdir)/tests/fuzz/corpus/$$n >$$c.log 2>&1 && \
	    { echo "$$1: ok"; exit 0; }; \
	  echo "== $$1"; cat $$c.log; exit 1' sh

# every option, command, error code and route is documented; links lead somewhere
check-docs: $(man_pages)
	@$(SHELL) $(top_srcdir)/build-aux/check-docs.sh $(top_srcdir) . $(AWK)
	@$(SHELL) $(top_srcdir)/build-aux/check-lessons.sh $(top_srcdir)

# the tables of routes and commands, from the recordings of tests/compat
compatibility-doc:
	@$(top_srcdir)/build-aux/compatibility.sh $(top_srcdir) $(AWK) > compatibility.new && \
	mv -f compatibility.new $(top_srcdir)/docs/compatibility.md

.PHONY: compatibility-doc check-docs check-code check-layers check-sizes check-headers check-format check-tidy check-fuzz

# the distribution has every file of the repository (where git knows them)
check-dist: distdir
	@test ! -e $(srcdir)/.git || { d=`pwd`/$(distdir); cd $(srcdir) && \
	  git ls-files | while read -r f; do test -e "$$d/$$f" || echo "not in the distribution: $$f"; done | \
	  { ! grep .; }; }
	@rm -rf $(distdir)

.PHONY: check-dist
