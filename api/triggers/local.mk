# api/triggers: libapi_a_SOURCES += one per line
libapi_a_SOURCES += \
	api/triggers/bucket.c \
	api/triggers/compose.c \
	api/triggers/evaluate.c \
	api/triggers/index.c \
	api/triggers/match.c \
	api/triggers/match.h \
	api/triggers/model.c \
	api/triggers/order.c \
	api/triggers/triggers.c \
	api/triggers/triggers.h \
	api/triggers/triggers_priv.h
