/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_file.h - "path.flow.yaml:name" on a command line to a plan.
 */
#ifndef ENGINE_CMD_LOAD_FILE_H
#define ENGINE_CMD_LOAD_FILE_H

struct plan_file;
struct plan_flow;

/*
 * Problems are printed on stderr.  0, or the exit status.  *ret_flow stays NULL when
 * ARG names no flow.
 */
int load_file(const char *arg, struct plan_file **ret_file,
	      const struct plan_flow **ret_flow);

#endif
