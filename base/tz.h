/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz.h - IANA time zones from TZif files (RFC 8536, version 2+ with the footer rule).
 *
 * Never touches TZ.  tz_get() may be called from any thread; a zone is immutable. Zones
 * are cached for the life of the process (bounded: 1024), read from $TZDIR or
 * /usr/share/zoneinfo; names are checked (no "..", no leading slash). Gap: a local time
 * that does not exist is shifted forward by the gap.  Fold: an ambiguous local time
 * means its first occurrence.
 */
#ifndef BASE_TZ_H
#define BASE_TZ_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct tz;

/* "UTC" always works, also without files.  Borrowed for ever. -ERR_NOT_FOUND: no such
 * zone. */
int tz_get(const char *name, const struct tz **ret_tz, struct error *err);
const char *tz_name(const struct tz *z);
/* Offset east of UTC in seconds at an instant. */
int tz_offset_at(const struct tz *z, int64_t at_us);
/* Local wall time, expressed as if it were UTC microseconds, to the instant, and back.
 */
int64_t tz_local_to_us(const struct tz *z, int64_t local_us);
int64_t tz_us_to_local(const struct tz *z, int64_t at_us);
/* 1 when the local time exists exactly once, 0 in a gap, 2 in a fold. */
int tz_local_kind(const struct tz *z, int64_t local_us);
/* For tests and the fuzzer: a zone from bytes.  Freed with tz_free(). */
int tz_parse(const void *data, size_t len, struct tz **ret_tz, struct error *err);
void tz_free(struct tz *z);

#endif
