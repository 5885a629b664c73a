/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.c - see database.h.
 */
#include "api/server/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/admin.h"
#include "api/db/db.h"
#include "api/server/datadir.h"
#include "api/server/options.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

struct job {
	const struct server_conf *conf;
	char *url, *shown;
	const char *file; /* "": none given */
};

static int upgrade(const struct job *j, struct error *err)
{
	int64_t from = 0, to = 0;
	int rc = db_upgrade(j->url, &from, &to, err);

	if (rc == 0 && from == to) {
		(void)printf("%s has schema version %lld already\n", j->shown,
			     (long long)to);
	} else if (rc == 0) {
		(void)printf("%s: schema version %lld is now %lld\n", j->shown,
			     (long long)from, (long long)to);
	}
	return rc;
}

static int reset(const struct job *j, struct error *err)
{
	int rc = db_reset(j->url, err);

	if (rc == 0) {
		(void)printf("%s is empty\n", j->shown);
	}
	return rc;
}

static int backup(const struct job *j, struct error *err)
{
	int rc = db_backup_url(j->url, j->file, err);

	if (rc == 0) {
		(void)printf("%s is a complete copy of the database\n", j->file);
	}
	return rc;
}

static int restore(const struct job *j, struct error *err)
{
	int rc = db_restore(j->url, j->file, err);

	if (rc == 0) {
		(void)printf("%s is what %s holds\n", j->shown, j->file);
	}
	return rc;
}

static void print_finding(const char *what, int64_t bad, void *arg)
{
	(void)arg;
	(void)printf("%-4s %lld %s\n", bad == 0 ? "ok" : "BAD", (long long)bad, what);
}

static int check(const struct job *j, struct error *err)
{
	int64_t bad = db_check(j->url, print_finding, NULL, err);

	if (bad > 0) {
		return err_set(err, ERR_CONFLICT,
			       "%s is not sound: %lld findings; restore a backup, or "
			       "run --database upgrade when only the version is old",
			       j->shown, (long long)bad);
	}
	if (bad == 0) {
		(void)printf("%s is sound\n", j->shown);
	}
	return (int)(bad < 0 ? bad : 0);
}

static const struct action {
	const char *name;
	int (*fn)(const struct job *j, struct error *err);
	int wants_file, wants_no_server;
} actions[] = {
    {"backup", backup, 1, 0},   {"check", check, 0, 0},     {"reset", reset, 0, 1},
    {"restore", restore, 1, 1}, {"upgrade", upgrade, 0, 1},
};

static const char *given(const char *s)
{
	return s != NULL ? s : "";
}

int server_database_wanted(const struct server_conf *conf)
{
	return given(conf->backup)[0] != '\0' || given(conf->database)[0] != '\0';
}

static int run(const struct action *a, const struct job *j, struct error *err)
{
	long pid = 0;

	if (a->wants_file && j->file[0] == '\0') {
		return err_set(err, ERR_USAGE, "--database %s needs --file FILE",
			       a->name);
	}
	if (a->wants_no_server && datadir_is_used(j->conf->api.data_dir, &pid)) {
		return err_set(
		    err, ERR_CONFLICT,
		    "a server (pid %ld) runs on %s: stop it first (wf server stop)",
		    pid, j->conf->api.data_dir);
	}
	return a->fn(j, err);
}

int server_database(const struct server_conf *conf)
{
	const char *name = given(conf->backup)[0] != '\0' ? "backup" : conf->database;
	struct job j = {.conf = conf, .file = given(conf->file)};
	struct error err = {0};
	size_t i;
	int rc = err_set(&err, ERR_USAGE,
			 "--database %s: there is upgrade, reset, backup, restore and "
			 "check",
			 name);

	j.url = given(conf->api.database_url)[0] != '\0'
		    ? xstrdup(conf->api.database_url)
		    : xasprintf("sqlite://%s/wf.db", conf->api.data_dir);
	j.shown = db_url_shown(j.url);
	if (given(conf->backup)[0] != '\0') {
		j.file = conf->backup;
	}
	for (i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(name, actions[i].name) == 0) {
			rc = run(&actions[i], &j, &err);
		}
	}
	free(j.url);
	free(j.shown);
	if (rc < 0) {
		log_error("%s", err.msg);
		return err_exit_status(err.code);
	}
	return 0;
}
