# pools: Redis delivery layer
noinst_LIBRARIES += libpools.a
pools_lua = \
	pools/lua/prelude.lua \
	pools/lua/cancel.lua \
	pools/lua/claim.lua \
	pools/lua/drain_worker.lua \
	pools/lua/enqueue.lua \
	pools/lua/epoch.lua \
	pools/lua/give_up.lua \
	pools/lua/hold.lua \
	pools/lua/inspect.lua \
	pools/lua/reap.lua \
	pools/lua/reaper_lock.lua \
	pools/lua/remove_queue.lua \
	pools/lua/renew.lua \
	pools/lua/set_lane.lua \
	pools/lua/set_pool.lua \
	pools/lua/set_queue.lua \
	pools/lua/settle.lua \
	pools/lua/start.lua
libpools_a_SOURCES = \
	pools/args.c \
	pools/cluster.c \
	pools/cluster.h \
	pools/feed.c \
	pools/feed.h \
	pools/inspect.c \
	pools/lease.c \
	pools/pools.c \
	pools/pools.h \
	pools/pools_priv.h \
	pools/reap.c \
	pools/redis.c \
	pools/redis.h \
	pools/redis_error.c \
	pools/script.c \
	pools/sentinel.c \
	pools/sentinel.h \
	pools/script.h \
	pools/settings.c \
	pools/tls.c \
	pools/tls.h \
	pools/url.c \
	pools/url.h \
	pools/wake.c \
	pools/workers.c \
	pools/workers.h
libpools_a_CPPFLAGS = $(AM_CPPFLAGS) $(HIREDIS_CFLAGS)
nodist_libpools_a_SOURCES = pools/scripts_gen.h
EXTRA_DIST += $(pools_lua) build-aux/embed.awk
BUILT_SOURCES += pools/scripts_gen.h
CLEANFILES += pools/scripts_gen.h

pools/scripts_gen.h: $(pools_lua) build-aux/embed.awk
	$(AM_V_GEN)$(MKDIR_P) pools && for f in $(pools_lua); do \
	  if test -f $$f; then echo $$f; else echo $(srcdir)/$$f; fi; done | \
	  xargs $(AWK) -f $(srcdir)/build-aux/embed.awk > $@.tmp && mv $@.tmp $@
$(libpools_a_OBJECTS): pools/scripts_gen.h
