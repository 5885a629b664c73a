# base: the leaf library
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/buf.c \
	base/civil.c \
	base/digest.c \
	base/file.c \
	base/heap.c \
	base/json.c \
	base/jsonw.c \
	base/map.c \
	base/schedule.h \
	base/timefmt.c \
	base/utf8.c \
	base/utf8.h \
	base/uuid.c \
	base/backoff.c \
	base/backoff.h \
	base/buf.h \
	base/clock.c \
	base/clock.h \
	base/compiler.h \
	base/cron.h \
	base/digest.h \
	base/error.c \
	base/error.h \
	base/heap.h \
	base/httpc.h \
	base/json.h \
	base/jsonw.h \
	base/log.c \
	base/log.h \
	base/loop.c \
	base/loop.h \
	base/map.h \
	base/mem.c \
	base/mem.h \
	base/metrics.c \
	base/metrics.h \
	base/opts.c \
	base/opts.h \
	base/proc.h \
	base/queue_ext.h \
	base/sm.h \
	base/timefmt.h \
	base/trace.c \
	base/tz.h \
	base/uuid.h
