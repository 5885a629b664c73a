# cli: the program wf
noinst_LIBRARIES += libcli.a
bin_PROGRAMS += wf
libcli_a_SOURCES = \
	cli/client.c \
	cli/cmd_work_pool.c \
	cli/complete.c \
	cli/main.c \
	cli/output.c \
	cli/profile.c \
	cli/registry.c \
	cli/session.c \
	cli/table.c
wf_SOURCES = cli/wf.c
CLI_LIBS = libcli.a $(BASE_LIBS)
wf_LDADD = $(CLI_LIBS)
