# api/db: connections, group commit, statements, migrations
libapi_a_SOURCES += \
	api/db/admin.c \
	api/db/admin.h \
	api/db/args.c \
	api/db/backup.c \
	api/db/backup.h \
	api/db/conn.c \
	api/db/db.h \
	api/db/db_priv.h \
	api/db/group.c \
	api/db/group.h \
	api/db/migrate.c \
	api/db/pg.c \
	api/db/pg.h \
	api/db/pg_error.c \
	api/db/pg_explain.c \
	api/db/pg_group.c \
	api/db/pg_lib.c \
	api/db/pg_lib.h \
	api/db/pg_pipe.c \
	api/db/pg_rows.c \
	api/db/pg_tools.c \
	api/db/pool.c \
	api/db/pred.c \
	api/db/pred.h \
	api/db/rows.c \
	api/db/select.c \
	api/db/sql.h \
	api/db/sqlite.c \
	api/db/sqlite.h \
	api/db/sqlite_error.c \
	api/db/sqlite_stmt.c \
	api/db/wal_vfs.c \
	api/db/wal_vfs.h
nodist_libapi_a_SOURCES = \
	api/db/migrations_gen.c \
	api/db/migrations_pg_gen.c \
	api/db/sql_gen.c \
	api/db/sql_gen.h

# named statements, one file per line
api_sql =
api_sql += api/db/sql/admin.sql
api_sql += api/db/sql/artifact.sql
api_sql += api/db/sql/automation.sql
api_sql += api/db/sql/block.sql
api_sql += api/db/sql/check.sql
api_sql += api/db/sql/control.sql
api_sql += api/db/sql/deployments.sql
api_sql += api/db/sql/event.sql
api_sql += api/db/sql/explain.sql
api_sql += api/db/sql/filters.sql
api_sql += api/db/sql/flow.sql
api_sql += api/db/sql/limit.sql
api_sql += api/db/sql/log.sql
api_sql += api/db/sql/flow_runs.sql
api_sql += api/db/sql/outbox.sql
api_sql += api/db/sql/rollup.sql
api_sql += api/db/sql/saved_search.sql
api_sql += api/db/sql/schedules.sql
api_sql += api/db/sql/services.sql
api_sql += api/db/sql/variable.sql
api_sql += api/db/sql/task_claims.sql
api_sql += api/db/sql/task_runs.sql
api_sql += api/db/sql/updates.sql
api_sql += api/db/sql/work_pools.sql
api_sql += api/db/sql/work_queues.sql
api_sql += api/db/sql/ui.sql
api_sql += api/db/sql/usage.sql
api_sql += api/db/sql/trigger.sql
api_sql += api/db/sql/workers.sql
# migrations in their order; a released one is never changed
api_migrations = \
	api/db/migrations/sqlite/0001_foundation.sql \
	api/db/migrations/sqlite/0002_blocks.sql \
	api/db/migrations/sqlite/0003_services.sql \
	api/db/migrations/sqlite/0004_queue_runs.sql \
	api/db/migrations/sqlite/0005_task_claims.sql \
	api/db/migrations/sqlite/0006_owners.sql \
	api/db/migrations/sqlite/0007_usage.sql \
	api/db/migrations/sqlite/0008_retention.sql \
	api/db/migrations/sqlite/0009_worker_drain.sql \
	api/db/migrations/sqlite/0010_triggers.sql \
	api/db/migrations/sqlite/0011_lists.sql \
	api/db/migrations/sqlite/0012_rollups.sql

# the same for PostgreSQL, of those that build-aux/gen-migrations.awk cannot translate
api_migrations_pg = \
	api/db/migrations/pg/0012_rollups.sql

api_sql_in = $(addprefix $(top_srcdir)/,$(api_sql))
api_migrations_in = $(addprefix $(top_srcdir)/,$(api_migrations))
api_migrations_pg_in = $(addprefix $(top_srcdir)/,$(api_migrations_pg))
EXTRA_DIST += $(api_sql) $(api_migrations) $(api_migrations_pg) build-aux/gen-sql.awk build-aux/gen-migrations.awk
BUILT_SOURCES += api/db/sql_gen.h
CLEANFILES += api/db/sql_gen.h api/db/sql_gen.c api/db/sql_gen.stamp api/db/migrations_gen.c \
	api/db/migrations_pg_gen.c

# The header is replaced only when it differs: a changed text does not rebuild everything.
api/db/sql_gen.h: api/db/sql_gen.stamp
	@test -f $@ || { rm -f api/db/sql_gen.stamp; $(MAKE) $(AM_MAKEFLAGS) api/db/sql_gen.stamp; }
api/db/sql_gen.stamp: $(api_sql_in) $(top_srcdir)/build-aux/gen-sql.awk
	$(AM_V_GEN)$(MKDIR_P) api/db && \
	$(AWK) -v mode=h -f $(top_srcdir)/build-aux/gen-sql.awk $(api_sql_in) > api/db/sql_gen.h.new && \
	{ cmp -s api/db/sql_gen.h.new api/db/sql_gen.h && rm -f api/db/sql_gen.h.new || \
	  mv -f api/db/sql_gen.h.new api/db/sql_gen.h; } && echo ok > $@
api/db/sql_gen.c: $(api_sql_in) $(top_srcdir)/build-aux/gen-sql.awk
	$(AM_V_GEN)$(MKDIR_P) api/db && \
	$(AWK) -v mode=c -f $(top_srcdir)/build-aux/gen-sql.awk $(api_sql_in) > $@.new && mv -f $@.new $@
api/db/migrations_gen.c: $(api_migrations_in) $(top_srcdir)/build-aux/gen-migrations.awk
	$(AM_V_GEN)$(MKDIR_P) api/db && \
	$(AWK) -v dialect=sqlite -f $(top_srcdir)/build-aux/gen-migrations.awk $(api_migrations_in) > $@.new && mv -f $@.new $@
api/db/migrations_pg_gen.c: $(api_migrations_in) $(api_migrations_pg_in) $(top_srcdir)/build-aux/gen-migrations.awk
	$(AM_V_GEN)$(MKDIR_P) api/db && \
	$(AWK) -v dialect=pg -v own="$(api_migrations_pg_in)" -f $(top_srcdir)/build-aux/gen-migrations.awk \
		$(api_migrations_in) > $@.new && mv -f $@.new $@

# everything that includes api/db/db.h needs the header before its first compilation
$(libapi_a_OBJECTS): | api/db/sql_gen.h
