# api/services: libapi_a_SOURCES += one per line
libapi_a_SOURCES += \
	api/services/outbox.c \
	api/services/outbox.h \
	api/services/relay.h \
	api/services/services.h
