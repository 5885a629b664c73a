/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - the one context of wf-api, passed to handlers, sockets and services.
 */
#ifndef API_API_H
#define API_API_H

#include <stdint.h>

#include <jansson.h>

struct db;
struct error;
struct hub;
struct http_server;
struct loop;
struct pools;
struct relay;
struct seal_keys;
struct services;
struct share;
struct task_queue;
struct tx;
struct worker_channels;

#define API_VERSION "0.8.4" /* answered by GET /version */
#define API_SERVER_VERSION \
	"3.8.8" /* answered by GET /admin/version: the client we match */
#define API_DEFAULT_LIMIT 200

struct api_conf {
	char *host;
	int64_t port;
	char *data_dir;
	char *database_url;       /* "" : sqlite in the data directory */
	char *redis_url;          /* "" : private redis-server child */
	char *auth_string;        /* secret; "" : none */
	char *tls_cert, *tls_key; /* files; "" : plain HTTP */
	char *cors_origins;
	int csrf;
	char *log_level, *log_format;
	int64_t request_ms; /* for a request to arrive */
	int services;       /* background services on */
};

struct api {
	const struct api_conf *conf;
	struct loop *loop;
	struct db *db;
	/* data of block documents; never changes, any thread may use it; may be NULL */
	const struct seal_keys *block_keys;
	struct pools *pools; /* NULL until Redis is configured */
	struct http_server *http;
	struct hub *hub;     /* live events and logs to sockets */
	struct relay *relay; /* outbox -> Redis */
	struct services *services;
	struct share *share;      /* commits of other servers; NULL: there are none */
	struct task_queue *tasks; /* subscriptions of task workers */
	struct worker_channels *channels;
	char url[256];        /* "http://127.0.0.1:4200/api" */
	char redis_url[512];  /* what workers are told */
	int redis_is_private; /* our own child on loopback: of no use to other hosts */
	int draining;
	/* Applies the event of a client's task run to its rows (database thread); may
	 * be NULL. -ERR_NOT_FOUND and -ERR_CONFLICT: its flow run is not known yet,
	 * tried again. */
	int (*record)(struct tx *tx, const json_t *event, struct error *err);
	/* After each COMMIT of a tx, on the loop: live events, relay, services.  May be
	 * NULL. */
	void (*on_commit)(struct api *api, const struct tx *tx);
};

#endif
