# bench: built by `make bench-programs`, driven by bench/run
bench_programs = bench/cflow bench/claims bench/events bench/floor_spawn bench/floor_sqlite bench/loadgen bench/plan bench/stamp bench/updates bench/late
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
bench_cflow_SOURCES = bench/cflow.c
bench_cflow_CPPFLAGS = -I$(top_srcdir)/sdk/include
bench_cflow_LDADD = $(SDK_LIBS)
bench_claims_SOURCES = bench/claims.c
bench_claims_LDADD = $(POOLS_LIBS) $(BASE_LIBS)
bench_events_SOURCES = bench/events.c
bench_floor_spawn_SOURCES = bench/floor_spawn.c
bench_floor_sqlite_SOURCES = bench/floor_sqlite.c
bench_floor_sqlite_LDADD = $(SQLITE_LIBS)
bench_late_SOURCES = bench/late.c
bench_late_CPPFLAGS = -I$(top_srcdir)/sdk/include
bench_late_LDADD = $(SDK_LIBS)
bench_loadgen_SOURCES = bench/loadgen.c
bench_plan_SOURCES = bench/plan.c
bench_plan_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)
bench_stamp_SOURCES = bench/stamp.c
bench_updates_SOURCES = bench/updates.c
bench_updates_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_updates_LDADD = $(PROTO_LIBS) $(BASE_LIBS)
EXTRA_DIST += bench/run bench/peer_events.py bench/scaling.py bench/NOTES.md bench/README.md bench/RESULTS.md bench/engine.py bench/peers/celery_app.py bench/peers/install.sh bench/peers/peers.py bench/peers/prefect_flow.py bench/dashboards.py bench/load_rows

bench-programs: $(bench_programs)
.PHONY: bench-programs
