/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress_db.c - the pool threads of the database under load: writes that succeed and
 * fail, reads between them, a full queue, a backup meanwhile, closing with work under
 * way.  Each work that was taken is answered exactly once, and what was answered well
 * is in the file.  Meant for ThreadSanitizer.
 *
 *	stress_db FOLDER [WORKS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/uuid.h"

#define WORKS     20000
#define QUEUE_MAX 64
#define ROUNDS    4 /* opened and closed this often */

struct stress {
	struct loop *loop;
	struct db *db;
	struct loop_timer *more;
	const char *folder;
	int64_t committed;
	int64_t answered;
	int64_t taken;
	int64_t refused;
	int64_t wrong;
	int until;
};

struct work {
	struct stress *s;
	struct uuid id;
	char name[32];
	enum { W_INSERT, W_FAIL, W_COUNT } kind;
	int64_t seen;
};

static void die(const struct error *err)
{
	(void)fprintf(stderr, "stress_db: %s\n", err->msg);
	exit(1);
}

static int count_flows(struct db_conn *c, int64_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_select(c, SQL_FLOW_COUNT, NULL, 0, NULL, SQL_FRAG_NONE, -1, -1, &r, err);

	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc == 1) {
		*ret_count = db_int(r, 0);
	}
	db_rows_free(r);
	return rc < 0 ? rc : 0;
}

static int work_fn(struct db_conn *c, void *arg, struct error *err)
{
	struct work *w = arg;
	int rc;

	if (w->kind == W_COUNT) {
		return count_flows(c, &w->seen, err);
	}
	rc = db_exec(c, SQL_FLOW_INSERT,
		     DB_ARGS(db_a_uuid(&w->id), db_a_int(1), db_a_text(w->name),
			     db_a_text("[]"), db_a_null()),
		     5, NULL, err);
	if (rc == 0 && w->kind == W_FAIL) {
		rc = err_set(err, ERR_INVALID, "planned");
	}
	return rc;
}

static void after_fn(int rc, const struct error *err, void *arg)
{
	struct work *w = arg;
	struct stress *s = w->s;

	s->answered++;
	s->committed += w->kind == W_INSERT && rc == 0;
	if ((rc == 0) == (w->kind == W_FAIL)) {
		(void)fprintf(stderr, "work %d answered %d: %s\n", (int)w->kind, rc,
			      err == NULL ? "" : err->msg);
		s->wrong++;
	}
	free(w);
}

/* Fills the queue until it is full or the round's share is taken, and again soon. */
static void on_more(void *arg)
{
	struct stress *s = arg;
	struct error err;

	while (s->taken < s->until) {
		struct work *w = xcalloc(1, sizeof(*w));
		int rc;

		w->s = s;
		w->kind = s->taken % 3 == 2   ? W_COUNT
			  : s->taken % 7 == 3 ? W_FAIL
					      : W_INSERT;
		uuid_v4(&w->id);
		(void)snprintf(w->name, sizeof(w->name), "f%lld", (long long)s->taken);
		rc = db_submit(s->db, w->kind == W_COUNT ? DB_READ : DB_WRITE, work_fn,
			       after_fn, w, &err);
		if (rc < 0) {
			free(w);
			if (rc != -ERR_BUSY) {
				die(&err);
			}
			s->refused++;
			loop_timer_in(s->more, 1);
			return;
		}
		s->taken++;
	}
	loop_stop(s->loop, 0);
}

/* One life of the database; it is closed with works still in its queue. */
static void one_round(struct stress *s, const char *url, int works, int round)
{
	struct db_conf conf = {.url = url, .queue_max = QUEUE_MAX};
	char backup[512];
	struct error err;

	if (db_open(s->loop, &conf, &s->db, &err) < 0) {
		die(&err);
	}
	s->until += works;
	loop_timer_in(s->more, 0);
	(void)loop_run(s->loop);
	(void)snprintf(backup, sizeof(backup), "%s/copy-%d.db", s->folder, round);
	if (db_backup(s->db, backup, &err) < 0) {
		die(&err);
	}
	db_close(s->db);
	while (s->answered < s->taken && loop_turn(s->loop, 1000) == 0) {
	}
}

static int count_now(struct db_conn *c, void *arg, struct error *err)
{
	return count_flows(c, arg, err);
}

int main(int argc, char **argv)
{
	struct stress s = {0};
	int works = argc > 2 ? atoi(argv[2]) : WORKS;
	struct db_conf conf = {0};
	struct error err;
	int64_t flows = -1;
	char url[512];

	if (argc < 2) {
		(void)fprintf(stderr, "usage: stress_db FOLDER [WORKS]\n");
		return 64;
	}
	s.folder = argv[1];
	(void)snprintf(url, sizeof(url), "sqlite://%s/wf.db", s.folder);
	s.loop = loop_new(&err);
	if (s.loop == NULL) {
		die(&err);
	}
	s.more = loop_timer_new(s.loop, on_more, &s);
	for (int i = 0; i < ROUNDS; i++) {
		one_round(&s, url, works / ROUNDS, i);
	}
	conf.url = url;
	if (db_open(s.loop, &conf, &s.db, &err) < 0 ||
	    db_run(s.db, DB_READ, count_now, &flows, &err) < 0) {
		die(&err);
	}
	db_close(s.db);
	(void)printf("%lld taken, %lld refused, %lld answered, %lld wrong, "
		     "%lld committed, %lld in the file\n",
		     (long long)s.taken, (long long)s.refused, (long long)s.answered,
		     (long long)s.wrong, (long long)s.committed, (long long)flows);
	loop_timer_free(s.more);
	loop_free(s.loop);
	return s.wrong != 0 || s.answered != s.taken || s.committed != flows;
}
