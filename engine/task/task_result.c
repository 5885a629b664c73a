/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_result.c - decoding results.
 */
#include "engine/task/task_result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/task/lines.h"
#include "engine/task/task_proc.h"

static json_t *text_value(const char *data, size_t len)
{
	char *clean = text_clean(data, len);
	json_t *v = json_string(clean);

	free(clean);
	return v;
}

static json_t *lines_value(const char *data, size_t len)
{
	json_t *all = json_array();
	const char *nl;
	size_t n;

	while (len > 0) {
		nl = memchr(data, '\n', len);
		n = nl != NULL ? (size_t)(nl - data) : len;
		(void)json_array_append_new(all, text_value(data, n));
		n += nl != NULL;
		data += n;
		len -= n;
	}
	return all;
}

int task_result_decode(enum plan_outputs outputs, const char *data, size_t len,
		       const char *what, json_t **ret_value, struct error *err)
{
	if (outputs == PLAN_OUT_LINES) {
		*ret_value = lines_value(data, len);
		return 0;
	}
	if (outputs == PLAN_OUT_TEXT) {
		while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r')) {
			len--;
		}
		*ret_value = text_value(data, len);
		return 0;
	}
	*ret_value = json_parse(data, len, TASK_OUTPUT_MAX, err);
	if (*ret_value == NULL) {
		return err_wrap(err, "%s is not valid JSON", what);
	}
	return 0;
}

static int hash_file(int fd, off_t size, char hex[65], struct error *err)
{
	void *data;

	if (size == 0) {
		sha256_hex("", 0, hex);
		return 0;
	}
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		return err_errno(err, "read");
	}
	sha256_hex(data, (size_t)size, hex);
	(void)munmap(data, (size_t)size);
	return 0;
}

int task_result_file(const char *path, json_t **ret_value, struct error *err)
{
	struct stat st;
	char hex[65];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0) {
		return err_errno(err, "the output file %s", path);
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		rc = err_set(err, ERR_INVALID,
			     "the output file %s is not a regular file", path);
	} else {
		rc = hash_file(fd, st.st_size, hex, err);
	}
	(void)close(fd);
	if (rc == 0) {
		*ret_value = json_pack("{s:{s:s, s:I, s:s}}", "$file", "path", path,
				       "size", (json_int_t)st.st_size, "sha256", hex);
	}
	return rc;
}

int task_result_take(const char *path, enum plan_outputs outputs, json_t **ret_value,
		     struct error *err)
{
	struct buf b;
	int rc;

	if (access(path, F_OK) != 0) {
		return 0;
	}
	buf_init(&b);
	rc = buf_read_file(&b, path, TASK_OUTPUT_MAX, err);
	(void)unlink(path);
	if (rc < 0) {
		rc = err_wrap(err, "WF_RESULT");
	} else if (b.len > 0) {
		rc = task_result_decode(outputs, b.data, b.len, "WF_RESULT", ret_value,
					err);
	}
	buf_release(&b);
	return rc;
}
