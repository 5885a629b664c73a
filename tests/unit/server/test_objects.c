/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_objects.c - the real server: flows, logs, variables, artifacts, searches,
 * limits, automations, events; what clients see of each.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/server/steps.h"

static struct wf_server server;

static void start(void)
{
	static const char *const args[] = {"--no-services", NULL};

	wf_server_start(&server, args, NULL);
}

static void stop(void)
{
	wf_server_stop(&server);
}

TestSuite(objects, .init = start, .fini = stop, .timeout = 60);

#define NOBODY "00000000-0000-4000-8000-000000000000"

Test(objects, flows)
{
	static const struct step steps[] = {
	    {"POST", "/flows/", "{\"name\":\"f\"}", 201, "\"labels\":{}", NULL, 1},
	    {"POST", "/flows/", "{\"name\":\"f\",\"tags\":[\"x\"]}", 200, "\"tags\":[]",
	     NULL, 0},
	    {"POST", "/flows/", "{\"name\":\"g\",\"tags\":[\"x\",\"y\"]}", 201, NULL,
	     NULL, 2},
	    {"POST", "/flows/", "{\"name\":\"a/b\"}", 422, "string_pattern_mismatch",
	     NULL, 0},
	    {"POST", "/flows/", "{\"name\":\"h\",\"nosuch\":1}", 422, "extra_forbidden",
	     NULL, 0},
	    {"GET", "/flows/$1", NULL, 200, "\"name\":\"f\"", NULL, 0},
	    {"GET", "/flows/name/g", NULL, 200, "\"name\":\"g\"", NULL, 0},
	    {"GET", "/flows/" NOBODY, NULL, 404, "Flow not found", NULL, 0},
	    {"POST", "/flows/filter", "{\"flows\":{\"tags\":{\"all_\":[\"x\"]}}}", 200,
	     "\"name\":\"g\"", "\"name\":\"f\"", 0},
	    {"POST", "/flows/filter", "{\"sort\":\"NAME_DESC\",\"limit\":1}", 200,
	     "\"name\":\"g\"", "\"name\":\"f\"", 0},
	    {"POST", "/flows/filter", "{\"limit\":201}", 422,
	     "Invalid limit: must be less than or equal to 200.", NULL, 0},
	    {"POST", "/flows/count", NULL, 200, "\r\n\r\n2", NULL, 0},
	    {"POST", "/flows/paginate", "{\"page\":2,\"limit\":1}", 200,
	     "\"count\":2,\"limit\":1,\"pages\":2,\"page\":2", "\"name\":\"f\"", 0},
	    {"PATCH", "/flows/$1", "{\"tags\":[\"new\"]}", 204, NULL, NULL, 0},
	    {"GET", "/flows/$1", NULL, 200, "\"tags\":[\"new\"]", NULL, 0},
	    {"POST", "/flows/bulk_delete", "{\"flows\":{\"name\":{\"any_\":[\"g\"]}}}",
	     200, "\"deleted\":[\"", NULL, 0},
	    {"GET", "/flows/$2", NULL, 404, NULL, NULL, 0},
	    {"DELETE", "/flows/$1", NULL, 204, NULL, NULL, 0},
	    {"DELETE", "/flows/$1", NULL, 404, "Flow not found", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

#define LOG(message, level, second)                                                    \
	"{\"name\":\"l\",\"level\":" level ",\"message\":\"" message                   \
	"\",\"timestamp\":\"2026-01-01T00:00:0" second "Z\",\"flow_run_id\":\"" NOBODY \
	"\"}"

Test(objects, logs)
{
	static const struct step steps[] = {
	    {"POST", "/logs/",
	     "[" LOG("second", "20", "2") "," LOG("fi\\u0000rst", "40", "1") "]", 201,
	     "\r\n\r\nnull", NULL, 0},
	    {"POST", "/logs/", "[]", 201, NULL, NULL, 0},
	    {"POST", "/logs/", "{}", 422, "is_instance_of", NULL, 0},
	    {"POST", "/logs/", "[{\"name\":\"l\",\"level\":\"x\"}]", 422, "int_parsing",
	     NULL, 0},
	    {"POST", "/logs/filter", NULL, 200, "\"message\":\"first\"", NULL, 0},
	    {"POST", "/logs/filter", "{\"limit\":1}", 200, "first", "second", 0},
	    {"POST", "/logs/filter", "{\"limit\":1,\"sort\":\"TIMESTAMP_DESC\"}", 200,
	     "second", "first", 0},
	    {"POST", "/logs/filter", "{\"logs\":{\"level\":{\"ge_\":30}}}", 200,
	     "first", "second", 0},
	    {"POST", "/logs/filter",
	     "{\"logs\":{\"text\":{\"query\":\"SECOND -first\"}}}", 200, "second",
	     "first", 0},
	    {"POST", "/logs/filter",
	     "{\"logs\":{\"flow_run_id\":{\"any_\":[\"" NOBODY "\"]}},\"offset\":1}",
	     200, "second", "first", 0},
	    {"POST", "/logs/filter", "{\"limit\":500}", 422, "Invalid limit", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

Test(objects, variables)
{
	static const struct step steps[] = {
	    {"POST", "/variables/", "{\"name\":\"v\",\"value\":{\"a\":[1,null]}}", 201,
	     "\"value\":{\"a\":[1,null]}", NULL, 1},
	    {"POST", "/variables/", "{\"name\":\"v\",\"value\":1}", 409,
	     "A variable with the name 'v' already exists.", NULL, 0},
	    {"POST", "/variables/", "{\"name\":\"V !\",\"value\":1}", 422,
	     "Variable name must only contain", NULL, 0},
	    {"POST", "/variables/", "{\"name\":\"w\"}", 422, "missing", NULL, 0},
	    {"POST", "/variables/", "{\"name\":\"null\",\"value\":null}", 201,
	     "\"value\":null", NULL, 0},
	    {"GET", "/variables/name/v", NULL, 200, "\"name\":\"v\"", NULL, 0},
	    {"GET", "/variables/$1", NULL, 200, "\"name\":\"v\"", NULL, 0},
	    {"PATCH", "/variables/name/v", "{\"value\":false}", 204, NULL, NULL, 0},
	    {"GET", "/variables/name/v", NULL, 200, "\"value\":false", NULL, 0},
	    {"PATCH", "/variables/name/v", "{\"name\":\"null\"}", 409, "already exists",
	     NULL, 0},
	    {"PATCH", "/variables/name/none", "{\"value\":1}", 404,
	     "Variable not found.", NULL, 0},
	    {"POST", "/variables/filter",
	     "{\"variables\":{\"name\":{\"like_\":\"NUL\"}}}", 200, "\"null\"", "\"v\"",
	     0},
	    {"POST", "/variables/count", NULL, 200, "\r\n\r\n2", NULL, 0},
	    {"DELETE", "/variables/name/v", NULL, 204, NULL, NULL, 0},
	    {"DELETE", "/variables/$1", NULL, 404, "Variable not found.", NULL, 0},
	    {"POST", "/events/filter",
	     "{\"filter\":{\"event\":{\"prefix\":[\"prefect.variable.\"]}}}", 200,
	     "\"total\":4", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

Test(objects, artifacts)
{
	static const struct step steps[] = {
	    {"POST", "/artifacts/",
	     "{\"key\":\"k\",\"type\":\"progress\",\"data\":10.0,\"metadata_\":{\"a\":"
	     "\"b\"}}",
	     201, "\"data\":10,\"metadata_\":{\"a\":\"b\"}", NULL, 1},
	    {"POST", "/artifacts/", "{\"key\":\"k\",\"data\":\"second\"}", 201, NULL,
	     NULL, 2},
	    {"POST", "/artifacts/", "{\"data\":{\"no\":\"key\"}}", 201, "\"key\":null",
	     NULL, 3},
	    {"POST", "/artifacts/", "{\"key\":\"Bad_Key\"}", 422, "Artifact key must",
	     NULL, 0},
	    {"GET", "/artifacts/k/latest", NULL, 200, "\"data\":\"second\"", NULL, 0},
	    {"POST", "/artifacts/latest/filter", NULL, 200,
	     "\"latest_id\":", "\"data\":10", 0},
	    {"POST", "/artifacts/latest/count", NULL, 200, "\r\n\r\n1", NULL, 0},
	    {"POST", "/artifacts/count", NULL, 200, "\r\n\r\n3", NULL, 0},
	    {"POST", "/artifacts/filter",
	     "{\"artifacts\":{\"key\":{\"exists_\":false}},\"sort\":null}", 200,
	     "{\"no\":\"key\"}", "second", 0},
	    {"PATCH", "/artifacts/$2", "{\"description\":\"d\",\"data\":null}", 204,
	     NULL, NULL, 0},
	    {"GET", "/artifacts/$2", NULL, 200, "\"description\":\"d\",\"data\":null",
	     NULL, 0},
	    {"DELETE", "/artifacts/$2", NULL, 204, NULL, NULL, 0},
	    {"GET", "/artifacts/k/latest", NULL, 200, "\"data\":10", NULL, 0},
	    {"DELETE", "/artifacts/$1", NULL, 204, NULL, NULL, 0},
	    {"GET", "/artifacts/k/latest", NULL, 404, "Artifact not found.", NULL, 0},
	    {"GET", "/artifacts/" NOBODY, NULL, 404, "Artifact not found.", NULL, 0},
	    {"POST", "/events/filter",
	     "{\"filter\":{\"event\":{\"prefix\":[\"prefect.artifact-collection.\"]}}}",
	     200, "\"total\":4", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

Test(objects, saved_searches)
{
	static const struct step steps[] = {
	    {"PUT", "/saved_searches/",
	     "{\"name\":\"s\",\"filters\":[{\"object\":\"flow\",\"property\":\"name\","
	     "\"type\":\"str\",\"operation\":\"equals\",\"value\":\"f\"}]}",
	     201, "\"name\":\"s\"", NULL, 1},
	    {"PUT", "/saved_searches/",
	     "{\"name\":\"t\",\"filters\":[{\"object\":\"flow\"}]}", 422,
	     "\"operation\"", NULL, 0},
	    {"PUT", "/saved_searches/", "{\"name\":\"s\",\"filters\":[]}", 200,
	     "\"filters\":[]", NULL, 0},
	    {"POST", "/saved_searches/filter", NULL, 200, "\"name\":\"s\"", NULL, 0},
	    {"GET", "/saved_searches/$1", NULL, 200, "\"filters\":[]", NULL, 0},
	    {"DELETE", "/saved_searches/$1", NULL, 204, NULL, NULL, 0},
	    {"GET", "/saved_searches/$1", NULL, 404, NULL, NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

#define TAKE(name, slots)                            \
	"{\"names\":[\"" name "\"],\"slots\":" slots \
	",\"holder\":{\"type\":\"task_run\",\"id\":\"" NOBODY "\"}}"

Test(objects, concurrency_limits)
{
	static const struct step steps[] = {
	    {"POST", "/v2/concurrency_limits/", "{\"name\":\"l\",\"limit\":2}", 201,
	     "\"avg_slot_occupancy_seconds\":2.0", NULL, 1},
	    {"POST", "/v2/concurrency_limits/", "{\"name\":\"l\",\"limit\":2}", 409,
	     "Data integrity conflict", NULL, 0},
	    {"POST", "/v2/concurrency_limits/increment-with-lease", TAKE("l", "2"), 200,
	     "\"lease_id\":", NULL, 2},
	    {"GET", "/v2/concurrency_limits/l", NULL, 200, "\"active_slots\":2", NULL,
	     0},
	    {"POST", "/v2/concurrency_limits/increment-with-lease", TAKE("l", "1"), 423,
	     "Retry-After: ", NULL, 0},
	    {"POST", "/v2/concurrency_limits/increment-with-lease", TAKE("l", "3"), 422,
	     "Slots requested is greater than the limit", NULL, 0},
	    {"POST", "/v2/concurrency_limits/leases/$2/renew",
	     "{\"lease_duration\":60}", 204, NULL, NULL, 0},
	    {"POST", "/v2/concurrency_limits/decrement-with-lease",
	     "{\"lease_id\":\"$2\"}", 204, NULL, NULL, 0},
	    {"POST", "/v2/concurrency_limits/leases/$2/renew", NULL, 410,
	     "Lease not found", NULL, 0},
	    {"GET", "/v2/concurrency_limits/$1", NULL, 200, "\"active_slots\":0", NULL,
	     0},
	    {"POST", "/v2/concurrency_limits/increment",
	     "{\"names\":[\"l\"],\"slots\":2}", 200, "\"name\":\"l\"", NULL, 0},
	    {"POST", "/v2/concurrency_limits/decrement",
	     "{\"names\":[\"l\"],\"slots\":1}", 200, NULL, NULL, 0},
	    {"GET", "/v2/concurrency_limits/l", NULL, 200, "\"active_slots\":1", NULL,
	     0},
	    {"PATCH", "/v2/concurrency_limits/l", "{\"active_slots\":0,\"limit\":1}",
	     204, NULL, NULL, 0},
	    {"GET", "/v2/concurrency_limits/l", NULL, 200,
	     "\"limit\":1,\"active_slots\":0", NULL, 0},
	    {"POST", "/v2/concurrency_limits/increment",
	     "{\"names\":[\"l\"],\"slots\":1,\"mode\":\"rate_limit\"}", 422,
	     "slot decay", NULL, 0},
	    {"PATCH", "/v2/concurrency_limits/l", "{\"slot_decay_per_second\":0.001}",
	     204, NULL, NULL, 0},
	    {"POST", "/v2/concurrency_limits/increment",
	     "{\"names\":[\"l\"],\"slots\":1,\"mode\":\"rate_limit\"}", 200, NULL, NULL,
	     0},
	    {"POST", "/v2/concurrency_limits/increment",
	     "{\"names\":[\"l\"],\"slots\":1,\"mode\":\"rate_limit\"}", 423, "Locked",
	     NULL, 0},
	    {"PATCH", "/v2/concurrency_limits/l", "{\"active\":false}", 204, NULL, NULL,
	     0},
	    {"POST", "/v2/concurrency_limits/increment-with-lease", TAKE("l", "9"), 200,
	     "\"name\":\"l\"", NULL, 0},
	    {"POST", "/v2/concurrency_limits/increment-with-lease", TAKE("nosuch", "9"),
	     200, "\"limits\":[]", NULL, 0},
	    {"DELETE", "/v2/concurrency_limits/l", NULL, 204, NULL, NULL, 0},
	    {"DELETE", "/v2/concurrency_limits/l", NULL, 404,
	     "Concurrency Limit not found", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

#define SLOT "{\"names\":[\"t\"],\"task_run_id\":\"" NOBODY "\"}"
#define OTHER \
	"{\"names\":[\"t\"],\"task_run_id\":\"00000000-0000-4000-8000-000000000001\"}"

Test(objects, tag_limits)
{
	static const struct step steps[] = {
	    {"POST", "/concurrency_limits/", "{\"tag\":\"t\",\"concurrency_limit\":1}",
	     201, "\"active_slots\":[]", NULL, 1},
	    {"POST", "/concurrency_limits/increment", SLOT, 200, "\"name\":\"t\"", NULL,
	     0},
	    {"POST", "/concurrency_limits/increment", SLOT, 200, NULL, NULL, 0},
	    {"POST", "/concurrency_limits/increment", OTHER, 423, "Retry-After: 30",
	     NULL, 0},
	    {"GET", "/concurrency_limits/tag/t", NULL, 200,
	     "\"active_slots\":[\"" NOBODY "\"]", NULL, 0},
	    {"GET", "/v2/concurrency_limits/tag:t", NULL, 200, "\"active_slots\":1",
	     NULL, 0},
	    {"POST", "/concurrency_limits/decrement", SLOT, 200, NULL, NULL, 0},
	    {"POST", "/concurrency_limits/increment", OTHER, 200, NULL, NULL, 0},
	    {"POST", "/concurrency_limits/tag/t/reset", "{\"slot_override\":[]}", 200,
	     "null", NULL, 0},
	    {"GET", "/concurrency_limits/$1", NULL, 200, "\"active_slots\":[]", NULL,
	     0},
	    {"POST", "/concurrency_limits/", "{\"tag\":\"t\",\"concurrency_limit\":3}",
	     200, "\"concurrency_limit\":3", NULL, 0},
	    {"POST", "/concurrency_limits/filter", NULL, 200, "\"tag\":\"t\"", NULL, 0},
	    {"DELETE", "/concurrency_limits/tag/t", NULL, 200, "null", NULL, 0},
	    {"GET", "/concurrency_limits/tag/t", NULL, 404,
	     "Concurrency limit not found", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

#define EVENT_TRIGGER \
	"{\"type\":\"event\",\"expect\":[\"b\",\"a\",\"b\"],\"posture\":\"Reactive\"}"
#define AUTOMATION(trigger, actions) \
	"{\"name\":\"a\",\"trigger\":" trigger ",\"actions\":[" actions "]}"
#define RUN "{\"type\":\"run-deployment\",\"deployment_id\":\"" NOBODY "\"}"

Test(objects, automations)
{
	static const struct step steps[] = {
	    {"POST", "/automations/", AUTOMATION(EVENT_TRIGGER, RUN), 201,
	     "\"expect\":[\"a\",\"b\"],\"for_each\":[],\"posture\":\"Reactive\","
	     "\"threshold\":1,\"within\":0.0",
	     NULL, 1},
	    {"GET", "/automations/related-to/prefect.deployment." NOBODY, NULL, 200,
	     "\"name\":\"a\"", NULL, 0},
	    {"GET", "/automations/$1", NULL, 200, "\"schedule_after\":0.0", NULL, 0},
	    {"PATCH", "/automations/$1", "{\"enabled\":false}", 204, NULL, NULL, 0},
	    {"POST", "/automations/filter",
	     "{\"automations\":{\"id\":null,\"name\":{\"any_\":[\"a\"]}}}", 200,
	     "\"enabled\":false", NULL, 0},
	    {"PUT", "/automations/$1",
	     AUTOMATION("{\"triggers\":[" EVENT_TRIGGER "],\"within\":\"PT1M\"}",
			"{\"type\":\"do-nothing\"}"),
	     204, NULL, NULL, 0},
	    {"GET", "/automations/$1", NULL, 200, "\"type\":\"sequence\"",
	     "run-deployment", 0},
	    {"GET", "/automations/related-to/prefect.deployment." NOBODY, NULL, 200,
	     "\r\n\r\n[]", NULL, 0},
	    {"POST", "/automations/", AUTOMATION("{\"type\":\"event\"}", ""), 422,
	     "missing", NULL, 0},
	    {"POST", "/automations/",
	     AUTOMATION("{\"posture\":\"Proactive\",\"within\":5}", ""), 422,
	     "must be greater than or equal to 10 seconds", NULL, 0},
	    {"POST", "/automations/",
	     AUTOMATION("{\"posture\":\"Proactive\"}", "{\"type\":\"nosuch\"}"), 422,
	     "literal_error", NULL, 0},
	    {"POST", "/automations/",
	     AUTOMATION(
		 "{\"posture\":\"Reactive\",\"expect\":[\"prefect.flow-run.Pending\"]}",
		 "{\"type\":\"run-deployment\",\"source\":\"inferred\"}"),
	     422, "infinite loop", NULL, 0},
	    {"POST", "/automations/",
	     AUTOMATION("{\"type\":\"compound\",\"triggers\":[],\"within\":null,"
			"\"require\":1}",
			""),
	     422, "less than or equal to the number", NULL, 0},
	    {"POST", "/automations/",
	     "{\"name\":\"owned\",\"trigger\":" EVENT_TRIGGER
	     ",\"actions\":[],\"owner_resource\":\"prefect.deployment.x\"}",
	     201, NULL, NULL, 2},
	    {"DELETE", "/automations/owned-by/prefect.deployment.x", NULL, 202, NULL,
	     NULL, 0},
	    {"GET", "/automations/$2", NULL, 404, "{\"exception_message\":", NULL, 0},
	    {"POST", "/automations/count", NULL, 200, "\r\n\r\n1", NULL, 0},
	    {"DELETE", "/automations/$1", NULL, 204, NULL, NULL, 0},
	    {"DELETE", "/automations/$1", NULL, 404, "Automation not found", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

Test(objects, blocks)
{
	static const struct step steps[] = {
	    {"GET", "/block_types/slug/b", NULL, 404, "Block type not found", NULL, 0},
	    {"POST", "/block_types/", "{\"name\":\"B\",\"slug\":\"b\"}", 201,
	     "\"is_protected\":false", NULL, 1},
	    {"POST", "/block_types/", "{\"name\":\"B\",\"slug\":\"b\"}", 409,
	     "Block type with name", NULL, 0},
	    {"POST", "/block_types/", "{\"name\":\"Prefect X\",\"slug\":\"x\"}", 403,
	     NULL, NULL, 0},
	    {"PATCH", "/block_types/$1", "{\"description\":\"d\"}", 204, NULL, NULL, 0},
	    {"GET", "/block_types/slug/b", NULL, 200, "\"description\":\"d\"", NULL, 0},
	    {"GET", "/block_schemas/checksum/sha256:0", NULL, 404,
	     "Block schema not found", NULL, 0},
	    {"POST", "/block_schemas/",
	     "{\"block_type_id\":\"$1\",\"fields\":{\"secret_fields\":[\"s\",\"in.s\"]}"
	     ","
	     "\"capabilities\":[\"notify\"]}",
	     201, "\"checksum\":\"sha256:", NULL, 2},
	    {"POST", "/block_schemas/",
	     "{\"block_type_id\":\"$1\",\"fields\":{\"secret_fields\":[\"s\",\"in.s\"]}"
	     "}",
	     200, NULL, NULL, 0},
	    {"GET", "/block_capabilities/", NULL, 200, "\"notify\"", NULL, 0},
	    {"POST", "/block_documents/",
	     "{\"name\":\"inner\",\"data\":{\"s\":\"secret\",\"t\":1},\"block_schema_"
	     "id\":"
	     "\"$2\",\"block_type_id\":\"$1\"}",
	     201, "\"s\":\"********\"", "secret\"", 3},
	    {"POST", "/block_documents/",
	     "{\"name\":\"inner\",\"block_schema_id\":\"$2\",\"block_type_id\":\"$1\"}",
	     409, "Block already exists", NULL, 0},
	    {"POST", "/block_documents/",
	     "{\"name\":\"outer\",\"data\":{\"in\":{\"$ref\":{\"block_document_id\":\"$"
	     "3\"}},"
	     "\"u\":2},\"block_schema_id\":\"$2\",\"block_type_id\":\"$1\"}",
	     201, "\"in\":{\"s\":\"********\",\"t\":1}", NULL, 4},
	    {"GET",
	     "/block_types/slug/b/block_documents/name/outer?include_secrets=true",
	     NULL, 200, "\"data\":{\"u\":2,\"in\":{\"s\":\"secret\",\"t\":1}}", NULL,
	     0},
	    {"PATCH", "/block_documents/$3", "{\"data\":{\"s\":\"********\",\"t\":5}}",
	     204, NULL, NULL, 0},
	    {"GET", "/block_documents/$3?include_secrets=true", NULL, 200,
	     "\"data\":{\"s\":\"secret\",\"t\":5}", NULL, 0},
	    {"POST", "/block_documents/filter",
	     "{\"block_types\":{\"slug\":{\"any_\":[\"b\"]}},\"block_schema_type\":"
	     "null}",
	     200, "\"name\":\"outer\"", NULL, 0},
	    {"POST", "/block_documents/count", NULL, 200, "\r\n\r\n2", NULL, 0},
	    {"GET", "/block_types/slug/b/block_documents", NULL, 200,
	     "\"name\":\"inner\"", NULL, 0},
	    {"DELETE", "/block_documents/$4", NULL, 204, NULL, NULL, 0},
	    {"GET", "/block_documents/$4", NULL, 404, "Block document not found", NULL,
	     0},
	    {"DELETE", "/block_types/$1", NULL, 204, NULL, NULL, 0},
	    {"GET", "/block_documents/$3", NULL, 404, NULL, NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

#define EVENT(name, resource, related)                                                \
	"{\"id\":\"0000000" name "-0000-4000-8000-000000000000\",\"event\":\"e." name \
	"\",\"occurred\":\"2026-01-01T00:00:0" name "Z\",\"resource\":"               \
	"{\"prefect.resource.id\":\"" resource "\",\"prefect.resource.name\":\"n\"}," \
	"\"related\":[" related "]}"
#define ROLE "{\"prefect.resource.id\":\"r\",\"prefect.resource.role\":\"x\"}"
#define SINCE                                               \
	"\"occurred\":{\"since\":\"2026-01-01T00:00:00Z\"," \
	"\"until\":\"2026-01-01T23:00:00Z\"}"
#define FIND(criteria) "{\"filter\":{" SINCE criteria "},\"limit\":2}"

Test(objects, events)
{
	static const struct step steps[] = {
	    {"POST", "/events",
	     "[" EVENT("1", "a.1", "") "," EVENT("2", "a.2", ROLE) "," EVENT("3", "b.1",
									     "") "]",
	     204, NULL, NULL, 0},
	    {"POST", "/events", "[" EVENT("1", "a.1", "") "]", 204, NULL, NULL, 0},
	    {"POST", "/events/filter", FIND(""), 200, "\"total\":3", "\"e.1\"", 0},
	    {"POST", "/events/filter", FIND(",\"order\":\"ASC\""), 200,
	     "next?page-token=", "\"e.3\"", 0},
	    {"POST", "/events/filter", FIND(",\"event\":{\"name\":[\"e.2\"]}"), 200,
	     "\"total\":1,\"next_page\":null", "\"e.1\"", 0},
	    {"POST", "/events/filter",
	     FIND(",\"event\":{\"exclude_prefix\":[\"e.2\"]}"), 200, "\"total\":2",
	     "\"e.2\"", 0},
	    {"POST", "/events/filter", FIND(",\"resource\":{\"id_prefix\":[\"b.\"]}"),
	     200, "\"e.3\"", "\"e.2\"", 0},
	    {"POST", "/events/filter", FIND(",\"related\":{\"role\":[\"x\"]}"), 200,
	     "\"e.2\"", "\"e.1\"", 0},
	    {"POST", "/events/filter", FIND(",\"id\":{\"id\":[]}"), 200, "\"total\":3",
	     NULL, 0},
	    {"POST", "/events/filter", "{\"limit\":51}", 422, "less_than_equal", NULL,
	     0},
	    {"GET", "/events/filter/next?page-token=x", NULL, 403, "Forbidden", NULL,
	     0},
	    {"POST", "/events/count-by/event", FIND(""), 200, "\"value\":\"e.1\"", NULL,
	     0},
	    {"POST", "/events/count-by/resource", FIND(""), 200, "\"label\":\"n\"",
	     NULL, 0},
	    {"POST", "/events/count-by/time",
	     "{\"filter\":{" SINCE "},\"time_unit\":\"hour\"}", 200,
	     "\"value\":\"0\",\"label\":\"2026-01-01T00:00:00Z\",\"count\":3", NULL, 0},
	    {"POST", "/events/count-by/time",
	     "{\"filter\":{" SINCE "},\"time_unit\":\"second\"}", 422, "too many", NULL,
	     0},
	    {"POST", "/events/count-by/nosuch", FIND(""), 422, "countable", NULL, 0},
	    {0},
	};

	steps_run(&server, steps);
}

/* Follows next_page to the end, then changes a character of a token. */
Test(objects, event_pages_follow_their_token)
{
	char request[2048], path[1024];
	char *answer, *at;
	static const struct step steps[] = {
	    {"POST", "/events",
	     "[" EVENT("1", "a.1", "") "," EVENT("2", "a.2", "") "," EVENT("3", "b.1",
									   "") "]",
	     204, NULL, NULL, 0},
	    {0},
	};
	static const char body[] = FIND("");

	steps_run(&server, steps);
	(void)snprintf(
	    request, sizeof(request),
	    "POST /api/events/filter HTTP/1.1\r\nHost: h:1\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    strlen(body), body);
	answer = wf_ask(&server, request);
	at = strstr(answer, "/events/filter/next");
	cr_assert_not_null(at, "%s", answer);
	(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, "\""), at);
	free(answer);
	(void)snprintf(request, sizeof(request),
		       "GET /api%s HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n",
		       path);
	answer = wf_ask(&server, request);
	cr_expect_eq(wf_status(answer), 200);
	cr_expect(strstr(answer, "\"e.1\"") != NULL &&
		      strstr(answer, "\"e.2\"") == NULL &&
		      strstr(answer, "\"total\":3,\"next_page\":null") != NULL,
		  "%s", answer);
	free(answer);
	at = strstr(request, " HTTP/1.1");
	at[-2] = at[-2] == 'a' ? 'b' : 'a';
	answer = wf_ask(&server, request);
	cr_expect_eq(wf_status(answer), 403, "%s", answer);
	free(answer);
}
