/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rundir.h - the folder of WF_INPUTS and WF_RESULT: of one run by hand, or of all runs
 * of a worker.
 *
 * Its owner holds a lock on it as long as it lives, so that the folder of a process
 * that was killed is recognised: the next owner below the same TMPDIR removes it.
 * Names of files in it begin with the id of a task run.  One folder for all runs of a
 * worker, because to look for dead ones, to make one and to remove it took 0.4 ms of
 * CPU time per run (of 2.8 ms for the engine).
 */
#ifndef BASE_RUNDIR_H
#define BASE_RUNDIR_H

struct error;

struct rundir {
	char *path; /* NULL: not made */
	int fd;     /* holds the lock; -1: somebody else's folder */
};

/* Below BASE (NULL, or not absolute: /tmp). */
int rundir_open(struct rundir *d, const char *base, struct error *err);
/* The folder PATH of another owner: nothing is made or removed. */
void rundir_borrow(struct rundir *d, const char *path);
/* Removes the files in it; nothing when it was not made. */
void rundir_clear(const struct rundir *d);
/* Removes it with what is in it; nothing when it was not made. */
void rundir_close(struct rundir *d);

#endif
