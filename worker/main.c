/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - wf-worker: options, signals, the choice between Redis and REST, the end.
 *
 *	start -> info asked -> backend and source open -> pool known -> "started!" ->
 *drain -> exit
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/cgroup.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/proc.h"
#include "base/uuid.h"
#include "worker/agent_link.h"
#include "worker/conf.h"
#include "worker/guard.h"
#include "worker/handover.h"
#include "worker/health.h"
#include "worker/pool_watch.h"
#include "worker/py_control.h"
#include "worker/pyhost.h"
#include "worker/rest.h"
#include "worker/run.h"
#include "worker/source.h"
#include "worker/worker.h"

#define CONNECTIONS  16
#define EXIT_WAIT_MS 10000 /* for settlements and the journal */

extern char **environ;

struct app {
	struct worker w;
	struct pool_watch *watch;
	struct health *health;
	struct notify *notify;    /* the service manager; or NULL */
	struct loop_timer *timer; /* info retries; drain deadline; end */
	struct loop_signal *signals[4];
	struct handover *handover; /* from the program before; or NULL */
	struct upgrade *upgrade;
	char *const *argv; /* as given */
	struct backoff backoff;
	char *redis_url;
	int stops;   /* SIGTERM and SIGINT so far */
	int leaving; /* all runs are over: flushing */
	int failed;  /* exit status */
	int api_down;
	int64_t leave_by_ms;
};

static struct app *app_of(struct worker *w)
{
	return container_of(w, struct app, w);
}

static void maybe_leave(struct app *a);

static void on_leave_timer(void *arg)
{
	maybe_leave(arg);
}

/* Everything told, everything settled (or too slow): out. */
static void maybe_leave(struct app *a)
{
	struct worker *w = &a->w;
	int64_t now_ms = loop_now_ms(w->loop);
	int open = (w->source != NULL && w->source_ops->unsettled(w->source) > 0) ||
		   (w->backend.ops != NULL && backend_pending(&w->backend) > 0);

	if (!open || now_ms >= a->leave_by_ms) {
		loop_stop(w->loop, a->failed);
		return;
	}
	loop_timer_free(a->timer);
	a->timer = loop_timer_new(w->loop, on_leave_timer, a);
	loop_timer_in(a->timer, 20);
}

static void leave(struct app *a)
{
	if (!a->leaving) {
		a->leaving = 1;
		a->leave_by_ms = loop_now_ms(a->w.loop) + EXIT_WAIT_MS;
		maybe_leave(a);
	}
}

static void show_status(struct app *a)
{
	const struct worker *w = &a->w;

	notify_status(a->notify, "pool '%s': %zu runs of %lld slots%s", w->conf->pool,
		      map_count(&w->runs), (long long)w->limit,
		      w->draining ? ", draining" : "");
}

static void on_change(struct worker *w)
{
	show_status(app_of(w));
	agent_link_changed(w->link);
	pool_watch_changed(app_of(w)->watch);
	if ((w->draining || w->once_done) && map_count(&w->runs) == 0) {
		leave(app_of(w));
	}
}

static void each_drain(struct app *a, int kill)
{
	/* run_drain may end a run and take it out of the map */
	size_t n = map_count(&a->w.runs), i = 0;
	/* an array of pointers */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	struct run **all = xcalloc(n + 1, sizeof(*all));

	for (struct map_iter m = {0}; map_next(&a->w.runs, &m) && i < n;) {
		all[i++] = m.value;
	}
	for (size_t k = 0; k < i; k++) {
		run_drain(all[k], kill);
	}
	free(all);
}

static void drain_over(void *arg)
{
	struct app *a = arg;

	log_warn("drain time is over: stopping %zu runs", map_count(&a->w.runs));
	each_drain(a, 1);
}

static void start_drain(struct app *a, int signo)
{
	struct worker *w = &a->w;

	w->draining = 1;
	notify_stopping(a->notify);
	if (w->source != NULL) {
		w->source_ops->drain(w->source);
	}
	each_drain(a, 0);
	if (map_count(&w->runs) > 0) {
		log_info("draining: %zu runs go on; again to stop them",
			 map_count(&w->runs));
		/* from a terminal: for ever; from a service manager: its time is
		 * limited */
		if (signo == SIGTERM) {
			loop_timer_free(a->timer);
			a->timer = loop_timer_new(w->loop, drain_over, a);
			loop_timer_in(a->timer, w->conf->drain_ms);
		}
	}
	on_change(w);
}

static void on_stop_signal(int signo, void *arg)
{
	struct app *a = arg;

	a->stops++;
	log_info("%s received", signo == SIGINT ? "SIGINT" : "SIGTERM");
	if (a->stops == 1) {
		start_drain(a, signo);
	} else if (a->stops == 2) {
		log_warn("stopping %zu runs", map_count(&a->w.runs));
		each_drain(a, 1);
	} else {
		proc_kill_all();
		loop_stop(a->w.loop, 1);
	}
}

static void on_dump_signal(int signo, void *arg)
{
	struct app *a = arg;

	(void)signo;
	log_info("worker '%s' pool '%s': %zu runs of %lld slots, %llu started, %llu "
		 "finished, "
		 "%zu updates wait",
		 a->w.conf->name, a->w.conf->pool, map_count(&a->w.runs),
		 (long long)a->w.limit, (unsigned long long)a->w.started,
		 (unsigned long long)a->w.finished,
		 a->w.backend.ops != NULL ? backend_pending(&a->w.backend) : 0);
	for (struct map_iter m = {0}; map_next(&a->w.runs, &m);) {
		log_info("  %s %s", run_name(m.value), run_state_text(m.value));
	}
	if (a->w.pyhost != NULL) {
		pyhost_log(a->w.pyhost);
	}
	trace_dump(STDERR_FILENO);
}

static void on_upgrade_signal(int signo, void *arg)
{
	struct app *a = arg;
	const struct upgrade_conf conf = {
	    .argv = a->argv, .notify = a->notify, .redis_url = a->redis_url};

	(void)signo;
	upgrade_start(&a->w, &conf, &a->upgrade);
}

static void give_up(struct worker *w, const char *message)
{
	struct app *a = app_of(w);

	log_error("%s", message);
	a->failed = 1;
	w->draining = 1;
	leave(a);
}

/* The agent died: a new one starts workers of its own. */
static void on_orphaned(struct worker *w)
{
	if (!w->draining) {
		start_drain(app_of(w), SIGINT);
	}
}

/* `wf worker drain`: told by Redis at once, by the answer to a heartbeat in any case.
 */
static void on_drain_wanted(struct worker *w)
{
	if (!w->draining) {
		log_info("asked from afar to drain: no new runs, the last one ends it");
		start_drain(app_of(w), SIGINT);
	}
}

static void on_ready(struct worker *w)
{
	w->ready = 1;
	agent_link_changed(w->link);
	log_info("Worker '%s' started! pool '%s', %lld slots, %s", w->conf->name,
		 w->conf->pool, (long long)w->limit,
		 app_of(w)->redis_url != NULL ? "woken by Redis" : "polling the API");
	notify_ready(app_of(w)->notify);
	show_status(app_of(w));
}

static void on_verdict(const struct outbox_verdict *v, void *arg)
{
	const struct app *a = arg;

	if (v->replayed && a->handover == NULL) {
		log_info("an update of an earlier process is answered (%d)",
			 (int)v->answer->answer);
	} else if (v->answer->invalid) {
		log_error("the API refuses an update for good: %s", v->answer->reason);
	}
}

static void on_api_up(int up, const char *reason, void *arg)
{
	struct app *a = arg;

	if (!up) {
		log_warn("the API takes no updates (%s): they are kept", reason);
	} else if (a->api_down) {
		log_info("the API takes updates again");
	}
	a->api_down = !up;
}

static int open_wf(struct app *a, struct error *err)
{
	struct worker *w = &a->w;
	char *dir = xasprintf("%s/worker", w->conf->data_dir);
	struct uuid sender;
	struct outbox_conf conf = {.api_url = w->conf->api_url,
				   .auth =
				       w->conf->auth[0] != '\0' ? w->conf->auth : NULL,
				   .sender = w->conf->name,
				   .pool = w->conf->pool,
				   .dir = dir,
				   .on_verdict = on_verdict,
				   .on_up = on_api_up,
				   .arg = a};
	uint64_t replayed = 0;
	int rc;

	if (a->handover != NULL) {
		conf.held_path = handover_journal(a->handover, &conf.held_fd);
	}
	uuid_v4(&sender);
	memcpy(conf.sender_id, sender.b, sizeof(sender.b));
	rc = backend_wf_open(w->loop, w->httpc, &conf, &w->backend, &replayed, err);
	if (rc == 0 && replayed > 0 && a->handover == NULL) {
		log_info("%llu updates of an earlier process are sent first",
			 (unsigned long long)replayed);
	}
	if (rc == 0) {
		rc = source_wf_open(w, a->redis_url, err);
	}
	free(dir);
	return rc;
}

static void open_all(struct app *a)
{
	struct worker *w = &a->w;
	struct error err;
	int rc;

	if (a->redis_url != NULL) {
		rc = open_wf(a, &err);
	} else {
		rc = backend_rest_open(w->loop, w->rest, &w->backend, &err);
		if (rc == 0) {
			rc = source_rest_open(w, &err);
		}
	}
	if (rc < 0) {
		give_up(w, err.msg);
		return;
	}
	if (a->handover != NULL) {
		handover_take(a->handover, w);
	}
	a->watch = pool_watch_new(w, on_ready, give_up);
}

static void ask_info(void *arg);

static void on_info(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct app *a = arg;
	const char *url = json_string_value(json_object_get(body, "redis_url"));

	if (a->leaving) {
		return;
	}
	if (rc < 0 && status != 404 &&
	    !http_is_retryable(status == 0 ? rc : 0, status)) {
		give_up(&a->w, err->msg);
		return;
	}
	if (rc < 0 && status != 404) {
		if (a->backoff.attempt == 0) {
			log_warn("no API at %s: %s; trying again", a->w.conf->api_url,
				 err->msg);
		}
		loop_timer_in(a->timer, backoff_next(&a->backoff, random_unit()));
		return;
	}
	if (url != NULL && a->redis_url == NULL) {
		a->redis_url = xstrdup(url);
	}
	if (a->redis_url == NULL && strcmp(a->w.conf->mode, "redis") == 0) {
		give_up(&a->w, "--mode redis, but the API offers no Redis");
		return;
	}
	open_all(a);
}

static void ask_info(void *arg)
{
	struct app *a = arg;

	if (rest_call(a->w.rest, "GET", NULL, on_info, a, "/wf/v1/info") < 0) {
		loop_timer_in(a->timer, 1000);
	}
}

static void begin(struct app *a)
{
	const struct worker_conf *c = a->w.conf;

	if (a->handover != NULL) {
		const char *url = handover_redis_url(a->handover);

		a->redis_url = url != NULL ? xstrdup(url) : NULL;
		open_all(a);
		return;
	}
	if (strcmp(c->mode, "rest") == 0 || c->run_once) {
		open_all(a); /* --run-once is one poll: nothing to subscribe to */
		return;
	}
	if (c->redis_url[0] != '\0') {
		a->redis_url = xstrdup(c->redis_url);
	}
	ask_info(a);
}

static int start_health(struct app *a, struct error *err)
{
	const struct worker_conf *c = a->w.conf;

	a->health = health_new(&a->w, c->webserver_host, (int)c->webserver_port, err);
	if (a->health == NULL) {
		return -err->code;
	}
	log_info("health: http://%s:%d/health", c->webserver_host,
		 health_port(a->health));
	return 0;
}

static void open_cgroups(struct worker *w)
{
	const char *where = w->conf->cgroup;
	const struct cgroups_conf conf = {.base = strcmp(where, "auto") == 0 ? NULL
									     : where};
	struct error err;

	if (strcmp(where, "off") == 0) {
		return;
	}
	if (cgroups_open(&conf, &w->cgroups, &err) == 0) {
		log_info("each run has a control group below %s",
			 cgroups_path(w->cgroups));
		loop_timer_in(w->tidy, 0); /* what dead workers left */
	} else if (conf.base != NULL) {
		log_warn("--cgroup: %s: runs have none", err.msg);
	}
}

static int setup(struct app *a, struct error *err)
{
	struct worker *w = &a->w;
	const struct worker_conf *c = w->conf;
	const struct rest_conf rest = {c->api_url, c->auth, c->api_key, c->name};

	w->loop = loop_new(err);
	if (w->loop == NULL || proc_init(w->loop, err) < 0) {
		return -err->code;
	}
	map_init(&w->runs, 0);
	a->notify = notify_open(w->loop);
	w->httpc = httpc_new(w->loop, CONNECTIONS);
	w->rest = rest_new(w->httpc, &rest);
	w->limit = c->limit;
	w->environ_ = environ;
	oom_init(&w->oom, "/proc", "/sys/fs/cgroup");
	w->on_change = on_change;
	w->on_orphaned = on_orphaned;
	w->on_drain = on_drain_wanted;
	TAILQ_INIT(&w->list);
	backoff_init(&a->backoff, 200, 30000);
	a->timer = loop_timer_new(w->loop, ask_info, a);
	w->idle = loop_timer_new(w->loop, worker_on_idle, w);
	w->tidy = loop_timer_new(w->loop, worker_on_tidy, w);
	open_cgroups(w);
	a->signals[0] = loop_signal_new(w->loop, SIGTERM, on_stop_signal, a);
	a->signals[1] = loop_signal_new(w->loop, SIGINT, on_stop_signal, a);
	a->signals[2] = loop_signal_new(w->loop, SIGUSR1, on_dump_signal, a);
	a->signals[3] = loop_signal_new(w->loop, SIGUSR2, on_upgrade_signal, a);
	w->looked_ms = loop_now_ms(w->loop);
	return c->slots_fd >= 0
		   ? agent_link_open(w, (int)c->slots_fd, c->run_table, err)
		   : 0;
}

static void teardown(struct app *a)
{
	struct worker *w = &a->w;

	upgrade_free(a->upgrade);
	health_free(a->health);
	pool_watch_free(a->watch);
	if (w->source != NULL) {
		w->source_ops->free(w->source);
	}
	backend_close(&w->backend);
	agent_link_close(w->link);
	httpc_free(w->httpc);
	rest_free(w->rest);
	py_control_free(w->py);
	pyhost_free(w->pyhost);
	guard_stop(w->guard);
	proc_fini();
	for (size_t i = 0; i < ARRAY_LEN(a->signals); i++) {
		if (a->signals[i] != NULL) {
			loop_signal_free(a->signals[i]);
		}
	}
	loop_timer_free(a->timer);
	notify_close(a->notify);
	a->notify = NULL;
	map_release(&w->runs);
	rundir_close(&w->dir);
	loop_timer_free(w->idle);
	loop_timer_free(w->tidy);
	json_decref(w->pool);
	free(a->redis_url);
	loop_free(w->loop); /* runs are freed here at the latest */
	cgroups_close(w->cgroups);
}

static int serve(const struct worker_conf *conf, struct handover *handover,
		 char *const *argv)
{
	struct app a = {.w = {.conf = conf}, .handover = handover, .argv = argv};
	struct error err = {0};
	int status;

	if (setup(&a, &err) < 0) {
		log_error("%s", err.msg);
		return err_exit_status(err.code);
	}
	if (conf->with_healthcheck && start_health(&a, &err) < 0) {
		log_error("%s", err.msg);
		teardown(&a);
		return err_exit_status(err.code);
	}
	begin(&a);
	if (handover != NULL) {
		proc_unblock_signals();
	}
	status = loop_run(a.w.loop);
	log_info("Worker '%s' stopped!", conf->name);
	teardown(&a);
	return status;
}

/* A name that was made up stays. */
static int take_name(struct worker_conf *conf, const struct handover *h)
{
	if (h != NULL && handover_name(h)[0] != '\0') {
		free(conf->name);
		conf->name = xstrdup(handover_name(h));
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct worker_conf conf = {0};
	struct opts opts = {0};
	struct error err = {0};
	struct handover *handover = NULL;
	char **given; /* opts_load() may move the words of argv */
	int status = 0;

	if (argc == 2 && strcmp(argv[1], "--man") == 0) {
		opts_man(&worker_spec, stdout); /* the build makes the page with it */
		return 0;
	}
	given = xmemdup(argv, ((size_t)argc + 1) * sizeof(*argv));
	if (opts_load(&worker_spec, argc, argv, NULL, &conf, &opts, &err) < 0) {
		(void)fprintf(stderr, "wf-worker: %s\n", err.msg);
		free(given);
		return 1;
	}
	if (opts.want_help) {
		opts_help(&worker_spec, stdout);
	} else if (opts.want_version) {
		(void)puts("wf-worker " PACKAGE_VERSION);
	} else if (handover_read(&handover, &err) < 0 ||
		   log_start("wf-worker", conf.log_level, conf.log_format, &err) < 0 ||
		   take_name(&conf, handover) < 0 ||
		   worker_conf_finish(&conf, &err) < 0) {
		(void)fprintf(stderr, "wf-worker: %s\n", err.msg);
		status = 1;
	} else if (!handover_is_trial(handover)) {
		status = serve(&conf, handover, given);
	}
	handover_free(handover);
	free(given);
	opts_release(&worker_spec, &conf, &opts);
	return status;
}
