/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - main() of a fuzzer without libFuzzer: runs every file of its corpus once.
 *
 * fuzz_NAME reads $srcdir/tests/fuzz/corpus/NAME, or the files and folders given as
 * arguments. Answers like a Criterion program to build-aux/run-test.sh: --tap=FILE gets
 * one TAP line per file.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX  ((size_t)8 << 20)
#define PATH_SIZE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(FILE_MAX);
	size_t len = 0;

	if (f == NULL || data == NULL) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	len = fread(data, 1, FILE_MAX, f);
	(void)fclose(f);
	/* An exact copy, so that the sanitizer sees a read beyond the end. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	memcpy(copy, data, len);
	free(data);
	int rc = LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return rc;
}

static int replay_folder(const char *folder, FILE *tap)
{
	char *path = NULL;
	DIR *d = opendir(folder);
	const struct dirent *e;
	int n = 0;

	if (d == NULL) {
		(void)fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return -1;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.') {
			continue;
		}
		if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) {
			exit(1);
		}
		int rc = replay_file(path);
		free(path);
		n++;
		(void)fprintf(tap, "%s %d - %s\n", rc == 0 ? "ok" : "not ok", n,
			      e->d_name);
	}
	(void)closedir(d);
	(void)fprintf(tap, "1..%d\n", n);
	return n > 0 ? 0 : -1;
}

static int is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int main(int argc, char **argv)
{
	const char *src = getenv("srcdir"), *name = strrchr(argv[0], '/');
	char folder[PATH_SIZE];
	FILE *tap = stdout;
	int rc = 0, files = 0;

	name = name != NULL ? name + 1 : argv[0];
	name += strncmp(name, "fuzz_", 5) == 0 ? 5 : 0;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--tap=", 6) == 0) {
			tap = fopen(argv[i] + 6, "we");
		} else if (argv[i][0] == '-') {
			i++; /* an option of Criterion and its value */
		} else {
			rc |= is_folder(argv[i]) ? replay_folder(argv[i], stdout)
						 : replay_file(argv[i]);
			files++;
		}
	}
	if (files == 0 && tap != NULL) {
		(void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
			       src != NULL ? src : ".", name);
		rc = replay_folder(folder, tap);
	}
	if (tap == NULL || fflush(tap) != 0) {
		return 1;
	}
	return rc == 0 ? 0 : 1;
}
