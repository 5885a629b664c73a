# proto: messages, framing, validation
# generated code is a library of its own, compiled without our warnings
noinst_LIBRARIES += libproto.a libprotogen.a
proto_gen_h = proto/control.pb-c.h proto/updates.pb-c.h
proto_gen = proto/control.pb-c.c proto/updates.pb-c.c $(proto_gen_h)
nodist_libprotogen_a_SOURCES = $(proto_gen)
libprotogen_a_CFLAGS = -std=gnu11 -fPIE -w
libproto_a_SOURCES = \
	proto/frame.c \
	proto/frame.h \
	proto/state_type.c \
	proto/validate.c \
	proto/validate.h
EXTRA_DIST += proto/control.proto proto/updates.proto
BUILT_SOURCES += $(proto_gen_h)
CLEANFILES += $(proto_gen)

proto/%.pb-c.c proto/%.pb-c.h: $(top_srcdir)/proto/%.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --c_out=. -I $(top_srcdir) $<
# For a single target on a fresh tree (`make libproto.a`), where BUILT_SOURCES are not made.
# Another library whose sources include proto/frame.h does the same with its own objects.
$(libproto_a_OBJECTS) $(libprotogen_a_OBJECTS): $(proto_gen_h)
