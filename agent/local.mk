# agent: the claim side
noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	agent/claimer.c \
	agent/claimer.h \
	agent/claimer_end.c \
	agent/claimer_priv.h \
	agent/journal.h \
	agent/lease.c \
	agent/lease.h \
	agent/outbox.h
$(libagent_a_OBJECTS): $(proto_gen_h)
