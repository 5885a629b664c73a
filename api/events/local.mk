# api/events: libapi_a_SOURCES += one per line
libapi_a_SOURCES += api/events/emit.c
libapi_a_SOURCES += api/events/emit.h
libapi_a_SOURCES += api/events/filter.h
libapi_a_SOURCES += api/events/live.c
libapi_a_SOURCES += api/events/live.h
libapi_a_SOURCES += api/events/text_query.h
