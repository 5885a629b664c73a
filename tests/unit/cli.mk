# unit tests of cli/: one program, its sources one per line
unit_tests += tests/unit/test_cli
tests_unit_test_cli_SOURCES = \
	tests/unit/cli/test_deploy.c \
	tests/unit/cli/test_params.c \
	tests/unit/cli/test_profile.c \
	tests/unit/cli/test_registry.c \
	tests/unit/cli/test_table.c \
	tests/unit/cli/test_when.c
tests_unit_test_cli_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_cli_LDADD = $(CLI_LIBS) $(CRITERION_LIBS)
$(tests_unit_test_cli_OBJECTS): $(proto_gen_h)
