# C flows of the tests: built by `make c-programs`, which the Python tests call
c_programs = tests/c/api tests/c/flows
EXTRA_PROGRAMS += $(c_programs)
CLEANFILES += $(c_programs)
C_FLOW_CPPFLAGS = -I$(top_srcdir)/sdk/include
tests_c_api_SOURCES = tests/c/api.c
tests_c_api_CPPFLAGS = $(C_FLOW_CPPFLAGS)
tests_c_api_LDADD = $(SDK_LIBS)
tests_c_flows_SOURCES = tests/c/flows.c
tests_c_flows_CPPFLAGS = $(C_FLOW_CPPFLAGS)
tests_c_flows_LDADD = $(SDK_LIBS)
c-programs: $(c_programs)
.PHONY: c-programs
