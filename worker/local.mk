# worker: the run side of wf-worker
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/agent_link.c \
	worker/agent_link.h \
	worker/backend.h \
	worker/beat.c \
	worker/beat.h \
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
	worker/guard.c \
	worker/guard.h \
	worker/health.c \
	worker/health.h \
	worker/job_template.c \
	worker/oom.c \
	worker/oom.h \
	worker/job_template.h \
	worker/pool_watch.c \
	worker/pool_watch.h \
	worker/placeholder.c \
	worker/placeholder.h \
	worker/py_control.c \
	worker/py_control.h \
	worker/pyhost.c \
	worker/pyhost.h \
	worker/pyhost_child.c \
	worker/pyhost_env.c \
	worker/pyhost_env.h \
	worker/pyhost_priv.h \
	worker/pyhost_template.c \
	worker/rest.c \
	worker/rest_body.c \
	worker/rest_body.h \
	worker/rest.h \
	worker/run.c \
	worker/run.h \
	worker/run_carry.c \
	worker/run_confine.c \
	worker/handover.c \
	worker/handover.h \
	worker/handover_priv.h \
	worker/upgrade.c \
	worker/run_end.c \
	worker/run_ask.c \
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

libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) -DPYHOST_DIR='"$(pyhostdir)"'
bin_PROGRAMS += wf-worker
wf_worker_SOURCES = worker/main.c
wf_worker_CPPFLAGS = $(libworker_a_CPPFLAGS)
WORKER_LIBS = libworker.a libagent.a $(POOLS_LIBS) $(PROTO_LIBS) $(BASE_LIBS)
wf_worker_LDADD = $(WORKER_LIBS)
$(libworker_a_OBJECTS) $(wf_worker_OBJECTS): $(proto_gen_h)

# wf-pyhost: Python, installed as it is; wf-worker of the build folder finds it beside itself
pyhostdir = $(libexecdir)/wf
pyhost_parts = \
	worker/pyhost/wf_pyhost/__init__.py \
	worker/pyhost/wf_pyhost/child.py \
	worker/pyhost/wf_pyhost/gate.py \
	worker/pyhost/wf_pyhost/heat.py \
	worker/pyhost/wf_pyhost/template.py \
	worker/pyhost/wf_pyhost/wire.py \
	worker/pyhost/wf_pyhost/world.py
dist_pyhost_SCRIPTS = worker/pyhost/wf-pyhost
pyhostpartsdir = $(pyhostdir)/wf_pyhost
dist_pyhostparts_DATA = $(pyhost_parts)
noinst_DATA = worker/pyhost/.stamp
CLEANFILES += worker/pyhost/.stamp
distclean-local: pyhost-distclean
pyhost-distclean:
	if test '$(srcdir)' != .; then rm -rf worker/pyhost/wf-pyhost worker/pyhost/wf_pyhost; fi
# named in the source folder: VPATH would find the copies
worker/pyhost/.stamp: $(srcdir)/worker/pyhost/wf-pyhost $(addprefix $(srcdir)/,$(pyhost_parts))
	$(AM_V_GEN)if test '$(srcdir)' != .; then $(MKDIR_P) worker/pyhost/wf_pyhost && \
	  for f in worker/pyhost/wf-pyhost $(pyhost_parts); do cp -f $(srcdir)/$$f $$f || exit 1; done; \
	  fi && touch $@
EXTRA_wf_worker_DEPENDENCIES = worker/pyhost/.stamp
.PHONY: pyhost-distclean
