/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cgroup.c - the files of control groups, in a folder that looks like them.  What
 * the kernel does with them is seen in tests/integration/test_reach.py.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cgroup.h"
#include "base/error.h"
#include "base/mem.h"

static char root[64];
static struct error err;

static void put(const char *path, const char *text)
{
	char *whole = xasprintf("%s/%s", root, path);
	FILE *f = fopen(whole, "w");

	cr_assert_not_null(f, "%s", whole);
	(void)fputs(text, f);
	(void)fclose(f);
	free(whole);
}

static char *in(const char *path)
{
	return xasprintf("%s/%s", root, path);
}

static void start(void)
{
	char *dir;

	(void)snprintf(root, sizeof(root), "/tmp/test-cgroup-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	dir = in("base");
	cr_assert_eq(mkdir(dir, 0755), 0);
	free(dir);
	put("base/cgroup.procs", "");
	put("base/cgroup.subtree_control", "");
}

static void stop(void)
{
	char *command = xasprintf("rm -r '%s'", root);

	cr_assert_eq(system(command), 0);
	free(command);
}

TestSuite(cgroup, .init = start, .fini = stop);

static struct cgroups *open_base(void)
{
	char *base = in("base");
	const struct cgroups_conf conf = {.base = base};
	struct cgroups *g = NULL;

	cr_assert_eq(cgroups_open(&conf, &g, &err), 0, "%s", err.msg);
	free(base);
	return g;
}

Test(cgroup, what_is_not_delegated_is_not_used)
{
	char *proc, *self;
	struct cgroups_conf conf = {0};
	struct cgroups *g = NULL;

	proc = in("proc");
	self = in("proc/self");
	cr_assert_eq(mkdir(proc, 0755), 0);
	cr_assert_eq(mkdir(self, 0755), 0);
	put("proc/self/cgroup", "1:name=systemd:/x\n0::/base\n");
	put("cgroup.controllers", "cpu memory\n");
	conf.mount = root;
	conf.proc = proc;
	cr_assert_eq(cgroups_open(&conf, &g, &err), -ERR_NOT_FOUND);
	cr_assert(strstr(err.msg, "/base is no control group") != NULL, "%s", err.msg);
	free(proc);
	free(self);
}

Test(cgroup, controllers_are_handed_down)
{
	struct cgroups *g = open_base();
	char *leaf = in("base/wf-main");

	/* a plain file keeps what was written last, the kernel's has all */
	cr_assert(cgroups_has(g, "pids"));
	cr_assert_not(cgroups_has(g, "memory"));
	cr_assert_eq(access(leaf, F_OK), 0, "a leaf for our own processes");
	free(leaf);
	cgroups_close(g);
}

Test(cgroup, usage)
{
	struct cgroups *g = open_base();
	struct cgroup *c = NULL;
	struct cgroup_usage u;
	char *dir = in("base/x");

	cr_assert_eq(mkdir(dir, 0755), 0);
	put("base/x/cgroup.procs", "");
	put("base/x/cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n");
	put("base/x/io.stat", "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0\n"
			      "8:16 rbytes=5 wbytes=7 rios=1 wios=1 dbytes=0\n");
	put("base/x/memory.events", "low 0\noom 2\noom_kill 3\noom_group_kill 1\n");
	put("base/x/cgroup.events", "populated 1\nfrozen 0\n");
	cr_assert_eq(cgroup_carried(g, "x", &c, &err), 0, "%s", err.msg);
	cgroup_usage(c, &u);
	cr_expect_eq(u.cpu_us, 1234567);
	cr_expect_eq(u.read_bytes, 105);
	cr_expect_eq(u.written_bytes, 27);
	cr_expect_eq(u.oom_kills, 3);
	cr_expect_eq(u.peak_bytes, -1, "there is no such file");
	cr_expect_not(cgroup_is_empty(c));
	put("base/x/memory.peak", "1048576\n");
	put("base/x/cgroup.events", "populated 0\n");
	cgroup_usage(c, &u);
	cr_expect_eq(u.peak_bytes, 1048576);
	cr_expect(cgroup_is_empty(c));
	cr_expect_str_eq(cgroup_name(c), "x");
	cgroup_free(c);
	cgroups_close(g);
	free(dir);
}

Test(cgroup, without_the_files_of_a_group_there_is_an_error)
{
	const struct cgroup_limits none = {0};
	struct cgroups *g = open_base();
	struct cgroup *c = NULL;

	cr_assert_lt(cgroup_new(g, "r", &none, &c, &err), 0);
	cr_assert_null(c);
	cgroups_close(g);
}
