# unit tests of base/: add one program, its sources one per line
unit_tests += tests/unit/test_base
tests_unit_test_base_SOURCES = \
	tests/unit/base/http_server.c \
	tests/unit/base/http_server.h \
	tests/unit/base/test_httpc.c \
	tests/unit/base/test_url.c \
	tests/unit/base/test_buf.c \
	tests/unit/base/test_carry.c \
	tests/unit/base/test_cgroup.c \
	tests/unit/base/test_cron.c \
	tests/unit/base/test_data_home.c \
	tests/unit/base/test_digest.c \
	tests/unit/base/test_heap.c \
	tests/unit/base/test_json.c \
	tests/unit/base/test_jsonw.c \
	tests/unit/base/test_map.c \
	tests/unit/base/test_schedule.c \
	tests/unit/base/test_seal.c \
	tests/unit/base/test_template.c \
	tests/unit/base/test_timefmt.c \
	tests/unit/base/test_tz.c \
	tests/unit/base/test_uuid.c \
	tests/unit/base/test_backoff.c \
	tests/unit/base/test_error.c \
	tests/unit/base/test_log.c \
	tests/unit/base/test_loop.c \
	tests/unit/base/test_mem.c \
	tests/unit/base/test_metrics.c \
	tests/unit/base/test_notify.c \
	tests/unit/base/test_opts.c \
	tests/unit/base/test_proc.c \
	tests/unit/base/test_proc_forker.c \
	tests/unit/base/test_proc_plain.c \
	tests/unit/base/test_toml.c
tests_unit_test_base_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) \
	-Wno-missing-prototypes -Wno-missing-variable-declarations
tests_unit_test_base_LDADD = $(BASE_LIBS) $(CRITERION_LIBS)
EXTRA_DIST += tests/unit/base/cron_cases.inc tests/unit/base/schedule_cases.inc
