# engine: native flow engine
noinst_LIBRARIES += libengine.a
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(PROTOBUF_C_CFLAGS)
libengine_a_SOURCES = \
	engine/control.c \
	engine/control_frames.c \
	engine/control_priv.h \
	engine/coolname.c \
	engine/coolname.h \
	engine/envs.c \
	engine/envs.h \
	engine/expr.h \
	engine/expr_eval.c \
	engine/expr_filter.c \
	engine/expr_parse.c \
	engine/expr_priv.h \
	engine/expr_scan.c \
	engine/expr_scan.h \
	engine/lines.c \
	engine/lines.h \
	engine/live.c \
	engine/live.h \
	engine/name.c \
	engine/name.h \
	engine/offline.c \
	engine/params.c \
	engine/params.h \
	engine/plan.c \
	engine/plan.h \
	engine/record.c \
	engine/record.h \
	engine/remote.c \
	engine/remote_feed.c \
	engine/remote_priv.h \
	engine/report.c \
	engine/report.h \
	engine/runner.c \
	engine/runner_begin.c \
	engine/runner.h \
	engine/runner_priv.h \
	engine/runner_task.c \
	engine/runner_values.c \
	engine/sched.c \
	engine/sched.h \
	engine/sched_priv.h \
	engine/sched_queue.c \
	engine/sched_task.c \
	engine/session.h \
	engine/state.c \
	engine/state.h \
	engine/task_events.c \
	engine/task_events.h \
	engine/task_proc.c \
	engine/task_proc.h \
	engine/task_result.c \
	engine/task_result.h \
	engine/tmpl.c \
	engine/tmpl.h \
	engine/yaml/bind.c \
	engine/yaml/diag.c \
	engine/yaml/diag.h \
	engine/yaml/fields.c \
	engine/yaml/load.c \
	engine/yaml/load.h \
	engine/yaml/load_flow.c \
	engine/yaml/load_params.c \
	engine/yaml/load_task.c \
	engine/yaml/node.c \
	engine/yaml/node.h \
	engine/yaml/parse.c \
	engine/yaml/scalar.c \
	engine/yaml/scalar.h

bin_PROGRAMS += wf-engine
wf_engine_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(PROTOBUF_C_CFLAGS)
wf_engine_SOURCES = \
	engine/cmd_file.c \
	engine/cmd_run.c \
	engine/cmd_worker.c \
	engine/load_file.c \
	engine/load_file.h \
	engine/main.c \
	engine/main.h
wf_engine_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)
$(libengine_a_OBJECTS): $(proto_gen_h)
