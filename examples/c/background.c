/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background.c - work that goes on beside the flow: orders are taken at once, each is
 * handled in the background, the flow looks in from time to time and gives up on what
 * takes too long.
 *
 *     ./background run orders -p count=6
 */
#include <time.h>
#include <wf.h>

static void rest(double seconds)
{
	const struct timespec t = {
	    .tv_sec = (time_t)seconds,
	    .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

	(void)nanosleep(&t, NULL);
}

WF_TASK(handle_order, wf_json, .tags = WF_TAGS("orders"), .timeout = 1, .grace = 0.1,
	.allow_failure = true)
{
	int64_t id = wf_i64(in, "id");

	rest(id % 5 == 4 ? 30 : 0.02 * (double)(id % 3)); /* the fifth one hangs */
	return wf_ok(ctx, wf_obj("{id: %lld, handled: true}", (long long)id));
}

WF_FLOW(orders, .params = "{count: integer = 6}", .task_runner = WF_PROCS(3),
	.description = "work in the background")
{
	wf_json ids = wf_arr(ctx);
	wf_futs futs;
	wf_fut *f;
	int64_t i, handled = 0, late = 0;

	for (i = 0; i < wf_i64(in, "count"); i++) {
		wf_push(ids, wf_from_i64(i));
	}
	futs = wf_map(ctx, handle_order, WF_EACH("id", ids));
	wf_info(ctx, "%zu orders taken", futs.count); /* none is handled yet */
	while (wf_left(&futs) > 0) {
		f = wf_as_completed(&futs, 500);
		if (f == NULL) {
			wf_info(ctx, "still waiting for %zu", wf_left(&futs));
		} else if (wf_is_completed(wf_state_of(f))) {
			handled++;
		} else {
			late++;
		}
	}
	return wf_ok(ctx, wf_obj("{handled: %lld, late: %lld}", (long long)handled,
				 (long long)late));
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
