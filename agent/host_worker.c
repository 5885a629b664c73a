/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_worker.c - one wf-worker process.
 *
 *   start -> RUNNING --exit--> its loss is settled (host_loss.c) -> over
 *
 * A worker has a sharer in the budget from the moment its queues are known until its
 * loss is settled: its runs use the host as long as their processes are there.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host.h"
#include "agent/run_table.h"
#include "agent/slot_frame.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define TELL_RETRY_MS    20
#define DRAIN_EXTRA_MS   15000 /* reports after the last run */
#define TABLE_SPARE      100   /* leases that are being settled */
#define ENV_OVERRIDE_MAX 12

extern char **environ;

/* ---- what is said ---- */

static int send_one(struct host_worker *w, const struct slot_frame *f, int *pending)
{
	struct error err;
	int rc = slot_frame_send(w->fd, f, &err);

	if (rc == -ERR_BUSY) {
		loop_timer_in(w->retry, TELL_RETRY_MS);
		return rc;
	}
	*pending = 0; /* when it is broken, its exit comes */
	return rc;
}

static int tell_queues(struct host_worker *w)
{
	const struct host_pool *p = w->pool;
	struct slot_frame f = {
	    .kind = SLOT_QUEUES, .all = p->queues == NULL, .queues = p->queues};

	while (p->queues != NULL && p->queues[f.queue_count] != NULL) {
		f.queue_count++;
	}
	return send_one(w, &f, &w->tell_queues);
}

void host_worker_tell(struct host_worker *w)
{
	struct host *h = w->pool->host;
	struct slot_frame f = {.kind = SLOT_TALLY, .deaths = w->pool->tally.deaths};

	if (w->fd < 0 || !w->pool->queues_known) {
		return;
	}
	/* the queues before the first slot */
	if (w->tell_queues && tell_queues(w) < 0) {
		return;
	}
	if (w->tell_tally) {
		(void)snprintf(f.text, sizeof(f.text), "%s", w->pool->tally.last);
		if (send_one(w, &f, &w->tell_tally) < 0) {
			return;
		}
	}
	if (w->sharer < 0 && w->proc != NULL) {
		w->sharer = slots_add(&h->slots, w->pool->weight);
		if (w->sharer >= 0) {
			slots_report(&h->slots, w->sharer, w->held, w->want, 0);
			h->slots.sharer[w->sharer].finite =
			    w->retired || (w->flags & SLOT_DRAINING) != 0;
		}
		host_balance(h);
	} else if (w->tell_grant && w->sharer >= 0) {
		const struct slots_sharer *s = &h->slots.sharer[w->sharer];
		struct slot_frame g = {.kind = SLOT_GRANT,
				       .number = s->told,
				       .slots = (uint32_t)s->granted};

		(void)send_one(w, &g, &w->tell_grant);
	}
}

static void on_retry(void *arg)
{
	host_worker_tell(arg);
}

/* ---- what is heard ---- */

static void take_report(struct host_worker *w, const struct slot_frame *f)
{
	struct host *h = w->pool->host;

	w->held = (int)MIN_OF(f->held, (uint32_t)SLOTS_LIMIT_MAX);
	w->want = (int)MIN_OF(f->want, (uint32_t)SLOTS_WANT_MANY);
	if ((f->flags & SLOT_DRAINING) != 0 && (w->flags & SLOT_DRAINING) == 0 &&
	    !w->stop_told) {
		log_info("the worker of pool '%s' drains: somebody asked it to",
			 w->pool->name);
	}
	w->flags = f->flags;
	w->reported_ms = loop_now_ms(h->loop);
	if (w->sharer >= 0) {
		slots_report(&h->slots, w->sharer, w->held, w->want, f->number);
		h->slots.sharer[w->sharer].finite =
		    w->retired || (w->flags & SLOT_DRAINING) != 0;
	}
	host_balance(h);
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	struct host_worker *w = arg;
	struct slot_frame f;
	struct error err;
	int rc;

	(void)events;
	for (;;) {
		f = (struct slot_frame){0};
		rc = slot_frame_read(fd, &f, &err);
		if (rc < 0) {
			break;
		}
		if (rc > 0 && f.kind == SLOT_REPORT) {
			take_report(w, &f);
		}
		slot_frame_release(&f);
	}
	if (rc != -ERR_EMPTY) {
		loop_io_free(w->io); /* its exit follows */
		w->io = NULL;
	}
}

void host_worker_watch(struct host_worker *w)
{
	struct host *h = w->pool->host;

	w->io = loop_io_new(h->loop, w->fd, LOOP_READ, on_readable, w);
	w->retry = loop_timer_new(h->loop, on_retry, w);
}

/* ---- exit ---- */

/* Our signal came before it had handlers for it. */
static int stopped_early(const struct host_worker *w, const struct proc_exit *exit)
{
	return w->stop_told && WIFSIGNALED(exit->status) &&
	       (WTERMSIG(exit->status) == SIGTERM || WTERMSIG(exit->status) == SIGINT);
}

void host_worker_on_exit(struct proc *proc, const struct proc_exit *exit, void *arg)
{
	struct host_worker *w = arg;
	struct host_pool *p = w->pool;
	struct host *h = p->host;
	char how[160];
	int64_t now = loop_now_ms(h->loop), wait_ms = 0;

	(void)proc;
	w->proc = NULL;
	proc_describe(exit, how, sizeof(how));
	if (exit->spawn_errno == 0 && (exit->status == 0 || stopped_early(w, exit))) {
		log_info("the worker of pool '%s' (pid %d) has ended", p->name, w->pid);
		if (!w->stop_told) {
			/* it was asked to from afar: it stays away */
			p->drained = p->current == w;
		}
	} else {
		wait_ms = tally_died(&p->tally, how, now, random_unit());
		log_error("the worker of pool '%s' (pid %d) died: %s; death %llu, %llu "
			  "in a row; started again in %.1f s",
			  p->name, w->pid, how, (unsigned long long)p->tally.deaths,
			  (unsigned long long)p->tally.in_a_row,
			  (double)wait_ms / 1000.0);
	}
	if (p->drained && !h->draining) {
		log_info("pool '%s' is drained: SIGHUP starts its worker again",
			 p->name);
	}
	p->start_at_ms = now + wait_ms;
	host_loss_start(w, how);
}

/* ---- start ---- */

/* The environment of a worker: ours, with what we know better. */
static char **worker_env(const struct host_conf *c)
{
	const struct {
		const char *name, *value;
	} set[ENV_OVERRIDE_MAX] = {
	    {"WF_API_URL", c->api_url},      {"PREFECT_API_URL", c->api_url},
	    {"WF_API_AUTH_STRING", c->auth}, {"WF_API_KEY", c->api_key},
	    {"WF_REDIS_URL", c->redis_url},  {"WF_PYTHON", c->python},
	    {"WF_LOG_LEVEL", c->log_level},  {"WF_LOG_FORMAT", c->log_format},
	    {"WF_WORK_QUEUES", ""},          {"WF_WORKER_LIMIT", ""},
	    {"WF_WORKER_NAME", ""},          {"WF_POOL", ""},
	};
	size_t n = 0, at = 0;
	char **env;

	while (environ[n] != NULL) {
		n++;
	}
	env = xcalloc(n + ENV_OVERRIDE_MAX + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		int replaced = 0;

		for (size_t k = 0; k < ENV_OVERRIDE_MAX; k++) {
			size_t len = strlen(set[k].name);

			replaced |= strncmp(environ[i], set[k].name, len) == 0 &&
				    environ[i][len] == '=';
		}
		if (!replaced) {
			env[at++] = xstrdup(environ[i]);
		}
	}
	for (size_t k = 0; k < ENV_OVERRIDE_MAX; k++) {
		if (set[k].value[0] != '\0') {
			env[at++] = xasprintf("%s=%s", set[k].name, set[k].value);
		}
	}
	return env;
}

static void free_words(char **words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		free(words[i]);
	}
	free(words);
}

static char **worker_argv(const struct host_worker *w)
{
	const struct host_conf *c = w->pool->host->conf;
	char **argv = xcalloc(17, sizeof(*argv));
	size_t n = 0;

	argv[n++] = xstrdup(w->pool->host->worker_program);
	argv[n++] = xstrdup("--pool");
	argv[n++] = xstrdup(w->pool->name);
	argv[n++] = xstrdup("--name");
	argv[n++] = xstrdup(w->pool->worker_name);
	argv[n++] = xstrdup("--data-dir");
	argv[n++] = xstrdup(w->pool->dir);
	argv[n++] = xstrdup("--slots-fd");
	argv[n++] = xstrdup("3");
	argv[n++] = xstrdup("--run-table");
	argv[n++] = xstrdup(w->table);
	argv[n++] = xasprintf("--drain-timeout=%lldms", (long long)c->drain_ms);
	argv[n++] = xasprintf("--cancel-grace=%lldms", (long long)c->cancel_grace_ms);
	argv[n++] = xasprintf("--prefetch-seconds=%lld", (long long)c->prefetch_s);
	return argv;
}

static int make_table(struct host_worker *w, struct error *err)
{
	struct host_pool *p = w->pool;
	struct host *h = p->host;
	int rc = mkdir_p(p->dir, 0700, err);

	if (rc < 0) {
		return rc;
	}
	w->table = xasprintf("%s/runs.%d.%lld", p->dir, (int)getpid(),
			     (long long)++h->table_seq);
	return run_table_create(w->table, (size_t)h->conf->limit + TABLE_SPARE, err);
}

static int spawn(struct host_worker *w, int theirs, struct error *err)
{
	struct host *h = w->pool->host;
	char **argv = worker_argv(w), **env = worker_env(h->conf), *cwd;
	int rc;

	cwd = getcwd(NULL, 0);
	const struct proc_spec spec = {
	    .argv = argv,
	    .envp = env,
	    .cwd = cwd,
	    .fd = {-1, STDOUT_FILENO, STDERR_FILENO, theirs},
	    .kill_grace_ms = h->conf->cancel_grace_ms,
	    .death_signal = -1, /* our death is no reason to end its runs */
	    .exit_fn = host_worker_on_exit,
	    .arg = w,
	};
	rc = proc_spawn(h->loop, &spec, &w->proc, err);
	free(cwd);
	free_words(argv);
	free_words(env);
	return rc;
}

struct host_worker *host_worker_new(struct host_pool *p)
{
	struct host_worker *w = xcalloc(1, sizeof(*w));

	w->pool = p;
	w->fd = -1;
	w->sharer = -1;
	w->tell_queues = w->tell_tally = 1;
	w->started_ms = loop_now_ms(p->host->loop);
	TAILQ_INSERT_TAIL(&p->host->workers, w, link);
	return w;
}

void host_worker_start(struct host_pool *p)
{
	struct host_worker *w = host_worker_new(p);
	struct host *h = p->host;
	int fds[2] = {-1, -1}, rc;
	struct error err = {0};

	rc = make_table(w, &err);
	if (rc == 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) <
		0) {
		rc = err_errno(&err, "socketpair");
	}
	rc = rc == 0 ? spawn(w, fds[1], &err) : rc;
	if (fds[1] >= 0) {
		(void)close(fds[1]);
	}
	w->fd = fds[0];
	if (rc < 0) {
		int64_t wait_ms =
		    tally_died(&p->tally, err.msg, loop_now_ms(h->loop), random_unit());

		log_error("the worker of pool '%s' cannot be started: %s; again in "
			  "%.1f s",
			  p->name, err.msg, (double)wait_ms / 1000.0);
		host_worker_free(w);
		loop_timer_in(p->timer, wait_ms);
		return;
	}
	w->pid = proc_pid(w->proc);
	p->current = w;
	tally_started(&p->tally, loop_now_ms(h->loop));
	host_worker_watch(w);
	log_info("started a worker for pool '%s' (pid %d)", p->name, w->pid);
	if (!p->queues_known) {
		host_queues_of(p);
	}
	host_worker_tell(w);
	host_status_changed(h);
}

void host_worker_drain(struct host_worker *w, int signo)
{
	struct host *h = w->pool->host;

	if (w->proc == NULL || w->stop_told) {
		return;
	}
	w->stop_told = 1;
	if (signo == SIGTERM) {
		w->kill_at_ms = loop_now_ms(h->loop) + h->conf->drain_ms +
				h->conf->cancel_grace_ms + DRAIN_EXTRA_MS;
	}
	(void)proc_signal(w->proc, signo);
}

void host_worker_free(struct host_worker *w)
{
	struct host *h = w->pool->host;

	TAILQ_REMOVE(&h->workers, w, link);
	if (w->sharer >= 0) {
		slots_remove(&h->slots, w->sharer);
	}
	host_loss_free(w->loss);
	loop_io_free(w->io);
	loop_timer_free(w->retry);
	if (w->fd >= 0) {
		(void)close(w->fd);
	}
	if (w->table != NULL && w->proc == NULL) {
		(void)unlink(w->table);
	}
	free(w->table);
	free(w);
}
