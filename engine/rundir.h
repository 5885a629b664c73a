/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rundir.h - the folder of one run for WF_INPUTS and WF_RESULT.
 *
 * Its owner holds a lock on it as long as it lives, so that the folder of a process
 * that was killed is recognised: the next run below the same TMPDIR removes it.
 */
#ifndef ENGINE_RUNDIR_H
#define ENGINE_RUNDIR_H

struct error;

struct rundir {
	char *path; /* NULL: not made */
	int fd;     /* holds the lock */
};

/* Below BASE (NULL, or not absolute: /tmp). */
int rundir_open(struct rundir *d, const char *base, struct error *err);
/* Removes it with what is in it; nothing when it was not made. */
void rundir_close(struct rundir *d);

#endif
