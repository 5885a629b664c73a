/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_json.c - the API's schedule object: checks, and the defaults written out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/cron.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rrule.h"
#include "base/schedule.h"
#include "base/schedule_priv.h"
#include "base/timefmt.h"
#include "base/tz.h"

#define INTERVAL_MAX_S (100.0 * 366 * 86400)
#define RRULE_TEXT_MAX 6500

static const char *const interval_keys[] = {"interval", "anchor_date", "timezone",
					    NULL};
static const char *const cron_keys[] = {"cron", "timezone", "day_or", NULL};
static const char *const rrule_keys[] = {"rrule", "timezone", NULL};

static int check_keys(const json_t *obj, const char *const *allowed, struct error *err)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		const char *const *k = allowed;

		while (*k != NULL && strcmp(*k, key) != 0) {
			k++;
		}
		if (*k == NULL) {
			return err_set(err, ERR_INVALID,
				       "\"%.64s\": Extra inputs are not permitted",
				       key);
		}
	}
	return 0;
}

/* The zone by NAME; an absent or empty one is UTC. */
static int get_zone(const char *name, const struct tz **ret_tz, struct error *err)
{
	if (name == NULL || name[0] == '\0') {
		name = "UTC";
	}
	if (tz_get(name, ret_tz, NULL) < 0) {
		return err_set(
		    err, ERR_INVALID,
		    "Invalid timezone: \"%.64s\" (specify in IANA tzdata format, for "
		    "example, America/New_York)",
		    name);
	}
	return 0;
}

static int parse_zone(const json_t *obj, struct schedule *s, struct error *err)
{
	const char *name = NULL;
	int rc = json_get_str(obj, "timezone", &name, err);

	return rc < 0 ? rc : get_zone(name, &s->tz, err);
}

/* An anchor without an offset is local time of the schedule's zone. */
static int parse_anchor(const json_t *obj, struct schedule *s, struct error *err)
{
	const char *text = NULL;
	int naive = 0;
	int rc = json_get_str(obj, "anchor_date", &text, err);

	if (rc <= 0) {
		return rc;
	}
	if (time_parse(text, &s->anchor_us, NULL, &naive, err) < 0) {
		return err_wrap(err, "\"anchor_date\"");
	}
	if (naive) {
		s->anchor_us = tz_local_to_us(s->tz, s->anchor_us);
	}
	return 0;
}

static int parse_interval(const json_t *obj, struct schedule *s, struct error *err)
{
	double seconds = 0;
	int rc = check_keys(obj, interval_keys, err);

	s->kind = SCHEDULE_INTERVAL;
	if (rc == 0) {
		rc = json_get_real(obj, "interval", &seconds, err);
	}
	if (rc < 0) {
		return rc;
	}
	if (!(seconds > 0)) {
		return err_set(err, ERR_INVALID, "interval must be positive");
	}
	if (seconds > INTERVAL_MAX_S) {
		return err_set(err, ERR_INVALID, "interval must be at most 100 years");
	}
	s->interval_us = llround(seconds * 1e6);
	if (s->interval_us == 0) {
		s->interval_us = 1;
	}
	rc = parse_zone(obj, s, err);
	return rc < 0 ? rc : parse_anchor(obj, s, err);
}

/* A lone R or H, and R(1-5) or H(1-5), ask for random minutes: not supported. */
static int has_random(const char *text)
{
	int start = 1;

	for (; *text != '\0'; text++) {
		if (start && strchr("RHrh", *text) != NULL &&
		    (text[1] == '\0' || strchr(" \t,/(", text[1]) != NULL)) {
			return 1;
		}
		start = strchr(" \t,", *text) != NULL;
	}
	return 0;
}

static int parse_cron(const json_t *obj, struct schedule *s, struct error *err)
{
	const char *text = NULL;
	int day_or = 1;
	struct error why;
	int rc = check_keys(obj, cron_keys, err);

	s->kind = SCHEDULE_CRON;
	if (rc == 0) {
		rc = json_get_str(obj, "cron", &text, err);
	}
	PRE(rc < 0 || text != NULL); /* it is what told the kind */
	if (rc >= 0) {
		rc = json_get_bool(obj, "day_or", &day_or, err);
	}
	if (rc < 0) {
		return rc;
	}
	if (has_random(text)) {
		return err_set(err, ERR_INVALID,
			       "Random and Hashed expressions are unsupported, "
			       "received: \"%.128s\"",
			       text);
	}
	if (cron_parse(text, day_or, &s->cron, &why) < 0) {
		return err_set(err, ERR_INVALID, "Invalid cron string: \"%.128s\" (%s)",
			       text, why.msg);
	}
	return parse_zone(obj, s, err);
}

static int parse_rrule(const json_t *obj, struct schedule *s, struct error *err)
{
	const char *text = NULL;
	struct error why;
	int rc = check_keys(obj, rrule_keys, err);

	s->kind = SCHEDULE_RRULE;
	if (rc == 0) {
		rc = json_get_str(obj, "rrule", &text, err);
	}
	PRE(rc < 0 || text != NULL); /* it is what told the kind */
	if (rc < 0) {
		return rc;
	}
	if (strlen(text) > RRULE_TEXT_MAX) {
		return err_set(
		    err, ERR_INVALID,
		    "Invalid RRule string \"%.40s...\"\nMax length is %d, got %zu",
		    text, RRULE_TEXT_MAX, strlen(text));
	}
	if (rrule_parse(text, &s->rrule, &why) < 0) {
		return err_set(err, ERR_INVALID, "Invalid RRule string \"%.128s\": %s",
			       text, why.msg);
	}
	return parse_zone(obj, s, err);
}

int schedule_from_json(const json_t *obj, struct schedule **ret_schedule,
		       struct error *err)
{
	struct schedule *s = xcalloc(1, sizeof(*s));
	int rc;

	if (!json_is_object(obj)) {
		rc = err_set(err, ERR_INVALID, "a schedule must be an object");
	} else if (json_is_number(json_object_get(obj, "interval"))) {
		rc = parse_interval(obj, s, err);
	} else if (json_is_string(json_object_get(obj, "cron"))) {
		rc = parse_cron(obj, s, err);
	} else if (json_is_string(json_object_get(obj, "rrule"))) {
		rc = parse_rrule(obj, s, err);
	} else {
		rc = err_set(err, ERR_INVALID,
			     "a schedule must have \"interval\" (a number), \"cron\" "
			     "or \"rrule\" "
			     "(a string)");
	}
	if (rc < 0) {
		schedule_free(s);
		return rc;
	}
	*ret_schedule = s;
	return 0;
}

static void set_default(json_t *obj, const char *key, json_t *value)
{
	if (json_object_get(obj, key) == NULL) {
		json_object_set_new(obj, key, value);
	} else {
		json_decref(value);
	}
}

/* The anchor as an instant with its offset; the zone, which stays as given or is UTC.
 */
static void normalise_interval(json_t *obj, const struct schedule *s, int64_t now_us)
{
	const char *text = json_string_value(json_object_get(obj, "anchor_date"));
	char buf[TIME_TEXT_SIZE];
	int naive = 0;
	int64_t at_us;

	if (text == NULL) {
		at_us = now_us;
	} else {
		at_us = s->anchor_us;
		if (time_parse(text, &at_us, NULL, &naive, NULL) < 0 || !naive) {
			at_us =
			    TIME_NONE; /* it has an offset: kept as it was written */
		} else {
			at_us = s->anchor_us;
		}
	}
	if (at_us != TIME_NONE) {
		json_object_set_new(obj, "anchor_date",
				    json_string(time_format(at_us, buf, sizeof(buf))));
	}
	if (!json_is_string(json_object_get(obj, "timezone"))) {
		json_object_set_new(obj, "timezone", json_string("UTC"));
	}
}

static void normalise_rrule(json_t *obj, const struct schedule *s, int64_t now_us)
{
	const char *text = json_string_value(json_object_get(obj, "rrule"));
	struct civil c;
	char *full;

	set_default(obj, "timezone", json_string("UTC"));
	if (rrule_has_start(s->rrule)) {
		return;
	}
	civil_from_us(rrule_default_start(s->rrule, tz_us_to_local(s->tz, now_us)), &c);
	full = xasprintf("DTSTART:%04d%02d%02dT%02d%02d%02d\n%s", c.year, c.month,
			 c.day, c.hour, c.minute, c.second, text);
	json_object_set_new(obj, "rrule", json_string(full));
	free(full);
}

json_t *schedule_normalised(const json_t *obj, int64_t now_us, struct error *err)
{
	struct schedule *s = NULL;
	json_t *out;

	if (schedule_from_json(obj, &s, err) < 0) {
		return NULL;
	}
	out = json_deep_copy(obj);
	switch (s->kind) {
	case SCHEDULE_INTERVAL:
		normalise_interval(out, s, now_us);
		break;
	case SCHEDULE_CRON:
		set_default(out, "timezone", json_null());
		set_default(out, "day_or", json_true());
		break;
	case SCHEDULE_RRULE:
		normalise_rrule(out, s, now_us);
		break;
	}
	schedule_free(s);
	return out;
}
