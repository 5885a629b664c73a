/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creator.c - Prefect-Automation-ID, and Prefect-Automation-Name in base64.
 */
#include "api/routes/creator.h"

#include <stddef.h>
#include <string.h>

#include "api/http/http.h"
#include "base/digest.h"
#include "base/uuid.h"

#define NAME_MAX_BYTES 1024 /* of an automation's name */

json_t *creator_of(const struct http_req *r)
{
	const char *id_text = http_header(r, "Prefect-Automation-ID");
	const char *coded = http_header(r, "Prefect-Automation-Name");
	char name[NAME_MAX_BYTES + 1], id[UUID_TEXT_SIZE];
	struct uuid uuid;
	json_t *value;
	size_t len = 0;

	if (id_text == NULL || coded == NULL || uuid_parse(id_text, &uuid) < 0 ||
	    base64_decode(coded, strlen(coded), name, NAME_MAX_BYTES, &len) < 0 ||
	    len == 0) {
		return NULL;
	}
	value = json_stringn(name, len); /* NULL: not UTF-8 */
	return value != NULL
		   ? json_pack("{s:s, s:s, s:o}", "id", uuid_format(&uuid, id), "type",
			       "AUTOMATION", "display_value", value)
		   : NULL;
}
