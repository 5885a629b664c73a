/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_db_durability.c - what was answered is there after kill -9.
 *
 * A child writes flows as fast as group commit lets it and tells each answer through a
 * pipe; the parent kills it in the middle, opens the file and looks for every one of
 * them.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/db/db_priv.h"
#include "base/mem.h"
#include "tests/unit/api/db_fixture.h"

#define ROUNDS           6
#define IN_FLIGHT        40
#define ACKS_BEFORE_KILL 300

static struct db_fixture fx;

struct writer {
	struct db_fixture *f;
	int ack_fd;
	int round;
	int next;
};

struct written {
	struct writer *w;
	char name[32];
	int number;
	struct flow_arg arg;
};

static void submit_next(struct writer *w);

static void on_written(int rc, const struct error *err, void *arg)
{
	struct written *x = arg;
	struct writer *w = x->w;

	(void)err;
	if (rc == 0 && write(w->ack_fd, &x->number, sizeof(x->number)) < 0) {
		_exit(1);
	}
	free(x);
	submit_next(w);
}

static int work_written(struct db_conn *c, void *arg, struct error *err)
{
	return work_flow_insert(c, &((struct written *)arg)->arg, err);
}

static void submit_next(struct writer *w)
{
	struct written *x = xcalloc(1, sizeof(*x));

	x->w = w;
	x->number = w->next++;
	(void)snprintf(x->name, sizeof(x->name), "r%d-%d", w->round, x->number);
	x->arg.name = x->name;
	if (db_submit(w->f->db, DB_WRITE, work_written, on_written, x, NULL) < 0) {
		_exit(2);
	}
}

static void child_main(int ack_fd, int round)
{
	struct db_conf conf = {.url = fx.url};
	struct writer w = {.f = &fx, .ack_fd = ack_fd, .round = round};
	int i;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fx.loop = loop_new(NULL);
	if (db_open(fx.loop, &conf, &fx.db, NULL) < 0) {
		_exit(3);
	}
	for (i = 0; i < IN_FLIGHT; i++) {
		submit_next(&w);
	}
	for (;;) {
		(void)loop_turn(fx.loop, 1000);
	}
}

struct check {
	int round;
	const int *acks;
	size_t count;
};

static int work_check(struct db_conn *c, void *arg, struct error *err)
{
	const struct check *k = arg;
	char name[32];
	size_t i;

	for (i = 0; i < k->count; i++) {
		int rc;

		(void)snprintf(name, sizeof(name), "r%d-%d", k->round, k->acks[i]);
		rc = db_one(c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text(name)), 1, NULL,
			    NULL, err);
		if (rc != 1) {
			return err_set(err, ERR_NOT_FOUND,
				       "%s was answered and is lost", name);
		}
	}
	return 0;
}

/* Reads answers until the child is dead; kills it after ACKS_BEFORE_KILL of them. */
static size_t collect(int fd, pid_t child, int *acks, size_t max)
{
	size_t count = 0;
	int killed = 0;
	int number;

	while (read(fd, &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		if (count < max) {
			acks[count++] = number;
		}
		if (count >= ACKS_BEFORE_KILL && !killed) {
			(void)kill(child, SIGKILL);
			killed = 1;
		}
	}
	return count;
}

Test(db_durability, what_was_answered_survives_kill, .timeout = 50)
{
	static int acks[100000];
	struct db_conf conf;
	int round;

	db_fixture_start(&fx, 0);
	db_fixture_needs_file(&fx);
	conf = (struct db_conf){.url = fx.url};
	db_close(fx.db);
	loop_free(fx.loop);
	for (round = 0; round < ROUNDS; round++) {
		struct check k = {.round = round, .acks = acks};
		int pipefd[2], status;
		pid_t child;

		cr_assert_eq(pipe(pipefd), 0);
		child = fork();
		if (child == 0) {
			(void)close(pipefd[0]);
			child_main(pipefd[1], round);
		}
		(void)close(pipefd[1]);
		k.count =
		    collect(pipefd[0], child, acks, sizeof(acks) / sizeof(acks[0]));
		(void)close(pipefd[0]);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			  "status %d", status);
		fx.loop = loop_new(&fx.err);
		cr_assert_eq(db_open(fx.loop, &conf, &fx.db, &fx.err), 0, "%s",
			     fx.err.msg);
		cr_expect_geq(k.count, ACKS_BEFORE_KILL);
		cr_expect_eq(db_run(fx.db, DB_READ, work_check, &k, &fx.err), 0, "%s",
			     fx.err.msg);
		db_close(fx.db);
		loop_free(fx.loop);
	}
	fx.db = NULL;
	fx.loop = loop_new(&fx.err);
	db_fixture_stop(&fx);
}
