/* SPDX-License-Identifier: Apache-2.0 */
/* custom_webhook.h - the request of a Custom Webhook block.  Pure. */
#ifndef API_ACTIONS_CUSTOM_WEBHOOK_H
#define API_ACTIONS_CUSTOM_WEBHOOK_H

#include <jansson.h>

struct error;
struct job;

int custom_webhook_build(struct job *j, const json_t *data, const char *subject,
			 const char *body, struct error *err);

#endif
