/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c - GET /admin/settings: the tree of settings that clients know.
 *
 * Most of them mean nothing here and have the value that a client takes as the usual
 * one.  What stands for something is put in for @name@.  Secrets are never told.
 */
#include "api/routes/settings.h"

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/jsonw.h"

#define HIDDEN "**********"

/* clang-format off */
static const char tree[] =
	"{\"home\":\"@home@\",\"profiles_path\":\"@home@/profiles.toml\","
	"\"debug_mode\":false,\"api\":{\"url\":null,\"auth_string\":null,"
	"\"key\":null,\"tls_insecure_skip_verify\":false,"
	"\"ssl_cert_file\":null,\"enable_http2\":false,"
	"\"request_timeout\":60.0},\"cli\":{\"colors\":true,"
	"\"prompt\":null,\"wrap_lines\":true},"
	"\"client\":{\"max_retries\":5,\"retry_jitter_factor\":0.2,"
	"\"retry_extra_codes\":[],\"csrf_support_enabled\":true,"
	"\"custom_headers\":{},\"server_version_check_enabled\":true,"
	"\"metrics\":{\"enabled\":false,\"port\":4201}},"
	"\"cloud\":{\"api_url\":\"https://api.prefect.cloud/api\","
	"\"enable_orchestration_telemetry\":true,\"max_log_size\":25000,"
	"\"ui_url\":\"https://app.prefect.cloud\"},"
	"\"deployments\":{\"default_work_pool_name\":null,"
	"\"default_docker_build_namespace\":null},"
	"\"events\":{\"worker_max_queue_size\":0},"
	"\"experiments\":{\"warn\":true},"
	"\"flows\":{\"heartbeat_frequency\":180,\"default_retries\":0,"
	"\"default_retry_delay_seconds\":0},"
	"\"internal\":{\"logging_level\":\"ERROR\"},"
	"\"logging\":{\"level\":\"INFO\","
	"\"config_path\":\"@home@/logging.yml\",\"extra_loggers\":[],"
	"\"log_prints\":false,\"colors\":true,\"markup\":false,"
	"\"to_api\":{\"enabled\":true,\"batch_interval\":2.0,"
	"\"batch_size\":4000000,\"max_log_size\":1000000,"
	"\"when_missing_flow\":\"warn\"}},\"plugins\":{\"enabled\":false,"
	"\"allow\":[],\"deny\":[],\"setup_timeout_seconds\":20.0,"
	"\"strict\":false,\"safe_mode\":false},"
	"\"results\":{\"default_serializer\":\"pickle\","
	"\"persist_by_default\":false,\"default_storage_block\":null,"
	"\"local_storage_path\":\"@home@/storage\"},"
	"\"runner\":{\"process_limit\":5,\"poll_frequency\":10,"
	"\"crash_on_cancellation_failure\":false,"
	"\"auto_install_dependencies\":false,"
	"\"server\":{\"enable\":false,\"host\":\"localhost\","
	"\"port\":8080,\"log_level\":\"ERROR\","
	"\"missed_polls_tolerance\":2}},"
	"\"server\":{\"logging_level\":\"WARNING\","
	"\"analytics_enabled\":false,\"metrics_enabled\":false,"
	"\"log_retryable_errors\":false,"
	"\"register_blocks_on_start\":true,"
	"\"memoize_block_auto_registration\":true,"
	"\"memo_store_path\":\"@home@/memo_store.toml\","
	"\"deployment_schedule_max_scheduled_runs\":50,"
	"\"api\":{\"auth_string\":\"@auth@\",\"host\":\"@host@\","
	"\"port\":\"@port@\",\"base_path\":null,\"default_limit\":200,"
	"\"keepalive_timeout\":5,\"csrf_protection_enabled\":\"@csrf@\","
	"\"csrf_token_expiration\":\"PT1H\","
	"\"cors_allowed_origins\":\"@cors@\","
	"\"cors_allowed_methods\":\"*\",\"cors_allowed_headers\":\"*\","
	"\"websocket_ping_interval\":20.0,"
	"\"websocket_ping_timeout\":20.0,\"max_parameter_size\":524288},"
	"\"concurrency\":{\"lease_storage\":\"prefect.server.concurrency.lease_storage.memory\","
	"\"initial_deployment_lease_duration\":300.0,"
	"\"maximum_concurrency_slot_wait_seconds\":30.0},"
	"\"database\":{\"sqlalchemy\":{\"connect_args\":{\"application_name\":null,"
	"\"search_path\":null,\"statement_cache_size\":null,"
	"\"prepared_statement_cache_size\":null,"
	"\"tls\":{\"enabled\":false,\"ca_file\":null,\"cert_file\":null,"
	"\"key_file\":null,\"check_hostname\":true}},\"pool_size\":5,"
	"\"pool_recycle\":3600,\"pool_timeout\":30.0,"
	"\"max_overflow\":10},\"connection_url\":\"@database@\","
	"\"driver\":null,\"host\":null,\"port\":null,\"user\":null,"
	"\"name\":null,\"password\":null,\"echo\":false,"
	"\"migrate_on_start\":true,\"timeout\":10.0,"
	"\"connection_timeout\":5.0,\"migration_timeout\":null},"
	"\"deployments\":{\"concurrency_slot_wait_seconds\":30.0},"
	"\"docket\":{\"name\":\"prefect-server\",\"url\":\"memory://\"},"
	"\"ephemeral\":{\"enabled\":true,\"startup_timeout_seconds\":20},"
	"\"events\":{\"stream_out_enabled\":true,"
	"\"related_resource_cache_ttl\":\"PT5M\","
	"\"maximum_labels_per_resource\":500,"
	"\"maximum_related_resources\":100,"
	"\"maximum_size_bytes\":1500000,"
	"\"expired_bucket_buffer\":\"PT1M\","
	"\"proactive_granularity\":\"PT5S\",\"retention_period\":\"P7D\","
	"\"maximum_websocket_backfill\":\"PT15M\","
	"\"websocket_backfill_page_size\":250,"
	"\"messaging_broker\":\"prefect.server.utilities.messaging.memory\","
	"\"messaging_cache\":\"prefect.server.utilities.messaging.memory\","
	"\"causal_ordering\":\"prefect.server.events.ordering.memory\","
	"\"maximum_event_name_length\":1024},"
	"\"flow_run_graph\":{\"max_nodes\":10000,"
	"\"max_artifacts\":10000},\"logs\":{\"stream_out_enabled\":true,"
	"\"stream_publishing_enabled\":true},"
	"\"services\":{\"cancellation_cleanup\":{\"enabled\":true,"
	"\"loop_seconds\":20.0,\"cancelling_timeout_seconds\":300.0},"
	"\"db_vacuum\":{\"enabled\":[\"events\"],\"loop_seconds\":3600.0,"
	"\"orphan_cleanup_loop_seconds\":86400.0,"
	"\"retention_period\":\"P90D\",\"batch_size\":200,"
	"\"event_retention_overrides\":{\"prefect.flow-run.heartbeat\":\"P7D\"}},"
	"\"event_persister\":{\"enabled\":true,\"batch_size\":20,"
	"\"read_batch_size\":1,\"flush_interval\":5.0,"
	"\"queue_max_size\":50000,\"max_flush_retries\":5},"
	"\"event_logger\":{\"enabled\":false},"
	"\"foreman\":{\"enabled\":true,\"loop_seconds\":15.0,"
	"\"inactivity_heartbeat_multiple\":3,"
	"\"fallback_heartbeat_interval_seconds\":30,"
	"\"deployment_last_polled_timeout_seconds\":60,"
	"\"work_queue_last_polled_timeout_seconds\":60},"
	"\"late_runs\":{\"enabled\":true,\"loop_seconds\":5.0,"
	"\"after_seconds\":\"PT15S\"},\"scheduler\":{\"enabled\":true,"
	"\"loop_seconds\":60.0,\"deployment_batch_size\":100,"
	"\"max_runs\":100,\"min_runs\":3,"
	"\"max_scheduled_time\":\"P100D\","
	"\"min_scheduled_time\":\"PT1H\",\"insert_batch_size\":500,"
	"\"recent_deployments_loop_seconds\":5.0},"
	"\"pause_expirations\":{\"enabled\":true,\"loop_seconds\":5.0},"
	"\"repossessor\":{\"enabled\":true,\"loop_seconds\":15.0},"
	"\"cleanup_reconciler\":{\"enabled\":true,\"loop_seconds\":5.0,"
	"\"batch_size\":100},\"task_run_recorder\":{\"enabled\":true,"
	"\"read_batch_size\":1,\"batch_size\":1,\"flush_interval\":5.0},"
	"\"triggers\":{\"enabled\":true,\"read_batch_size\":1,"
	"\"pg_notify_reconnect_interval_seconds\":10,"
	"\"pg_notify_heartbeat_interval_seconds\":5}},"
	"\"tasks\":{\"tag_concurrency_slot_wait_seconds\":10.0,"
	"\"max_cache_key_length\":2000,"
	"\"scheduling\":{\"max_scheduled_queue_size\":1000,"
	"\"max_retry_queue_size\":100,"
	"\"pending_task_timeout\":\"PT0S\"}},\"ui\":{\"enabled\":true,"
	"\"v2_enabled\":true,\"api_url\":\"@url@\",\"serve_base\":\"/\","
	"\"static_directory\":null,\"show_promotional_content\":true},"
	"\"worker_channel\":{\"cleanup_queue_storage\":\"prefect.server.worker_communication.cleanup_queue.memory\","
	"\"cleanup_lease_seconds\":30.0,"
	"\"cleanup_max_delivery_attempts\":3,"
	"\"cleanup_completed_idempotency_retention_seconds\":null}},"
	"\"tasks\":{\"refresh_cache\":false,\"default_no_cache\":false,"
	"\"disable_caching\":false,\"default_retries\":0,"
	"\"default_retry_delay_seconds\":0,"
	"\"default_persist_result\":null,"
	"\"runner\":{\"thread_pool_max_workers\":null,"
	"\"process_pool_max_workers\":null},"
	"\"scheduling\":{\"default_storage_block\":null,"
	"\"delete_failed_submissions\":true}},"
	"\"telemetry\":{\"enable_resource_metrics\":true,"
	"\"resource_metrics_interval_seconds\":10},"
	"\"testing\":{\"test_mode\":false,\"unit_test_mode\":false,"
	"\"unit_test_loop_debug\":true,\"test_setting\":\"FOO\"},"
	"\"worker\":{\"debug_mode\":false,\"heartbeat_seconds\":30.0,"
	"\"query_seconds\":10.0,\"prefetch_seconds\":10.0,"
	"\"enable_cancellation\":false,"
	"\"cancellation_poll_seconds\":120.0,"
	"\"webserver\":{\"host\":\"0.0.0.0\",\"port\":8080}},"
	"\"ui_url\":null,\"silence_api_url_misconfiguration\":false}";
/* clang-format on */

/* A JSON text without its quotes: it stands within some. */
static void put_text(struct buf *b, const char *s)
{
	struct buf quoted;
	struct jsonw w;

	buf_init(&quoted);
	jsonw_init(&w, &quoted);
	jsonw_str(&w, NULL, s != NULL ? s : "");
	buf_add(b, quoted.data + 1, quoted.len - 2);
	buf_release(&quoted);
}

static int is_named(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(at, name, len) == 0;
}

/* What a name stands for where it is a whole value, with or without quotes. */
static void put_value(struct buf *b, const struct api *api, const char *at, size_t len)
{
	const struct api_conf *c = api->conf;
	char port[8] = "0";
	const char *colon = strrchr(api->url, ':');

	(void)sscanf(colon != NULL ? colon : "", ":%7[0-9]", port);
	if (is_named(at, len, "port")) {
		buf_adds(b, port);
	} else if (is_named(at, len, "csrf")) {
		buf_adds(b, c->csrf ? "true" : "false");
	} else if (is_named(at, len, "auth")) {
		buf_adds(b, c->auth_string != NULL && c->auth_string[0] != '\0'
				? "\"" HIDDEN "\""
				: "null");
	}
}

static int put_name(struct buf *b, const struct api *api, const char *at, size_t len)
{
	const struct api_conf *c = api->conf;

	if (is_named(at, len, "home")) {
		put_text(b, c->data_dir);
	} else if (is_named(at, len, "host")) {
		put_text(b, c->host);
	} else if (is_named(at, len, "cors")) {
		put_text(b, c->cors_origins);
	} else if (is_named(at, len, "url")) {
		put_text(b, api->url);
	} else if (is_named(at, len, "database")) {
		buf_adds(b, HIDDEN);
	} else {
		return 0;
	}
	return 1;
}

void settings_write(struct buf *b, const struct api *api)
{
	const char *at = tree;

	for (;;) {
		const char *open = strchr(at, '@');
		const char *close = open != NULL ? strchr(open + 1, '@') : NULL;
		size_t len;

		if (close == NULL) {
			buf_adds(b, at);
			return;
		}
		len = (size_t)(close - open - 1);
		buf_add(b, at, (size_t)(open - at));
		at = close + 1;
		if (!put_name(b, api, open + 1, len)) {
			b->len--; /* the quotes around it are not part of the value */
			put_value(b, api, open + 1, len);
			at++;
		}
	}
}
