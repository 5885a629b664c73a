/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.c - who speaks for a run: lease tokens and client versions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/fence.h"
#include "api/http/http.h"
#include "api/routes/runs/runs.h"
#include "api/tx.h"
#include "base/error.h"

#define PREFECT_AGENT "prefect/"

int fence_header_any(const struct http_req *r, struct uuid *ret_run,
		     uint64_t *ret_token)
{
	struct fence f;

	fence_parse(http_header(r, FENCE_HEADER), &f);
	*ret_run = f.run;
	*ret_token = f.token;
	return f.has;
}

uint64_t fence_header(const struct http_req *r, const struct uuid *run)
{
	struct uuid id;
	uint64_t token;

	return fence_header_any(r, &id, &token) && uuid_equal(&id, run) ? token : 0;
}

int fence_check(struct tx *tx, const struct uuid *run, uint64_t fence,
		struct error *err)
{
	int64_t stored = 0;
	int rc;

	if (fence == 0) {
		return 0;
	}
	rc = db_one_int(tx->c, SQL_FLOW_RUN_FENCE, DB_ARGS(db_a_uuid(run)), 1, &stored,
			err);
	if (rc < 0) {
		return rc;
	}
	if (fence < (uint64_t)stored) {
		return tx_detail(tx, err, ERR_SUPERSEDED, 409,
				 "A newer owner of flow run %s exists (token %lld, not "
				 "%llu): stop working "
				 "on it.",
				 uuid_str(run), (long long)stored,
				 (unsigned long long)fence);
	}
	if (fence > (uint64_t)stored) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_SET_FENCE,
			     DB_ARGS(db_a_uuid(run), db_a_int((int64_t)fence)), 2, NULL,
			     err);
	}
	return rc < 0 ? rc : 0;
}

int client_renews_leases(const struct http_req *r)
{
	const char *agent = http_header(r, "User-Agent");
	char *end;
	long v[3] = {0};

	if (agent == NULL ||
	    strncmp(agent, PREFECT_AGENT, sizeof(PREFECT_AGENT) - 1) != 0) {
		return 0;
	}
	agent += sizeof(PREFECT_AGENT) - 1;
	for (int i = 0; i < 3; i++) {
		v[i] = strtol(agent, &end, 10);
		if (end == agent) {
			return 0;
		}
		agent = *end == '.' ? end + 1 : end;
	}
	if (v[0] != 3) {
		return v[0] > 3;
	}
	return v[1] > 4 || (v[1] == 4 && v[2] >= 11);
}
