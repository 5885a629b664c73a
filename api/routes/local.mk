# api/routes: libapi_a_SOURCES += one per line
libapi_a_SOURCES += api/routes/flow_run_json.h
libapi_a_SOURCES += api/routes/state_json.h
