/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the options of wf-api.
 */
#ifndef API_SERVER_OPTIONS_H
#define API_SERVER_OPTIONS_H

#include "api/api.h"
#include "base/opts.h"

struct server_conf {
	struct api_conf api;
	int background;
	char *backup;          /* not empty: copy the database there and exit */
	char *database, *file; /* not empty: what to do with the database, and exit */
	char *auth_file;
	char *block_key_file;
};

extern const struct opt_spec server_options;

/* $XDG_CONFIG_HOME/wf/wf-api.toml or ~/.config/wf/wf-api.toml when it exists, or NULL.
 */
const char *server_conf_file(void);

/* Fills in what depends on other options: data directory, auth file, log level.  Exits
 * with a message (fatal) on nonsense. */
void server_conf_finish(struct server_conf *c);

/* How many arguments the option is that begins with ARG, when it is a URL; else 0. */
int server_conf_is_url(const char *arg);
/* Takes the URLs out of what everybody can read about this process. */
void server_conf_hide_urls(int argc, char **argv);

#endif
