# api/routes: libapi_a_SOURCES += one per line
libapi_a_SOURCES += api/routes/decode.c
libapi_a_SOURCES += api/routes/decode.h
libapi_a_SOURCES += api/routes/decode_priv.h
libapi_a_SOURCES += api/routes/decode_scalar.c
libapi_a_SOURCES += api/routes/flow_run_json.h
libapi_a_SOURCES += api/routes/state_json.h
