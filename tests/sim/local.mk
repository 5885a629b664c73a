# sim: the simulator (tests/sim/sim.h) and the contract tests of pools/ against its Redis
EXTRA_DIST += tests/sim/redis.lua
BUILT_SOURCES += tests/sim/redis_gen.h
CLEANFILES += tests/sim/redis_gen.h
tests/sim/redis_gen.h: tests/sim/redis.lua build-aux/embed.awk
	$(AM_V_GEN)$(MKDIR_P) tests/sim && $(AWK) -f $(srcdir)/build-aux/embed.awk \
	  $(srcdir)/tests/sim/redis.lua > $@.tmp && mv $@.tmp $@

sim_redis = \
	tests/sim/loop.c \
	tests/sim/net.c \
	tests/sim/net.h \
	tests/sim/redis_client.c \
	tests/sim/redis_client.h \
	tests/sim/redis_fake.c \
	tests/sim/redis_fake.h \
	tests/sim/sim.h \
	tests/sim/world.c \
	tests/sim/wrap.c \
	tests/sim/wrap.h
SIM_WRAP_REDIS = -Wl,--wrap=clock_gettime -Wl,--wrap=getrandom

if HAVE_SIM
# the tests of test_pools that are about the scripts, with the simulator's Redis
unit_tests += tests/unit/test_pools_fake
tests_unit_test_pools_fake_SOURCES = \
	$(sim_redis) \
	tests/sim/contract.c \
	tests/unit/pools/harness.c \
	tests/unit/pools/harness.h \
	tests/unit/pools/test_claim.c \
	tests/unit/pools/test_lifecycle.c \
	tests/unit/pools/test_reap.c \
	tests/unit/pools/test_wake.c
tests_unit_test_pools_fake_CPPFLAGS = $(AM_CPPFLAGS) $(LUA_CFLAGS)
tests_unit_test_pools_fake_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_pools_fake_LDFLAGS = $(AM_LDFLAGS) $(SIM_WRAP_REDIS)
tests_unit_test_pools_fake_LDADD = $(POOLS_LIBS) $(BASE_LIBS) $(LUA_LIBS) $(CRITERION_LIBS)
$(tests_unit_test_pools_fake_OBJECTS): tests/sim/redis_gen.h
endif
