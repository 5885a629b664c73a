# agent: the claim side
noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	agent/aiosync.c \
	agent/aiosync.h \
	agent/claimer.c \
	agent/claimer.h \
	agent/claimer_carry.c \
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
	agent/run_table.c \
	agent/run_table.h \
	agent/segment.c \
	agent/segment.h \
	agent/slot_frame.c \
	agent/slot_frame.h
$(libagent_a_OBJECTS): $(proto_gen_h)

# wf-agent: a host that serves many pools
noinst_LIBRARIES += libhost.a
libhost_a_SOURCES = \
	agent/admit.c \
	agent/admit.h \
	agent/host.c \
	agent/host.h \
	agent/host_api.c \
	agent/host_api.h \
	agent/host_conf.c \
	agent/host_conf.h \
	agent/host_handover.c \
	agent/host_load.c \
	agent/host_load.h \
	agent/host_loss.c \
	agent/host_match.c \
	agent/host_match.h \
	agent/host_queues.c \
	agent/host_status.c \
	agent/host_worker.c \
	agent/slots.c \
	agent/slots.h \
	agent/tally.c \
	agent/tally.h
bin_PROGRAMS += wf-agent
wf_agent_SOURCES = agent/main.c
wf_agent_LDADD = libhost.a libagent.a $(POOLS_LIBS) $(PROTO_LIBS) $(BASE_LIBS)
$(libhost_a_OBJECTS) $(wf_agent_OBJECTS): $(proto_gen_h)
