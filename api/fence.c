/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.c - see fence.h.
 */
#include "api/fence.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/tx.h"
#include "base/error.h"

void fence_parse(const char *text, struct fence *ret_fence)
{
	const char *colon = text != NULL ? strchr(text, ':') : NULL;
	char *end;

	*ret_fence = (struct fence){0};
	if (colon != NULL &&
	    uuid_parse_n(text, (size_t)(colon - text), &ret_fence->run) == 0) {
		ret_fence->token = strtoull(colon + 1, &end, 10);
		ret_fence->has = *end == '\0' && end != colon + 1;
	}
}

int fence_is_stale(struct tx *tx, const struct uuid *run, uint64_t token,
		   struct error *err)
{
	int64_t stored = 0;
	int rc = db_one_int(tx->c, SQL_FLOW_RUN_FENCE, DB_ARGS(db_a_uuid(run)), 1,
			    &stored, err);

	return rc < 0 ? rc : token < (uint64_t)stored;
}

int fence_refuse(struct tx *tx, const struct fence *f, struct error *err)
{
	int rc = f->has ? fence_is_stale(tx, &f->run, f->token, err) : 0;

	return rc <= 0 ? rc
		       : tx_detail(tx, err, ERR_SUPERSEDED, 409,
				   "A newer owner of flow run %s exists (this is token "
				   "%llu): stop working on it.",
				   uuid_str(&f->run), (unsigned long long)f->token);
}
