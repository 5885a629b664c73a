# sdk: the C SDK.  libwf.a is one object with everything behind wf.h hidden.
noinst_LIBRARIES += libsdk.a
libsdk_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/sdk/include $(PROTOBUF_C_CFLAGS)
libsdk_a_SOURCES = \
	sdk/include/wf.h \
	sdk/src/arena.c \
	sdk/src/attempt.c \
	sdk/src/bodies.c \
	sdk/src/body.c \
	sdk/src/body.h \
	sdk/src/cache.c \
	sdk/src/calls.c \
	sdk/src/commands.h \
	sdk/src/consult.c \
	sdk/src/deploy.c \
	sdk/src/future.c \
	sdk/src/gate.c \
	sdk/src/handle.c \
	sdk/src/host.c \
	sdk/src/host.h \
	sdk/src/line.c \
	sdk/src/mail.c \
	sdk/src/main.c \
	sdk/src/notify.c \
	sdk/src/params.c \
	sdk/src/parts.h \
	sdk/src/pause.c \
	sdk/src/plan.c \
	sdk/src/print.c \
	sdk/src/registry.c \
	sdk/src/registry.h \
	sdk/src/requests.c \
	sdk/src/rest.c \
	sdk/src/states.c \
	sdk/src/template.c \
	sdk/src/test.c \
	sdk/src/txn.c \
	sdk/src/value.c
$(libsdk_a_OBJECTS): $(proto_gen_h)

include_HEADERS = sdk/include/wf.h
lib_wf = sdk/libwf.a
wf_parts = libsdk.a libengine.a libproto.a libprotogen.a libbase.a
SDK_NEEDS = $(YAML_LIBS) $(PROTOBUF_C_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) \
	$(CRYPTO_LIBS) $(XXHASH_LIBS) -lm
SDK_LIBS = $(lib_wf) $(SDK_NEEDS)
wflibdir = $(libdir)
nodist_wflib_DATA = $(lib_wf)
CLEANFILES += $(lib_wf) sdk/wf.o
$(lib_wf): $(wf_parts)
	$(AM_V_GEN)$(MKDIR_P) sdk && rm -f $@ && \
	  $(LD) -r -o sdk/wf.o --whole-archive $(wf_parts) && \
	  $(OBJCOPY) --wildcard --keep-global-symbol='wf_[a-z]*' sdk/wf.o && \
	  $(AR) crs $@ sdk/wf.o
