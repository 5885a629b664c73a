# api/orchestration: libapi_a_SOURCES += one per line
