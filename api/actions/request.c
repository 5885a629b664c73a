/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - requests of jobs: to our own API in the automation's name, to others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "api/api.h"
#include "base/digest.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"

#define API_TIMEOUT_MS 60000

static void on_answer(int rc, const struct httpc_resp *resp, const struct error *err,
		      void *arg)
{
	struct job *j = arg;

	if (j->actions->stopping) {
		job_free(j);
		return;
	}
	j->on_answer(j, rc, resp, err);
}

int job_send(struct job *j, const struct httpc_spec *spec, job_answer_fn fn,
	     struct error *err)
{
	j->on_answer = fn;
	if (j->actions->http == NULL) {
		return err_set(err, ERR_CANCELED, "the server is stopping");
	}
	return httpc_send(j->actions->http, spec, on_answer, j, NULL, err);
}

static char *auth_header(const struct api *api)
{
	const char *auth = api->conf->auth_string;
	char *coded, *out;

	if (auth == NULL || auth[0] == '\0') {
		return NULL;
	}
	coded = base64_encode(auth, strlen(auth));
	out = xasprintf("Authorization: Basic %s", coded);
	free(coded);
	return out;
}

void job_request(struct job *j, const char *method, const char *path,
		 const json_t *body, job_answer_fn fn)
{
	const char *id = json_string_value(json_object_get(j->automation, "id"));
	const char *name = json_string_value(json_object_get(j->automation, "name"));
	char *coded = base64_encode(name != NULL ? name : "", strlen(name ? name : ""));
	char *url = xasprintf("%s%s", j->actions->api->url, path);
	char *text = body != NULL ? json_text(body) : NULL;
	char *who = xasprintf("Prefect-Automation-ID: %s", id != NULL ? id : "");
	char *named = xasprintf("Prefect-Automation-Name: %s", coded);
	char *auth = auth_header(j->actions->api);
	const char *headers[] = {who, named, auth, NULL};
	struct httpc_spec spec = {
	    .method = method,
	    .url = url,
	    .headers = headers,
	    .body = text,
	    .body_len = text != NULL ? strlen(text) : 0,
	    .timeout_ms = API_TIMEOUT_MS,
	    .flags = HTTPC_NO_VERIFY, /* our own socket, on this host */
	};
	struct error err = {0};
	int rc = job_send(j, &spec, fn, &err);

	free(coded);
	free(url);
	free(text);
	free(who);
	free(named);
	free(auth);
	if (rc < 0) {
		job_retry(j, "the API could not be asked: %s", err.msg);
	}
}
