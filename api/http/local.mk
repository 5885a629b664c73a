# api/http: libapi_a_SOURCES += one per line
