/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - see segment.h.
 */
#include "agent/segment.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/crc32c.h"
#include "agent/journal.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define MAGIC       "WFJ1"
#define CRC_AT      32
#define FILE_MODE   0600
#define SEGMENT_MAX ((size_t)1 << 30)

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t record_crc(const uint8_t *length, const void *data, size_t len)
{
	return crc32c(crc32c(0, length, 4), data, len);
}

long segment_record(const void *data, size_t len, const void **ret_data,
		    size_t *ret_len)
{
	const uint8_t *p = data;

	if (len < SEGMENT_RECORD_LEN) {
		return 0;
	}
	size_t n = get_u32(p);
	if (n > JOURNAL_RECORD_MAX) {
		return -ERR_PROTOCOL;
	}
	if (len - SEGMENT_RECORD_LEN < n) {
		return 0;
	}
	if (record_crc(p, p + SEGMENT_RECORD_LEN, n) != get_u32(p + 4)) {
		return -ERR_PROTOCOL;
	}
	*ret_data = p + SEGMENT_RECORD_LEN;
	*ret_len = n;
	return (long)(SEGMENT_RECORD_LEN + n);
}

int segment_header(const void *data, size_t len, uint64_t *ret_first,
		   uint8_t ret_owner[16])
{
	const uint8_t *p = data;
	uint64_t first;

	if (len < SEGMENT_HEADER_LEN || memcmp(p, MAGIC, 4) != 0 ||
	    crc32c(0, p, CRC_AT) != get_u32(p + CRC_AT)) {
		return -ERR_PROTOCOL;
	}
	memcpy(&first, p + 8, sizeof(first));
	*ret_first = le64toh(first);
	memcpy(ret_owner, p + 16, 16);
	return 0;
}

static void add_record(struct segment *s, size_t len)
{
	if (s->count == s->room) {
		s->room = s->room > 0 ? 2 * s->room : 64;
		s->offsets = xreallocarray(s->offsets, s->room, sizeof(*s->offsets));
		s->acked = xreallocarray(s->acked, s->room, sizeof(*s->acked));
	}
	s->offsets[s->count] = (uint32_t)s->size;
	s->acked[s->count] = 0;
	s->count++;
	s->live++;
	s->size += (int64_t)(SEGMENT_RECORD_LEN + len);
}

static int write_whole(struct segment *s, const struct iovec *iov, int count,
		       struct error *err)
{
	size_t want = 0;

	for (int i = 0; i < count; i++) {
		want += iov[i].iov_len;
	}
	ssize_t n = pwritev(s->fd, iov, count, s->size);
	if (n == (ssize_t)want) {
		return 0;
	}
	if (n >= 0) {
		errno =
		    ENOSPC; /* a short write to a file: the disk or a quota is full */
	}
	int rc = err_errno(err, "write %s", s->path);
	(void)!ftruncate(s->fd, s->size);
	return rc;
}

static int sync_folder(const char *folder, struct error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? err_errno(err, "sync %s", folder) : 0;

	if (fd >= 0) {
		(void)close(fd);
	}
	return rc;
}

int segment_create(const char *folder, uint64_t first, const uint8_t owner[16],
		   struct segment **ret_segment, struct error *err)
{
	struct segment *s = xcalloc(1, sizeof(*s));
	uint8_t header[SEGMENT_HEADER_LEN] = MAGIC;
	uint64_t le_first = htole64(first);
	struct iovec iov = {.iov_base = header, .iov_len = sizeof(header)};
	int rc = 0;

	s->path = xasprintf("%s/%016" PRIx64 ".wfj", folder, first);
	s->first = first;
	memcpy(s->owner, owner, sizeof(s->owner));
	memcpy(header + 8, &le_first, sizeof(le_first));
	memcpy(header + 16, owner, 16);
	put_u32(header + CRC_AT, crc32c(0, header, CRC_AT));
	s->fd = open(s->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	if (s->fd < 0) {
		rc = err_errno(err, "create %s", s->path);
		goto fail;
	}
	rc = write_whole(s, &iov, 1, err);
	if (rc == 0) {
		rc = sync_folder(folder, err);
	}
	if (rc < 0) {
		goto fail;
	}
	s->size = SEGMENT_HEADER_LEN;
	*ret_segment = s;
	return 0;
fail:
	segment_free(s, 1);
	return rc;
}

/* Indexes the records of the file's text; returns the bytes that are good. */
static size_t index_records(struct segment *s, const struct buf *b)
{
	const void *data;
	size_t at = SEGMENT_HEADER_LEN, len;
	long n;

	s->size = SEGMENT_HEADER_LEN;
	while ((n = segment_record(b->data + at, b->len - at, &data, &len)) > 0) {
		add_record(s, len);
		at += (size_t)n;
	}
	return at;
}

int segment_open(const char *path, struct segment **ret_segment, uint64_t *ret_dropped,
		 struct error *err)
{
	struct segment *s = xcalloc(1, sizeof(*s));
	struct buf b;
	size_t good;
	int rc;

	buf_init(&b);
	s->path = xstrdup(path);
	s->fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0) {
		rc = err_errno(err, "open %s", path);
		goto out;
	}
	rc = buf_read_fd(&b, s->fd, SEGMENT_MAX, err);
	if (rc < 0) {
		goto out;
	}
	if (segment_header(b.data, b.len, &s->first, s->owner) < 0) {
		*ret_dropped += b.len;
		rc = err_set(err, ERR_PROTOCOL, "%s is not a journal segment", path);
		goto out;
	}
	good = index_records(s, &b);
	if (good < b.len) {
		*ret_dropped += b.len - good;
		if (ftruncate(s->fd, s->size) < 0) {
			rc = err_errno(err, "cut %s", path);
			goto out;
		}
	}
	*ret_segment = s;
	s = NULL;
out:
	segment_free(s, 0);
	buf_release(&b);
	return rc;
}

void segment_free(struct segment *s, int delete_file)
{
	if (s == NULL) {
		return;
	}
	if (s->fd >= 0) {
		(void)close(s->fd);
	}
	if (delete_file) {
		(void)unlink(s->path);
	}
	free(s->path);
	free(s->offsets);
	free(s->acked);
	free(s);
}

int segment_append(struct segment *s, const void *data, size_t len, struct error *err)
{
	uint8_t head[SEGMENT_RECORD_LEN];

	put_u32(head, (uint32_t)len);
	put_u32(head + 4, record_crc(head, data, len));
	void *bytes = xmemdup(data, len > 0 ? len : 1);
	struct iovec iov[2] = {{.iov_base = head, .iov_len = sizeof(head)},
			       {.iov_base = bytes, .iov_len = len}};
	int rc = write_whole(s, iov, 2, err);
	free(bytes);
	if (rc == 0) {
		add_record(s, len);
	}
	return rc;
}

int segment_read(const struct segment *s, uint64_t index, struct buf *out,
		 struct error *err)
{
	uint64_t i = index - s->first;
	int64_t at = s->offsets[i];
	int64_t end = i + 1 < s->count ? s->offsets[i + 1] : s->size;
	size_t total = (size_t)(end - at), len = 0;
	const void *data = NULL;
	char *bytes = xmalloc(total);
	int rc = 0;

	if (pread(s->fd, bytes, total, at) != (ssize_t)total ||
	    segment_record(bytes, total, &data, &len) != (long)total) {
		rc =
		    err_set(err, ERR_IO, "record %" PRIu64 " of %s cannot be read back",
			    index, s->path);
	} else {
		buf_add(out, data, len);
	}
	free(bytes);
	return rc;
}

int segment_ack(struct segment *s, uint64_t index)
{
	uint64_t i = index - s->first;

	if (index < s->first || i >= s->count || s->acked[i]) {
		return 0;
	}
	s->acked[i] = 1;
	s->live--;
	return 1;
}
