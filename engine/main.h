/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.h - the commands of wf-engine; each is one function in its own file.
 */
#ifndef ENGINE_MAIN_H
#define ENGINE_MAIN_H

struct opt_spec;

extern const struct opt_spec run_spec, check_spec, schema_spec, list_spec, graph_spec,
    test_spec;

/* ARGV[0] is the command's name.  They return the exit status. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_test(int argc, char **argv);
/* Started by a worker: FD is the control socket. */
int cmd_worker(int fd);
/* The same for PROGRAM:FLOW of the C SDK: enters DIR and becomes PROGRAM. */
int cmd_exec(const char *dir, const char *entrypoint, int fd);

/* The same for a program that has its flows built in (the C SDK). */
struct loop;
struct plan_flow;
struct runner;
struct error;
struct builtin {
	const char *program;
	/* NAME may be NULL: the only one. */
	int (*find)(const char *name, const struct plan_flow **ret_flow,
		    struct error *err);
	/* Before runner_start(); FLOW is NULL under a worker. */
	void *(*attach)(struct runner *r, struct loop *loop,
			const struct plan_flow *flow);
	void (*detach)(void *attached); /* after the runner is freed */
};
int cmd_run_builtin(const struct builtin *b, int argc, char **argv);
int cmd_worker_builtin(const struct builtin *b, int fd);

#endif
