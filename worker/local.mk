# worker: the run side of wf-worker
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/backend.h \
	worker/backend_wf.c \
	worker/channel.c \
	worker/channel.h \
	worker/env.c \
	worker/env.h \
	worker/exit.c \
	worker/exit.h \
	worker/job_template.c \
	worker/job_template.h \
	worker/placeholder.c \
	worker/placeholder.h \
	worker/py_control.c \
	worker/py_control.h \
	worker/rest.c \
	worker/rest.h \
	worker/run.c \
	worker/run.h \
	worker/run_end.c \
	worker/run_native.c \
	worker/run_priv.h \
	worker/run_python.c \
	worker/run_start.c \
	worker/tail.c \
	worker/tail.h \
	worker/update.c \
	worker/update.h \
	worker/words.c \
	worker/worker.h
