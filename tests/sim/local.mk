# sim: the simulator (tests/sim/sim.h) and the contract tests of pools/ against its Redis
EXTRA_DIST += tests/sim/check-model.sh tests/sim/redis.lua
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
	tests/unit/pools/test_lanes.c \
	tests/unit/pools/test_lifecycle.c \
	tests/unit/pools/test_reap.c \
	tests/unit/pools/test_wake.c
tests_unit_test_pools_fake_CPPFLAGS = $(AM_CPPFLAGS) $(LUA_CFLAGS)
tests_unit_test_pools_fake_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) -Wno-missing-prototypes
tests_unit_test_pools_fake_LDFLAGS = $(AM_LDFLAGS) $(SIM_WRAP_REDIS)
tests_unit_test_pools_fake_LDADD = $(POOLS_LIBS) $(BASE_LIBS) $(LUA_LIBS) $(CRITERION_LIBS)
$(tests_unit_test_pools_fake_OBJECTS): tests/sim/redis_gen.h

# made when asked for: make tests/sim/run
EXTRA_PROGRAMS += tests/sim/run
tests_sim_run_SOURCES = \
	$(sim_redis) \
	tests/sim/aiosync.c \
	tests/sim/api_node.c \
	tests/sim/channel.c \
	tests/sim/child.h \
	tests/sim/db.c \
	tests/sim/db.h \
	tests/sim/disk.c \
	tests/sim/disk.h \
	tests/sim/faults.c \
	tests/sim/http.c \
	tests/sim/http.h \
	tests/sim/main.c \
	tests/sim/nodes.h \
	tests/sim/plant.c \
	tests/sim/plant.h \
	tests/sim/proc.c \
	tests/sim/scenario.c \
	tests/sim/scenario.h \
	tests/sim/scene.c \
	tests/sim/scene.h \
	tests/sim/watch.c \
	tests/sim/watch.h \
	tests/sim/watch_updates.c \
	tests/sim/watch_updates.h \
	tests/sim/worker_node.c
tests_sim_run_CPPFLAGS = $(AM_CPPFLAGS) $(LUA_CFLAGS) $(SQLITE_CFLAGS) $(LIBPQ_CFLAGS) $(PROTOBUF_C_CFLAGS)
SIM_WRAP = $(SIM_WRAP_REDIS) \
	-Wl,--wrap=open -Wl,--wrap=close -Wl,--wrap=read -Wl,--wrap=write \
	-Wl,--wrap=pread -Wl,--wrap=pwrite -Wl,--wrap=pwritev -Wl,--wrap=ftruncate \
	-Wl,--wrap=fdatasync -Wl,--wrap=fsync -Wl,--wrap=unlink -Wl,--wrap=rename \
	-Wl,--wrap=mkdir -Wl,--wrap=stat -Wl,--wrap=flock -Wl,--wrap=opendir \
	-Wl,--wrap=readdir -Wl,--wrap=closedir -Wl,--wrap=socketpair \
	-Wl,--wrap=outbox_put -Wl,--wrap=run_propose -Wl,--wrap=lease_tick \
	-Wl,--wrap=lease_renewed -Wl,--wrap=update_propose_frame
tests_sim_run_LDFLAGS = $(AM_LDFLAGS) $(SIM_WRAP)
tests_sim_run_LDADD = libworker.a libagent.a $(API_LIBS) $(PROTO_LIBS) $(BASE_LIBS) $(LUA_LIBS)
$(tests_sim_run_OBJECTS): tests/sim/redis_gen.h $(proto_gen_h) | api/db/sql_gen.h
endif

# made when asked for: make tests/sim/triggers
EXTRA_PROGRAMS += tests/sim/triggers
tests_sim_triggers_SOURCES = \
	tests/sim/trigger_main.c \
	tests/sim/trigger_model.c \
	tests/sim/trigger_play.c \
	tests/sim/trigger_rules.c \
	tests/sim/trigger_rules.h \
	tests/sim/trigger_story.c \
	tests/sim/trigger_story.h
tests_sim_triggers_LDADD = $(API_LIBS) -lm
