# fuzz: with --enable-fuzzing each is a libFuzzer program; otherwise the same file is linked with
# tests/fuzz/replay.c, which runs every file of its corpus once (part of `make check`).
# A fuzzer is four lines at the end and the folder tests/fuzz/corpus/NAME with a few inputs.
if FUZZING
FUZZ_MAIN =
FUZZ_FLAGS = -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/replay.c
FUZZ_FLAGS =
TESTS += $(fuzz_programs)
endif
EXTRA_DIST += tests/fuzz/replay.c tests/fuzz/corpus
check_PROGRAMS += $(fuzz_programs)

fuzz_programs += tests/fuzz/fuzz_frame
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c $(FUZZ_MAIN)
tests_fuzz_fuzz_frame_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_frame_LDADD = $(PROTO_LIBS) $(BASE_LIBS)
$(tests_fuzz_fuzz_frame_OBJECTS): $(proto_gen_h)

fuzz_programs += tests/fuzz/fuzz_batch
tests_fuzz_fuzz_batch_SOURCES = tests/fuzz/fuzz_batch.c $(FUZZ_MAIN)
tests_fuzz_fuzz_batch_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_batch_LDADD = $(PROTO_LIBS) $(BASE_LIBS)
$(tests_fuzz_fuzz_batch_OBJECTS): $(proto_gen_h)

fuzz_programs += tests/fuzz/fuzz_schema
tests_fuzz_fuzz_schema_SOURCES = tests/fuzz/fuzz_schema.c $(FUZZ_MAIN)
tests_fuzz_fuzz_schema_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_schema_LDADD = libapi.a $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_opts
tests_fuzz_fuzz_opts_SOURCES = tests/fuzz/fuzz_opts.c $(FUZZ_MAIN)
tests_fuzz_fuzz_opts_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_opts_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_toml
tests_fuzz_fuzz_toml_SOURCES = tests/fuzz/fuzz_toml.c $(FUZZ_MAIN)
tests_fuzz_fuzz_toml_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_toml_LDADD = $(BASE_LIBS)
fuzz_programs += tests/fuzz/fuzz_pred
tests_fuzz_fuzz_pred_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS)
tests_fuzz_fuzz_pred_SOURCES = tests/fuzz/fuzz_pred.c $(FUZZ_MAIN)
tests_fuzz_fuzz_pred_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_pred_LDADD = $(API_LIBS)
$(tests_fuzz_fuzz_pred_OBJECTS): | api/db/sql_gen.h

fuzz_programs += tests/fuzz/fuzz_filters
tests_fuzz_fuzz_filters_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS)
tests_fuzz_fuzz_filters_SOURCES = tests/fuzz/fuzz_filters.c tests/unit/api/filter_from.c $(FUZZ_MAIN)
tests_fuzz_fuzz_filters_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_filters_LDADD = $(API_LIBS)
$(tests_fuzz_fuzz_filters_OBJECTS): | api/db/sql_gen.h

fuzz_programs += tests/fuzz/fuzz_router
tests_fuzz_fuzz_router_SOURCES = tests/fuzz/fuzz_router.c $(FUZZ_MAIN)
tests_fuzz_fuzz_router_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_router_LDADD = $(API_LIBS)

fuzz_programs += tests/fuzz/fuzz_decode
tests_fuzz_fuzz_decode_SOURCES = tests/fuzz/fuzz_decode.c $(FUZZ_MAIN)
tests_fuzz_fuzz_decode_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_decode_LDADD = $(API_LIBS)

fuzz_programs += tests/fuzz/fuzz_event_filter
tests_fuzz_fuzz_event_filter_SOURCES = tests/fuzz/fuzz_event_filter.c $(FUZZ_MAIN)
tests_fuzz_fuzz_event_filter_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_event_filter_LDADD = $(API_LIBS)

fuzz_programs += tests/fuzz/fuzz_ws
tests_fuzz_fuzz_ws_SOURCES = tests/fuzz/fuzz_ws.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ws_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_ws_LDADD = $(API_LIBS)
fuzz_programs += tests/fuzz/fuzz_json
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_json_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_jsonw
tests_fuzz_fuzz_jsonw_SOURCES = tests/fuzz/fuzz_jsonw.c $(FUZZ_MAIN)
tests_fuzz_fuzz_jsonw_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_jsonw_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_timefmt
tests_fuzz_fuzz_timefmt_SOURCES = tests/fuzz/fuzz_timefmt.c $(FUZZ_MAIN)
tests_fuzz_fuzz_timefmt_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_timefmt_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_tz
tests_fuzz_fuzz_tz_SOURCES = tests/fuzz/fuzz_tz.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tz_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_tz_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_cron
tests_fuzz_fuzz_cron_SOURCES = tests/fuzz/fuzz_cron.c $(FUZZ_MAIN)
tests_fuzz_fuzz_cron_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_cron_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_schedule
tests_fuzz_fuzz_schedule_SOURCES = tests/fuzz/fuzz_schedule.c $(FUZZ_MAIN)
tests_fuzz_fuzz_schedule_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_schedule_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_uuid
tests_fuzz_fuzz_uuid_SOURCES = tests/fuzz/fuzz_uuid.c $(FUZZ_MAIN)
tests_fuzz_fuzz_uuid_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_uuid_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_url
tests_fuzz_fuzz_url_SOURCES = tests/fuzz/fuzz_url.c $(FUZZ_MAIN)
tests_fuzz_fuzz_url_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_url_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_http1
tests_fuzz_fuzz_http1_SOURCES = tests/fuzz/fuzz_http1.c $(FUZZ_MAIN)
tests_fuzz_fuzz_http1_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_http1_LDADD = $(BASE_LIBS)
fuzz_programs += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c $(FUZZ_MAIN)
tests_fuzz_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_journal_LDADD = libagent.a $(POOLS_LIBS) $(PROTO_LIBS) $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_flow
tests_fuzz_fuzz_flow_SOURCES = tests/fuzz/fuzz_flow.c $(FUZZ_MAIN)
tests_fuzz_fuzz_flow_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_flow_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_expr
tests_fuzz_fuzz_expr_SOURCES = tests/fuzz/fuzz_expr.c $(FUZZ_MAIN)
tests_fuzz_fuzz_expr_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_expr_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_task_event
tests_fuzz_fuzz_task_event_SOURCES = tests/fuzz/fuzz_task_event.c $(FUZZ_MAIN)
tests_fuzz_fuzz_task_event_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_task_event_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_redis_url
tests_fuzz_fuzz_redis_url_SOURCES = tests/fuzz/fuzz_redis_url.c $(FUZZ_MAIN)
tests_fuzz_fuzz_redis_url_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_redis_url_LDADD = $(POOLS_LIBS) $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_state
tests_fuzz_fuzz_state_SOURCES = tests/fuzz/fuzz_state.c $(FUZZ_MAIN)
tests_fuzz_fuzz_state_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_state_LDADD = $(API_LIBS)
$(tests_fuzz_fuzz_state_OBJECTS): $(proto_gen_h)

fuzz_programs += tests/fuzz/fuzz_job
tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz_job.c $(FUZZ_MAIN)
tests_fuzz_fuzz_job_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_job_LDADD = $(WORKER_LIBS)
$(tests_fuzz_fuzz_job_OBJECTS): $(proto_gen_h)

fuzz_programs += tests/fuzz/fuzz_rest_state
tests_fuzz_fuzz_rest_state_SOURCES = tests/fuzz/fuzz_rest_state.c $(FUZZ_MAIN)
tests_fuzz_fuzz_rest_state_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_rest_state_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_rest_state_LDADD = $(WORKER_LIBS)
$(tests_fuzz_fuzz_rest_state_OBJECTS): $(proto_gen_h)

fuzz_programs += tests/fuzz/fuzz_template_check
tests_fuzz_fuzz_template_check_SOURCES = tests/fuzz/fuzz_template_check.c $(FUZZ_MAIN)
tests_fuzz_fuzz_template_check_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_template_check_LDADD = $(API_LIBS)

fuzz_programs += tests/fuzz/fuzz_channel
tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c $(FUZZ_MAIN)
tests_fuzz_fuzz_channel_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_channel_LDADD = $(API_LIBS)

fuzz_programs += tests/fuzz/fuzz_seal
tests_fuzz_fuzz_seal_SOURCES = tests/fuzz/fuzz_seal.c $(FUZZ_MAIN)
tests_fuzz_fuzz_seal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_seal_LDADD = $(BASE_LIBS)

fuzz_programs += tests/fuzz/fuzz_template
tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c $(FUZZ_MAIN)
tests_fuzz_fuzz_template_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_template_LDADD = $(BASE_LIBS)
