# C flows of the tests: built by `make c-programs`, which the Python tests call
c_programs = tests/c/api tests/c/flows tests/c/twins $(c_examples)
c_examples = examples/c/background examples/c/fibo examples/c/flaky_http examples/c/images examples/c/logs examples/c/transaction
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
examples_c_background_SOURCES = examples/c/background.c
examples_c_background_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_background_LDADD = $(SDK_LIBS)
examples_c_fibo_SOURCES = examples/c/fibo.c
examples_c_fibo_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_fibo_LDADD = $(SDK_LIBS)
examples_c_flaky_http_SOURCES = examples/c/flaky_http.c
examples_c_flaky_http_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_flaky_http_LDADD = $(SDK_LIBS)
examples_c_images_SOURCES = examples/c/images.c
examples_c_images_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_images_LDADD = $(SDK_LIBS)
examples_c_logs_SOURCES = examples/c/logs.c
examples_c_logs_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_logs_LDADD = $(SDK_LIBS)
examples_c_transaction_SOURCES = examples/c/transaction.c
examples_c_transaction_CPPFLAGS = $(C_FLOW_CPPFLAGS)
examples_c_transaction_LDADD = $(SDK_LIBS)
tests_c_twins_SOURCES = tests/c/twins.c tests/c/twins_tasks.c
tests_c_twins_CPPFLAGS = $(C_FLOW_CPPFLAGS)
tests_c_twins_LDADD = $(SDK_LIBS)
