# api/db: libapi_a_SOURCES += one per line
