/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the longer commands of wf_main().
 */
#ifndef SDK_SRC_COMMANDS_H
#define SDK_SRC_COMMANDS_H

/* ARGV[0] is the command's name.  They return the exit status. */
int command_deploy(int argc, char **argv);
int command_serve(int argc, char **argv);

#endif
