/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_api.h - POST /api/wf/v1/updates on the test's own loop: applies each update once
 * by its id, answers as told, and checks the rules that every sender has to keep.
 */
#ifndef TESTS_UNIT_AGENT_FAKE_API_H
#define TESTS_UNIT_AGENT_FAKE_API_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

struct evhttp;
struct loop;

#define FAKE_RUNS_MAX 50

struct fake_api {
	/* behaviour */
	int status;             /* not 0: answered to everything, without a body */
	int no_answer;          /* so many requests are applied and then cut off */
	int garbage;            /* the answer is nonsense */
	int one_less;           /* an answer is missing */
	size_t max_body;        /* 413 above; 0: none */
	int answer;             /* to every update; 0: ACCEPT */
	uint8_t refuse_run[16]; /* its updates are UNAVAILABLE, from the first on ... */
	int refuse_count;       /* ... this many times */
	int refuse_from;        /* after so many of its updates were applied */
	/* what was seen */
	int requests, batches, applied, duplicates, largest, bad_order, bad_auth;
	int foreign; /* updates of another sender than the first one seen */
	char sender[64], pool[64];
	uint8_t first_sender[16];
	struct map ids;  /* applied update ids */
	struct map runs; /* run id -> its last seq (by sender) */
	/* private */
	struct evhttp *http;
	int port;
	char url[64];
	const char *auth; /* expected header, or NULL */
};

void fake_api_start(struct fake_api *f, struct loop *loop, int port);
/* PORT stays reserved in f->port for a later start. */
void fake_api_stop(struct fake_api *f);
void fake_api_release(struct fake_api *f);

#endif
