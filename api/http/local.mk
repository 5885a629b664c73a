# api/http: libapi_a_SOURCES += one per line
libapi_a_SOURCES += api/http/http.h
libapi_a_SOURCES += api/http/http_priv.h
libapi_a_SOURCES += api/http/invalid.c
libapi_a_SOURCES += api/http/ws.h
