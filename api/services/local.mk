# api/services: libapi_a_SOURCES += one per line
libapi_a_SOURCES += \
	api/services/cancellation.c \
	api/services/foreman.c \
	api/services/late_runs.c \
	api/services/lease_reaper.c \
	api/services/outbox.c \
	api/services/outbox.h \
	api/services/pause_expiry.c \
	api/services/reaper.c \
	api/services/reaper.h \
	api/services/reconcile_decide.c \
	api/services/reconcile_rows.c \
	api/services/reconcile_rows.h \
	api/services/reconciler.c \
	api/services/reconciler.h \
	api/services/relay.c \
	api/services/relay.h \
	api/services/relay_rows.c \
	api/services/relay_rows.h \
	api/services/retention.c \
	api/services/rollups.c \
	api/services/schedule_plan.c \
	api/services/schedule_plan.h \
	api/services/schedule_run.c \
	api/services/schedule_run.h \
	api/services/scheduler.c \
	api/services/service.h \
	api/services/service_lease.c \
	api/services/services.c \
	api/services/services.h \
	api/services/trigger_eval.c \
	api/services/trigger_eval.h \
	api/services/trigger_fire.c \
	api/services/trigger_fire.h \
	api/services/trigger_store.c \
	api/services/trigger_store.h
