/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_load.c - see host_load.h.
 */
#include "agent/host_load.h"

#include <stdlib.h>
#include <string.h>

#include "agent/admit.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"

#define FILE_MAX 65536
#define KIB      1024.0

/* The number behind KEY in the file, or ADMIT_UNKNOWN; KEY "" is the file's beginning.
 */
static double number_in(const char *root, const char *path, const char *line,
			const char *key)
{
	char *full = xasprintf("%s%s", root, path), *end;
	const char *at = NULL;
	double v = ADMIT_UNKNOWN;
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, full, FILE_MAX, NULL) == 0) {
		at = strstr(b.data, line);
		at = at != NULL ? strstr(at, key) : NULL;
	}
	if (at != NULL) {
		v = strtod(at + strlen(key), &end);
		if (end == at + strlen(key) || v < 0) {
			v = ADMIT_UNKNOWN; /* "max" */
		}
	}
	buf_release(&b);
	free(full);
	return v;
}

/* The memory that is left below the limits of our cgroup (v2) and of those above it. */
static double cgroup_free(const char *root)
{
	char *full = xasprintf("%s/proc/self/cgroup", root), *path, *slash;
	double best = ADMIT_UNKNOWN;
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, full, FILE_MAX, NULL) == 0 &&
	    strncmp(b.data, "0::/", 4) == 0) {
		b.data[strcspn(b.data, "\n")] = '\0';
		path = xstrdup(b.data + 3);
		do {
			char *max = xasprintf("/sys/fs/cgroup%s/memory.max", path);
			char *now = xasprintf("/sys/fs/cgroup%s/memory.current", path);
			double limit = number_in(root, max, "", "");
			double used = number_in(root, now, "", "");

			if (limit >= 0 && used >= 0 &&
			    (best < 0 || limit - used < best)) {
				best = MAX_OF(limit - used, 0.0);
			}
			free(max);
			free(now);
			slash = strrchr(path, '/');
			if (slash != NULL) {
				*slash = '\0';
			}
		} while (slash != NULL && path[0] != '\0');
		free(path);
	}
	buf_release(&b);
	free(full);
	return best;
}

void host_load_read(const char *root, struct admit_sample *ret_sample)
{
	double available = number_in(root, "/proc/meminfo", "", "MemAvailable:");
	double below = cgroup_free(root);

	ret_sample->load = number_in(root, "/proc/loadavg", "", "");
	ret_sample->free_bytes = available < 0 ? ADMIT_UNKNOWN : available * KIB;
	if (below >= 0 && (available < 0 || below < ret_sample->free_bytes)) {
		ret_sample->free_bytes = below;
	}
	ret_sample->mem_stalled =
	    number_in(root, "/proc/pressure/memory", "full", "avg10=");
	ret_sample->cpu_stalled =
	    number_in(root, "/proc/pressure/cpu", "some", "avg10=");
}
