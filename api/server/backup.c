/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.c - wf-api --backup FILE.
 */
#include "api/server/backup.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/server/options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

int server_backup(const struct server_conf *conf)
{
	const char *given = conf->api.database_url;
	char *url = given != NULL && given[0] != '\0'
			? xstrdup(given)
			: xasprintf("sqlite://%s/wf.db", conf->api.data_dir);
	struct error err = {0};
	int rc = db_backup_url(url, conf->backup, &err);

	free(url);
	if (rc < 0) {
		log_error("%s", err.msg);
		return err_exit_status(err.code);
	}
	(void)printf("%s is a complete copy of the database\n", conf->backup);
	return 0;
}
