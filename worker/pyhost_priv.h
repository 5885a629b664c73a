/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost_priv.h - the inside of pyhost: pyhost.c (which template, when), and
 * pyhost_template.c (one template and its socket), pyhost_child.c (one held child).
 */
#ifndef WORKER_PYHOST_PRIV_H
#define WORKER_PYHOST_PRIV_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/proc.h"
#include "base/queue_ext.h"
#include "worker/pyhost.h"

#define PYHOST_TEMPLATES_MAX   4
#define PYHOST_START_MS        60000   /* a template imports Prefect */
#define PYHOST_ANSWER_MS       30000   /* a child is forked and prepared */
#define PYHOST_FORKS_MAX       500     /* then it is replaced, and so it is */
#define PYHOST_AGE_MAX_MS      3600000 /* after this time */
#define PYHOST_IDLE_MS         600000  /* it ends when nobody wanted it so long */
#define PYHOST_RETRY_MS        60000   /* cold after a failure */
#define PYHOST_KEYS_MAX        64
#define PYHOST_REASONS_MAX     256
#define PYHOST_FRAME_MAX       (1u << 20) /* of what comes from Python */
#define PYHOST_FIRST_TEMPLATES 2 /* at once; others when their key comes again */

enum template_state { TEMPLATE_STARTING = 1, TEMPLATE_READY, TEMPLATE_ENDING };

/* What is known about a key; kept for the worker's life. */
struct pyhost_key {
	char *text, **env; /* of its templates */
	int64_t cold_until_ms;
	char why[200];
	unsigned int seen;
};

/* One wanted child, from pyhost_spawn() until it goes or is dropped. */
struct pyhost_child {
	TAILQ_ENTRY(pyhost_child) link;
	struct pyhost *host;
	struct pyhost_key *key;
	json_t *request;
	int64_t id, due_ms;
	int given[4];       /* the child's ends: 0, 1, 2, gate; until it is forked */
	int out[2], gate;   /* ours */
	struct loop_io *io; /* on gate */
	struct buf in;
	pid_t pid; /* told by the template */
	int tries;
	pyhost_fn fn;
	void *arg;
};
TAILQ_HEAD(pyhost_child_list, pyhost_child);

struct pyhost_template {
	TAILQ_ENTRY(pyhost_template) link;
	struct pyhost *host;
	struct pyhost_key *key;
	enum template_state state;
	struct proc *proc;
	int fd;
	struct loop_io *io;
	struct buf in, out;
	char last[200];                 /* of what it printed */
	struct pyhost_child_list queue; /* the first is sent when SENT */
	int sent;
	int64_t started_ms, used_ms, rss_kb;
	unsigned int forks;
	int stale; /* to be replaced */
};
TAILQ_HEAD(pyhost_template_list, pyhost_template);

struct pyhost {
	struct loop *loop;
	struct loop_timer *timer;
	char *python, *program, *preload;
	char *const *environ_;
	struct map keys;    /* text -> struct pyhost_key */
	struct map reasons; /* key and reason -> what was logged */
	struct pyhost_template_list templates;
	struct pyhost_child_list held; /* forked, not prepared yet */
	int64_t next_id;
	int templates_count;
	unsigned int forks_max;
};

/* pyhost.c */
void pyhost_cold(struct pyhost_child *c, const char *why); /* FN(NULL); frees C */
void pyhost_key_failed(struct pyhost *h, struct pyhost_key *key, const char *why);
/* Gives C to a template of its key; 0 or -code with the reason in ERR. */
int pyhost_place(struct pyhost *h, struct pyhost_child *c, struct error *err);
void pyhost_template_ready(struct pyhost_template *t);
void pyhost_watch_time(struct pyhost *h);

/* pyhost_template.c */
struct pyhost_template *pyhost_template_new(struct pyhost *h, struct pyhost_key *key,
					    struct error *err);
void pyhost_template_add(struct pyhost_template *t, struct pyhost_child *c);
/* It ends when it has done what is queued; WHY for the log. */
void pyhost_template_retire(struct pyhost_template *t, const char *why);
/* It ends now; what is queued starts cold, and others of its key for a while. */
void pyhost_template_fail(struct pyhost_template *t, const char *why);
void pyhost_template_free(struct pyhost_template *t);

/* pyhost_child.c */
struct pyhost_child *pyhost_child_new(struct pyhost *h, const struct proc_spec *spec,
				      struct error *err);
void pyhost_child_free(struct pyhost_child *c); /* a held process ends */
/* It runs as PID and belongs to us: FN is called when it is prepared. */
void pyhost_child_forked(struct pyhost_child *c, pid_t pid);

/* One frame at the front of B: 1 and *ret, 0: more is needed, -code. */
int pyhost_frame(struct buf *b, json_t **ret, struct error *err);
void pyhost_frame_add(struct buf *b, const json_t *v);

#endif
