/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_patch.c - the schedules of a PATCHed deployment.
 *
 * When every schedule there has a slug, slugs decide: a known one is changed in place,
 * an unknown one is made, "replaces" renames, nothing is deleted.  Otherwise a list
 * replaces all.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/deployments/deployment_body.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"

struct patch {
	struct schedule_row *rows;
	size_t rows_count;
	struct schedule_in *list;
	size_t count;
};

static const char *slug_of(const struct schedule_in *in)
{
	return in->slug;
}

static int all_have_slugs(const struct schedule_in *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slug_of(&list[i]) == NULL) {
			return 0;
		}
	}
	return 1;
}

static int rows_have_slugs(const struct patch *p)
{
	for (size_t i = 0; i < p->rows_count; i++) {
		if (p->rows[i].slug == NULL) {
			return 0;
		}
	}
	return p->rows_count > 0;
}

static struct schedule_row *row_by_slug(const struct patch *p, const char *slug)
{
	for (size_t i = 0; slug != NULL && i < p->rows_count; i++) {
		if (strcmp(p->rows[i].slug, slug) == 0) {
			return &p->rows[i];
		}
	}
	return NULL;
}

static int is_replaced(const struct patch *p, const char *slug)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->list[i].replaces != NULL &&
		    strcmp(p->list[i].replaces, slug) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Each kind of mistake is looked for in all schedules before the next one. */
static int check_targets(struct tx *tx, const struct patch *p, size_t at,
			 struct error *err)
{
	const struct schedule_in *in = &p->list[at];

	for (size_t k = 0; in->replaces != NULL && k < at; k++) {
		if (p->list[k].replaces != NULL &&
		    strcmp(p->list[k].replaces, in->replaces) == 0) {
			return tx_detail(tx, err, ERR_INVALID, 422,
					 "Multiple schedules have 'replaces' targeting "
					 "the same slug: %s",
					 in->replaces);
		}
	}
	return 0;
}

static int check_rename(struct tx *tx, const struct patch *p, size_t at,
			struct error *err)
{
	const struct schedule_in *in = &p->list[at];

	if (in->replaces != NULL && row_by_slug(p, in->slug) != NULL &&
	    !is_replaced(p, in->slug)) {
		return tx_detail(tx, err, ERR_INVALID, 422,
				 "Cannot rename schedule from '%s' to '%s': a schedule "
				 "with slug '%s' already "
				 "exists.",
				 in->replaces, in->slug, in->slug);
	}
	return 0;
}

static int check_new(struct tx *tx, const struct patch *p, size_t at, struct error *err)
{
	const struct schedule_in *in = &p->list[at];
	const char *target = in->replaces != NULL ? in->replaces : in->slug;

	if (row_by_slug(p, target) == NULL && in->schedule == NULL) {
		return tx_detail(
		    tx, err, ERR_INVALID, 422,
		    "Unable to create new deployment schedules without a schedule "
		    "configuration.");
	}
	return 0;
}

/* Slugs that change hands are cleared first, so that the unique index is not in the
 * way. */
static int clear_slugs(struct tx *tx, const struct patch *p, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		const struct schedule_row *row = row_by_slug(p, p->list[i].replaces);

		if (row != NULL) {
			rc = db_exec(tx->c, SQL_SCHEDULE_CLEAR_SLUG,
				     DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
		}
	}
	return rc;
}

static int patch_by_slug(struct tx *tx, const struct uuid *id, const struct patch *p,
			 struct error *err)
{
	struct schedule_row **targets =
	    xcalloc(p->count + 1, sizeof(struct schedule_row *));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		rc = check_targets(tx, p, i, err);
	}
	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		rc = check_rename(tx, p, i, err);
	}
	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		const struct schedule_in *in = &p->list[i];

		rc = check_new(tx, p, i, err);
		targets[i] =
		    row_by_slug(p, in->replaces != NULL ? in->replaces : in->slug);
	}
	if (rc == 0) {
		rc = clear_slugs(tx, p, err);
	}
	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		if (targets[i] != NULL) {
			rc = schedule_change(tx, targets[i], &p->list[i], err);
			continue;
		}
		/* new ones count as updated after the changed ones */
		p->list[i].place = (int64_t)(p->count + i);
		rc = schedule_insert(tx, id, &p->list[i], NULL, err);
	}
	free((void *)targets);
	return rc;
}

int deployment_patch_schedules(struct tx *tx, const struct uuid *id,
			       const struct deployment_body *b, struct error *err)
{
	struct patch p = {.list = b->list, .count = b->count};
	int provided, existing;
	int rc = schedule_of_deployment(tx, id, &p.rows, &p.rows_count, err);

	if (rc < 0) {
		return rc;
	}
	provided = all_have_slugs(p.list, p.count);
	existing = rows_have_slugs(&p);
	if (existing && provided) {
		rc = patch_by_slug(tx, id, &p, err);
	} else if (existing) {
		rc = tx_detail(tx, err, ERR_INVALID, 422,
			       "Please provide a slug for each schedule in your "
			       "request to ensure schedules "
			       "are updated correctly.");
	} else if (b->schedules != NULL) {
		rc = deployment_replace_schedules(tx, id, b, err);
	}
	schedule_rows_free(p.rows, p.rows_count);
	return rc;
}
