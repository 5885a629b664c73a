/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - wf-agent: options and signals.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"

struct app {
	struct host host;
	struct host_conf conf;
	struct opts opts;
	struct loop_signal *signals[5];
};

/* opts_load() may move the words of argv. */
static int load(const struct host *h, struct host_conf *conf, struct opts *opts,
		struct error *err)
{
	char **argv = xmemdup(h->argv, ((size_t)h->argc + 1) * sizeof(*argv));
	int rc = host_conf_load(h->argc, argv, conf, opts, err);

	if (rc == 0 && !opts->want_help && !opts->want_version) {
		rc = host_conf_finish(conf, err);
		if (rc < 0) {
			host_conf_release(conf, opts);
		}
	}
	free(argv);
	return rc;
}

static void on_stop(int signo, void *arg)
{
	host_stop(&((struct app *)arg)->host, signo);
}

static void on_hangup(int signo, void *arg)
{
	struct app *a = arg;
	struct host_conf conf = {0}, old = a->conf;
	struct opts opts = {0}, old_opts = a->opts;
	struct error err = {0};

	(void)signo;
	if (load(&a->host, &conf, &opts, &err) < 0) {
		log_error("SIGHUP: the options stay as they are: %s", err.msg);
		return;
	}
	log_info("SIGHUP: reading pools and options again");
	a->conf = conf;
	a->opts = opts;
	host_reload(&a->host, &a->conf);
	host_conf_release(&old, &old_opts);
}

static void on_dump(int signo, void *arg)
{
	(void)signo;
	host_status_dump(&((struct app *)arg)->host);
}

static void on_upgrade(int signo, void *arg)
{
	(void)signo;
	host_hand_over(&((struct app *)arg)->host);
}

static int serve(struct app *a)
{
	static const struct {
		int signo;
		loop_signal_fn fn;
	} handlers[] = {{SIGTERM, on_stop},
			{SIGINT, on_stop},
			{SIGHUP, on_hangup},
			{SIGUSR1, on_dump},
			{SIGUSR2, on_upgrade}};
	struct error err = {0};
	int rc = host_open(&a->host, &a->conf, &err);

	if (rc < 0) {
		log_error("%s", err.msg);
		rc = err_exit_status(err.code);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
			a->signals[i] = loop_signal_new(a->host.loop, handlers[i].signo,
							handlers[i].fn, a);
		}
		proc_unblock_signals(); /* after a handover */
		rc = loop_run(a->host.loop);
		log_info("Agent '%s' stopped!", a->conf.name);
	}
	for (size_t i = 0; i < ARRAY_LEN(a->signals); i++) {
		loop_signal_free(a->signals[i]);
	}
	host_close(&a->host);
	return rc;
}

int main(int argc, char **argv)
{
	struct app a = {.host = {.argc = argc, .argv = argv}};
	struct error err = {0};
	int status;

	if (argc == 2 && strcmp(argv[1], "--man") == 0) {
		opts_man(&host_spec, stdout); /* the build makes the page with it */
		return 0;
	}
	if (load(&a.host, &a.conf, &a.opts, &err) < 0) {
		(void)fprintf(stderr, "wf-agent: %s\n", err.msg);
		return err_exit_status(err.code);
	}
	if (a.opts.want_help) {
		opts_help(&host_spec, stdout);
		status = 0;
	} else if (a.opts.want_version) {
		(void)puts("wf-agent " PACKAGE_VERSION);
		status = 0;
	} else if (log_start("wf-agent", a.conf.log_level, a.conf.log_format, &err) <
		   0) {
		(void)fprintf(stderr, "wf-agent: %s\n", err.msg);
		status = err_exit_status(err.code);
	} else {
		status = serve(&a);
	}
	host_conf_release(&a.conf, &a.opts);
	return status;
}
