# engine: native flow engine
noinst_LIBRARIES += libengine.a
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(PROTOBUF_C_CFLAGS)
libengine_a_SOURCES = \
	engine/cmd/cmd_run.c \
	engine/cmd/cmd_worker.c \
	engine/cmd/load_file.c \
	engine/cmd/load_file.h \
	engine/params.c \
	engine/params.h \
	engine/plan.c \
	engine/plan.h \
	engine/plan_handler.c \
	engine/plan_handler.h \
	engine/plan_more.h \
	engine/plan_types.h \
	engine/results.c \
	engine/results.h \
	engine/runner.c \
	engine/runner.h \
	engine/runner_begin.c \
	engine/runner_cache.c \
	engine/runner_change.c \
	engine/runner_emit.c \
	engine/runner_limits.c \
	engine/runner_map.c \
	engine/runner_parts.h \
	engine/runner_pause.c \
	engine/runner_priv.h \
	engine/runner_secrets.c \
	engine/runner_sub.c \
	engine/runner_task.c \
	engine/runner_values.c \
	engine/sched.c \
	engine/sched.h \
	engine/sched_attempt.c \
	engine/sched_map.c \
	engine/sched_parts.h \
	engine/sched_priv.h \
	engine/sched_queue.c \
	engine/sched_task.c \
	engine/sched_txn.c \
	engine/state.c \
	engine/state.h \
	engine/change/command.c \
	engine/change/command.h \
	engine/change/mail.c \
	engine/change/mail.h \
	engine/change/notify.c \
	engine/change/notify.h \
	engine/change/notify_block.c \
	engine/change/notify_priv.h \
	engine/change/when.c \
	engine/change/when.h \
	engine/expr/expr.h \
	engine/expr/expr_eval.c \
	engine/expr/expr_filter.c \
	engine/expr/expr_parse.c \
	engine/expr/expr_priv.h \
	engine/expr/expr_scan.c \
	engine/expr/expr_scan.h \
	engine/expr/name.c \
	engine/expr/name.h \
	engine/expr/regex.c \
	engine/expr/regex.h \
	engine/expr/tmpl.c \
	engine/expr/tmpl.h \
	engine/session/control.c \
	engine/session/control_call.c \
	engine/session/control_frames.c \
	engine/session/control_priv.h \
	engine/session/coolname.c \
	engine/session/coolname.h \
	engine/session/offline.c \
	engine/session/remote.c \
	engine/session/remote_facts.c \
	engine/session/remote_feed.c \
	engine/session/remote_priv.h \
	engine/session/remote_side.c \
	engine/session/session.h \
	engine/session/task_frame.h \
	engine/show/live.c \
	engine/show/live.h \
	engine/show/record.c \
	engine/show/record.h \
	engine/show/report.c \
	engine/show/report.h \
	engine/store/record.c \
	engine/store/s3.c \
	engine/store/store.c \
	engine/store/store.h \
	engine/store/store_priv.h \
	engine/task/envs.c \
	engine/task/envs.h \
	engine/task/lines.c \
	engine/task/lines.h \
	engine/task/task_events.c \
	engine/task/task_events.h \
	engine/task/task_proc.c \
	engine/task/task_proc.h \
	engine/task/task_result.c \
	engine/task/task_result.h \
	engine/tryout/clock.c \
	engine/tryout/clock.h \
	engine/tryout/expect.c \
	engine/tryout/stub.c \
	engine/tryout/stub.h \
	engine/tryout/tests.c \
	engine/tryout/tests.h \
	engine/tryout/tryout.c \
	engine/tryout/tryout.h \
	engine/yaml/bind.c \
	engine/yaml/diag.c \
	engine/yaml/diag.h \
	engine/yaml/fields.c \
	engine/yaml/load.c \
	engine/yaml/load.h \
	engine/yaml/load_cache.c \
	engine/yaml/load_flow.c \
	engine/yaml/load_handler.c \
	engine/yaml/load_more.c \
	engine/yaml/load_notify.c \
	engine/yaml/load_params.c \
	engine/yaml/load_task.c \
	engine/yaml/load_when.c \
	engine/yaml/node.c \
	engine/yaml/node.h \
	engine/yaml/parse.c \
	engine/yaml/scalar.c \
	engine/yaml/scalar.h

bin_PROGRAMS += wf-engine
wf_engine_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(PROTOBUF_C_CFLAGS)
wf_engine_SOURCES = \
	engine/main.c \
	engine/main.h \
	engine/cmd/cmd_file.c \
	engine/cmd/cmd_graph.c \
	engine/cmd/cmd_test.c
wf_engine_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS)
$(libengine_a_OBJECTS): $(proto_gen_h)
EXTRA_DIST += \
	examples/etl/etl.flow.yaml \
	examples/hello/hello.flow.yaml
schemadir = $(datadir)/wf
dist_schema_DATA = engine/flow.schema.json
