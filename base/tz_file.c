/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz_file.c - TZif files (RFC 8536), version 2 and later.
 *
 *   header v1 (44 bytes) | data with 32-bit times, skipped
 *   header v2 (44 bytes) | times 8n | types n | ttinfo 6m | names | leap 12l | isstd |
 * isut
 *   "\n" POSIX TZ string "\n"
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/tz.h"
#include "base/tz_priv.h"

#define HEADER_SIZE 44
#define TTINFO_SIZE 6
#define TIMES_MAX   20000
#define TYPES_MAX   256
#define CHARS_MAX   65536
#define LEAPS_MAX   1000
#define FOOTER_MAX  128

struct header {
	uint32_t isut, isstd, leap, time, type, chars;
};

struct reader {
	const uint8_t *p, *end;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if ((size_t)(r->end - r->p) < n) {
		return NULL;
	}
	r->p += n;
	return p;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static int read_header(struct reader *r, struct header *h)
{
	const uint8_t *p = take(r, HEADER_SIZE);

	if (p == NULL || memcmp(p, "TZif", 4) != 0 || p[4] < '2') {
		return -1;
	}
	h->isut = be32(p + 20);
	h->isstd = be32(p + 24);
	h->leap = be32(p + 28);
	h->time = be32(p + 32);
	h->type = be32(p + 36);
	h->chars = be32(p + 40);
	return h->time > TIMES_MAX || h->type == 0 || h->type > TYPES_MAX ||
		       h->chars > CHARS_MAX || h->leap > LEAPS_MAX ||
		       h->isut > TYPES_MAX || h->isstd > TYPES_MAX
		   ? -1
		   : 0;
}

static int skip_v1(struct reader *r, const struct header *h)
{
	size_t n = (size_t)h->time * 5 + (size_t)h->type * TTINFO_SIZE + h->chars +
		   (size_t)h->leap * 8 + h->isstd + h->isut;

	return take(r, n) == NULL ? -1 : 0;
}

static int read_types(const uint8_t *p, uint32_t count, int32_t *offsets)
{
	for (uint32_t i = 0; i < count; i++) {
		offsets[i] = (int32_t)be32(p + (size_t)i * TTINFO_SIZE);
		if (offsets[i] <= -TZ_OFFSET_MAX || offsets[i] >= TZ_OFFSET_MAX) {
			return -1;
		}
	}
	return 0;
}

static int read_table(struct reader *r, const struct header *h, struct tz *z)
{
	const uint8_t *times = take(r, (size_t)h->time * 8);
	const uint8_t *types = take(r, h->time);
	const uint8_t *infos = take(r, (size_t)h->type * TTINFO_SIZE);
	int32_t offsets[TYPES_MAX];

	if (times == NULL || types == NULL || infos == NULL ||
	    take(r, h->chars + (size_t)h->leap * 12 + h->isstd + h->isut) == NULL ||
	    read_types(infos, h->type, offsets) < 0) {
		return -1;
	}
	z->count = h->time;
	z->at = xcalloc(z->count + 1, sizeof(*z->at));
	z->offset = xcalloc(z->count + 1, sizeof(*z->offset));
	z->first_offset = offsets[0];
	for (size_t i = 0; i < z->count; i++) {
		z->at[i] = be64(times + i * 8);
		if (types[i] >= h->type || (i > 0 && z->at[i] <= z->at[i - 1])) {
			return -1;
		}
		z->offset[i] = offsets[types[i]];
	}
	return 0;
}

static int read_footer(struct reader *r, struct tz *z)
{
	const uint8_t *start = r->p;
	const uint8_t *nl;
	char text[FOOTER_MAX];
	size_t len;

	if (start == r->end || *start != '\n') {
		return -1;
	}
	start++;
	nl = memchr(start, '\n', (size_t)(r->end - start));
	if (nl == NULL || (size_t)(nl - start) >= sizeof(text)) {
		return -1;
	}
	len = (size_t)(nl - start);
	if (len == 0) {
		return 0; /* the last offset of the table holds for ever */
	}
	memcpy(text, start, len);
	text[len] = '\0';
	if (strlen(text) != len || tz_rule_parse(text, &z->rule) < 0) {
		return -1;
	}
	z->has_rule = 1;
	return 0;
}

int tz_parse(const void *data, size_t len, struct tz **ret_tz, struct error *err)
{
	struct reader r = {.p = data};
	struct header h;
	struct tz *z = xcalloc(1, sizeof(*z));

	r.end = r.p + len;
	z->name = xstrdup("");
	if (read_header(&r, &h) < 0 || skip_v1(&r, &h) < 0 || read_header(&r, &h) < 0 ||
	    read_table(&r, &h, z) < 0 || read_footer(&r, z) < 0) {
		tz_free(z);
		return err_set(err, ERR_INVALID,
			       "not a time zone file (TZif, version 2 or later)");
	}
	*ret_tz = z;
	return 0;
}
