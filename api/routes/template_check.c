/* SPDX-License-Identifier: Apache-2.0 */
/* template_check.c - what the template engine says about a text, before it is stored.
 */
#include "api/routes/template_check.h"

#include "base/error.h"
#include "base/template.h"

int template_text_check(const char *text, int *ret_line, struct error *err)
{
	struct template_place at = {1, 1};
	struct template *t = NULL;
	int rc;

	*ret_line = 1;
	rc = template_parse(text, &t, &at, err);
	if (rc < 0) {
		*ret_line = at.line;
		return rc;
	}
	rc = template_check_limits(t, err);
	if (rc < 0) {
		*ret_line = 0; /* the text as a whole */
	}
	template_free(t);
	return rc;
}
