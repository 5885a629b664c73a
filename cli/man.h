/* SPDX-License-Identifier: Apache-2.0 */
/*
 * man.h - the manual page of wf, from the tables: `wf __man`, for the build.
 */
#ifndef CLI_MAN_H
#define CLI_MAN_H

/* Prints the whole tree of commands as one mdoc page.  Returns 0. */
int man_page(void);
/* Prints every command, "wf GROUP COMMAND", for `make check-docs`.  Returns 0. */
int list_commands(void);

#endif
