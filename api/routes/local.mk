# api/routes: libapi_a_SOURCES += one per line
