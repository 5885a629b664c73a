# worker: the run side of wf-worker
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/backend.h \
	worker/backend_rest.c \
	worker/backend_wf.c \
	worker/channel.c \
	worker/channel.h \
	worker/conf.c \
	worker/conf.h \
	worker/env.c \
	worker/env.h \
	worker/exit.c \
	worker/exit.h \
	worker/health.c \
	worker/health.h \
	worker/job_template.c \
	worker/job_template.h \
	worker/pool_watch.c \
	worker/pool_watch.h \
	worker/placeholder.c \
	worker/placeholder.h \
	worker/py_control.c \
	worker/py_control.h \
	worker/rest.c \
	worker/rest_body.c \
	worker/rest_body.h \
	worker/rest.h \
	worker/run.c \
	worker/run.h \
	worker/run_end.c \
	worker/run_native.c \
	worker/run_priv.h \
	worker/run_python.c \
	worker/run_start.c \
	worker/source.h \
	worker/source_rest.c \
	worker/source_wf.c \
	worker/tail.c \
	worker/tail.h \
	worker/update.c \
	worker/update.h \
	worker/words.c \
	worker/worker.c \
	worker/worker.h

libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bin_PROGRAMS += wf-worker
wf_worker_SOURCES = worker/main.c
wf_worker_CPPFLAGS = $(libworker_a_CPPFLAGS)
WORKER_LIBS = libworker.a libagent.a $(POOLS_LIBS) $(PROTO_LIBS) $(BASE_LIBS)
wf_worker_LDADD = $(WORKER_LIBS)
$(libworker_a_OBJECTS) $(wf_worker_OBJECTS): $(proto_gen_h)
