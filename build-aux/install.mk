# What is installed beside the programs: manual pages (from the option tables), shell
# completions, systemd units, a pkg-config file.
man_pages = docs/man/wf.1 docs/man/wf-worker.1 docs/man/wf-agent.1 docs/man/wf-engine.1 docs/man/wf-api.8
man_MANS = $(man_pages)
CLEANFILES += $(man_pages)
# a page is made by the program that it describes
make_page = $(AM_V_GEN)$(MKDIR_P) docs/man &&
docs/man/wf.1: wf$(EXEEXT)
	$(make_page) ./wf$(EXEEXT) __man > $@.new && mv -f $@.new $@
docs/man/wf-worker.1: wf-worker$(EXEEXT)
	$(make_page) ./wf-worker$(EXEEXT) --man > $@.new && mv -f $@.new $@
docs/man/wf-agent.1: wf-agent$(EXEEXT)
	$(make_page) ./wf-agent$(EXEEXT) --man > $@.new && mv -f $@.new $@
docs/man/wf-engine.1: wf-engine$(EXEEXT)
	$(make_page) ./wf-engine$(EXEEXT) --man > $@.new && mv -f $@.new $@
docs/man/wf-api.8: wf-api$(EXEEXT)
	$(make_page) ./wf-api$(EXEEXT) --man > $@.new && mv -f $@.new $@

# completions; bash wants the file under the name of the command
EXTRA_DIST += cli/completions/wf.bash
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = cli/completions/_wf
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = cli/completions/wf.fish
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = cli/completions/wf
CLEANFILES += cli/completions/wf
cli/completions/wf: cli/completions/wf.bash
	$(AM_V_GEN)$(MKDIR_P) cli/completions && cp $(srcdir)/cli/completions/wf.bash $@ && \
	  chmod u+w $@

# directories in these files are known to make only
fill_in = sed -e 's,@bindir\@,$(bindir),g' -e 's,@prefix\@,$(prefix),g' \
	-e 's,@exec_prefix\@,$(exec_prefix),g' -e 's,@PACKAGE_VERSION\@,$(PACKAGE_VERSION),g' \
	-e 's,@libdir\@,$(libdir),g' -e 's,@includedir\@,$(includedir),g' \
	-e 's,@libs\@,$(SDK_NEEDS),g' \
	-e 's,@systemdsystemunitdir\@,$(systemdsystemunitdir),g'
nodist_systemdsystemunit_DATA = systemd/wf-api.service systemd/wf-agent.service \
	systemd/wf-worker@.service
EXTRA_DIST += systemd/wf-api.service.in systemd/wf-agent.service.in systemd/wf-worker@.service.in
CLEANFILES += $(nodist_systemdsystemunit_DATA)
systemd/wf-api.service: systemd/wf-api.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(fill_in) $(srcdir)/systemd/wf-api.service.in > $@
systemd/wf-agent.service: systemd/wf-agent.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(fill_in) $(srcdir)/systemd/wf-agent.service.in > $@
systemd/wf-worker@.service: systemd/wf-worker@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(fill_in) '$(srcdir)/systemd/wf-worker@.service.in' > $@

pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = build-aux/wf.pc
EXTRA_DIST += build-aux/wf.pc.in
CLEANFILES += build-aux/wf.pc
build-aux/wf.pc: build-aux/wf.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) build-aux && $(fill_in) $(srcdir)/build-aux/wf.pc.in > $@

# Folders that are in the distribution as they are; programs list their own sources.
dist_trees = .ci build-aux cli/completions docs examples systemd tests bench
EXTRA_DIST += .clang-format .clang-tidy CONTRIBUTING.md quickstart.sh test.sh .gitignore
dist-hook:
	(cd $(srcdir) && tar cf - --mode=u+w --exclude=__pycache__ --exclude='*.o' \
	  --exclude='*.trs' --exclude='*.log' --exclude=.deps --exclude=.dirstamp \
	  $(dist_trees)) | tar xf - -C $(distdir)
	rm -rf $(distdir)/docs/man
