/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade.c - see handover.h: the old program's half.
 *
 *   TRYING --the new one could--> QUIETING --nothing is under way--> exec
 *      |                             |
 *      +---------- it goes on -------+--too long
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/carry.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/proc.h"
#include "worker/agent_link.h"
#include "worker/guard.h"
#include "worker/handover.h"
#include "worker/handover_priv.h"
#include "worker/py_control.h"
#include "worker/run_priv.h"

#define TRIAL_MS     30000
#define LOOK_MS      5
#define HAND_BACK_MS 5000  /* what is not started by then is handed back */
#define GIVE_UP_MS   15000 /* the old program goes on */

extern char **environ;

struct upgrade {
	struct worker *w;
	struct upgrade_conf conf;
	char *program;
	struct loop_timer *timer;
	struct proc *trial;
	int active, freed;
	int64_t began_ms;
};

static json_t *head_line(const struct upgrade *u, struct carry *to, int trial)
{
	const struct worker *w = u->w;
	json_t *o = json_pack(
	    "{s:i, s:b, s:s, s:s?, s:I, s:I, s:b, s:i}", "version", HANDOVER_VERSION,
	    "trial", trial, "name", w->conf->name, "redis_url", u->conf.redis_url,
	    "started", (json_int_t)w->started, "finished", (json_int_t)w->finished,
	    "ready", w->ready, "guard_pid", (int)guard_pid(w->guard));
	const char *path = NULL;

	if (trial) {
		return o;
	}
	if (w->backend.ops->leave != NULL) {
		int fd = w->backend.ops->leave(w->backend.self, &path);

		json_object_set_new(o, "journal_fd", carry_fd(to, fd));
		json_object_set_new(o, "journal", json_string(path));
	}
	if (w->dir.path != NULL && w->dir.fd >= 0) {
		json_object_set_new(o, "rundir_fd", carry_fd(to, w->dir.fd));
		json_object_set_new(o, "rundir", json_string(w->dir.path));
	}
	if (w->py != NULL) {
		py_control_carry(w->py, to, o);
	}
	json_object_set_new(o, "link", agent_link_carry(w->link, to));
	return o;
}

/* ---- the end of an attempt ---- */

static void go_on(struct upgrade *u)
{
	u->active = 0;
	if (u->w->handing_over) {
		u->w->handing_over = 0;
		u->w->source_ops->kick(u->w->source);
		agent_link_changed(u->w->link);
	}
}

static void execute(struct upgrade *u)
{
	struct worker *w = u->w;
	struct carry_exec e = {.variable = HANDOVER_VARIABLE,
			       .program = u->program,
			       .argv = u->conf.argv,
			       .notify = u->conf.notify};
	struct carry c;
	struct error err = {0};
	struct run *r;

	carry_init(&c);
	carry_line(&c, head_line(u, &c, 0));
	if (w->source_ops->carry != NULL) {
		w->source_ops->carry(w->source, &c);
	}
	TAILQ_FOREACH (r, &w->list, link) {
		(void)run_carry(r, &c); /* not busy: just looked */
	}
	log_info("handing %zu runs over to %s", map_count(&w->runs), u->program);
	(void)carry_exec(&c, &e, &err);
	carry_release(&c);
	log_error("no upgrade: %s; this version goes on", err.msg);
	go_on(u);
}

/* ---- until nothing is under way ---- */

/* What is, in words; NULL: nothing. */
static const char *busy(const struct worker *w)
{
	struct run *r;

	if (w->source_ops->is_quiet != NULL && !w->source_ops->is_quiet(w->source)) {
		return "Redis has not answered a claim";
	}
	if (w->backend.ops->leave == NULL && backend_pending(&w->backend) > 0) {
		return "updates wait for the API, and without Redis there is no "
		       "journal for them";
	}
	TAILQ_FOREACH (r, &w->list, link) {
		if (run_carry(r, NULL) < 0) {
			return "a run is just being started or ended";
		}
	}
	return NULL;
}

static void hand_back(struct worker *w)
{
	struct run *r, *next;

	TAILQ_FOREACH_SAFE (r, &w->list, link, next) {
		run_hand_back(r);
	}
}

static void on_timer(void *arg)
{
	struct upgrade *u = arg;
	const char *why = busy(u->w);
	int64_t waited_ms = loop_now_ms(u->w->loop) - u->began_ms;

	if (u->w->draining) {
		log_warn("no upgrade: the worker drains now");
		go_on(u);
	} else if (why == NULL) {
		execute(u);
	} else if (waited_ms > GIVE_UP_MS) {
		log_error("no upgrade: %s; this version goes on, SIGUSR2 tries again",
			  why);
		go_on(u);
	} else {
		if (waited_ms > HAND_BACK_MS) {
			hand_back(u->w);
		}
		loop_timer_in(u->timer, LOOK_MS);
	}
}

/* ---- the trial ---- */

static void on_trial(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct upgrade *u = arg;
	char how[160];

	(void)p;
	u->trial = NULL;
	if (u->freed) {
		return;
	}
	if (exit->spawn_errno != 0 || exit->status != 0) {
		proc_describe(exit, how, sizeof(how));
		log_error("no upgrade: %s does not start here (%s); this version goes "
			  "on",
			  u->program, how);
		go_on(u);
		return;
	}
	u->w->handing_over = 1; /* from here on nothing is claimed */
	u->began_ms = loop_now_ms(u->w->loop);
	loop_timer_in(u->timer, 0);
}

/* Our environment with VALUE for the handover's variable; its last word is owned. */
static char **trial_env(void)
{
	size_t n = 0;
	char **env;

	while (environ[n] != NULL) {
		n++;
	}
	env = xcalloc(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		env[i] = environ[i];
	}
	env[n] = xstrdup(HANDOVER_VARIABLE "=3");
	return env;
}

static int try_it(struct upgrade *u, struct error *err)
{
	char **env, *cwd = getcwd(NULL, 0);
	struct carry c;
	size_t n = 0;
	int fd, rc;

	carry_init(&c);
	carry_line(&c, head_line(u, &c, 1));
	fd = carry_file(&c, "wf-trial", err);
	carry_release(&c);
	if (fd < 0) {
		free(cwd);
		return fd;
	}
	while (u->conf.argv[n] != NULL) {
		n++;
	}
	char **argv = xmemdup(u->conf.argv, (n + 1) * sizeof(*argv));
	argv[0] = u->program;
	env = trial_env();
	const struct proc_spec spec = {.argv = argv,
				       .envp = env,
				       .cwd = cwd,
				       .fd = {-1, STDOUT_FILENO, STDERR_FILENO, fd},
				       .time_limit_ms = TRIAL_MS,
				       .exit_fn = on_trial,
				       .arg = u};
	rc = proc_spawn(u->w->loop, &spec, &u->trial, err);
	(void)close(fd);
	for (n = 0; env[n + 1] != NULL; n++) {
	}
	free(env[n]);
	free(env);
	free(argv);
	free(cwd);
	return rc;
}

static const char *refusal(const struct worker *w, const struct upgrade *u)
{
	return w->draining                      ? "the worker drains"
	       : w->conf->run_once              ? "it was started with --run-once"
	       : w->source == NULL || !w->ready ? "it has not begun to serve"
	       : u->program == NULL             ? "wf-worker is not found"
						: NULL;
}

void upgrade_start(struct worker *w, const struct upgrade_conf *conf,
		   struct upgrade **ret_upgrade)
{
	struct upgrade *u = *ret_upgrade;
	struct error err;
	const char *why;

	if (u == NULL) {
		u = *ret_upgrade = xcalloc(1, sizeof(*u));
		u->w = w;
		u->timer = loop_timer_new(w->loop, on_timer, u);
	}
	if (u->active) {
		log_info("SIGUSR2: an upgrade is under way");
		return;
	}
	u->conf = *conf;
	free(u->program);
	u->program = proc_find_program("wf-worker");
	why = refusal(w, u);
	if (why != NULL) {
		log_warn("SIGUSR2: no upgrade: %s", why);
		return;
	}
	u->active = 1;
	if (try_it(u, &err) < 0) {
		log_error("no upgrade: %s; this version goes on", err.msg);
		go_on(u);
	}
}

void upgrade_free(struct upgrade *u)
{
	if (u != NULL) {
		u->freed =
		    1; /* a trial is ended by proc_fini(), without its callback */
		loop_timer_free(u->timer);
		free(u->program);
		free(u);
	}
}
