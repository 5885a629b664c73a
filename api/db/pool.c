/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - the threads of the database: one writer, N readers, two queues.
 *
 * The lock guards the queues and the jobs' done flags, nothing else.  A thread takes
 * jobs (the writer a whole group), runs them on its own connection and posts them back
 * to the loop in slices, so that no turn of the loop answers more than DONE_SLICE of
 * them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/backup.h"
#include "api/db/group.h"
#include "api/db/pg.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"

#define DB_READERS_DEFAULT    2
#define DB_READERS_DEFAULT_PG 4 /* they wait for the network, not for a processor */
#define DB_READERS_MAX        64
#define DB_QUEUE_DEFAULT      20000
#define DB_GROUP_DEFAULT      500
#define DB_GROUP_DEFAULT_PG   64 /* savepoints that a transaction keeps in memory */
#define DB_STACK_BYTES        ((size_t)1 << 20)
#define DONE_SLICE            64

struct db_thread {
	struct db *db;
	struct db_conn *conn;
	pthread_t id;
	int started;
};

struct db_queue {
	struct db_jobs jobs;
	pthread_cond_t wake;
};

struct db {
	struct loop *loop;
	char *url;
	int queue_max;
	int64_t group_max;
	pthread_mutex_t lock;
	struct db_queue writes, reads;
	pthread_cond_t run_done; /* db_run() waits for it */
	int64_t pending;         /* waiting and running */
	int64_t waiting;
	int stopping;
	size_t nthreads;
	struct db_thread threads[DB_READERS_MAX + 1]; /* [0] writes */
};

/* What goes to the loop at once. */
struct done_slice {
	struct db_jobs jobs;
};

static struct metric m_commits = {.name = "wf_db_commits_total",
				  .help = "Write transactions committed or failed.",
				  .type = METRIC_COUNTER};
static struct metric m_writes = {.name = "wf_db_works_total",
				 .help = "Works done by the database threads.",
				 .type = METRIC_COUNTER,
				 .labels = "kind=\"write\""};
static struct metric m_reads = {.name = "wf_db_works_total",
				.help = "Works done by the database threads.",
				.type = METRIC_COUNTER,
				.labels = "kind=\"read\""};
static struct metric m_commit_time = {
    .name = "wf_db_commit_seconds",
    .help = "Time of one write transaction, all its works included.",
    .type = METRIC_HISTOGRAM};
static struct metric m_waiting = {.name = "wf_db_queue_works",
				  .help = "Works that wait for a database thread.",
				  .type = METRIC_GAUGE};

static void job_free(struct db_job *job)
{
	free(job->err);
	free(job);
}

static void on_done(void *arg)
{
	struct done_slice *slice = arg;
	struct db_job *job;

	while ((job = TAILQ_FIRST(&slice->jobs)) != NULL) {
		TAILQ_REMOVE(&slice->jobs, job, link);
		if (job->after != NULL) {
			job->after(job->rc, job->err, job->arg);
		}
		job_free(job);
	}
	free(slice);
}

static void post(struct db *db, struct done_slice *slice)
{
	if (slice != NULL) {
		loop_post(db->loop, on_done, slice);
	}
}

/* Gives COUNT finished jobs back: to db_run(), or to the loop. */
static void give_back(struct db *db, struct db_jobs *jobs, int64_t count)
{
	struct done_slice *slice = NULL;
	struct db_job *job;
	int in_slice = 0;

	(void)pthread_mutex_lock(&db->lock);
	db->pending -= count;
	(void)pthread_mutex_unlock(&db->lock);
	while ((job = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, job, link);
		if (job->waited_for) {
			(void)pthread_mutex_lock(&db->lock);
			job->done = 1;
			(void)pthread_cond_broadcast(&db->run_done);
			(void)pthread_mutex_unlock(&db->lock);
			continue;
		}
		if (slice == NULL) {
			slice = xcalloc(1, sizeof(*slice));
			TAILQ_INIT(&slice->jobs);
			in_slice = 0;
		}
		TAILQ_INSERT_TAIL(&slice->jobs, job, link);
		if (++in_slice == DONE_SLICE) {
			post(db, slice);
			slice = NULL;
		}
	}
	post(db, slice);
}

/* Moves up to MAX jobs to OUT; waits for the first.  0 when the pool stops and none is
 * left. */
static int64_t take(struct db *db, struct db_queue *q, int64_t max, struct db_jobs *out)
{
	struct db_job *job;
	int64_t n = 0;

	TAILQ_INIT(out);
	(void)pthread_mutex_lock(&db->lock);
	while (TAILQ_EMPTY(&q->jobs) && !db->stopping) {
		(void)pthread_cond_wait(&q->wake, &db->lock);
	}
	while (n < max && (job = TAILQ_FIRST(&q->jobs)) != NULL) {
		TAILQ_REMOVE(&q->jobs, job, link);
		TAILQ_INSERT_TAIL(out, job, link);
		n++;
	}
	db->waiting -= n;
	metric_set(&m_waiting, db->waiting);
	(void)pthread_mutex_unlock(&db->lock);
	return n;
}

static void *writer_main(void *arg)
{
	struct db_thread *t = arg;
	struct db_jobs jobs;
	int64_t n;

	while ((n = take(t->db, &t->db->writes, t->db->group_max, &jobs)) > 0) {
		int64_t start_us = clock_mono_us();

		group_run(t->conn, &jobs);
		metric_observe_us(&m_commit_time, clock_mono_us() - start_us);
		metric_add(&m_commits, 1);
		metric_add(&m_writes, n);
		give_back(t->db, &jobs, n);
	}
	return NULL;
}

static void *reader_main(void *arg)
{
	struct db_thread *t = arg;
	struct db_jobs jobs;

	while (take(t->db, &t->db->reads, 1, &jobs) > 0) {
		group_read(t->conn, TAILQ_FIRST(&jobs));
		metric_add(&m_reads, 1);
		give_back(t->db, &jobs, 1);
	}
	return NULL;
}

/* Signals are the loop thread's: the threads are started with all of them blocked. */
static int start_thread(struct db_thread *t, void *(*fn)(void *), struct error *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, DB_STACK_BYTES);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t->id, &attr, fn, t);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0) {
		return err_set(err, ERR_UNAVAILABLE,
			       "cannot start a database thread: %s", strerror(rc));
	}
	t->started = 1;
	return 0;
}

int db_path_of_url(const char *url, const char **ret_path, struct error *err)
{
	static const char scheme[] = "sqlite://";

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
		return err_set(err, ERR_UNSUPPORTED,
			       "database URL of an unknown kind; write "
			       "sqlite:///ABSOLUTE/PATH.db or "
			       "postgresql://USER@HOST:PORT/NAME");
	}
	*ret_path = url + sizeof(scheme) - 1;
	if (**ret_path != '/' || (*ret_path)[1] == '\0') {
		return err_set(
		    err, ERR_INVALID,
		    "%s: the path must be absolute: sqlite:///ABSOLUTE/PATH.db", url);
	}
	return 0;
}

static int open_conn(const char *url, int is_reader, struct db_conn **ret_conn,
		     struct error *err)
{
	const char *path = NULL;
	int rc;

	if (pg_is_url(url)) {
		return pg_open(url, ret_conn, err);
	}
	rc = db_path_of_url(url, &path, err);
	return rc < 0 ? rc : conn_open(path, is_reader, ret_conn, err);
}

int db_is_shared(const struct db *db)
{
	return pg_is_url(db->url);
}

char *db_url_shown(const char *url)
{
	return pg_is_url(url) ? pg_url_shown(url) : xstrdup(url);
}

static struct db *pool_new(struct loop *loop, const struct db_conf *conf)
{
	struct db *db = xcalloc(1, sizeof(*db));
	int pg = pg_is_url(conf->url);
	int readers = conf->readers > 0 ? conf->readers
		      : pg              ? DB_READERS_DEFAULT_PG
					: DB_READERS_DEFAULT;
	size_t i;

	db->loop = loop;
	db->url = xstrdup(conf->url);
	db->queue_max = conf->queue_max > 0 ? conf->queue_max : DB_QUEUE_DEFAULT;
	db->group_max = conf->group_max > 0 ? conf->group_max
			: pg                ? DB_GROUP_DEFAULT_PG
					    : DB_GROUP_DEFAULT;
	db->nthreads = (size_t)MIN_OF(readers, DB_READERS_MAX) + 1;
	(void)pthread_mutex_init(&db->lock, NULL);
	(void)pthread_cond_init(&db->writes.wake, NULL);
	(void)pthread_cond_init(&db->reads.wake, NULL);
	(void)pthread_cond_init(&db->run_done, NULL);
	TAILQ_INIT(&db->writes.jobs);
	TAILQ_INIT(&db->reads.jobs);
	for (i = 0; i < db->nthreads; i++) {
		db->threads[i].db = db;
	}
	return db;
}

int db_open(struct loop *loop, const struct db_conf *conf, struct db **ret_db,
	    struct error *err)
{
	struct db *db = NULL;
	size_t i;
	int rc;

	conn_setup_library();
	metric_register(&m_commits);
	metric_register(&m_writes);
	metric_register(&m_reads);
	metric_register(&m_commit_time);
	metric_register(&m_waiting);
	db = pool_new(loop, conf);
	rc = open_conn(conf->url, 0, &db->threads[0].conn, err);
	if (rc == 0) {
		rc = migrate(db->threads[0].conn, err);
	}
	for (i = 1; i < db->nthreads && rc == 0; i++) {
		rc = open_conn(conf->url, 1, &db->threads[i].conn, err);
	}
	for (i = 0; i < db->nthreads && rc == 0; i++) {
		rc = start_thread(&db->threads[i], i == 0 ? writer_main : reader_main,
				  err);
	}
	if (rc < 0) {
		db_close(db);
		return rc;
	}
	*ret_db = db;
	return 0;
}

void db_close(struct db *db)
{
	size_t i;

	if (db == NULL) {
		return;
	}
	(void)pthread_mutex_lock(&db->lock);
	db->stopping = 1;
	(void)pthread_cond_broadcast(&db->writes.wake);
	(void)pthread_cond_broadcast(&db->reads.wake);
	(void)pthread_mutex_unlock(&db->lock);
	for (i = 0; i < db->nthreads; i++) {
		if (db->threads[i].started) {
			(void)pthread_join(db->threads[i].id, NULL);
		}
	}
	/* readers first: the last connection, the writer's, folds the WAL into the file
	 */
	for (i = db->nthreads; i > 0; i--) {
		conn_close(db->threads[i - 1].conn);
	}
	(void)pthread_mutex_destroy(&db->lock);
	(void)pthread_cond_destroy(&db->writes.wake);
	(void)pthread_cond_destroy(&db->reads.wake);
	(void)pthread_cond_destroy(&db->run_done);
	free(db->url);
	free(db);
}

/* Puts JOB into its queue.  BOUNDED: refuse when it is full. */
static int enqueue(struct db *db, enum db_kind kind, struct db_job *job, int bounded,
		   struct error *err)
{
	struct db_queue *q = kind == DB_WRITE ? &db->writes : &db->reads;
	int rc = 0;

	(void)pthread_mutex_lock(&db->lock);
	if (db->stopping) {
		rc = err_set(err, ERR_UNAVAILABLE, "the database is being closed");
	} else if (bounded && db->waiting >= db->queue_max) {
		rc = err_set(
		    err, ERR_BUSY,
		    "%lld requests wait for the database already; try again later",
		    (long long)db->waiting);
	} else {
		TAILQ_INSERT_TAIL(&q->jobs, job, link);
		db->waiting++;
		db->pending++;
		metric_set(&m_waiting, db->waiting);
		(void)pthread_cond_signal(&q->wake);
	}
	(void)pthread_mutex_unlock(&db->lock);
	return rc;
}

int db_submit(struct db *db, enum db_kind kind, db_work_fn work, db_after_fn after,
	      void *arg, struct error *err)
{
	struct db_job *job = xcalloc(1, sizeof(*job));
	int rc;

	job->work = work;
	job->after = after;
	job->arg = arg;
	rc = enqueue(db, kind, job, 1, err);
	if (rc < 0) {
		job_free(job);
	}
	return rc;
}

int db_run(struct db *db, enum db_kind kind, db_work_fn work, void *arg,
	   struct error *err)
{
	struct db_job job = {.work = work, .arg = arg, .waited_for = 1};
	int rc = enqueue(db, kind, &job, 0, err);

	if (rc < 0) {
		return rc;
	}
	(void)pthread_mutex_lock(&db->lock);
	while (!job.done) {
		(void)pthread_cond_wait(&db->run_done, &db->lock);
	}
	(void)pthread_mutex_unlock(&db->lock);
	if (job.rc < 0 && err != NULL) {
		*err = *job.err;
	}
	free(job.err);
	return job.rc;
}

int64_t db_pending(const struct db *db)
{
	/* a lock is a change, but not one that the caller can see */
	union {
		const struct db *from;
		struct db *to;
	} u = {.from = db};
	int64_t n;

	(void)pthread_mutex_lock(&u.to->lock);
	n = db->pending;
	(void)pthread_mutex_unlock(&u.to->lock);
	return n;
}

int db_backup_url(const char *url, const char *path, struct error *err)
{
	const char *db_path = NULL;
	int rc;

	if (pg_is_url(url)) {
		return pg_dump(url, path, err);
	}
	rc = db_path_of_url(url, &db_path, err);
	return rc < 0 ? rc : backup_to(db_path, path, err);
}

int db_backup(struct db *db, const char *path, struct error *err)
{
	return db_backup_url(db->url, path, err);
}
