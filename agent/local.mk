# agent: the claim side
noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	agent/aiosync.c \
	agent/aiosync.h \
	agent/claimer.c \
	agent/claimer.h \
	agent/claimer_end.c \
	agent/claimer_priv.h \
	agent/crc32c.c \
	agent/crc32c.h \
	agent/journal.c \
	agent/journal.h \
	agent/lease.c \
	agent/lease.h \
	agent/outbox.c \
	agent/outbox.h \
	agent/outbox_batch.c \
	agent/outbox_items.c \
	agent/outbox_priv.h \
	agent/segment.c \
	agent/segment.h
$(libagent_a_OBJECTS): $(proto_gen_h)
