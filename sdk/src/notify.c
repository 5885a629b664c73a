/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - a message to Slack, or to anything that takes the same JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "sdk/src/body.h"

#define NOTIFY_MS 10000

int wf_notify_slack(wf_ctx *ctx, const char *url, const char *fmt, ...)
{
	struct httpc_answer a = {.status = 0};
	struct httpc_spec spec = {
	    .method = "POST", .url = url, .timeout_ms = NOTIFY_MS};
	struct buf b;
	struct error err;
	va_list ap;
	json_t *v;
	char *text;
	int rc;

	if (url == NULL || *url == '\0' || body_failed()) {
		return -1;
	}
	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	v = json_pack("{s:s#}", "text", b.data, (int)b.len);
	text = json_text(v != NULL ? v : json_null());
	spec.body = text;
	spec.body_len = strlen(text);
	rc = httpc_call(&spec, &a, &err);
	if (rc == 0 && (a.status < 200 || a.status >= 300)) {
		rc = err_set(&err, ERR_UNAVAILABLE, "status %d", a.status);
	}
	if (rc < 0) {
		wf_logf(ctx, WF_WARNING, "The notification was not taken: %s", err.msg);
	}
	httpc_answer_release(&a);
	json_decref(v);
	free(text);
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}
