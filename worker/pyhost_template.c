/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost_template.c - one template: its process, its socket, its queue.
 *
 *	STARTING --hello--> READY --retired, failed, ended--> ENDING --exit--> freed
 *
 * One request is under way at a time: the answer comes within milliseconds, and what is
 * not sent yet can be given to another template.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "worker/pyhost_priv.h"

#define SOCKET_FD  3
#define END_MS     5000
#define HEADER_LEN 4

static struct metric forks = {.name = "wf_pyhost_forks_total",
			      .help = "Python runs that were started warm.",
			      .type = METRIC_COUNTER};

/* ---- frames ---- */

int pyhost_frame(struct buf *b, json_t **ret, struct error *err)
{
	const unsigned char *p = (const unsigned char *)b->data;
	uint32_t len;

	if (b->len < HEADER_LEN) {
		return 0;
	}
	len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	if (len > PYHOST_FRAME_MAX) {
		return err_set(err, ERR_TOO_LARGE, "a frame of %u bytes", len);
	}
	if (b->len < HEADER_LEN + (size_t)len) {
		return 0;
	}
	*ret = json_parse(b->data + HEADER_LEN, len, PYHOST_FRAME_MAX, err);
	buf_consume(b, HEADER_LEN + (size_t)len);
	return *ret != NULL ? 1 : err_set(err, ERR_PROTOCOL, "a frame is no JSON");
}

void pyhost_frame_add(struct buf *b, const json_t *v)
{
	char *text = json_text(v);

	buf_add_u32be(b, (uint32_t)strlen(text));
	buf_adds(b, text);
	free(text);
}

/* ---- the end ---- */

static void close_socket(struct pyhost_template *t)
{
	loop_io_free(t->io);
	t->io = NULL;
	if (t->fd >= 0) {
		(void)close(t->fd);
		t->fd = -1;
	}
}

void pyhost_template_free(struct pyhost_template *t)
{
	struct pyhost_child *c;

	close_socket(t);
	while ((c = TAILQ_FIRST(&t->queue)) != NULL) {
		TAILQ_REMOVE(&t->queue, c, link);
		pyhost_child_free(c);
	}
	TAILQ_REMOVE(&t->host->templates, t, link);
	t->host->templates_count--;
	buf_release(&t->in);
	buf_release(&t->out);
	free(t);
}

/* Without a socket the process leaves by itself; the ladder is for one that hangs. */
static void end(struct pyhost_template *t)
{
	t->state = TEMPLATE_ENDING;
	close_socket(t);
	if (t->proc != NULL) {
		proc_stop(t->proc, PROC_STOP_SHUTDOWN, END_MS);
	}
}

void pyhost_template_fail(struct pyhost_template *t, const char *why)
{
	struct pyhost_child *c;

	if (t->state == TEMPLATE_ENDING) {
		return;
	}
	if (t->forks == 0) {
		pyhost_key_failed(t->host, t->key, why);
	} /* else the next run may try again */
	end(t);
	while ((c = TAILQ_FIRST(&t->queue)) != NULL) {
		TAILQ_REMOVE(&t->queue, c, link);
		pyhost_cold(c, why);
	}
}

void pyhost_template_retire(struct pyhost_template *t, const char *why)
{
	t->stale = 1;
	if (t->state == TEMPLATE_READY && TAILQ_EMPTY(&t->queue)) {
		log_info("wf-pyhost (pid %d) ends after %u runs: %s",
			 (int)proc_pid(t->proc), t->forks, why);
		end(t);
	}
}

static void on_template_exit(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct pyhost_template *t = arg;
	char how[160], why[400];

	(void)p;
	proc_describe(exit, how, sizeof(how));
	(void)snprintf(why, sizeof(why), "wf-pyhost ended (%s)%s%s", how,
		       t->last[0] != '\0' ? ": " : "", t->last);
	t->proc = NULL;
	pyhost_template_fail(t, why);
	pyhost_template_free(t);
}

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct pyhost_template *t = arg;
	size_t end_at = len, from;

	(void)p;
	(void)stream;
	while (end_at > 0 && (data[end_at - 1] == '\n' || data[end_at - 1] == ' ')) {
		end_at--;
	}
	for (from = end_at; from > 0 && data[from - 1] != '\n'; from--) {
	}
	if (end_at > from) {
		(void)snprintf(t->last, sizeof(t->last), "%.*s", (int)(end_at - from),
			       data + from);
		log_debug("wf-pyhost: %s", t->last);
	}
}

/* ---- requests ---- */

/* The rest of a request; the descriptors went with its first bytes. */
static void write_rest(struct pyhost_template *t)
{
	ssize_t n = send(t->fd, t->out.data, t->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0) {
		buf_consume(&t->out, (size_t)n);
	}
	/* an error is seen as the end of the process too */
	loop_io_set(
	    t->io, LOOP_READ |
		       (t->out.len > 0 && (n > 0 || errno == EAGAIN) ? LOOP_WRITE : 0));
}

/* Bytes sent, or -1. */
static ssize_t send_with_fds(int fd, const struct buf *b, const int fds[4])
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = b->data, .iov_len = b->len};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.space,
			   .msg_controllen = sizeof(control.space)};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(4 * sizeof(int));
	memcpy(CMSG_DATA(c), fds, 4 * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_next(struct pyhost_template *t)
{
	struct pyhost_child *c = TAILQ_FIRST(&t->queue);
	ssize_t n;

	if (c == NULL || t->sent || t->state != TEMPLATE_READY) {
		return;
	}
	buf_reset(&t->out);
	pyhost_frame_add(&t->out, c->request);
	n = send_with_fds(t->fd, &t->out, c->given);
	if (n < 0) {
		pyhost_template_fail(t, "wf-pyhost does not take requests");
		return;
	}
	buf_consume(&t->out, (size_t)n);
	if (t->out.len > 0) {
		loop_io_set(t->io, LOOP_READ | LOOP_WRITE);
	}
	t->sent = 1;
	c->due_ms = loop_now_ms(t->host->loop) + PYHOST_ANSWER_MS;
	pyhost_watch_time(t->host);
}

void pyhost_template_add(struct pyhost_template *t, struct pyhost_child *c)
{
	TAILQ_INSERT_TAIL(&t->queue, c, link);
	t->used_ms = loop_now_ms(t->host->loop);
	send_next(t);
}

/* ---- answers ---- */

/* The template will not fork any more: C and what waits go to its successor. */
static void refused(struct pyhost_template *t, struct pyhost_child *c, const char *why,
		    int changed)
{
	struct pyhost_child_list rest = TAILQ_HEAD_INITIALIZER(rest);
	struct pyhost *h = t->host;
	struct error err;

	if (!changed) {
		TAILQ_INSERT_HEAD(&t->queue, c, link);
		pyhost_template_fail(t, why);
		return;
	}
	TAILQ_CONCAT(&rest, &t->queue, link);
	pyhost_template_retire(t, why);
	c->tries++;
	TAILQ_INSERT_HEAD(&rest, c, link);
	while ((c = TAILQ_FIRST(&rest)) != NULL) {
		TAILQ_REMOVE(&rest, c, link);
		if (c->tries > 1) {
			pyhost_cold(c, why);
		} else if (pyhost_place(h, c, &err) < 0) {
			pyhost_cold(c, err.msg);
		}
	}
}

static void take_answer(struct pyhost_template *t, const json_t *answer)
{
	struct pyhost_child *c = TAILQ_FIRST(&t->queue);
	const char *why = NULL;
	int64_t pid = 0, id = 0;

	(void)json_get_str(answer, "refuse", &why, NULL);
	if (c == NULL || !t->sent || json_get_int(answer, "id", &id, NULL) != 1 ||
	    id != c->id ||
	    (why == NULL &&
	     (json_get_int(answer, "pid", &pid, NULL) != 1 || pid <= 1))) {
		pyhost_template_fail(t,
				     "wf-pyhost gave an answer that nobody asked for");
		return;
	}
	t->sent = 0;
	TAILQ_REMOVE(&t->queue, c, link);
	if (why != NULL) {
		refused(t, c, why, json_is_true(json_object_get(answer, "changed")));
		return;
	}
	t->forks++;
	metric_add(&forks, 1);
	pyhost_child_forked(c, (pid_t)pid);
	send_next(t);
}

static void warn_of_preloads(const json_t *failed)
{
	const char *name;
	json_t *why;

	json_object_foreach ((json_t *)(uintptr_t)failed, name, why) {
		log_warn("WF_PYHOST_PRELOAD: %s cannot be imported (%s)", name,
			 json_string_value(why) != NULL ? json_string_value(why) : "");
	}
}

static void take_hello(struct pyhost_template *t, const json_t *hello)
{
	const char *why = NULL, *prefect = "?";
	int64_t took_ms = 0;

	if (json_get_str(hello, "refuse", &why, NULL) == 1) {
		pyhost_template_fail(t, why);
		return;
	}
	(void)json_get_str(hello, "prefect", &prefect, NULL);
	(void)json_get_int(hello, "rss_kb", &t->rss_kb, NULL);
	(void)json_get_int(hello, "import_ms", &took_ms, NULL);
	log_info(
	    "wf-pyhost (pid %d) is ready: Prefect %s, %lld MB, imported in %lld ms",
	    (int)proc_pid(t->proc), prefect, (long long)(t->rss_kb / 1024),
	    (long long)took_ms);
	warn_of_preloads(json_object_get(hello, "preload_failed"));
	t->state = TEMPLATE_READY;
	t->used_ms = loop_now_ms(t->host->loop);
	pyhost_template_ready(t);
	send_next(t);
}

static void on_socket(int fd, unsigned int events, void *arg)
{
	struct pyhost_template *t = arg;
	char chunk[4096];
	json_t *v = NULL;
	ssize_t n;
	int rc;

	if ((events & LOOP_WRITE) != 0 && t->out.len > 0) {
		write_rest(t);
	}
	n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		close_socket(t); /* its exit follows, with the reason */
		return;
	}
	buf_add(&t->in, chunk, (size_t)n);
	while (t->state != TEMPLATE_ENDING &&
	       (rc = pyhost_frame(&t->in, &v, NULL)) != 0) {
		if (rc < 0) {
			pyhost_template_fail(t, "wf-pyhost is not understood");
			return;
		}
		t->state == TEMPLATE_STARTING ? take_hello(t, v) : take_answer(t, v);
		json_decref(v);
	}
}

/* ---- start ---- */

static int spawn(struct pyhost_template *t, int theirs, struct error *err)
{
	struct pyhost *h = t->host;
	char preload[] = "--preload";
	char *const argv[] = {h->python, h->program,
			      h->preload[0] != '\0' ? preload : NULL, h->preload, NULL};
	const struct proc_spec spec = {
	    .argv = argv,
	    .envp = t->key->env,
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, theirs},
	    .new_session = 1, /* a terminal's Ctrl-C is not for it */
	    .output_fn = on_output,
	    .exit_fn = on_template_exit,
	    .arg = t,
	};

	return proc_spawn(h->loop, &spec, &t->proc, err);
}

struct pyhost_template *pyhost_template_new(struct pyhost *h, struct pyhost_key *key,
					    struct error *err)
{
	struct pyhost_template *t;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		(void)err_errno(err, "open a socket pair for wf-pyhost");
		return NULL;
	}
	metric_register(&forks);
	t = xcalloc(1, sizeof(*t));
	*t = (struct pyhost_template){.host = h,
				      .key = key,
				      .state = TEMPLATE_STARTING,
				      .fd = pair[0],
				      .started_ms = loop_now_ms(h->loop),
				      .used_ms = loop_now_ms(h->loop)};
	buf_init(&t->in);
	buf_init(&t->out);
	TAILQ_INIT(&t->queue);
	TAILQ_INSERT_TAIL(&h->templates, t, link);
	h->templates_count++;
	(void)fcntl(t->fd, F_SETFL, O_NONBLOCK);
	if (spawn(t, pair[1], err) < 0) {
		(void)close(pair[1]);
		pyhost_template_free(t);
		return NULL;
	}
	(void)close(pair[1]);
	t->io = loop_io_new(h->loop, t->fd, LOOP_READ, on_socket, t);
	return t;
}
