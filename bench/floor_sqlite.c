/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_sqlite.c - the floor of recording task states: the same rows, batches of BATCH
 *in one transaction each at synchronous=FULL, without HTTP, rules or answers.
 *
 *	floor_sqlite DATABASE COUNT BATCH [events]      DATABASE: a copy of one that
 *						       wf-api has made
 *
 * With `events`, events only: the floor of taking them in.  Else each state is what the
 *server writes for one: the task run (insert or update), the state, the event, the
 *applied update.  Prints states per second.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *db;

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		exit(1);
	}
	return s;
}

static void must(int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
		(void)fprintf(stderr, "%s\n", sqlite3_errmsg(db));
		exit(1);
	}
}

static void id_of(unsigned char id[16], long kind, long n)
{
	memset(id, 0, 16);
	memcpy(id, &n, sizeof(n));
	memcpy(id + 8, &kind, sizeof(kind));
}

static void step(sqlite3_stmt *s, long kind, long n, long kind2)
{
	unsigned char id[16], other[16];

	id_of(id, kind, n);
	id_of(other, kind2, n);
	must(sqlite3_bind_blob(s, 1, id, 16, SQLITE_TRANSIENT));
	must(sqlite3_bind_blob(s, 2, other, 16, SQLITE_TRANSIENT));
	must(sqlite3_bind_int64(s, 3, 1700000000000000 + n));
	must(sqlite3_step(s));
	must(sqlite3_reset(s));
}

int main(int argc, char **argv)
{
	struct timespec a, b;
	sqlite3_stmt *run, *state, *event, *applied;
	long count, batch;
	int only_events = argc > 4;
	double seconds;

	if (argc < 4 || sqlite3_open(argv[1], &db) != SQLITE_OK) {
		(void)fprintf(stderr,
			      "usage: floor_sqlite DATABASE COUNT BATCH [events]\n");
		return 64;
	}
	count = strtol(argv[2], NULL, 10);
	batch = strtol(argv[3], NULL, 10);
	must(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL,
			  NULL, NULL));
	run = prepare(
	    "INSERT INTO task_run (id, created, updated, name, task_key, dynamic_key, "
	    "state_id, state_type, state_name, state_timestamp) VALUES (?1, ?3, ?3, "
	    "'task-0', 'task', hex(?1), ?2, 3, 'Running', ?3)");
	state = prepare("INSERT INTO task_run_state (id, task_run_id, created, type, "
			"timestamp, name) "
			"VALUES (?1, ?2, ?3, 3, ?3, 'Running')");
	event = prepare(
	    "INSERT INTO event (id, occurred, received, event, resource_id, resource, "
	    "payload) VALUES (?1, ?3, ?3, 'prefect.task-run.Running', hex(?2), "
	    "'{\"prefect.resource.id\": \"prefect.task-run.0\"}', '{}')");
	applied = prepare(
	    "INSERT INTO applied_update (id, flow_run_id, applied, answer) VALUES "
	    "(?1, ?2, ?3, 1)");
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	for (long n = 0; n < count; n++) {
		if (n % batch == 0) {
			must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
		}
		step(event, 3, n, 1);
		if (!only_events) {
			step(run, 1, n, 2);
			step(state, 2, n, 1);
			step(applied, 4, n, 5);
		}
		if (n % batch == batch - 1 || n == count - 1) {
			must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
		}
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	(void)printf("%.1f\n", (double)count / seconds);
	return 0;
}
