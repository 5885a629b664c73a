# cli: the program wf
noinst_LIBRARIES += libcli.a
bin_PROGRAMS += wf
libcli_a_SOURCES = \
	cli/capture.c \
	cli/capture.h \
	cli/cli.h \
	cli/client.c \
	cli/client.h \
	cli/cmd_automation.c \
	cli/cmd_concurrency.c \
	cli/cmd_config.c \
	cli/cmd_deployment.c \
	cli/cmd_deployment_run.c \
	cli/cmd_flow.c \
	cli/cmd_flow_run.c \
	cli/cmd_flow_run_logs.c \
	cli/cmd_init.c \
	cli/cmd_pool.c \
	cli/cmd_profile.c \
	cli/cmd_server.c \
	cli/cmd_server.h \
	cli/cmd_server_database.c \
	cli/cmd_top.c \
	cli/cmd_webhook.c \
	cli/cmd_work_pool.c \
	cli/cmd_work_queue.c \
	cli/cmd_worker.c \
	cli/complete.c \
	cli/complete.h \
	cli/deploy.h \
	cli/deploy/body.c \
	cli/deploy/body.h \
	cli/deploy/body_parts.c \
	cli/deploy/deploy.c \
	cli/deploy/describe.c \
	cli/deploy/describe.h \
	cli/deploy/project.c \
	cli/deploy/project.h \
	cli/deploy/template.c \
	cli/deploy/template.h \
	cli/deployment.h \
	cli/flow_run.h \
	cli/groups.h \
	cli/init.h \
	cli/main.c \
	cli/man.c \
	cli/man.h \
	cli/output.c \
	cli/output.h \
	cli/preview.c \
	cli/preview.h \
	cli/profile.c \
	cli/program.c \
	cli/profile.h \
	cli/registry.c \
	cli/session.c \
	cli/session.h \
	cli/spec.h \
	cli/table.c \
	cli/watch.c \
	cli/watch.h \
	cli/when.c \
	cli/when.h
wf_SOURCES = cli/wf.c
CLI_LIBS = libcli.a libengine.a $(YAML_LIBS) $(PROTO_LIBS) $(BASE_LIBS)
wf_LDADD = $(CLI_LIBS)
EXTRA_DIST += cli/deploy/describe.py
BUILT_SOURCES += cli/deploy/describe_gen.h
CLEANFILES += cli/deploy/describe_gen.h
cli/deploy/describe_gen.h: $(top_srcdir)/cli/deploy/describe.py $(top_srcdir)/build-aux/embed.awk
	$(AM_V_GEN)$(MKDIR_P) cli/deploy && \
		$(AWK) -f $(top_srcdir)/build-aux/embed.awk $(top_srcdir)/cli/deploy/describe.py > $@
$(libcli_a_OBJECTS): cli/deploy/describe_gen.h $(proto_gen_h)
