/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - starts the parts in their order, waits for a signal, stops them in
 * reverse.
 *
 * STARTING --all parts are up--> SERVING --TERM, INT--> DRAINING --nothing pending-->
 * exit A second signal in DRAINING exits at once.
 */
#include "api/server/server.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "api/routes/tables.h"
#include "api/server/background.h"
#include "api/server/banner.h"
#include "api/server/block_keys.h"
#include "api/server/database.h"
#include "api/server/datadir.h"
#include "api/server/options.h"
#include "api/server/parts.h"
#include "api/server/redis_child.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/proc.h"
#include "base/seal.h"
#include "pools/pools.h"

#define DRAIN_MS      10000
#define DRAIN_POLL_MS 10
#define ARENAS        2 /* of malloc: the database threads are few */
#define SQLITE_PREFIX "sqlite:///"

struct server {
	struct server_conf conf;
	struct api api;
	struct loop *loop;
	struct datadir dir;
	struct redis_child *redis;
	struct seal_keys *keys;
	struct parts *parts;
	struct loop_signal *signals[5];
	struct loop_timer *drain;
	struct notify *notify; /* the service manager; or NULL */
	int64_t drain_until_ms;
};

/* ---- start ---- */

static char *database_url(const struct server *s)
{
	if (s->conf.api.database_url != NULL && s->conf.api.database_url[0] != '\0') {
		return xstrdup(s->conf.api.database_url);
	}
	return xasprintf(SQLITE_PREFIX "%s/wf.db", s->dir.path);
}

static int start_db(struct server *s, struct error *err)
{
	char *url = database_url(s);
	struct db_conf conf = {.url = url};
	int rc = db_open(s->loop, &conf, &s->api.db, err);

	if (rc < 0) {
		char *shown = db_url_shown(url);

		err_wrap(err, "open the database %s", shown);
		free(shown);
	}
	free(url);
	return rc;
}

static int start_redis(struct server *s, struct error *err)
{
	const char *url = s->conf.api.redis_url;
	char *dir;
	int rc = 0;

	if (url != NULL && url[0] != '\0') {
		(void)snprintf(s->api.redis_url, sizeof(s->api.redis_url), "%s", url);
	} else {
		dir = xasprintf("%s/redis", s->dir.path);
		rc = redis_child_start(s->loop, dir, &s->redis, err);
		free(dir);
		if (rc < 0) {
			return rc;
		}
		s->api.redis_is_private = 1;
		url = redis_child_url(s->redis);
		(void)snprintf(s->api.redis_url, sizeof(s->api.redis_url), "%s",
			       redis_child_tcp_url(s->redis));
	}
	s->api.pools = pools_new(s->loop, url, err);
	return s->api.pools != NULL ? 0 : -err->code;
}

static int start_http(struct server *s, struct error *err)
{
	const struct api_conf *conf = &s->conf.api;
	struct http_conf hc = {
	    .host = conf->host,
	    .port = (int)conf->port,
	    .auth = conf->auth_string,
	    .tls_cert = conf->tls_cert,
	    .tls_key = conf->tls_key,
	    .cors_origins = conf->cors_origins,
	    .csrf = conf->csrf,
	    .request_ms = conf->request_ms,
	    .base_path = "/api",
	    .api = &s->api,
	};
	const char *host = conf->host;
	const struct ws_endpoint *const *t;
	int rc;

	rc = http_server_start(s->loop, &hc, route_tables, &s->api.http, err);
	for (t = ws_tables; rc == 0 && *t != NULL; t++) {
		rc = ws_register(s->api.http, *t);
	}
	if (rc < 0) {
		return rc;
	}
	if (strcmp(host, "0.0.0.0") == 0) {
		host = "127.0.0.1";
	} else if (strcmp(host, "::") == 0) {
		host = "::1";
	}
	(void)snprintf(s->api.url, sizeof(s->api.url),
		       strchr(host, ':') != NULL ? "%s://[%s]:%d/api"
						 : "%s://%s:%d/api",
		       hc.tls_cert != NULL && hc.tls_cert[0] != '\0' ? "https" : "http",
		       host, http_server_port(s->api.http));
	return 0;
}

static int start_all(struct server *s, struct error *err)
{
	int rc;

	rc = datadir_open(&s->dir, s->conf.api.data_dir, err);
	rc = rc == 0 ? proc_init(s->loop, err) : rc;
	rc = rc == 0 ? start_db(s, err) : rc;
	rc = rc == 0 ? block_keys_start(s->api.db, s->dir.path, s->conf.block_key_file,
					&s->keys, err)
		     : rc;
	s->api.block_keys = s->keys;
	rc = rc == 0 ? start_redis(s, err) : rc;
	rc = rc == 0 ? parts_start(&s->api, &s->parts, err) : rc;
	return rc == 0 ? start_http(s, err) : rc;
}

static void announce(const struct server *s)
{
	char *db_url = database_url(s), *db = db_url_shown(db_url);
	char *redis = s->redis != NULL
			  ? xasprintf("private redis-server, pid %ld, in %s/redis",
				      redis_child_pid(s->redis), s->dir.path)
			  : url_without_password(s->api.redis_url);
	struct banner b = {
	    .url = s->api.url,
	    .data_dir = s->dir.path,
	    .database = db,
	    .redis = redis,
	    .services = s->conf.api.services,
	    .auth =
		s->conf.api.auth_string != NULL && s->conf.api.auth_string[0] != '\0',
	};

	if (strcmp(s->conf.api.log_format, "text") == 0) {
		banner_print(&b);
	}
	log_info("serving %s, data in %s, database %s, redis %s", b.url, b.data_dir,
		 b.database, b.redis);
	notify_ready(s->notify);
	notify_status(s->notify, "serving %s", b.url);
	free(db_url);
	free(db);
	free(redis);
}

/* ---- stop ---- */

static void on_drain(void *arg)
{
	struct server *s = arg;
	int pending = http_server_pending(s->api.http);
	int64_t works = db_pending(s->api.db);

	if (pending == 0 && works == 0) {
		loop_stop(s->loop, 0);
	} else if (loop_now_ms(s->loop) >= s->drain_until_ms) {
		log_warn("stopping with %d requests and %lld database works unfinished",
			 pending, (long long)works);
		loop_stop(s->loop, 0);
	} else {
		loop_timer_in(s->drain, DRAIN_POLL_MS);
	}
}

static const char *sigabbrev(int signo)
{
	const char *name = sigabbrev_np(signo); /* without SIG */

	return name != NULL ? name : "signal";
}

static void on_stop_signal(int signo, void *arg)
{
	struct server *s = arg;

	if (s->api.draining) {
		log_warn("SIG%s again: exiting at once", sigabbrev(signo));
		datadir_unpublish(&s->dir);
		proc_kill_all();
		_exit(128 + signo);
	}
	log_info("SIG%s: finishing what is under way (again to exit at once)",
		 sigabbrev(signo));
	s->api.draining = 1;
	notify_stopping(s->notify);
	datadir_unpublish(&s->dir);
	http_server_stop_accepting(s->api.http);
	ws_drop_all(s->api.http, 1001, "The server is shutting down");
	parts_quiesce(s->parts);
	s->drain_until_ms = loop_now_ms(s->loop) + DRAIN_MS;
	loop_timer_in(s->drain, DRAIN_POLL_MS);
}

static void on_hangup(int signo, void *arg)
{
	if (isatty(STDERR_FILENO)) {
		on_stop_signal(signo, arg);
	} else {
		log_info("SIGHUP: no option can be reloaded, ignoring");
	}
}

static void on_dump(int signo, void *arg)
{
	const struct server *s = arg;

	(void)signo;
	log_info("state: %s, %d requests pending, %lld database works, redis %s "
		 "(restarted %d times)",
		 s->api.draining ? "draining" : "serving",
		 http_server_pending(s->api.http), (long long)db_pending(s->api.db),
		 pools_is_up(s->api.pools) ? "up" : "down",
		 s->redis != NULL ? redis_child_restarts(s->redis) : 0);
	trace_dump(STDERR_FILENO);
}

static void on_toggle_debug(int signo, void *arg)
{
	const struct server *s = arg;
	enum log_level level = LOG_LVL_INFO;

	(void)signo;
	(void)log_level_parse(s->conf.api.log_level, &level);
	log_set_level(log_get_level() == LOG_LVL_DEBUG ? level : LOG_LVL_DEBUG);
}

static void stop_all(struct server *s)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(s->signals); i++) {
		loop_signal_free(s->signals[i]);
	}
	loop_timer_free(s->drain);
	http_server_free(s->api.http);
	s->api.http = NULL;
	parts_stop(s->parts);
	pools_free(s->api.pools);
	s->api.pools = NULL;
	db_close(s->api.db);
	s->api.db = NULL;
	(void)loop_turn(s->loop, 0); /* the last completions of the database */
	parts_free(s->parts);
	seal_keys_free(s->keys);
	redis_child_stop(s->redis);
	if (s->dir.path != NULL) {
		datadir_unpublish(&s->dir);
		datadir_close(&s->dir);
	}
}

/* ---- main ---- */

static void raise_limits(void)
{
	struct rlimit rl;

	(void)mallopt(M_ARENA_MAX, ARENAS);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static void set_up_log(const struct api_conf *conf)
{
	struct error err;

	if (log_start("wf-api", conf->log_level, conf->log_format, &err) < 0) {
		fatal(64, "%s", err.msg);
	}
}

static void set_up_signals(struct server *s)
{
	static const struct {
		int signo;
		loop_signal_fn fn;
	} handlers[] = {
	    {SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal},   {SIGHUP, on_hangup},
	    {SIGUSR1, on_dump},        {SIGUSR2, on_toggle_debug},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(handlers); i++) {
		s->signals[i] =
		    loop_signal_new(s->loop, handlers[i].signo, handlers[i].fn, s);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	s->drain = loop_timer_new(s->loop, on_drain, s);
}

static int serve(struct server *s)
{
	struct error err = {0};
	int rc;

	s->loop = loop_new(&err);
	if (s->loop == NULL) {
		fatal(70, "%s", err.msg);
	}
	s->notify = notify_open(s->loop);
	s->dir.lock_fd = -1;
	s->api.conf = &s->conf.api;
	s->api.loop = s->loop;
	rc = start_all(s, &err);
	if (rc == 0) {
		set_up_signals(s); /* whoever reads the url file may send one */
		rc = datadir_publish(&s->dir, s->api.url, http_server_port(s->api.http),
				     &err);
	}
	if (rc < 0) {
		log_error("%s", err.msg);
		rc = err_exit_status(err.code);
	} else {
		announce(s);
		rc = loop_run(s->loop);
	}
	stop_all(s);
	notify_close(s->notify);
	proc_fini();
	loop_free(s->loop);
	if (rc == 0) {
		log_info("stopped");
	}
	return rc;
}

int server_main(int argc, char **argv)
{
	struct server s = {0};
	struct opts opts = {0};
	struct error err = {0};
	char **args;
	int rc;

	if (argc == 2 && strcmp(argv[1], "--man") == 0) {
		opts_man_tree(&server_options, 8, NULL, 0, stdout); /* for the build */
		return 0;
	}
	args = xmemdup(argv, ((size_t)argc + 1) * sizeof(*argv));
	log_init("wf-api", LOG_LVL_INFO, LOG_FMT_TEXT, -1);
	raise_limits();
	if (opts_load(&server_options, argc, argv, server_conf_file(), &s.conf, &opts,
		      &err) < 0) {
		fatal(err_exit_status(err.code), "%s", err.msg);
	}
	if (opts.want_help || opts.want_version) {
		if (opts.want_help) {
			opts_help(&server_options, stdout);
		} else {
			(void)printf("wf-api %s (API %s)\n", PACKAGE_VERSION,
				     API_VERSION);
		}
		opts_release(&server_options, &s.conf, &opts);
		free(args);
		return 0;
	}
	server_conf_finish(&s.conf);
	server_conf_hide_urls(argc, args);
	set_up_log(&s.conf.api);
	if (server_database_wanted(&s.conf)) {
		rc = server_database(&s.conf);
	} else if (s.conf.background) {
		rc = background_start(&s.conf, argc, args);
	} else {
		rc = serve(&s);
	}
	opts_release(&server_options, &s.conf, &opts);
	free(args);
	return rc;
}
