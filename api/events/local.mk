# api/events: libapi_a_SOURCES += one per line
