# api/orchestration: libapi_a_SOURCES += one per line
libapi_a_SOURCES += api/orchestration/apply.h
libapi_a_SOURCES += api/orchestration/create.h
libapi_a_SOURCES += api/orchestration/orchestration.h
