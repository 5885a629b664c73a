# worker: the run side of wf-worker
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/job_template.c \
	worker/job_template.h \
	worker/placeholder.c \
	worker/placeholder.h \
	worker/py_control.c \
	worker/py_control.h \
	worker/words.c
