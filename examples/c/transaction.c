/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction.c - files that appear together or not at all: each task says how to undo
 * its work; when the check fails, all of it is undone in reverse order.
 *
 *     ./transaction run publish -p folder=out -p fail=true
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wf.h>

/* The state's data is what the task returned: the file. */
static void remove_file(const wf_obj *o, const wf_state *s)
{
	const char *path = wf_as_str(wf_data(s));

	(void)unlink(path);
	wf_info(wf_obj_ctx(o), "undo: removed %s", path);
}

static void announce(const wf_obj *o, const wf_state *s)
{
	wf_info(wf_obj_ctx(o), "kept: %s", wf_as_str(wf_data(s)));
}

WF_TASK(write_file, wf_json, .run_name = "write {name}",
	.hooks = {.on_commit = WF_HOOKS(announce),
		  .on_rollback = WF_HOOKS(remove_file)})
{
	const char *path =
	    wf_fmt(ctx, "%s/%s", wf_str(in, "folder"), wf_str(in, "name"));
	FILE *f = fopen(path, "we");

	if (f == NULL) {
		return wf_fail(ctx, 1, "%s: %s", path, strerror(errno));
	}
	(void)fprintf(f, "%s\n", wf_str(in, "name"));
	(void)fclose(f);
	return wf_ok_text(ctx, path);
}

WF_TASK(check, wf_json)
{
	return wf_flag(in, "fail") ? wf_fail(ctx, 2, "the check failed") : wf_none(ctx);
}

WF_FLOW(publish, .params = "{folder: string, fail: boolean = false}",
	.description = "files that appear together or not at all")
{
	const char *folder = wf_str(in, "folder");

	wf_txn_begin(ctx);
	(void)wf_get(wf_call(ctx, write_file, "{folder: %s, name: 'index'}", folder));
	(void)wf_get(wf_call(ctx, write_file, "{folder: %s, name: 'data'}", folder));
	(void)wf_get(wf_call(ctx, check, "{fail: %b}", wf_flag(in, "fail")));
	wf_txn_commit(ctx);
	return wf_none(ctx);
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
