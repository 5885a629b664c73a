/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_state.c - a proposed state as a client may send it, through decoding and the
 * rules. First byte: current type and policy; the rest: JSON.
 */
#include <stdint.h>
#include <stdlib.h>

#include "api/http/http.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/state_json.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decide(struct orc_state *proposed, uint8_t how)
{
	const struct orc_facts facts = {.concurrency_limit = how & 1};
	struct orc_state current = {.type = 0};
	struct orc_decision d;
	struct orc_run run;
	struct jsonw w;
	struct buf out;

	orc_run_init(&run);
	if (how % 10 != 0) {
		orc_state_init(&current, how % 10, NULL, NULL);
		current.at_us = 1000;
	}
	run.has_deployment = how & 1;
	orc_decide((enum orc_policy)(1 + how % 6), &run,
		   &(struct orc_view){&current, &facts, 2000}, proposed, &d);
	if (d.writes) {
		buf_init(&out);
		jsonw_init(&w, &out);
		state_write(&w, NULL, &d.state);
		free(state_details_text(&d.state));
		free(state_data_text(&d.state));
		buf_release(&out);
	}
	orc_decision_release(&d);
	orc_state_release(&current);
	orc_run_release(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_invalid *v = http_invalid_new();
	struct orc_state s;
	json_t *body = NULL;

	if (size > 1) {
		body = json_parse((const char *)data + 1, size - 1, 1u << 16, NULL);
	}
	if (body != NULL && state_decode(body, "state", &s, v) == 0) {
		decide(&s, data[0]);
	}
	json_decref(body);
	http_invalid_free(v);
	return 0;
}
