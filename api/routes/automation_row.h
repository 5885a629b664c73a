/* SPDX-License-Identifier: Apache-2.0 */
/* automation_row.h - a row of automation_by_id and its like as JSON. */
#ifndef API_ROUTES_AUTOMATION_ROW_H
#define API_ROUTES_AUTOMATION_ROW_H

#include <stdint.h>

struct db_rows;
struct jsonw;

void automation_write(struct jsonw *w, const char *key, const struct db_rows *r,
		      int64_t now_us);

#endif
