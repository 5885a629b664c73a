# unit tests of worker/: one program, its sources one per line
unit_tests += tests/unit/test_worker
tests_unit_test_worker_SOURCES = \
	tests/unit/worker/test_channel.c \
	tests/unit/worker/test_env.c \
	tests/unit/worker/test_exit.c \
	tests/unit/worker/test_health.c \
	tests/unit/worker/test_job_template.c \
	tests/unit/worker/test_oom.c \
	tests/unit/worker/test_py_control.c \
	tests/unit/worker/test_pyhost.c \
	tests/unit/worker/test_pyhost_env.c \
	tests/unit/worker/test_rest_body.c \
	tests/unit/worker/test_words.c
# -Wno-cast-qual: the initializers of protobuf-c
tests_unit_test_worker_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_worker_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes -Wno-cast-qual
tests_unit_test_worker_LDADD = $(WORKER_LIBS) $(CRITERION_LIBS)
$(tests_unit_test_worker_OBJECTS): $(proto_gen_h)
EXTRA_DIST += tests/unit/worker/fake_pyhost.py
