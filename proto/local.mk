# proto: messages, framing, validation
noinst_LIBRARIES += libproto.a libprotogen.a
nodist_libprotogen_a_SOURCES = proto/control.pb-c.c proto/control.pb-c.h \
	proto/updates.pb-c.c proto/updates.pb-c.h
# generated code is compiled without our warnings
libprotogen_a_CFLAGS = -std=gnu11 -fPIE -w $(PROTOBUF_C_CFLAGS)
libproto_a_SOURCES = proto/frame.c proto/validate.c proto/validate.h proto/frame.h
libproto_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
EXTRA_DIST += proto/control.proto proto/updates.proto
BUILT_SOURCES += proto/control.pb-c.h proto/updates.pb-c.h
CLEANFILES += proto/control.pb-c.c proto/control.pb-c.h proto/updates.pb-c.c proto/updates.pb-c.h

proto/%.pb-c.c proto/%.pb-c.h: $(top_srcdir)/proto/%.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --c_out=. -I $(top_srcdir) $(top_srcdir)/proto/$*.proto
proto/updates.pb-c.h: proto/control.pb-c.h
