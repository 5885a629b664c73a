/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aiosync.c - agent/aiosync.h on the simulated disk: syncing takes its time, and covers
 * what was written before it began.
 */
#include "agent/aiosync.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "tests/sim/disk.h"
#include "tests/sim/plant.h"
#include "tests/sim/sim.h"

struct aiosync {
	struct loop_timer *timer;
	int busy, fd;
	size_t size;
	aiosync_fn fn;
	void *arg;
};

static void on_done(void *arg)
{
	struct aiosync *a = arg;

	a->busy = 0;
	if (plant != PLANT_NO_SYNC) {
		disk_durable(a->fd, a->size);
	}
	a->fn(0, NULL, a->arg);
}

struct aiosync *aiosync_new(struct loop *loop)
{
	struct aiosync *a = xcalloc(1, sizeof(*a));

	a->timer = loop_timer_new(loop, on_done, a);
	return a;
}

void aiosync_free(struct aiosync *a)
{
	if (a != NULL) {
		loop_timer_free(a->timer);
		free(a);
	}
}

int aiosync_start(struct aiosync *a, int fd, aiosync_fn fn, void *arg,
		  struct error *err)
{
	if (a->busy) {
		return err_set(err, ERR_BUSY, "a sync to disk is under way");
	}
	a->busy = 1;
	a->fd = fd;
	a->size = disk_size(fd);
	a->fn = fn;
	a->arg = arg;
	loop_timer_in(a->timer,
		      rnd_permille(50) ? rnd_range(20, 400) : rnd_range(1, 15));
	return 0;
}

int aiosync_blocks(const struct aiosync *a)
{
	(void)a;
	return 0;
}
