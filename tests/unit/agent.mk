# unit tests of agent/: one program, its sources one per line; some need redis-server
unit_tests += tests/unit/test_agent
tests_unit_test_agent_SOURCES = \
	tests/lib/redis_server.c \
	tests/lib/redis_server.h \
	tests/unit/agent/fake_api.c \
	tests/unit/agent/fake_api.h \
	tests/unit/agent/test_aiosync.c \
	tests/unit/agent/test_claimer.c \
	tests/unit/agent/test_cluster.c \
	tests/unit/agent/test_host.c \
	tests/unit/agent/test_journal.c \
	tests/unit/agent/test_lease.c \
	tests/unit/agent/test_link.c \
	tests/unit/agent/test_outbox.c \
	tests/unit/agent/test_slots.c
tests_unit_test_agent_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_agent_LDADD = libhost.a libagent.a $(POOLS_LIBS) $(PROTO_LIBS) $(BASE_LIBS) \
	$(CRITERION_LIBS)
$(tests_unit_test_agent_OBJECTS): $(proto_gen_h)
