# api/services: libapi_a_SOURCES += one per line
