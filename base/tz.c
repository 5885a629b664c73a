/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz.c - the instants and local times of a zone, and the cache of zones.
 *
 * A zone is a sequence of spans with one offset each: first those of the file's table,
 * then, for ever, those that the footer's rule yields.  Everything asks for the span of
 * an instant.  Reading the file is tz_file.c, the rule tz_rule.c.
 */
#include "base/tz.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/tz_priv.h"

#define TZ_FOLDER    "/usr/share/zoneinfo"
#define TZ_CACHE_MAX 1024
#define TZ_NAME_MAX  64
#define TZ_FILE_MAX  (128u << 10)

static struct {
	pthread_mutex_t lock;
	int ready;
	struct map zones; /* name to struct tz, never removed */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t seconds_of(int64_t us)
{
	return us / CLOCK_US_PER_S - (us % CLOCK_US_PER_S < 0);
}

/* The span of the table that S is in. */
static void table_span(const struct tz *z, int64_t s, struct tz_span *ret_span)
{
	size_t low = 0;
	size_t high = z->count; /* the first transition after S is in [low, high] */

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->at[mid] <= s) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	ret_span->start = low == 0 ? INT64_MIN : z->at[low - 1];
	ret_span->end = low == z->count ? INT64_MAX : z->at[low];
	ret_span->offset = low == 0 ? z->first_offset : z->offset[low - 1];
}

static void span_at(const struct tz *z, int64_t s, struct tz_span *ret_span)
{
	table_span(z, s, ret_span);
	if (z->has_rule && ret_span->end == INT64_MAX) {
		int64_t start = ret_span->start;

		tz_rule_span(&z->rule, s, ret_span);
		if (ret_span->start < start) {
			ret_span->start =
			    start; /* the rule begins with the last span */
		}
	}
}

const char *tz_name(const struct tz *z)
{
	return z->name;
}

int tz_offset_at(const struct tz *z, int64_t at_us)
{
	struct tz_span span;

	span_at(z, seconds_of(at_us), &span);
	return span.offset;
}

int64_t tz_us_to_local(const struct tz *z, int64_t at_us)
{
	int64_t local_us;

	if (__builtin_add_overflow(at_us, tz_offset_at(z, at_us) * CLOCK_US_PER_S,
				   &local_us)) {
		return at_us;
	}
	return local_us;
}

/*
 * Walks the spans around LOCAL (seconds).  Returns how many instants have that local
 * time; *ret_offset is that of the first of them or, in a gap, the one before the gap,
 * which shifts the local time forward by the gap.
 */
static int find_local(const struct tz *z, int64_t local, int *ret_offset)
{
	struct tz_span span;
	int64_t at = local - TZ_OFFSET_MAX;
	int found = 0;
	int gap = 0;

	span_at(z, at, &span);
	for (;;) {
		int64_t s = local - span.offset;

		if (s >= span.start && s < span.end) {
			if (found == 0) {
				*ret_offset = span.offset;
			}
			found++;
		} else if (s >= span.end && found == 0 && !gap) {
			/* past this span; if no other span has it, this was before the
			 * gap */
			*ret_offset = span.offset;
		}
		if (s < span.start) {
			gap = 1;
		}
		if (span.end > local + TZ_OFFSET_MAX) {
			return found;
		}
		at = span.end;
		span_at(z, at, &span);
	}
}

/* Times near the ends of int64 have no zone worth speaking of. */
static int is_sane(int64_t s)
{
	return s > INT64_MIN / CLOCK_US_PER_S + 2 * TZ_OFFSET_MAX &&
	       s < INT64_MAX / CLOCK_US_PER_S - 2 * TZ_OFFSET_MAX;
}

int64_t tz_local_to_us(const struct tz *z, int64_t local_us)
{
	int64_t s = seconds_of(local_us);
	int offset = 0;

	if (!is_sane(s)) {
		return local_us;
	}
	find_local(z, s, &offset);
	return local_us - offset * CLOCK_US_PER_S;
}

int tz_local_kind(const struct tz *z, int64_t local_us)
{
	int64_t s = seconds_of(local_us);
	int offset = 0;
	int n;

	if (!is_sane(s)) {
		return 1;
	}
	n = find_local(z, s, &offset);
	return n > 2 ? 2 : n;
}

void tz_free(struct tz *z)
{
	if (z == NULL) {
		return;
	}
	free(z->name);
	free(z->at);
	free(z->offset);
	free(z);
}

/* Names are relative paths made of harmless characters: "America/Argentina/Ushuaia". */
static int is_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_+-/");

	return n > 0 && n <= TZ_NAME_MAX && name[n] == '\0' && name[0] != '/' &&
	       name[n - 1] != '/' && strstr(name, "//") == NULL;
}

static int load(const char *name, struct tz **ret_tz, struct error *err)
{
	const char *folder = opts_env("TZDIR");
	struct buf b;
	char *path;
	int rc;

	path = xasprintf("%s/%s",
			 folder != NULL && folder[0] == '/' ? folder : TZ_FOLDER, name);
	buf_init(&b);
	rc = buf_read_file(&b, path, TZ_FILE_MAX, NULL);
	if (rc == 0) {
		rc = tz_parse(b.data, b.len, ret_tz, NULL);
	}
	buf_release(&b);
	free(path);
	if (rc < 0 && strcmp(name, "UTC") == 0) {
		*ret_tz =
		    xcalloc(1, sizeof(**ret_tz)); /* no table: offset 0 for ever */
		rc = 0;
	}
	if (rc < 0) {
		return err_set(err, ERR_NOT_FOUND,
			       "no time zone \"%s\"; use a name like Europe/Berlin (is "
			       "tzdata installed?)",
			       name);
	}
	return 0;
}

static int get_locked(const char *name, const struct tz **ret_tz, struct error *err)
{
	struct tz *z = NULL;
	int rc;

	if (!cache.ready) {
		map_init(&cache.zones, TZ_CACHE_MAX);
		cache.ready = 1;
	}
	*ret_tz = map_get(&cache.zones, name);
	if (*ret_tz != NULL) {
		return 0;
	}
	rc = load(name, &z, err);
	if (rc < 0) {
		return rc;
	}
	PRE(z != NULL);
	free(z->name);
	z->name = xstrdup(name);
	if (map_set(&cache.zones, name, z, NULL) < 0) {
		tz_free(z);
		return err_set(err, ERR_LIMIT, "more than %d time zones in use",
			       TZ_CACHE_MAX);
	}
	*ret_tz = z;
	return 0;
}

int tz_get(const char *name, const struct tz **ret_tz, struct error *err)
{
	const struct tz *z = NULL;
	int rc;

	if (!is_name(name)) {
		return err_set(err, ERR_NOT_FOUND,
			       "no time zone \"%.64s\"; use a name like Europe/Berlin",
			       name);
	}
	pthread_mutex_lock(&cache.lock);
	rc = get_locked(name, &z, err);
	pthread_mutex_unlock(&cache.lock);
	if (rc == 0) {
		*ret_tz = z;
	}
	return rc;
}
