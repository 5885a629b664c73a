/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_oom.c - the kernel's counters, in files of a folder of our own.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "worker/oom.h"

static char folder[] = "/tmp/wf-oom-XXXXXX";

static void put(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name), *slash = strrchr(path, '/');

	*slash = '\0';
	cr_assert_eq(mkdir_p(path, 0700, NULL), 0);
	*slash = '/';
	cr_assert_eq(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
	free(path);
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
}

static void teardown(void)
{
	(void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(oom, .init = setup, .fini = teardown);

Test(oom, kills_answer_for_one_process_each)
{
	char *groups = xasprintf("%s/cg", folder);
	struct oom o;

	put("self/cgroup", "1:name=systemd:/x\n0::/wf.service\n");
	put("cg/wf.service/memory.events", "low 0\noom 4\noom_kill 2\n");
	put("vmstat", "nr_free_pages 1\noom_kill 7\n");
	oom_init(&o, folder, groups);
	cr_assert_eq(oom_look(&o, folder), OOM_NO, "what was killed before us");
	put("cg/wf.service/memory.events", "low 0\noom 5\noom_kill 4\n");
	put("vmstat", "nr_free_pages 1\noom_kill 10\n");
	cr_assert_eq(oom_look(&o, folder), OOM_CGROUP);
	cr_assert_eq(oom_look(&o, folder), OOM_CGROUP);
	cr_assert_eq(oom_look(&o, folder), OOM_MACHINE, "one elsewhere");
	cr_assert_eq(oom_look(&o, folder), OOM_NO);
	free(groups);
}

Test(oom, without_control_groups)
{
	struct oom o;

	put("self/cgroup", "5:memory:/docker/1\n");
	put("vmstat", "oom_kill 0\n");
	oom_init(&o, folder, folder);
	put("vmstat", "oom_kill 1\n");
	cr_assert_eq(oom_look(&o, folder), OOM_MACHINE);
	cr_assert_eq(oom_look(&o, folder), OOM_NO);
}

Test(oom, without_any_counter)
{
	struct oom o;

	oom_init(&o, folder, folder);
	cr_assert_eq(oom_look(&o, folder), OOM_UNKNOWN);
}
