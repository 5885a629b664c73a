/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - declared tasks and flows as the engine's plans.  They last as long as the
 * program.
 */
#include <elf.h>
#include <link.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/expr/name.h"
#include "engine/plan.h"
#include "engine/plan_handler.h"
#include "engine/sched.h"
#include "sdk/src/registry.h"

#define EXE_MAX      (256u << 20)
#define BUILD_ID_MAX 32

static struct plan_task *task_plans;
static struct plan_task **task_list;
static struct plan_flow *flow_plans[REGISTRY_MAX];
static int unusable[REGISTRY_MAX];
static struct error why[REGISTRY_MAX];

static char *borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- which build of the program this is ---- */

/* The build id among the notes from AT to END, as HEX; false: it is not there. */
static int read_notes(const char *at, const char *end, char *hex)
{
	ElfW(Nhdr) n;
	size_t name, size, k;

	while (end - at >= (ptrdiff_t)sizeof(n)) {
		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		name = (n.n_namesz + (size_t)3) & ~(size_t)3;
		size = (n.n_descsz + (size_t)3) & ~(size_t)3;
		if (name + size > (size_t)(end - at)) {
			return 0;
		}
		if (n.n_type == NT_GNU_BUILD_ID && n.n_descsz <= BUILD_ID_MAX) {
			for (k = 0; k < n.n_descsz; k++) {
				(void)snprintf(hex + 2 * k, 3, "%02x",
					       (unsigned char)at[name + k]);
			}
			return 1;
		}
		at += name + size;
	}
	return 0;
}

static int find_note(struct dl_phdr_info *info, size_t size, void *arg)
{
	int i, found = 0;

	(void)size;
	for (i = 0; i < info->dlpi_phnum && !found; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + p->p_vaddr);

		if (p->p_type == PT_NOTE) {
			found = read_notes(at, at + p->p_memsz, arg);
		}
	}
	return 1; /* the program itself is the first one; no other counts */
}

const char *registry_build_id(void)
{
	static char hex[2 * BUILD_ID_MAX + 1];
	struct buf b;

	if (hex[0] == '\0') {
		(void)dl_iterate_phdr(find_note, hex);
	}
	if (hex[0] == '\0') { /* linked without --build-id */
		buf_init(&b);
		if (buf_read_file(&b, "/proc/self/exe", EXE_MAX, NULL) == 0) {
			sha256_hex(b.data, b.len, hex);
		}
		buf_release(&b);
	}
	return hex;
}

/* ---- tasks ---- */

static void set_delays(struct plan_task *p, const wf_task *t)
{
	unsigned int i, n = t->retry_delays.count;

	if (t->retry_delays.backoff > 0) {
		n = (unsigned int)(p->retries < PLAN_MAX_DELAYS ? p->retries
								: PLAN_MAX_DELAYS);
	} else if (t->retry_delay > 0) {
		n = 1;
	}
	p->delays.seconds = xcalloc(n + 1, sizeof(double));
	p->delays.count = n;
	for (i = 0; i < n; i++) {
		if (t->retry_delays.backoff > 0) {
			p->delays.seconds[i] = ldexp(t->retry_delays.backoff, (int)i);
		} else {
			p->delays.seconds[i] = t->retry_delay > 0
						   ? t->retry_delay
						   : t->retry_delays.list[i];
		}
	}
}

static void set_tags(struct plan_strs *strs, const char *const *tags)
{
	size_t n = 0;

	while (n < WF_MAX_TAGS && tags[n] != NULL) {
		n++;
	}
	strs->items = xcalloc(n + 1, sizeof(char *));
	strs->count = n;
	for (n = 0; n < strs->count; n++) {
		strs->items[n] = borrow(tags[n]);
	}
}

static int set_name(struct name_tmpl **name, const char *text, struct error *err)
{
	size_t at;

	if (text == NULL || *name != NULL) {
		return 0;
	}
	return name_parse(text, name, &at, err) < 0 ? err_wrap(err, "run_name") : 0;
}

/* The defaults of the environment, under both of their names. */
static void set_env_defaults(struct plan_task *p, const wf_task *t)
{
	const char *retries = opts_env("PREFECT_TASKS_DEFAULT_RETRIES");
	const char *delay = opts_env("PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS");
	char *end;
	long n;

	retries = retries != NULL ? retries : opts_env("PREFECT_TASK_DEFAULT_RETRIES");
	delay = delay != NULL ? delay
			      : opts_env("PREFECT_TASK_DEFAULT_RETRY_DELAY_SECONDS");
	if (t->retries == 0 && retries != NULL) {
		n = strtol(retries, &end, 10);
		p->retries =
		    *end == '\0' && n >= 0 && n <= PLAN_MAX_RETRIES ? (int)n : 0;
	}
	if (p->delays.count > 0 || delay == NULL) {
		return;
	}
	delay += strspn(delay, "[ ");
	p->delays.seconds =
	    xreallocarray(p->delays.seconds, PLAN_MAX_DELAYS, sizeof(double));
	while (p->delays.count < PLAN_MAX_DELAYS) {
		double d = strtod(delay, &end);

		if (end == delay || d < 0) {
			break;
		}
		p->delays.seconds[p->delays.count++] = d;
		delay = end + strspn(end, ", ");
	}
}

/* ---- handlers and hooks: the scheduler wants to know how many there are ---- */

static struct plan_handler nobody;
static struct plan_handler *someone[WF_MAX_HANDLERS + WF_MAX_HOOKS];

static void set_handlers(struct plan_handlers *to, const wf_handler *handlers,
			 const wf_action_fn *on_failure)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(someone); i++) {
		someone[i] = &nobody; /* the host knows what to call */
	}
	to->items = someone;
	for (i = 0; i < WF_MAX_HANDLERS; i++) {
		const wf_handler *h = &handlers[i];

		to->count += h->fn != NULL || h->action != NULL ||
			     h->run_action != NULL || h->slack != NULL ||
			     h->mail != NULL;
	}
	for (i = 0; i < WF_MAX_HOOKS; i++) {
		to->count += on_failure[i] != NULL;
	}
}

static size_t count_hooks(const wf_hook_fn *list)
{
	size_t n = 0;

	while (n < WF_MAX_HOOKS && list[n] != NULL) {
		n++;
	}
	return n;
}

static struct plan_hooks *make_hooks(const struct wf_hooks *h)
{
	const wf_hook_fn *lists[PLAN_HOOK_KINDS] = {
	    [PLAN_ON_RUNNING] = h->on_running,
	    [PLAN_ON_COMPLETION] = h->on_completion,
	    [PLAN_ON_FAILURE] = h->on_failure,
	    [PLAN_ON_CANCELLATION] = h->on_cancellation,
	    [PLAN_ON_CRASHED] = h->on_crashed,
	    [PLAN_ON_COMMIT] = h->on_commit,
	    [PLAN_ON_ROLLBACK] = h->on_rollback,
	};
	struct plan_hooks *all = xcalloc(1, sizeof(*all));
	size_t i, n = 0;

	for (i = 0; i < PLAN_HOOK_KINDS; i++) {
		all->lists[i].items = someone;
		all->lists[i].count = count_hooks(lists[i]);
		n += all->lists[i].count;
	}
	if (n == 0) {
		free(all);
		return NULL;
	}
	return all;
}

static int make_task(struct plan_task *p, size_t i, struct error *err)
{
	const wf_task *t = registry_get_task(i);
	char *text, hex[65];

	p->index = i;
	p->line = t->line;
	p->key = borrow(t->name);
	p->name = borrow(t->title != NULL ? t->title : t->name);
	p->description = borrow(t->description);
	text = xasprintf("%s\n%s", t->name,
			 t->version != NULL ? t->version : registry_build_id());
	sha256_hex(text, strlen(text), hex);
	free(text);
	p->task_key = xasprintf("%s-%.8s", t->name, hex);
	p->outputs = PLAN_OUT_JSON;
	p->retries = t->retries > 0 ? t->retries : 0;
	p->jitter = t->retry_jitter;
	p->timeout_s = t->timeout;
	p->grace_s = t->grace > 0 ? t->grace : PLAN_DEFAULT_GRACE_S;
	p->log_prints =
	    t->log_prints == WF_INHERIT ? PLAN_INHERIT : t->log_prints == WF_YES;
	p->allow_failure = t->allow_failure;
	p->stream_of = SCHED_NO_TASK;
	p->persist_result = PLAN_INHERIT;
	set_handlers(&p->handlers, t->handlers, t->on_failure);
	p->hooks = make_hooks(&t->hooks);
	set_delays(p, t);
	set_env_defaults(p, t);
	set_tags(&p->tags, t->tags);
	if (set_name(&p->run_name, t->run_name, err) < 0) {
		return err_wrap(err, "task %s (%s:%d)", t->name, t->file, t->line);
	}
	return 0;
}

static int make_tasks(struct error *err)
{
	size_t i, n = registry_tasks() + registry_flows();
	int rc = 0;

	if (task_plans != NULL) {
		return 0;
	}
	task_plans = xcalloc(n + 1, sizeof(*task_plans));
	task_list = xcalloc(n + 1, sizeof(struct plan_task *));
	for (i = 0; i < n && rc == 0; i++) {
		task_list[i] = &task_plans[i];
		rc = make_task(&task_plans[i], i, err);
	}
	return rc;
}

const struct plan_task *registry_plan_task(size_t i)
{
	return &task_plans[i];
}

/* ---- flows ---- */

static int make_flow(struct plan_flow *p, const wf_flow *f, struct error *err)
{
	p->name = borrow(registry_flow_name(f));
	p->description = borrow(f->description);
	p->version =
	    f->version != NULL ? f->version : xasprintf("%.32s", registry_build_id());
	p->line = f->line;
	p->retries = f->retries;
	p->retry_delay_s = (int64_t)f->retry_delay;
	p->timeout_s = f->timeout;
	p->log_prints = f->log_prints == WF_YES;
	p->max_workers = f->task_runner.max_workers > 0 ? f->task_runner.max_workers
							: PLAN_DEFAULT_WORKERS;
	p->tasks = task_list;
	p->count = registry_tasks() + registry_flows();
	p->dynamic = 1;
	p->persist_result = PLAN_INHERIT;
	set_handlers(&p->handlers, f->handlers, f->on_failure);
	p->hooks = make_hooks(&f->hooks);
	set_tags(&p->tags, f->tags);
	if (set_name(&p->run_name, f->run_name, err) < 0) {
		return -ERR_INVALID;
	}
	return f->params != NULL ? params_parse(f->params, p, err) : 0;
}

const struct plan_flow *registry_plan(const wf_flow *f, struct error *err)
{
	int i = registry_flow(f);

	if (i < 0) {
		(void)err_set(err, ERR_NOT_FOUND,
			      "the flow was not declared by WF_FLOW");
		return NULL;
	}
	if (make_tasks(err) < 0) {
		return NULL;
	}
	if (flow_plans[i] == NULL) {
		flow_plans[i] = xcalloc(1, sizeof(*flow_plans[i]));
		unusable[i] = make_flow(flow_plans[i], f, &why[i]) < 0;
	}
	if (unusable[i]) {
		if (err != NULL) {
			*err = why[i];
		}
		return NULL;
	}
	return flow_plans[i];
}
