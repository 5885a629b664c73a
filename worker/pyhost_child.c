/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost_child.c - one wanted child: its descriptors, its gate, the moment it is taken.
 *
 * The gate is a socket pair.  The child says on it that it is prepared (or why not) and
 * waits there: 'g' lets it run, the end of the connection ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/pyhost_priv.h"

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

void pyhost_child_free(struct pyhost_child *c)
{
	if (c == NULL) {
		return;
	}
	for (int i = 0; i < 4; i++) {
		close_fd(&c->given[i]);
	}
	loop_io_free(c->io);
	close_fd(&c->gate);
	close_fd(&c->out[0]);
	close_fd(&c->out[1]);
	json_decref(c->request);
	buf_release(&c->in);
	free(c);
}

static int open_fds(struct pyhost_child *c, struct error *err)
{
	int pair[2];

	c->given[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (c->given[0] < 0) {
		return err_errno(err, "open /dev/null");
	}
	for (int i = 0; i < 2; i++) {
		if (pipe2(pair, O_CLOEXEC) != 0) {
			return err_errno(err, "open a pipe");
		}
		c->out[i] = pair[0];
		c->given[i + 1] = pair[1];
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return err_errno(err, "open a socket pair");
	}
	c->gate = pair[0];
	c->given[3] = pair[1];
	if (fcntl(c->gate, F_SETFL, O_NONBLOCK) != 0) {
		return err_errno(err, "set up a socket");
	}
	return 0;
}

static json_t *env_json(char *const *env)
{
	json_t *o = json_object();

	for (; *env != NULL; env++) {
		size_t len = strcspn(*env, "=");
		char *name = xstrndup(*env, len);
		json_t *value = (*env)[len] == '=' ? json_string(*env + len + 1) : NULL;

		/* what is not UTF-8 makes no string */
		if (value == NULL || json_object_set_new(o, name, value) != 0) {
			free(name);
			json_decref(o);
			return NULL;
		}
		free(name);
	}
	return o;
}

static json_t *limits_json(const struct proc_limits *l)
{
	json_t *o = json_object();

	if (l->address_space_bytes > 0) {
		json_object_set_new(o, "address_space",
				    json_integer(l->address_space_bytes));
	}
	if (l->cpu_s > 0) {
		json_object_set_new(o, "cpu", json_integer(l->cpu_s));
	}
	if (l->open_files > 0) {
		json_object_set_new(o, "open_files", json_integer(l->open_files));
	}
	if (l->core_off) {
		json_object_set_new(o, "core", json_integer(0));
	}
	if (l->nice != 0) {
		json_object_set_new(o, "nice", json_integer(l->nice));
	}
	return o;
}

static json_t *words_json(char *const *words)
{
	json_t *a = json_array();

	for (; *words != NULL; words++) {
		json_array_append_new(a, json_string(*words));
	}
	return a;
}

static int make_request(struct pyhost_child *c, const struct proc_spec *spec,
			struct error *err)
{
	json_t *env = env_json(spec->envp);
	mode_t mask = umask(022);

	(void)umask(mask);
	if (env == NULL) {
		return err_set(err, ERR_INVALID, "its environment is not UTF-8");
	}
	c->request =
	    json_pack("{s:I, s:s, s:o, s:o, s:i, s:i, s:o}", "id", (json_int_t)c->id,
		      "cwd", spec->cwd != NULL ? spec->cwd : "/", "env", env, "argv",
		      words_json(spec->argv), "umask", (int)mask, "parent",
		      (int)getpid(), "limits", limits_json(&spec->limits));
	if (c->request == NULL) {
		return err_set(err, ERR_INVALID, "its working folder is not UTF-8");
	}
	return 0;
}

struct pyhost_child *pyhost_child_new(struct pyhost *h, const struct proc_spec *spec,
				      struct error *err)
{
	struct pyhost_child *c = xcalloc(1, sizeof(*c));

	*c = (struct pyhost_child){.host = h,
				   .id = ++h->next_id,
				   .given = {-1, -1, -1, -1},
				   .out = {-1, -1},
				   .gate = -1};
	buf_init(&c->in);
	if (make_request(c, spec, err) < 0 || open_fds(c, err) < 0) {
		pyhost_child_free(c);
		return NULL;
	}
	return c;
}

/* ---- the gate ---- */

/* It will not come: out of its list, cold. */
static void give_up(struct pyhost_child *c, const char *why)
{
	TAILQ_REMOVE(&c->host->held, c, link);
	pyhost_cold(c, why);
}

static void take(struct pyhost_child *c, const json_t *answer)
{
	const char *why = NULL;

	if (json_get_str(answer, "refuse", &why, NULL) == 1) {
		give_up(c, why);
		return;
	}
	TAILQ_REMOVE(&c->host->held, c, link);
	loop_io_free(c->io);
	c->io = NULL;
	c->fn(c, NULL, c->arg);
}

static void on_gate(int fd, unsigned int events, void *arg)
{
	struct pyhost_child *c = arg;
	char chunk[4096];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	json_t *answer = NULL;
	int rc;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		give_up(c, "the child ended before it began");
		return;
	}
	buf_add(&c->in, chunk, (size_t)n);
	rc = pyhost_frame(&c->in, &answer, NULL);
	if (rc < 0) {
		give_up(c, "the child said something that is not understood");
	} else if (rc == 1) {
		take(c, answer);
	}
	json_decref(answer);
}

void pyhost_child_forked(struct pyhost_child *c, pid_t pid)
{
	for (int i = 0; i < 4; i++) {
		close_fd(&c->given[i]); /* the child's alone now: its end is seen */
	}
	c->pid = pid;
	TAILQ_INSERT_TAIL(&c->host->held, c, link);
	c->io = loop_io_new(c->host->loop, c->gate, LOOP_READ, on_gate, c);
}

/* ---- by the owner ---- */

void pyhost_child_drop(struct pyhost_child *c)
{
	pyhost_child_free(c); /* the gate closes: the process ends */
}

int pyhost_child_go(struct pyhost_child *c, const struct proc_spec *spec,
		    struct proc **ret_proc, struct error *err)
{
	int rc = proc_adopt(c->host->loop, spec, c->pid, c->out, ret_proc, err);

	c->out[0] = c->out[1] = -1; /* the process's */
	if (rc == 0) {
		/* when it is dead already its end is reported as of any other */
		(void)send(c->gate, "g", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	pyhost_child_free(c);
	return rc;
}
