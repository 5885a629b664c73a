/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collections.c - what worker types exist, for `work-pool create` and worker
 * installation.
 */
#include <string.h>

#include "api/http/http.h"
#include "api/routes/process_template.h"
#include "base/buf.h"
#include "base/jsonw.h"

static void write_worker_type(struct jsonw *w, const char *key, const char *name,
			      const char *text, const char *install)
{
	jsonw_obj(w, key);
	jsonw_str(w, "type", "process");
	jsonw_str(w, "display_name", name);
	jsonw_str(w, "description", text);
	jsonw_str(w, "documentation_url", "");
	jsonw_str(w, "logo_url", "");
	jsonw_bool(w, "is_beta", 0);
	jsonw_str(w, "install_command", install);
	jsonw_raw(w, "default_base_job_configuration", process_template);
	jsonw_obj_end(w);
}

static void reply_workers(struct http_req *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_obj(&w, "prefect");
	write_worker_type(&w, "process", "Process",
			  "Runs each flow run as a process on the host of the worker: "
			  "wf-worker, or the Python worker.",
			  "pip install prefect");
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

static void route_view(struct http_req *r)
{
	static const char *const empty_views[] = {
	    "aggregate-block-metadata", "aggregate-flow-metadata", "demo-flows", NULL};
	const char *view = http_param(r, "view");
	int i;

	if (strcmp(view, "aggregate-worker-metadata") == 0) {
		reply_workers(r);
		return;
	}
	for (i = 0; empty_views[i] != NULL; i++) {
		if (strcmp(view, empty_views[i]) == 0) {
			http_reply(r, 200, "application/json", "{}", 2);
			return;
		}
	}
	http_reply_detail(r, 404, "View %s not found in registry", view);
}

extern const struct route routes_collections[];
const struct route routes_collections[] = {
    {"GET", "/collections/views/{view}", route_view, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
