/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_tools.c - pg_dump and pg_restore as child processes.
 *
 * What they connect to stands in their arguments, the password never: it goes through a
 * file of ours that PGPASSFILE names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/db/backup.h"
#include "api/db/pg.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"

#define SAID_MAX 2048 /* of what a tool said */
#define ENV_MAX  4096

extern char **environ;

struct tool {
	struct loop *loop;
	const char *name;
	char said[SAID_MAX];
	size_t nsaid;
	int rc;
	struct error *err;
};

/* key='value' with \ in front of ' and \. */
static void add_pair(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s%s='", b->len > 0 ? " " : "", key);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\') {
			buf_addc(b, '\\');
		}
		buf_addc(b, *value);
	}
	buf_addc(b, '\'');
}

/* The parts of URL without the password, and the password. */
static int split(const char *url, struct buf *conninfo, char **ret_password,
		 struct error *err)
{
	char *own = pg_url(url), *msg = NULL;
	PQconninfoOption *parts = PQconninfoParse(own, &msg), *p;
	int rc = 0;

	if (parts == NULL) {
		rc = err_set(err, ERR_INVALID, "the database URL: %.*s",
			     (int)strcspn(msg != NULL ? msg : "", "\n"),
			     msg != NULL ? msg : "");
		PQfreemem(msg);
		free(own);
		return rc;
	}
	for (p = parts; p->keyword != NULL; p++) {
		if (p->val == NULL || p->val[0] == '\0') {
			continue;
		}
		if (strcmp(p->keyword, "password") == 0) {
			*ret_password = xstrdup(p->val);
		} else {
			add_pair(conninfo, p->keyword, p->val);
		}
	}
	PQconninfoFree(parts);
	free(own);
	return rc;
}

/* host:port:database:user:password, all but the last for any. */
static int write_passfile(const char *password, char *path, struct error *err)
{
	int fd = mkstemp(path); /* mode 0600 */
	struct buf b;
	int rc = 0;

	if (fd < 0) {
		return err_errno(err, "make %s", path);
	}
	buf_init(&b);
	buf_adds(&b, "*:*:*:*:");
	for (; *password != '\0'; password++) {
		if (*password == ':' || *password == '\\') {
			buf_addc(&b, '\\');
		}
		buf_addc(&b, *password);
	}
	buf_addc(&b, '\n');
	if (write(fd, b.data, b.len) != (ssize_t)b.len) {
		rc = err_errno(err, "write %s", path);
	}
	(void)close(fd);
	memset(b.data, 0, b.len);
	buf_release(&b);
	return rc;
}

/* Ours, without the URL and with PGPASSFILE; the strings are borrowed. */
static char **tool_env(char *passfile)
{
	static const char *const left_out[] = {
	    "WF_DATABASE_URL=", "PREFECT_SERVER_DATABASE_CONNECTION_URL=",
	    "PREFECT_API_DATABASE_CONNECTION_URL=", "PGPASSWORD=", "PGPASSFILE="};
	char **env = xcalloc(ENV_MAX + 2, sizeof(*env));
	size_t n = 0, i, k, names = sizeof(left_out) / sizeof(left_out[0]);

	/* without a password in the URL the user's own ways to give one stay */
	names -= passfile == NULL ? 2 : 0;
	for (i = 0; environ[i] != NULL && n < ENV_MAX; i++) {
		for (k = 0; k < names; k++) {
			if (strncmp(environ[i], left_out[k], strlen(left_out[k])) ==
			    0) {
				break;
			}
		}
		if (k == names) {
			env[n++] = environ[i];
		}
	}
	env[n] = passfile;
	return env;
}

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct tool *t = arg;
	size_t room = sizeof(t->said) - 1 - t->nsaid;

	(void)p;
	(void)stream;
	len = len < room ? len : room;
	memcpy(t->said + t->nsaid, data, len);
	t->nsaid += len;
}

static void on_exit_of_tool(struct proc *p, const struct proc_exit *e, void *arg)
{
	struct tool *t = arg;

	(void)p;
	if (e->spawn_errno == ENOENT) {
		t->rc = err_set(t->err, ERR_NOT_FOUND,
				"%s is not installed: install the PostgreSQL client of "
				"the server's version (Debian: postgresql-client)",
				t->name);
	} else if (e->spawn_errno != 0) {
		errno = e->spawn_errno;
		t->rc = err_errno(t->err, "start %s", t->name);
	} else if (e->status != 0) {
		t->said[strcspn(t->said, "\n")] = '\0';
		t->rc = err_set(t->err, ERR_UNAVAILABLE, "%s", t->said);
	}
	loop_stop(t->loop, 0);
}

static int run_tool(char *const *argv, char *const *env, struct error *err)
{
	struct tool t = {.name = argv[0], .err = err};
	const struct proc_spec spec = {.argv = argv,
				       .envp = env,
				       .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
				       .output_fn = on_output,
				       .exit_fn = on_exit_of_tool,
				       .arg = &t};
	struct proc *p = NULL;
	int rc;

	t.loop = loop_new(err);
	if (t.loop == NULL) {
		return -err->code;
	}
	rc = proc_init(t.loop, err);
	rc = rc == 0 ? proc_spawn(t.loop, &spec, &p, err) : rc;
	if (rc == 0) {
		(void)loop_run(t.loop);
		rc = t.rc;
	}
	proc_fini();
	loop_free(t.loop);
	return rc;
}

/* Runs ARGV, whose last word becomes the connection. */
static int with_connection(const char *url, const char **argv, size_t at,
			   struct error *err)
{
	char path[] = "/tmp/wf-pass-XXXXXX";
	char *password = NULL, *variable = NULL, **env = NULL;
	struct buf conninfo;
	union {
		const char **from;
		char *const *to;
	} words = {.from = argv};
	int rc;

	buf_init(&conninfo);
	rc = pg_lib_load(err);
	rc = rc == 0 ? split(url, &conninfo, &password, err) : rc;
	if (rc == 0 && password != NULL) {
		rc = write_passfile(password, path, err);
		variable = xasprintf("PGPASSFILE=%s", path);
	}
	if (rc == 0) {
		argv[at] = conninfo.data;
		env = tool_env(variable);
		rc = run_tool(words.to, env, err);
	}
	if (variable != NULL) {
		(void)unlink(path);
		memset(password, 0, strlen(password));
	}
	free(env);
	free(variable);
	free(password);
	buf_release(&conninfo);
	return rc;
}

int pg_dump(const char *url, const char *path, struct error *err)
{
	char *part = xasprintf("%s.part", path);
	const char *argv[] = {"pg_dump",
			      "--format=custom",
			      "--no-owner",
			      "--no-privileges",
			      "--no-password",
			      "--file",
			      part,
			      "--dbname",
			      NULL,
			      NULL};
	mode_t old = umask(077);
	int rc = with_connection(url, argv, 8, err);

	(void)umask(old);
	rc = rc == 0 ? backup_publish(part, path, err) : rc;
	if (rc < 0) {
		(void)unlink(part);
	}
	free(part);
	return rc;
}

int pg_restore(const char *url, const char *path, struct error *err)
{
	const char *argv[] = {"pg_restore",
			      "--clean",
			      "--if-exists",
			      "--single-transaction",
			      "--no-owner",
			      "--no-privileges",
			      "--no-password",
			      "--exit-on-error",
			      "--dbname",
			      NULL,
			      path,
			      NULL};

	if (access(path, R_OK) < 0) {
		return err_errno(err, "read %s", path);
	}
	return with_connection(url, argv, 9, err);
}
