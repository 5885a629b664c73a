/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - turns of the event loop over libevent.
 *
 * A turn: wait and run what is due (event_base_loop with EVLOOP_ONCE), then the calls
 * deferred so far, then the deferred frees.  What those defer in their turn waits for
 * the next turn, so a chain of deferred calls cannot starve input.
 */
#include "base/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOP_SLOW_TURN_MS   50
#define LOOP_FREE_ROUNDS    64 /* of deferred calls run by loop_free() */
#define LOOP_TIMER_MAX_WAIT (24LL * 3600 * 1000000) /* us; longer: re-armed */
#define LOOP_TIMER_MAX_MS   (INT64_MAX / CLOCK_US_PER_MS)

struct deferred {
	STAILQ_ENTRY(deferred) link;
	loop_fn fn;
	void *arg;
};
STAILQ_HEAD(deferred_list, deferred);

/* Read on first use in a turn and kept until its end. */
struct loop_clock {
	int valid;
	int64_t mono_us, wall_us;
};

struct loop {
	struct event_base *base;
	struct loop_clock *clock; /* apart, since readers hold a const loop */
	struct deferred_list calls, frees;
	int stopped, code;
	struct event *wait_limit; /* bounds the wait of loop_turn() */
	/* posts of other threads */
	pthread_mutex_t lock;
	struct deferred_list posted;
	int wake_fd;
	struct event *wake;
	/* libevent's clock stands still while the host is suspended, ours does not */
	TAILQ_HEAD(, loop_timer) timers;
	int resume_fd;
	struct event *resume;
};

struct loop_timer {
	TAILQ_ENTRY(loop_timer) link;
	struct loop *loop;
	struct event *ev;
	int64_t at_ms;
	loop_fn fn;
	void *arg;
};

struct loop_io {
	struct loop *loop;
	struct event *ev;
	loop_io_fn fn;
	void *arg;
};

struct loop_signal {
	struct event *ev;
	loop_signal_fn fn;
	void *arg;
};

static void on_libevent_log(int severity, const char *msg)
{
	switch (severity) {
	case EVENT_LOG_ERR:
		log_error("libevent: %s", msg);
		break;
	case EVENT_LOG_WARN:
		log_warn("libevent: %s", msg);
		break;
	default:
		log_debug("libevent: %s", msg);
		break;
	}
}

static void on_libevent_fatal(int code)
{
	BUG("libevent gave up with code %d", code);
}

static void on_wait_limit(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void list_add(struct deferred_list *list, loop_fn fn, void *arg)
{
	struct deferred *d = xmalloc(sizeof(*d));

	*d = (struct deferred){.fn = fn, .arg = arg};
	STAILQ_INSERT_TAIL(list, d, link);
}

static void list_run(struct deferred_list *list)
{
	struct deferred_list now = STAILQ_HEAD_INITIALIZER(now);
	struct deferred *d;

	STAILQ_CONCAT(&now, list);
	while ((d = STAILQ_FIRST(&now)) != NULL) {
		STAILQ_REMOVE_HEAD(&now, link);
		d->fn(d->arg);
		free(d);
	}
}

/* Calls that kept deferring others until loop_free() gave up on them. */
static void list_drop(struct deferred_list *list)
{
	struct deferred *d;

	while ((d = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		free(d);
	}
}

static void run_posted(struct loop *loop)
{
	struct deferred_list now = STAILQ_HEAD_INITIALIZER(now);

	pthread_mutex_lock(&loop->lock);
	STAILQ_CONCAT(&now, &loop->posted);
	pthread_mutex_unlock(&loop->lock);
	list_run(&now);
}

static void on_wake(int fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
		BUG("read of the wake-up eventfd: %s", strerror(errno));
	}
	run_posted(arg);
}

static struct timeval tv_of_us(int64_t us)
{
	return (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
}

static void timer_arm(struct loop_timer *t)
{
	int64_t wait_us;
	struct timeval tv;

	wait_us = t->at_ms <= LOOP_TIMER_MAX_MS
		      ? t->at_ms * CLOCK_US_PER_MS - clock_mono_us()
		      : LOOP_TIMER_MAX_WAIT;
	wait_us = wait_us < 0 ? 0 : wait_us;
	wait_us = wait_us > LOOP_TIMER_MAX_WAIT ? LOOP_TIMER_MAX_WAIT : wait_us;
	tv = tv_of_us(wait_us);
	if (evtimer_add(t->ev, &tv) != 0) {
		BUG("evtimer_add failed");
	}
}

/* Arms what is armed anew: the host was suspended, or its wall clock was set. */
static void on_resume(int fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct loop_timer *t;
	uint64_t none;

	(void)what;
	(void)!read(fd, &none, sizeof(none)); /* ECANCELED */
	loop->clock->valid = 0;
	TAILQ_FOREACH (t, &loop->timers, link) {
		if (t->at_ms != INT64_MAX) {
			timer_arm(t);
		}
	}
}

/* Without it (old kernels, sandboxes) timers are late by the time of a suspension. */
static void watch_resume(struct loop *loop)
{
	struct itimerspec never = {.it_value = {.tv_sec = (time_t)1 << 40}};

	loop->resume_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->resume_fd < 0 ||
	    timerfd_settime(loop->resume_fd,
			    TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			    NULL) != 0) {
		return;
	}
	loop->resume = event_new(loop->base, loop->resume_fd, EV_READ | EV_PERSIST,
				 on_resume, loop);
	if (loop->resume != NULL) {
		(void)event_add(loop->resume, NULL);
	}
}

/* libevent's usual clock is that of the last tick of the kernel: up to 4 ms, with some
 * kernels 10 ms late, and each timeout with it. */
static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL) {
		return NULL;
	}
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_new(struct error *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
	(void)signal(SIGPIPE, SIG_IGN);
	loop->clock = xcalloc(1, sizeof(*loop->clock));
	STAILQ_INIT(&loop->calls);
	STAILQ_INIT(&loop->frees);
	STAILQ_INIT(&loop->posted);
	TAILQ_INIT(&loop->timers);
	loop->resume_fd = -1;
	pthread_mutex_init(&loop->lock, NULL);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		err_errno(err, "create the event loop: eventfd");
		goto fail;
	}
	loop->base = base_new();
	if (loop->base == NULL) {
		err_set(err, ERR_IO,
			"create the event loop: libevent found no usable method");
		goto fail;
	}
	loop->wait_limit = evtimer_new(loop->base, on_wait_limit, NULL);
	loop->wake =
	    event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	if (loop->wait_limit == NULL || loop->wake == NULL ||
	    event_add(loop->wake, NULL) != 0) {
		err_set(err, ERR_NOMEM,
			"create the event loop: libevent is out of memory");
		goto fail;
	}
	watch_resume(loop);
	return loop;
fail:
	loop_free(loop);
	return NULL;
}

static int has_work(const struct loop *loop)
{
	return !STAILQ_EMPTY(&loop->calls) || !STAILQ_EMPTY(&loop->frees);
}

void loop_free(struct loop *loop)
{
	int i;

	if (loop == NULL) {
		return;
	}
	/* objects that wait to be freed must not leak */
	for (i = 0; i < LOOP_FREE_ROUNDS; i++) {
		run_posted(loop);
		if (!has_work(loop)) {
			break;
		}
		list_run(&loop->calls);
		list_run(&loop->frees);
	}
	list_drop(&loop->calls);
	list_drop(&loop->frees);
	if (loop->wake != NULL) {
		event_free(loop->wake);
	}
	if (loop->resume != NULL) {
		event_free(loop->resume);
	}
	if (loop->wait_limit != NULL) {
		event_free(loop->wait_limit);
	}
	if (loop->base != NULL) {
		event_base_free(loop->base);
	}
	if (loop->wake_fd >= 0) {
		close(loop->wake_fd);
	}
	if (loop->resume_fd >= 0) {
		close(loop->resume_fd);
	}
	pthread_mutex_destroy(&loop->lock);
	free(loop->clock);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static const struct loop_clock *clock_of_turn(const struct loop *loop)
{
	struct loop_clock *c = loop->clock;

	if (!c->valid) {
		c->valid = 1;
		c->mono_us = clock_mono_us();
		c->wall_us = clock_wall_us();
	}
	return c;
}

int64_t loop_now_ms(const struct loop *loop)
{
	return clock_of_turn(loop)->mono_us / CLOCK_US_PER_MS;
}

int64_t loop_wall_us(const struct loop *loop)
{
	return clock_of_turn(loop)->wall_us;
}

static void warn_slow(const struct loop *loop)
{
	int64_t took_ms;

	if (log_get_level() < LOG_LVL_DEBUG || !loop->clock->valid) {
		return;
	}
	took_ms = (clock_mono_us() - loop->clock->mono_us) / CLOCK_US_PER_MS;
	if (took_ms > LOOP_SLOW_TURN_MS) {
		log_debug("slow turn of the event loop: %lld ms", (long long)took_ms);
	}
}

int loop_turn(struct loop *loop, int64_t max_wait_ms)
{
	struct timeval tv;
	int flags = EVLOOP_ONCE;

	loop->clock->valid = 0;
	if (max_wait_ms == 0 || has_work(loop) || loop->stopped) {
		/* without ONCE it would go on while anything is ready */
		flags |= EVLOOP_NONBLOCK;
	} else if (max_wait_ms > 0 && max_wait_ms < INT64_MAX) {
		tv = tv_of_us(MIN_OF(max_wait_ms, LOOP_TIMER_MAX_MS) * CLOCK_US_PER_MS);
		event_add(loop->wait_limit, &tv);
	}
	if (event_base_loop(loop->base, flags) < 0) {
		BUG("event_base_loop failed: %s", strerror(errno));
	}
	event_del(loop->wait_limit);
	list_run(&loop->calls);
	list_run(&loop->frees);
	warn_slow(loop);
	loop->clock->valid = 0;
	return loop->stopped;
}

int loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		loop_turn(loop, -1);
	}
	loop->stopped = 0;
	return loop->code;
}

void loop_stop(struct loop *loop, int code)
{
	loop->stopped = 1;
	loop->code = code;
}

void loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
	list_add(&loop->calls, fn, arg);
}

void loop_defer_free(struct loop *loop, loop_fn fn, void *arg)
{
	list_add(&loop->frees, fn, arg);
}

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	uint64_t one = 1;
	int first;

	pthread_mutex_lock(&loop->lock);
	first = STAILQ_EMPTY(&loop->posted);
	list_add(&loop->posted, fn, arg);
	/* inside the lock, so that the loop cannot be freed between the two steps */
	while (first && write(loop->wake_fd, &one, sizeof(one)) < 0) {
		if (errno == EAGAIN) {
			break; /* the counter is full: a wake-up is pending */
		}
		if (errno != EINTR) {
			BUG("write to the wake-up eventfd: %s", strerror(errno));
		}
	}
	pthread_mutex_unlock(&loop->lock);
}

static void on_timer(int fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	/* libevent counts from the time of the turn in which it was armed: may be early
	 */
	if (clock_mono_ms() < t->at_ms) {
		timer_arm(t);
		return;
	}
	if (loop_now_ms(t->loop) < t->at_ms) {
		t->loop->clock->valid = 0; /* read earlier in this turn */
	}
	t->at_ms = INT64_MAX;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *t = xmalloc(sizeof(*t));

	*t =
	    (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .at_ms = INT64_MAX};
	t->ev = evtimer_new(loop->base, on_timer, t);
	if (t->ev == NULL) {
		BUG("evtimer_new failed");
	}
	TAILQ_INSERT_TAIL(&loop->timers, t, link);
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	if (t == NULL) {
		return;
	}
	TAILQ_REMOVE(&t->loop->timers, t, link);
	event_free(t->ev);
	free(t);
}

void loop_timer_at(struct loop_timer *t, int64_t at_ms)
{
	if (at_ms == INT64_MAX) {
		loop_timer_stop(t);
		return;
	}
	if (at_ms != t->at_ms) {
		t->at_ms = at_ms;
		timer_arm(t);
	}
}

void loop_timer_in(struct loop_timer *t, int64_t in_ms)
{
	int64_t now_ms = clock_mono_ms();

	loop_timer_at(t, in_ms < INT64_MAX - now_ms ? now_ms + in_ms : INT64_MAX);
}

void loop_timer_stop(struct loop_timer *t)
{
	t->at_ms = INT64_MAX;
	event_del(t->ev);
}

static short to_libevent(unsigned int events)
{
	return (short)(EV_PERSIST | ((events & LOOP_READ) != 0 ? EV_READ : 0) |
		       ((events & LOOP_WRITE) != 0 ? EV_WRITE : 0));
}

static void on_io(int fd, short what, void *arg)
{
	struct loop_io *io = arg;

	io->fn(fd,
	       ((what & EV_READ) != 0 ? LOOP_READ : 0u) |
		   ((what & EV_WRITE) != 0 ? LOOP_WRITE : 0u),
	       io->arg);
}

struct loop_io *loop_io_new(struct loop *loop, int fd, unsigned int events,
			    loop_io_fn fn, void *arg)
{
	struct loop_io *io = xmalloc(sizeof(*io));

	*io = (struct loop_io){.loop = loop, .fn = fn, .arg = arg};
	io->ev = event_new(loop->base, fd, to_libevent(events), on_io, io);
	if (io->ev == NULL || (events != 0 && event_add(io->ev, NULL) != 0)) {
		loop_io_free(io);
		return NULL;
	}
	return io;
}

void loop_io_set(struct loop_io *io, unsigned int events)
{
	int fd = event_get_fd(io->ev);
	short want = to_libevent(events);

	if (event_get_events(io->ev) == want &&
	    event_pending(io->ev, want, NULL) != 0) {
		return;
	}
	event_del(io->ev);
	event_assign(io->ev, io->loop->base, fd, want, on_io, io);
	if (events != 0 && event_add(io->ev, NULL) != 0) {
		BUG("event_add of descriptor %d failed", fd);
	}
}

void loop_io_free(struct loop_io *io)
{
	if (io == NULL) {
		return;
	}
	if (io->ev != NULL) {
		event_free(io->ev);
	}
	free(io);
}

static void on_signal(int signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)what;
	s->fn(signo, s->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn fn,
				    void *arg)
{
	struct loop_signal *s = xmalloc(sizeof(*s));

	*s = (struct loop_signal){.fn = fn, .arg = arg};
	s->ev = evsignal_new(loop->base, signo, on_signal, s);
	if (s->ev == NULL || evsignal_add(s->ev, NULL) != 0) {
		BUG("cannot handle signal %d", signo);
	}
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s == NULL) {
		return;
	}
	event_free(s->ev);
	free(s);
}
