/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf.h - flows and tasks as C functions.  The whole public interface; docs/c-sdk.md is
 * the tutorial.
 *
 *     #include <wf.h>
 *
 *     WF_TASK(square, wf_json, .retries = 2)
 *     {
 *             int64_t n = wf_i64(in, "n");
 *
 *             return wf_ok_i64(ctx, n * n);
 *     }
 *
 *     WF_FLOW(demo, .params = "{n: integer = 7}")
 *     {
 *             return wf_ok(ctx, wf_get(wf_call(ctx, square, "{n: %d}", 6)));
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *             return wf_main(argc, argv);
 *     }
 *
 *     cc -o demo demo.c $(pkg-config --cflags --libs wf) && ./demo run demo --offline
 *
 * Where code runs.  Each attempt of a flow and of a task is a process of its own: a
 * fork of the program as it was when the run began.  A task sees its arguments (`in`)
 * and the program's constants, never what another function changed in memory.  The
 * function returns a value, which travels as JSON; then its process ends.  A process
 * that crashes fails its own run only, and is tried again as its retries say.
 *
 * Memory.  Whatever a function of this header returns belongs to the run (its arena)
 * and lives until the function has returned: nothing is freed by the caller, ever.
 *
 * Errors are sticky.  The first call that fails (a missing key, a wrong type, a failed
 * task whose result is asked for) is remembered with the file and line of the call;
 * every later call does nothing and gives an empty value ("", 0, false, NULL, none of
 * which crashes another call); and whatever the function returns, its run fails with
 * that first cause.  wf_try() asks for it, and clears it.
 *
 * One thread.  Call these functions from the thread that runs the flow or task only.
 *
 * C++: works from C++20 on (g++, clang++); options stand in the order of the structs.
 */
#ifndef WF_H
#define WF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WF_PRINTF_(fmt, args) __attribute__((format(printf, fmt, args)))
#define WF_UNUSED_            __attribute__((unused))
#define WF_HERE_              __FILE__, __LINE__

#define WF_MAX_TAGS           16
#define WF_MAX_HANDLERS       12
#define WF_MAX_HOOKS          8
#define WF_MAX_DELAYS         12

/* ---- types: all opaque but the option structs ------------------------------------ */

typedef struct wf_ctx wf_ctx;           /* a running flow or task */
typedef const struct wf_value *wf_json; /* a JSON value; NULL: none */
typedef const struct wf_return *wf_ret; /* what a flow or task function returns */
typedef struct wf_fut wf_fut;           /* a task run that was asked for */
typedef struct wf_state wf_state;       /* a state of a run */
typedef struct wf_obj wf_obj;           /* the flow or task a handler is called for */
typedef struct wf_task_run wf_task_run; /* a task run, for retry_if */
typedef struct wf_task wf_task;
typedef struct wf_flow wf_flow;
typedef struct wf_report wf_report; /* of wf_test_flow() */

typedef struct wf_futs { /* of wf_map(): in the order of the items */
	wf_fut **items;
	size_t count;
	size_t seen; /* private */
} wf_futs;

typedef wf_ret (*wf_fn)(wf_ctx *ctx, wf_json in);

/* ---- state handlers, actions, hooks ---------------------------------------------- */

/*
 * A state handler is called before a state is recorded.  It gets the present state and
 * the proposed one and returns the one to record: NEU itself (or NULL) keeps it, a
 * state of wf_completed(), wf_failed(), ... replaces it.  The handlers of a list are
 * called in order; each sees the answer of the one before.  A handler that crashes,
 * calls exit(), exceeds its time or reports an error (wf_handler_error(), a sticky
 * error) fails the run: "Exception raised while calling state handlers: ...".  It runs
 * in a process of its own.
 */
typedef wf_state *(*wf_handler_fn)(const wf_obj *o, const wf_state *old, wf_state *neu,
				   void *arg);
/* An action answers 0, or anything else for an error; the state stays as it is. */
typedef int (*wf_action_fn)(const wf_obj *o, const wf_state *s, void *arg);
typedef int (*wf_run_action_fn)(const wf_obj *o, const wf_task_run *run,
				const wf_state *s);
typedef bool (*wf_check_fn)(const wf_state *s);
/* A hook is called after a state was recorded; its errors are logged only. */
typedef void (*wf_hook_fn)(const wf_obj *o, const wf_state *s);

enum wf_on_error { WF_ERROR_FAILS = 0, WF_ERROR_LOGGED };

typedef struct wf_handler {
	wf_handler_fn fn;
	const void *arg;   /* given to the functions */
	wf_check_fn check; /* NULL: called for every change */
	const char *name;  /* in messages; NULL: "#1", "#2", ... */
	enum wf_on_error on_error;
	double timeout;      /* seconds; 0: 30 */
	wf_action_fn action; /* instead of fn */
	wf_run_action_fn run_action;
	const char *slack, *mail; /* private: WF_SLACK, WF_EMAIL */
} wf_handler;

/* .handlers = WF_HANDLERS({show}, {tell, "#ops"}, WF_CALLBACK(page, wf_is_failed, 0))
 */
#define WF_HANDLERS(...)    \
	{                   \
		__VA_ARGS__ \
	}
/* ACTION(obj, state, ARG) for the states that pass CHECK: the callback factory. */
#define WF_CALLBACK(action_, check_, arg_) \
	WF_HANDLER_(arg_, check_, 0, action_, 0, 0, 0)
/* An action for FAILED states (not for AwaitingRetry): FN(obj, run, state), or FN(obj,
 * state, ARG). */
#define WF_ON_FAILURE(fn_)        WF_HANDLER_(0, wf_is_failed, 0, 0, fn_, 0, 0)
#define WF_ON_FAILURE2(fn_, arg_) WF_HANDLER_(arg_, wf_is_failed, 0, fn_, 0, 0, 0)
/*
 * Ready-made notifiers, for states that pass CHECK (0: finished ones).  URL_SECRET is
 * the name of the secret that holds the address of the Slack webhook.  TO is one mail
 * address or several with commas; the server is $WF_SMTP_URL ("smtp://host:25").
 */
#define WF_SLACK(url_secret_, check_) \
	WF_HANDLER_(0, check_, "slack", 0, 0, url_secret_, 0)
#define WF_EMAIL(to_, check_) WF_HANDLER_(0, check_, "email", 0, 0, 0, to_)
#define WF_HANDLER_(arg_, check_, name_, action_, run_action_, slack_, mail_)    \
	{                                                                        \
		0, arg_, check_, name_, WF_ERROR_FAILS, 0, action_, run_action_, \
		    slack_, mail_                                                \
	}
/* .on_failure = WF_CALLBACKS(page, note): actions, called after all handlers. */
#define WF_CALLBACKS(...)   \
	{                   \
		__VA_ARGS__ \
	}
#define WF_HOOKS(...)       \
	{                   \
		__VA_ARGS__ \
	}

struct wf_hooks {
	wf_hook_fn on_running[WF_MAX_HOOKS];
	wf_hook_fn on_completion[WF_MAX_HOOKS];
	wf_hook_fn on_failure[WF_MAX_HOOKS];
	wf_hook_fn on_cancellation[WF_MAX_HOOKS]; /* flows only */
	wf_hook_fn on_crashed[WF_MAX_HOOKS];
	wf_hook_fn on_commit[WF_MAX_HOOKS];   /* tasks only: their transaction */
	wf_hook_fn on_rollback[WF_MAX_HOOKS]; /* tasks only */
};

/* ---- options ----------------------------------------------------------------------
 */

struct wf_delays {
	double backoff; /* > 0: backoff, 2 backoff, 4 backoff, ... seconds */
	unsigned int count;
	double list[WF_MAX_DELAYS]; /* seconds; the last one repeats */
};
#define WF_BACKOFF(seconds) \
	{                   \
		seconds, 0, \
		{           \
			0   \
		}           \
	}
#define WF_DELAYS(...)                     \
	{                                  \
		0, WF_COUNT_(__VA_ARGS__), \
		{                          \
			__VA_ARGS__        \
		}                          \
	}
#define WF_COUNT_(...)                                      WF_NTH_(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define WF_NTH_(a, b, c, d, e, f, g, h, i, j, k, l, n, ...) n
#define WF_TAGS(...)        \
	{                   \
		__VA_ARGS__ \
	}

/* What a result is found by; 0: nothing is looked up.  Or-ed together. */
enum wf_cache {
	WF_NO_CACHE = 0,
	WF_INPUTS = 1u << 0,
	WF_TASK_SOURCE = 1u << 1, /* the program's build id and the task, or .version */
	WF_RUN_ID = 1u << 2,
	WF_FLOW_PARAMETERS = 1u << 3,
	WF_DEFAULT = WF_INPUTS | WF_TASK_SOURCE | WF_RUN_ID,
};
enum wf_choice { WF_INHERIT = 0, WF_YES = 1, WF_NO = -1 };

/* The options of WF_TASK, in this order for C++.  Zero is the default. */
struct wf_task {
	const char *name; /* these four are filled by the macro */
	wf_fn fn;
	const char *file;
	int line;

	const char *title; /* shown instead of the function's name */
	const char *description;
	const char *version;
	int retries;                   /* after the first attempt; -1: none even if
					  PREFECT_TASKS_DEFAULT_RETRIES says so */
	double retry_delay;            /* seconds, before each retry */
	struct wf_delays retry_delays; /* WF_DELAYS(1, 10), WF_BACKOFF(10): instead */
	double retry_jitter; /* 0.5: each delay is at most 1.5 times as long */
	/* False: this failure is final.  Also asked after timeouts and signals. */
	bool (*retry_if)(const wf_task *t, const wf_task_run *run, const wf_state *s);
	double timeout; /* seconds of one attempt; 0: none */
	double grace;   /* seconds between TERM and KILL; 0: 5 */
	const char *tags[WF_MAX_TAGS];
	unsigned int cache;        /* enum wf_cache */
	const char *cache_without; /* "token,now": inputs that do not count */
	const char *(*cache_key)(wf_ctx *ctx, wf_json in); /* instead of the policy;
							      NULL: not cached */
	double cache_ttl;                                  /* seconds; 0: for ever */
	bool cache_refresh;   /* compute anew and replace what is stored */
	const char *run_name; /* "get-{url}-on-{date:%A}" */
	const char *(*run_name_fn)(wf_ctx *ctx, wf_json in);
	enum wf_choice log_prints; /* stdout is logged as INFO, stderr as WARNING */
	bool allow_failure;        /* consumers get null; not counted as failed */
	/* In the caller's process: no fork, no timeout, a crash is the caller's. */
	bool run_inline;
	wf_handler handlers[WF_MAX_HANDLERS];
	wf_action_fn on_failure[WF_MAX_HOOKS];
	struct wf_hooks hooks;
	bool generator; /* of WF_GENERATOR */
};

struct wf_runner {
	int max_workers; /* 0: 16 */
};
#define WF_PROCS(n) \
	{           \
		n   \
	}

/* The options of WF_FLOW, in this order for C++.  Zero is the default. */
struct wf_flow {
	const char *name;
	wf_fn fn;
	const char *file;
	int line;

	const char *title; /* the flow's name; NULL: the function's, _ as - */
	const char *description;
	const char *version;
	int retries;
	double retry_delay; /* seconds; whole ones count */
	double timeout;     /* seconds of one attempt; 0: none */
	/*
	 * "{name: type = default, ...}": type string, integer, number, boolean, array,
	 * object, date-time, any, or an enum 'a'|'b'; without default it is required.
	 */
	const char *params;
	const char *run_name; /* "info-{name}" */
	const char *tags[WF_MAX_TAGS];
	enum wf_choice log_prints;
	struct wf_runner task_runner; /* WF_PROCS(8): so many task runs at a time */
	wf_handler handlers[WF_MAX_HANDLERS];
	wf_action_fn on_failure[WF_MAX_HOOKS];
	struct wf_hooks hooks;
};

/* ---- declaring --------------------------------------------------------------------
 */

/*
 * WF_TASK(name, wf_json, options...) { body }: the body gets `wf_ctx *ctx` and
 * `wf_json in` and returns a wf_ret.  The name is then used in wf_call(ctx, name, ...).
 */
#define WF_TASK(name_, in_type_, ...) WF_TASK_(name_, in_type_, false, ##__VA_ARGS__)
/* The same for a function that calls wf_yield() for each of its values. */
#define WF_GENERATOR(name_, in_type_, ...) \
	WF_TASK_(name_, in_type_, true, ##__VA_ARGS__)
#define WF_TASK_(name_, in_type_, generator_, ...)            \
	static wf_ret name_##_wf_body(wf_ctx *, in_type_);    \
	WF_DECLARE_TASK(name_);                               \
	const wf_task name_[1] = {{.name = #name_,            \
				   .fn = name_##_wf_body,     \
				   .file = __FILE__,          \
				   .line = __LINE__,          \
				   ##__VA_ARGS__,             \
				   .generator = generator_}}; \
	WF_REGISTER_(name_, wf_register_task)                 \
	static wf_ret name_##_wf_body(wf_ctx *ctx WF_UNUSED_, in_type_ in WF_UNUSED_)
/* WF_FLOW(name, options...) { body }; `in` holds the parameters. */
#define WF_FLOW(name_, ...)                               \
	static wf_ret name_##_wf_body(wf_ctx *, wf_json); \
	WF_DECLARE_FLOW(name_);                           \
	const wf_flow name_[1] = {{.name = #name_,        \
				   .fn = name_##_wf_body, \
				   .file = __FILE__,      \
				   .line = __LINE__,      \
				   ##__VA_ARGS__}};       \
	WF_REGISTER_(name_, wf_register_flow)             \
	static wf_ret name_##_wf_body(wf_ctx *ctx WF_UNUSED_, wf_json in WF_UNUSED_)
/* For a task or flow of another file. */
#ifdef __cplusplus
#	define WF_DECLARE_TASK(name_) extern "C" const wf_task name_[1]
#	define WF_DECLARE_FLOW(name_) extern "C" const wf_flow name_[1]
#else
#	define WF_DECLARE_TASK(name_) extern const wf_task name_[1]
#	define WF_DECLARE_FLOW(name_) extern const wf_flow name_[1]
#endif
#define WF_REGISTER_(name_, fn_)                                           \
	static void __attribute__((constructor)) name_##_wf_register(void) \
	{                                                                  \
		fn_(name_);                                                \
	}
void wf_register_task(const wf_task *t);
void wf_register_flow(const wf_flow *f);

/*
 * The program: run | list | schema | deploy | serve | engine; --help tells more. Checks
 * all declarations first: a contradiction is told with file and line, status 2.
 */
int wf_main(int argc, char **argv);

/* ---- returning --------------------------------------------------------------------
 */

wf_ret wf_ok(wf_ctx *ctx, wf_json value); /* Completed, with a value; NULL: null */
wf_ret wf_ok_text(wf_ctx *ctx, const char *text);
wf_ret wf_ok_i64(wf_ctx *ctx, int64_t n);
wf_ret wf_ok_f64(wf_ctx *ctx, double n);
wf_ret wf_ok_bool(wf_ctx *ctx, bool b);
/* Nothing: a flow ends as its task runs did ("All states completed."). */
wf_ret wf_none(wf_ctx *ctx);
/* Failed; CODE is for retry_if and handlers (wf_fail_code), like an exit status. */
wf_ret wf_fail(wf_ctx *ctx, int code, const char *fmt, ...) WF_PRINTF_(3, 4);
/* Failed, with data for whoever handles it. */
wf_ret wf_fail_with(wf_ctx *ctx, wf_json data, const char *fmt, ...) WF_PRINTF_(3, 4);
/* Any state of wf_completed(), wf_failed(), wf_cancelled(). */
wf_ret wf_return_state(wf_ctx *ctx, const wf_state *s);
/* As these task runs ended: all completed, or "1/3 states failed.". */
wf_ret wf_all(wf_ctx *ctx, const wf_futs *futs);

/* ---- JSON: reading ----------------------------------------------------------------
 */

enum wf_type { WF_NULL, WF_BOOL, WF_INT, WF_REAL, WF_TEXT, WF_ARRAY, WF_OBJECT };

enum wf_type wf_type(wf_json v); /* of NULL: WF_NULL */
/* Members of an object.  Missing or of another type: a sticky error, an empty value. */
#define wf_str(v, key)  wf_str_at(WF_HERE_, v, key)
#define wf_i64(v, key)  wf_i64_at(WF_HERE_, v, key)
#define wf_f64(v, key)  wf_f64_at(WF_HERE_, v, key) /* integers too */
#define wf_flag(v, key) wf_flag_at(WF_HERE_, v, key)
#define wf_at(v, key)   wf_at_at(WF_HERE_, v, key)
/* The same with a value for what is missing or null; a wrong type is still an error. */
#define wf_str_or(v, key, def)  wf_str_or_at(WF_HERE_, v, key, def)
#define wf_i64_or(v, key, def)  wf_i64_or_at(WF_HERE_, v, key, def)
#define wf_f64_or(v, key, def)  wf_f64_or_at(WF_HERE_, v, key, def)
#define wf_flag_or(v, key, def) wf_flag_or_at(WF_HERE_, v, key, def)
bool wf_has(wf_json v, const char *key); /* there, and not null */
/* Arrays and objects: how many, the I-th (from 0), the key of the I-th member. */
size_t wf_len(wf_json v);
#define wf_item(v, i) wf_item_at(WF_HERE_, v, i)
#define wf_key(v, i)  wf_key_at(WF_HERE_, v, i)
/* The value itself. */
#define wf_as_str(v)  wf_as_str_at(WF_HERE_, v)
#define wf_as_i64(v)  wf_as_i64_at(WF_HERE_, v)
#define wf_as_f64(v)  wf_as_f64_at(WF_HERE_, v)
#define wf_as_flag(v) wf_as_flag_at(WF_HERE_, v)
const char *wf_text(wf_json v); /* as JSON text; of NULL: "null" */
bool wf_equal(wf_json a, wf_json b);

/* ---- JSON: making -----------------------------------------------------------------
 */

/*
 * From a template: JSON where keys may stand without quotes, texts may use single ones,
 * and %s (text), %d (int), %ld, %lld (int64_t as long long), %f (double), %b (bool), %J
 * (wf_json), %F (wf_fut, in the arguments of a call) stand for values; %% in a text is
 * one %.  wf_obj("{mode: 'flood', depth: %d}", 3)
 */
#define wf_obj(...)    wf_json_at(WF_HERE_, __VA_ARGS__)
#define wf_parse(text) wf_parse_at(WF_HERE_, text) /* JSON text */
wf_json wf_arr(wf_ctx *ctx);                       /* [] */
wf_json wf_null(void);
#define wf_push(arr, v)     wf_push_at(WF_HERE_, arr, v)
#define wf_set(obj, key, v) wf_set_at(WF_HERE_, obj, key, v)
wf_json wf_from_text(const char *text);
wf_json wf_from_i64(int64_t n);
wf_json wf_from_f64(double n);
wf_json wf_from_flag(bool b);

/* ---- running tasks ----------------------------------------------------------------
 */

/*
 * Runs TASK with the arguments of the template ("{}": none) and waits for its end.
 * wf_submit() does not wait.  A %F in the template passes the result of another run:
 * the task starts when that one has completed, and is NotReady when it did not.
 */
#define wf_call(ctx, task, ...)   wf_call_at(WF_HERE_, ctx, task, __VA_ARGS__)
#define wf_submit(ctx, task, ...) wf_submit_at(WF_HERE_, ctx, task, __VA_ARGS__)
/* A submit that also waits for the runs of AFTER, without taking their results. */
#define wf_submit_after(ctx, after, task, ...) \
	wf_submit_after_at(WF_HERE_, ctx, after, task, __VA_ARGS__)

/*
 * One run per item: WF_EACH names an argument and the array of its values (several must
 * be equally long), WF_CONST one that is the same for all.
 */
struct wf_map_arg {
	int kind;
	const char *key;
	wf_json value;
};
#define wf_map(ctx, task, ...) \
	wf_map_at(WF_HERE_, ctx, task, __VA_ARGS__, wf_map_arg_of(0, NULL, NULL))
#define WF_EACH(key, array)  wf_map_arg_of(1, key, array)
#define WF_CONST(key, value) wf_map_arg_of(2, key, value)

/* The result, when the run has ended.  NULL and a sticky error when it did not
 * complete; a task with allow_failure gives null. */
#define wf_get(fut)    wf_get_at(WF_HERE_, fut)
#define wf_result(fut) wf_get_at(WF_HERE_, fut)
/* Waits up to MS (-1: for ever); true when the run has ended. */
bool wf_wait(wf_fut *f, int ms);
bool wf_wait_all(wf_futs *futs, int ms);
/* The next one that ends, each once; NULL when all are through, or after MS. */
wf_fut *wf_as_completed(wf_futs *list, int ms);
size_t wf_left(const wf_futs *list);    /* that it has not given yet */
const wf_state *wf_state_of(wf_fut *f); /* waits for the end */
const char *wf_fut_name(wf_fut *f); /* of the run: "square-0"; waits for its start */
wf_futs wf_list(wf_ctx *ctx, size_t count, ...); /* futures as a list */

/* Generators: gives V to whoever consumes; the values in turn, NULL at the end. */
void wf_yield(wf_ctx *ctx, wf_json v);
wf_json wf_next(wf_fut *f);

/*
 * A flow of this program as a part of this run, named like a task run; its parameters
 * are checked, its task runs are recorded in this run.
 */
#define wf_subflow(ctx, flow, ...) wf_subflow_at(WF_HERE_, ctx, flow, __VA_ARGS__)
/*
 * A run of the deployment "flow/name" at the API.  TIMEOUT seconds are waited for its
 * end; 0: not at all, -1: for ever.  Its run as the API gives it ("id", "state", ...).
 */
#define wf_run_deployment(ctx, name, params, timeout) \
	wf_run_deployment_at(WF_HERE_, ctx, name, params, timeout)

/* ---- this run ---------------------------------------------------------------------
 */

enum wf_level { WF_DEBUG = 10, WF_INFO = 20, WF_WARNING = 30, WF_ERROR = 40 };
/* A line of the run's log. */
void wf_logf(wf_ctx *ctx, int level, const char *fmt, ...) WF_PRINTF_(3, 4);
#define wf_info(ctx, ...)  wf_logf(ctx, WF_INFO, __VA_ARGS__)
#define wf_warn(ctx, ...)  wf_logf(ctx, WF_WARNING, __VA_ARGS__)
#define wf_error(ctx, ...) wf_logf(ctx, WF_ERROR, __VA_ARGS__)

const wf_obj *wf_self(wf_ctx *ctx);
int wf_attempt(wf_ctx *ctx);                     /* 1 for the first */
wf_json wf_params(wf_ctx *ctx);                  /* of the flow */
void wf_set_name(wf_ctx *ctx, const char *name); /* renames the task run */
/* The first error so far and forgets it; NULL: there is none. */
const char *wf_try(wf_ctx *ctx);
/* printf into the arena. */
const char *wf_fmt(wf_ctx *ctx, const char *fmt, ...) WF_PRINTF_(2, 3);
void *wf_alloc(wf_ctx *ctx, size_t size); /* zeroed; gone when the function returns */

/*
 * Transactions: the task runs that complete between begin and commit belong together.
 * A commit calls their on_commit hooks in this order.  A rollback calls their
 * on_rollback hooks in the reverse order; their state becomes RolledBack.  A function
 * that fails, crashes or is cancelled rolls back what it left open; one that returns
 * well commits it.  Transactions may be nested: the outermost one commits.
 *
 * wf_txn_begin_as() says when: WF_LAZY so; WF_EAGER commits each run when it completes,
 * and nothing that is committed is rolled back; WF_OFF commits only by wf_txn_commit(),
 * a function that returns well rolls back as well.  A transaction inside another one
 * that wf_txn_begin() begins has the mode of the outer one.
 */
enum wf_commit { WF_LAZY = 0, WF_EAGER, WF_OFF };
void wf_txn_begin(wf_ctx *ctx);
void wf_txn_begin_as(wf_ctx *ctx, enum wf_commit mode);
#define wf_txn_commit(ctx) wf_txn_commit_at(WF_HERE_, ctx)
void wf_txn_rollback(wf_ctx *ctx);

/* Shown at the run: KEY of [a-z0-9-], or NULL. */
void wf_artifact_markdown(wf_ctx *ctx, const char *key, const char *markdown);
void wf_artifact_table(wf_ctx *ctx, const char *key, wf_json rows);
void wf_artifact_link(wf_ctx *ctx, const char *key, const char *url, const char *text);
void wf_artifact_image(wf_ctx *ctx, const char *key, const char *url);
void wf_artifact_progress(wf_ctx *ctx, const char *key, double percent);

/* A variable of the server (offline $WF_VARIABLE_<NAME>, JSON or text); NULL: none. */
wf_json wf_variable(wf_ctx *ctx, const char *name);
/* A Secret block of the server, or $WF_SECRET_<NAME>; masked in the log from then on.
 * None of this name: a sticky error. */
#define wf_secret(ctx, name) wf_secret_at(WF_HERE_, ctx, name)
/* N slots of the concurrency limit NAME until wf_release() or the end of the run. */
void wf_concurrency(wf_ctx *ctx, const char *name, int n);
void wf_release(wf_ctx *ctx, const char *name);
void wf_rate_limit(wf_ctx *ctx, const char *name);
/* EVENT like "order.shipped"; RESOURCE names what it is about. */
void wf_emit_event(wf_ctx *ctx, const char *event, const char *resource,
		   wf_json payload);
/*
 * The run is Paused until somebody resumes it; with a SCHEMA (of the input; NULL: none)
 * what they gave is returned.  After TIMEOUT seconds (0: 3600) the run fails.
 * wf_suspend() also ends the process; the flow starts again from its top when resumed,
 * and finds the results of its cached tasks.
 */
#define wf_pause(ctx, schema, timeout)   wf_pause_at(WF_HERE_, ctx, schema, timeout)
#define wf_suspend(ctx, schema, timeout) wf_suspend_at(WF_HERE_, ctx, schema, timeout)

/* ---- objects and states -----------------------------------------------------------
 */

const char *wf_kind(const wf_obj *o); /* "flow" or "task" */
const char *wf_name(const wf_obj *o);
const char *wf_run_name(const wf_obj *o);
const char *wf_run_id(const wf_obj *o); /* as text */
wf_json wf_tags(const wf_obj *o);
wf_ctx *wf_obj_ctx(const wf_obj *o); /* for wf_logf() and the like */

const char *wf_state_type(const wf_state *s);     /* "RUNNING", "COMPLETED", ... */
const char *wf_state_name(const wf_state *s);     /* "Running", "AwaitingRetry", ... */
const char *wf_message(const wf_state *s);        /* "" when it has none */
wf_json wf_data(const wf_state *s);               /* its result or data; NULL */
int wf_fail_code(const wf_state *s);              /* of wf_fail(); 128 + signal; 0 */
const char *wf_timestamp(const wf_state *s);      /* ISO 8601, UTC */
const char *wf_scheduled_time(const wf_state *s); /* "" when it has none */
double wf_scheduled_in(const wf_state *s);        /* seconds from now; 0 */
bool wf_is(const wf_state *s, const char *name);  /* of this name */
bool wf_is_failed(const wf_state *s);             /* of type FAILED */
bool wf_is_completed(const wf_state *s);
bool wf_is_finished(const wf_state *s); /* final */
bool wf_is_retrying(const wf_state *s); /* AwaitingRetry, or Retrying at once */
bool wf_is_running(const wf_state *s);

wf_state *wf_completed(wf_ctx *ctx, const char *message, wf_json data);
wf_state *wf_failed(wf_ctx *ctx, const char *message, wf_json data);
wf_state *wf_cancelled(wf_ctx *ctx, const char *message);
wf_state *wf_named(wf_state *s, const char *name); /* S itself, called NAME */
/* In a handler: it failed.  Returns NULL. */
wf_state *wf_handler_error(const wf_obj *o, const char *fmt, ...) WF_PRINTF_(2, 3);

int wf_task_run_attempt(const wf_task_run *r); /* the failed attempt, from 1 */
const char *wf_task_run_name(const wf_task_run *r);

/* In actions and handlers; 0, or not (then a message is in the log). */
int wf_notify_slack(wf_ctx *ctx, const char *url, const char *fmt, ...)
    WF_PRINTF_(3, 4);
int wf_notify_email(wf_ctx *ctx, const char *to, const char *subject, const char *fmt,
		    ...) WF_PRINTF_(4, 5);

/* ---- testing ----------------------------------------------------------------------
 */

/*
 * Runs FLOW here without a server and with a fake clock: waiting for a retry takes no
 * time.  PARAMS is JSON text ("{}").  0, or -1 when it could not even start.  The
 * report is freed with wf_report_free().
 */
int wf_test_flow(const wf_flow *flow, const char *params, wf_report **ret_report);
void wf_report_free(wf_report *r);
const char *wf_report_state(const wf_report *r); /* name of the final state */
const char *wf_report_message(const wf_report *r);
wf_json wf_report_result(const wf_report *r);
/* The states of a task run by its name, "Pending Running Completed"; NULL: no such. */
const char *wf_report_states(const wf_report *r, const char *task_run);
size_t wf_report_task_count(const wf_report *r);
double wf_report_seconds(const wf_report *r); /* by the fake clock */
bool wf_report_logged(const wf_report *r, const char *part);

/* ---- behind the macros above -------------------------------------------------------
 */

const char *wf_str_at(const char *file, int line, wf_json v, const char *key);
int64_t wf_i64_at(const char *file, int line, wf_json v, const char *key);
double wf_f64_at(const char *file, int line, wf_json v, const char *key);
bool wf_flag_at(const char *file, int line, wf_json v, const char *key);
wf_json wf_at_at(const char *file, int line, wf_json v, const char *key);
const char *wf_str_or_at(const char *file, int line, wf_json v, const char *key,
			 const char *def);
int64_t wf_i64_or_at(const char *file, int line, wf_json v, const char *key,
		     int64_t def);
double wf_f64_or_at(const char *file, int line, wf_json v, const char *key, double def);
bool wf_flag_or_at(const char *file, int line, wf_json v, const char *key, bool def);
wf_json wf_item_at(const char *file, int line, wf_json v, size_t i);
const char *wf_key_at(const char *file, int line, wf_json v, size_t i);
const char *wf_as_str_at(const char *file, int line, wf_json v);
int64_t wf_as_i64_at(const char *file, int line, wf_json v);
double wf_as_f64_at(const char *file, int line, wf_json v);
bool wf_as_flag_at(const char *file, int line, wf_json v);
wf_json wf_json_at(const char *file, int line, const char *fmt, ...);
wf_json wf_parse_at(const char *file, int line, const char *text);
void wf_push_at(const char *file, int line, wf_json arr, wf_json v);
void wf_set_at(const char *file, int line, wf_json obj, const char *key, wf_json v);
wf_fut *wf_call_at(const char *file, int line, wf_ctx *ctx, const wf_task *t,
		   const char *fmt, ...);
wf_fut *wf_submit_at(const char *file, int line, wf_ctx *ctx, const wf_task *t,
		     const char *fmt, ...);
wf_fut *wf_submit_after_at(const char *file, int line, wf_ctx *ctx, wf_futs after,
			   const wf_task *t, const char *fmt, ...);
wf_futs wf_map_at(const char *file, int line, wf_ctx *ctx, const wf_task *t, ...);
static inline struct wf_map_arg wf_map_arg_of(int kind, const char *key, wf_json value)
{
	struct wf_map_arg a = {kind, key, value};

	return a;
}
wf_json wf_get_at(const char *file, int line, wf_fut *f);
wf_fut *wf_subflow_at(const char *file, int line, wf_ctx *ctx, const wf_flow *f,
		      const char *fmt, ...);
wf_json wf_run_deployment_at(const char *file, int line, wf_ctx *ctx, const char *name,
			     wf_json params, double timeout);
void wf_txn_commit_at(const char *file, int line, wf_ctx *ctx);
wf_json wf_pause_at(const char *file, int line, wf_ctx *ctx, wf_json schema,
		    double timeout);
wf_json wf_suspend_at(const char *file, int line, wf_ctx *ctx, wf_json schema,
		      double timeout);
const char *wf_secret_at(const char *file, int line, wf_ctx *ctx, const char *name);

#ifdef __cplusplus
}
#endif
#endif
