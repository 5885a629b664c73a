/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs.c - access logs counted: one task per file reads it, a last one adds up; the
 * report is an artifact of the run.
 *
 *     ./logs run logs -p 'files=["a.log", "b.log"]'
 *
 * A line is: ADDRESS METHOD PATH STATUS, with blanks between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wf.h>

WF_TASK(count_file, wf_json, .retries = 1, .run_name = "count {file}")
{
	const char *path = wf_str(in, "file");
	char address[64], method[16], url[256], line[512];
	int64_t lines = 0, errors = 0, unreadable = 0;
	FILE *f = fopen(path, "re");
	int status;

	if (f == NULL) {
		return wf_fail(ctx, 1, "%s: %s", path, strerror(errno));
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		lines++;
		if (sscanf(line, "%63s %15s %255s %d", address, method, url, &status) !=
		    4) {
			unreadable++;
		} else if (status >= 500) {
			errors++;
		}
	}
	(void)fclose(f);
	return wf_ok(
	    ctx, wf_obj("{file: %s, lines: %lld, errors: %lld, unreadable: %lld}", path,
			(long long)lines, (long long)errors, (long long)unreadable));
}

/* Gets the results of all files at once. */
WF_TASK(sum_up, wf_json)
{
	wf_json parts = wf_at(in, "parts");
	int64_t lines = 0, errors = 0;
	size_t i;

	for (i = 0; i < wf_len(parts); i++) {
		lines += wf_i64(wf_item(parts, i), "lines");
		errors += wf_i64(wf_item(parts, i), "errors");
	}
	return wf_ok(ctx, wf_obj("{lines: %lld, errors: %lld, rate: %f}",
				 (long long)lines, (long long)errors,
				 lines > 0 ? (double)errors / (double)lines : 0.0));
}

WF_FLOW(logs, .params = "{files: array}", .description = "server errors in access logs")
{
	wf_futs futs = wf_map(ctx, count_file, WF_EACH("file", wf_at(in, "files")));
	wf_json parts = wf_arr(ctx), total;
	size_t i;

	for (i = 0; i < futs.count; i++) {
		wf_push(parts, wf_get(futs.items[i]));
	}
	total = wf_get(wf_call(ctx, sum_up, "{parts: %J}", parts));
	wf_artifact_markdown(ctx, "errors",
			     wf_fmt(ctx, "**%lld** lines, **%lld** errors (%.1f %%)",
				    (long long)wf_i64(total, "lines"),
				    (long long)wf_i64(total, "errors"),
				    100 * wf_f64(total, "rate")));
	return wf_ok(ctx, total);
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
