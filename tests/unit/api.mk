# unit tests of api/: one program; add sources one per line
unit_tests += tests/unit/test_api
tests_unit_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_api_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) \
	-Wno-missing-prototypes -Wno-missing-variable-declarations
tests_unit_test_api_LDADD = $(API_LIBS) $(LIBPQ_LIBS) $(CRITERION_LIBS)
tests_unit_test_api_SOURCES =
tests_unit_test_api_SOURCES += tests/unit/api/test_decode.c
tests_unit_test_api_SOURCES += tests/unit/api/test_router.c
tests_unit_test_api_SOURCES += tests/unit/api/test_event_filter.c
tests_unit_test_api_SOURCES += tests/unit/api/test_ws_handshake.c
tests_unit_test_api_SOURCES += tests/unit/api/test_schema.c
tests_unit_test_api_SOURCES += tests/unit/api/db_fixture.c
tests_unit_test_api_SOURCES += tests/unit/api/db_fixture.h
tests_unit_test_api_SOURCES += tests/unit/api/filter_from.c
tests_unit_test_api_SOURCES += tests/unit/api/filter_from.h
tests_unit_test_api_SOURCES += tests/unit/api/test_filters.c
tests_unit_test_api_SOURCES += tests/unit/api/test_guesses.c
tests_unit_test_api_SOURCES += tests/unit/api/test_limit_math.c
tests_unit_test_api_SOURCES += tests/unit/api/test_block_json.c
tests_unit_test_api_SOURCES += tests/unit/api/test_db.c
tests_unit_test_api_SOURCES += tests/unit/api/test_db_durability.c
tests_unit_test_api_SOURCES += tests/unit/api/test_db_files.c
tests_unit_test_api_SOURCES += tests/unit/api/test_db_pred.c
$(tests_unit_test_api_OBJECTS): | api/db/sql_gen.h
tests_unit_test_api_SOURCES += tests/unit/api/orc_table.c
tests_unit_test_api_SOURCES += tests/unit/api/orc_table.h
tests_unit_test_api_SOURCES += tests/unit/api/test_orc_pairs.c
tests_unit_test_api_SOURCES += tests/unit/api/test_orc_rules.c
tests_unit_test_api_SOURCES += tests/unit/api/test_run_apply.c
tests_unit_test_api_SOURCES += tests/unit/api/tx_fixture.c
tests_unit_test_api_SOURCES += tests/unit/api/tx_fixture.h

# the real wf-api as a child, good and bad clients
unit_tests += tests/unit/test_server
tests_unit_test_server_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_server_LDADD = $(API_LIBS) $(CRITERION_LIBS)
tests_unit_test_server_SOURCES = tests/lib/wf_server.c tests/lib/wf_server.h
tests_unit_test_server_SOURCES += tests/unit/server/test_http.c
tests_unit_test_server_SOURCES += tests/unit/server/steps.c tests/unit/server/steps.h
tests_unit_test_server_SOURCES += tests/unit/server/test_life.c
tests_unit_test_server_SOURCES += tests/unit/server/test_objects.c
tests_unit_test_server_SOURCES += tests/unit/server/test_pending.c
tests_unit_test_server_SOURCES += tests/unit/server/test_ws.c
EXTRA_tests_unit_test_server_DEPENDENCIES = wf-api
tests_unit_test_api_SOURCES += tests/unit/api/test_updates.c
tests_unit_test_api_SOURCES += tests/unit/api/test_orc_docs.c
tests_unit_test_api_SOURCES += tests/unit/api/test_explain.c
tests_unit_test_api_SOURCES += tests/unit/api/test_pools_pure.c
tests_unit_test_api_SOURCES += tests/unit/api/test_plans.c
tests_unit_test_api_SOURCES += tests/unit/api/test_services.c
tests_unit_test_api_SOURCES += tests/unit/api/test_recorder.c
tests_unit_test_api_SOURCES += tests/unit/api/test_template_check.c
tests_unit_test_api_SOURCES += tests/unit/api/test_triggers.c
tests_unit_test_api_SOURCES += tests/unit/api/test_trigger_store.c
tests_unit_test_api_SOURCES += tests/unit/api/trigger_run.c
tests_unit_test_api_SOURCES += tests/unit/api/trigger_run.h
