/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - claims and settlements per second.
 *
 *	claims ours SOCKET COUNT      through pools/pools.h, 32 in flight, one run each
 *	claims floor SOCKET COUNT     the same scripts by EVALSHA on a bare connection,
 *32 pipelined
 *
 * Both fill a pool with COUNT due runs first (not timed), then time claim + settle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "pools/pools.h"
#include "pools/script.h"

#define POOL  "bench"
#define WIDTH 32

struct bench {
	struct loop *loop;
	struct pools *pools;
	long count, started, done, filled, fill_started;
};

static void die(const char *what, const struct error *err)
{
	(void)fprintf(stderr, "claims: %s: %s\n", what, err != NULL ? err->msg : "");
	exit(1);
}

static void fill_more(struct bench *b);

static void on_filled(int rc, int64_t value, const struct error *err, void *arg)
{
	struct bench *b = arg;

	(void)value;
	if (rc < 0) {
		die("enqueue", err);
	}
	if (++b->filled == b->count) {
		loop_stop(b->loop, 0);
	} else {
		fill_more(b);
	}
}

static void fill_more(struct bench *b)
{
	struct error err = {0};
	struct uuid id;
	char text[UUID_TEXT_SIZE];

	if (b->fill_started == b->count) {
		return;
	}
	uuid_v4(&id);
	const struct pools_run run = {.id = uuid_format(&id, text),
				      .queue = "default",
				      .due_ms = 1,
				      .priority = 1,
				      .payload = "{}",
				      .gen = 1};

	b->fill_started++;
	if (pools_enqueue(b->pools, POOL, &run, on_filled, b, &err) < 0) {
		die("enqueue", &err);
	}
}

static void claim_more(struct bench *b);

static void on_settled(int rc, int64_t value, const struct error *err, void *arg)
{
	struct bench *b = arg;

	(void)value;
	if (rc < 0) {
		die("settle", err);
	}
	if (++b->done == b->count) {
		loop_stop(b->loop, 0);
	} else {
		claim_more(b);
	}
}

static void on_claimed(int rc, const struct pools_claim *claims, size_t n,
		       const struct error *err, void *arg)
{
	struct bench *b = arg;
	struct error e = {0};

	if (rc < 0 || n != 1) {
		die("claim", err);
	}
	if (pools_settle(b->pools, POOL, claims[0].id, claims[0].token, POOLS_DONE, 0,
			 on_settled, b, &e) < 0) {
		die("settle", &e);
	}
}

static void claim_more(struct bench *b)
{
	struct error err = {0};

	if (b->started == b->count) {
		return;
	}
	b->started++;
	if (pools_claim(b->pools, POOL, "w", 1, POOLS_LEASE_MS, 0, NULL, on_claimed, b,
			&err) < 0) {
		die("claim", &err);
	}
}

/* A pool that Redis does not know gives out nothing. */
static void on_pool(int rc, int64_t value, const struct error *err, void *arg)
{
	(void)value;
	(void)arg;
	if (rc < 0) {
		die("set the pool", err);
	}
}

static void fill(struct bench *b)
{
	for (long i = 0; i < 256; i++) {
		fill_more(b);
	}
	(void)loop_run(b->loop);
}

static double ours(struct bench *b)
{
	int64_t begin_us = clock_mono_us();

	for (int i = 0; i < WIDTH; i++) {
		claim_more(b);
	}
	(void)loop_run(b->loop);
	return (double)b->count * 1e6 / (double)(clock_mono_us() - begin_us);
}

/* ---- the floor: a blocking connection ---- */

static FILE *raw;

static void raw_open(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		die("connect", NULL);
	}
	raw = fdopen(fd, "r+");
	(void)setvbuf(raw, NULL, _IOFBF, 1 << 16);
}

static void put_arg(char *out, size_t size, size_t *at, const char *arg)
{
	*at +=
	    (size_t)snprintf(out + *at, size - *at, "$%zu\r\n%s\r\n", strlen(arg), arg);
}

static void raw_call(int fd, enum script_id id, const char *const *args, size_t count)
{
	char out[2048];
	size_t at = (size_t)snprintf(out, sizeof(out), "*%zu\r\n", count + 4);

	put_arg(out, sizeof(out), &at, "EVALSHA");
	put_arg(out, sizeof(out), &at, script_sha_hex(id));
	put_arg(out, sizeof(out), &at, "1");
	put_arg(out, sizeof(out), &at, "wf:{" POOL "}");
	for (size_t i = 0; i < count; i++) {
		put_arg(out, sizeof(out), &at, args[i]);
	}
	if (write(fd, out, at) != (ssize_t)at) {
		die("write", NULL);
	}
}

/* One line of the answer without its end. */
static void line(char *buf, size_t size)
{
	if (fgets(buf, (int)size, raw) == NULL || buf[0] == '-') {
		(void)fprintf(stderr, "%s", buf);
		die("answer", NULL);
	}
	buf[strcspn(buf, "\r\n")] = '\0';
}

/* A string or an integer as text. */
static void value(char *buf, size_t size)
{
	line(buf, size);
	if (buf[0] == '$') {
		line(buf, size);
	} else {
		memmove(buf, buf + 1, strlen(buf));
	}
}

static double floor_rate(const char *path, long count)
{
	char ids[WIDTH][64], tokens[WIDTH][32], text[4096];
	int64_t begin_us;
	int fd;

	raw_open(path);
	fd = fileno(raw);
	begin_us = clock_mono_us();
	for (long n = 0; n + WIDTH <= count; n += WIDTH) {
		const char *const claim[] = {"w", "15000", "1", "0"};

		for (int i = 0; i < WIDTH; i++) {
			raw_call(fd, SCRIPT_claim, claim, 4);
		}
		for (int i = 0; i < WIDTH; i++) {
			line(text, sizeof(text)); /* *7 */
			value(ids[i], sizeof(ids[i]));
			value(tokens[i], sizeof(tokens[i]));
			for (int k = 0; k < 5; k++) {
				value(text, sizeof(text));
			}
		}
		for (int i = 0; i < WIDTH; i++) {
			const char *const settle[] = {ids[i], tokens[i], "done", "0",
						      "3600"};

			raw_call(fd, SCRIPT_settle, settle, 5);
		}
		for (int i = 0; i < WIDTH; i++) {
			value(text, sizeof(text));
		}
	}
	return (double)(count / WIDTH * WIDTH) * 1e6 /
	       (double)(clock_mono_us() - begin_us);
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	struct error err = {0};
	char *url;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: claims ours|floor SOCKET COUNT\n");
		return 64;
	}
	b.count = strtol(argv[3], NULL, 10);
	b.loop = loop_new(&err);
	url = xasprintf("redis+unix://%s", argv[2]);
	b.pools = b.loop != NULL ? pools_new(b.loop, url, &err) : NULL;
	if (b.pools == NULL) {
		die("start", &err);
	}
	if (pools_set_pool(b.pools, POOL, 0, POOLS_NO_LIMIT, on_pool, &b, &err) < 0) {
		die("set the pool", &err);
	}
	fill(&b);
	if (strcmp(argv[1], "ours") == 0) {
		(void)printf("%.1f\n", ours(&b));
	} else {
		/* one run through ours, so that the scripts are loaded */
		b.count = 1;
		(void)ours(&b);
		(void)printf("%.1f\n",
			     floor_rate(argv[2], strtol(argv[3], NULL, 10) - 1));
	}
	pools_free(b.pools);
	loop_free(b.loop);
	free(url);
	return 0;
}
