/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_slots.c - rules about a deployment's concurrency limit.
 *
 * A slot is a lease record of the run; these rules say when it is taken, renewed, kept
 * for good and ended.  The shell does it, by the effects.
 */
#include <stdio.h>

#include "api/orchestration/rules.h"
#include "proto/frame.h"

#define TYPE(t)      WF__CONTROL__STATE_TYPE__##t
#define LEASE_ID     "deployment_concurrency_lease_id"
#define PLACE_WAIT_S 1
#define SLOT_WAIT_US (30 * INT64_C(1000000)) /* concurrency_slot_wait_seconds */

static void secure_place(struct orc_ctx *c)
{
	const struct orc_facts *f = c->facts;
	char reason[160];

	if (f->full_place == NULL) {
		return;
	}
	(void)snprintf(reason, sizeof(reason),
		       "The concurrency limit of the work %s is reached: %lld of %lld.",
		       f->full_place, (long long)f->place_busy,
		       (long long)f->place_limit);
	if (f->fenced) {
		orc_wait(c, PLACE_WAIT_S, reason); /* its worker gives it back */
	} else {
		orc_abort(c, "%s", reason); /* the next poll offers it again */
	}
}
const struct orc_rule rule_secure_place = {
    .name = "SecureWorkPoolPlaces",
    .from = ORC_ALL & ~ORC_BUSY,
    .to = ORC_PENDING,
    .before = secure_place,
    .does = "ours: the limits of the work pool and queue hold for every kind of "
	    "worker; full: WAIT for the owner of a lease, ABORT for others",
};

static void take_slot(struct orc_ctx *c)
{
	char text[UUID_TEXT_SIZE];

	c->d->effects |= ORC_FX_TAKE_SLOT;
	if (c->facts->fenced) {
		c->d->effects |= ORC_FX_KEEP_SLOT; /* the owner's lease guards it */
	}
	orc_detail_set_str(c->proposed, LEASE_ID,
			   uuid_format(&c->facts->fresh_lease, text));
}

static void preserve_lease_id(struct orc_ctx *c)
{
	const char *id = orc_detail_str(c->current, LEASE_ID);

	if (id != NULL && orc_detail_str(c->proposed, LEASE_ID) == NULL) {
		orc_detail_set_str(c->proposed, LEASE_ID, id);
	}
}
const struct orc_rule rule_preserve_lease_id = {
    .name = "PreserveDeploymentConcurrencyLeaseId",
    .from = ORC_ALL,
    .to = ORC_ALL,
    .before = preserve_lease_id,
    .does = "the lease id of the current state is carried along",
};

static void validate_slot_at_running(struct orc_ctx *c)
{
	struct orc_state cancelled;

	if (orc_detail_str(c->proposed, LEASE_ID) == NULL ||
	    (!c->facts->client_renews_leases && !c->facts->fenced) ||
	    c->facts->concurrency_limit < 0) {
		return;
	}
	if (c->facts->lease_alive) {
		c->d->effects |=
		    c->facts->fenced ? ORC_FX_KEEP_SLOT : ORC_FX_RENEW_SLOT;
	} else if (c->facts->slots_taken < c->facts->concurrency_limit) {
		take_slot(c);
	} else {
		orc_make_state(
		    c, &cancelled, TYPE(CANCELLED), NULL,
		    "Deployment concurrency slot lost during provisioning - no slots "
		    "available to continue execution");
		orc_reject_with(
		    c, &cancelled,
		    "Deployment concurrency limit reached after lease expiry.");
	}
}

static void give_back(struct orc_ctx *c)
{
	c->d->effects &=
	    ~(unsigned int)(ORC_FX_TAKE_SLOT | ORC_FX_RENEW_SLOT | ORC_FX_KEEP_SLOT);
}
const struct orc_rule rule_validate_slot_at_running = {
    .name = "ValidateDeploymentConcurrencyAtRunning",
    .from = ORC_PENDING,
    .to = ORC_RUNNING,
    .before = validate_slot_at_running,
    .cleanup = give_back,
    .does = "the slot's lease is renewed at the start (an owner's lives as long as its "
	    "lease of the run); a lost one is taken again, or the run is CANCELLED",
};

static void no_slot(struct orc_ctx *c)
{
	struct orc_state instead;

	if (c->facts->collision_cancel_new) {
		orc_make_state(c, &instead, TYPE(CANCELLED), NULL,
			       "Deployment concurrency limit reached.");
	} else {
		orc_make_state(c, &instead, TYPE(SCHEDULED), "AwaitingConcurrencySlot",
			       NULL);
		orc_detail_set_time(&instead, "scheduled_time",
				    c->now_us + SLOT_WAIT_US);
	}
	orc_reject_with(c, &instead, "Deployment concurrency limit reached.");
}

static void secure_flow_slots(struct orc_ctx *c)
{
	if (!c->run->has_deployment) {
		return;
	}
	if (!c->facts->deployment_exists) {
		orc_abort(c, "Deployment not found.");
	} else if (c->facts->concurrency_limit < 0) {
		return;
	} else if (c->facts->concurrency_limit == 0) {
		orc_abort(
		    c,
		    "The deployment concurrency limit is 0. The flow will deadlock if "
		    "submitted again.");
	} else if (c->facts->slots_taken < c->facts->concurrency_limit) {
		take_slot(c);
	} else {
		no_slot(c);
	}
}
const struct orc_rule rule_secure_flow_slots = {
    .name = "SecureFlowConcurrencySlots",
    .from = ORC_ALL & ~ORC_BUSY,
    .to = ORC_PENDING,
    .before = secure_flow_slots,
    .cleanup = give_back,
    .does =
	"takes one slot of the deployment's limit; full: AwaitingConcurrencySlot in "
	"30 s, or CANCELLED (CANCEL_NEW)",
};

static void keep_slot(struct orc_ctx *c)
{
	if (!c->facts->client_renews_leases &&
	    orc_detail_str(c->current, LEASE_ID) != NULL) {
		c->d->effects |= ORC_FX_KEEP_SLOT;
	}
}
const struct orc_rule rule_remove_lease_for_old_clients = {
    .name = "RemoveDeploymentConcurrencyLeaseForOldClientVersions",
    .from = ORC_PENDING,
    .to = ORC_RUNNING | ORC_CANCELLING,
    .after = keep_slot,
    .does = "a client that renews no leases (< 3.4.11) keeps its slot until it is done",
};

static void release_slot(struct orc_ctx *c)
{
	if (c->run->has_deployment) {
		c->d->effects |= ORC_FX_RELEASE_SLOT;
	}
}
const struct orc_rule rule_release_flow_slots = {
    .name = "ReleaseFlowConcurrencySlots",
    .from = ORC_BUSY,
    .to = ORC_ALL & ~ORC_BUSY,
    .after = release_slot,
    .always = 1,
    .does = "leaving PENDING, RUNNING and CANCELLING ends the slot's lease",
};

static void enforce_limit_on_late(struct orc_ctx *c)
{
	if (c->run->has_deployment && c->facts->collision_cancel_new &&
	    c->facts->concurrency_limit >= 0 &&
	    c->facts->slots_taken >= c->facts->concurrency_limit) {
		no_slot(c);
	}
}
const struct orc_rule rule_enforce_limit_on_late = {
    .name = "EnforceDeploymentConcurrencyOnLate",
    .from = ORC_SCHEDULED,
    .to = ORC_SCHEDULED,
    .before = enforce_limit_on_late,
    .does = "CANCEL_NEW with a full limit: CANCELLED instead of Late",
};
