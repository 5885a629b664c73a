# api: the central API.  Each part lists its own sources.
noinst_LIBRARIES += libapi.a
libapi_a_SOURCES = api/api.h api/fence.c api/fence.h api/tx.c api/tx.h
libapi_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS) $(PROTOBUF_C_CFLAGS)
API_LIBS = libapi.a $(POOLS_LIBS) libproto.a libprotogen.a $(PROTOBUF_C_LIBS) $(BASE_LIBS) \
	$(SQLITE_LIBS) $(WSLAY_LIBS) $(TLS_LIBS) -lpthread
include api/http/local.mk
include api/db/local.mk
include api/orchestration/local.mk
include api/events/local.mk
include api/services/local.mk
include api/triggers/local.mk
include api/actions/local.mk
include api/sockets/local.mk
include api/routes/local.mk
include api/server/local.mk

bin_PROGRAMS += wf-api
wf_api_SOURCES = api/main.c
wf_api_LDADD = $(API_LIBS)
