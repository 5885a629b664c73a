# unit tests of pools/: one program, its sources one per line; they need redis-server
unit_tests += tests/unit/test_pools
tests_unit_test_pools_SOURCES = \
	tests/lib/redis_server.c \
	tests/lib/redis_server.h \
	tests/unit/pools/fake_redis.c \
	tests/unit/pools/fake_redis.h \
	tests/unit/pools/harness.c \
	tests/unit/pools/harness.h \
	tests/unit/pools/test_claim.c \
	tests/unit/pools/test_cluster.c \
	tests/unit/pools/test_lanes.c \
	tests/unit/pools/test_lifecycle.c \
	tests/unit/pools/test_outage.c \
	tests/unit/pools/test_reap.c \
	tests/unit/pools/test_redis.c \
	tests/unit/pools/test_url.c \
	tests/unit/pools/test_wake.c
tests_unit_test_pools_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_pools_LDADD = $(POOLS_LIBS) $(BASE_LIBS) $(CRITERION_LIBS)
