/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the table of wf-api's options.
 */
#include "api/server/options.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/server/datadir.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#define AUTH_FILE_MAX 1024

#define API(member)   OPT_AT(struct server_conf, api.member)

static const struct opt table[] = {
    {.name = "host",
     .type = OPT_TYPE_STR,
     API(host),
     .def = "127.0.0.1",
     .env = {"WF_API_HOST", "PREFECT_SERVER_API_HOST"},
     .metavar = "ADDRESS",
     .help = "Address to listen on; 0.0.0.0 for all of IPv4."},
    {.name = "port",
     .letter = 'p',
     .type = OPT_TYPE_INT,
     API(port),
     .def = "4200",
     .min = 0,
     .max = 65535,
     .env = {"WF_API_PORT", "PREFECT_SERVER_API_PORT"},
     .metavar = "PORT",
     .help = "Port to listen on; 0 chooses a free one."},
    {.name = "data-dir",
     .type = OPT_TYPE_STR,
     API(data_dir),
     .env = {"WF_DATA_DIR"},
     .metavar = "DIR",
     .help = "Folder of the database, the private Redis and the url file; default "
	     "$XDG_DATA_HOME/wf or ~/.local/share/wf."},
    {.name = "database-url",
     .type = OPT_TYPE_STR,
     API(database_url),
     .env = {"WF_DATABASE_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL",
	     "PREFECT_API_DATABASE_CONNECTION_URL"},
     .metavar = "URL",
     .flags = OPT_F_SECRET | OPT_F_ARGV_OK,
     .help = "sqlite:///absolute/path.db or postgresql://user@host:port/name; default "
	     "wf.db in the data directory."},
    {.name = "redis-url",
     .type = OPT_TYPE_STR,
     API(redis_url),
     .env = {"WF_REDIS_URL"},
     .metavar = "URL",
     .flags = OPT_F_SECRET | OPT_F_ARGV_OK,
     .help = "redis://[:password@]host:port[/db]; default a private redis-server."},
    {.name = "background",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct server_conf, background),
     .flags = OPT_F_FLAGONLY,
     .help = "Start detached, with the log in the data directory; return when ready."},
    {.name = "backup",
     .type = OPT_TYPE_STR,
     OPT_AT(struct server_conf, backup),
     .metavar = "FILE",
     .help =
	 "Write a copy of the database to FILE and exit; the server may be running."},
    {.name = "database",
     .type = OPT_TYPE_STR,
     OPT_AT(struct server_conf, database),
     .metavar = "ACTION",
     .help = "upgrade, reset, backup, restore or check the database, and exit."},
    {.name = "file",
     .type = OPT_TYPE_STR,
     OPT_AT(struct server_conf, file),
     .metavar = "FILE",
     .help = "The copy that --database backup writes and restore reads."},
    {.name = "services",
     .type = OPT_TYPE_BOOL,
     API(services),
     .def = "true",
     .env = {"WF_SERVICES"},
     .help = "Do without background services here: another replica runs them."},
    {.name = "auth-string",
     .type = OPT_TYPE_STR,
     API(auth_string),
     .env = {"WF_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"},
     .metavar = "USER:PASSWORD",
     .flags = OPT_F_SECRET,
     .help = "Basic authentication that clients must send; from the environment or the "
	     "configuration file only."},
    {.name = "auth-file",
     .type = OPT_TYPE_STR,
     OPT_AT(struct server_conf, auth_file),
     .env = {"WF_API_AUTH_FILE"},
     .metavar = "FILE",
     .help = "File with the auth string in its first line."},
    {.name = "tls-cert",
     .type = OPT_TYPE_STR,
     API(tls_cert),
     .env = {"WF_API_TLS_CERT"},
     .metavar = "FILE",
     .help = "Serve HTTPS: PEM file with the certificate and those above it."},
    {.name = "tls-key",
     .type = OPT_TYPE_STR,
     API(tls_key),
     .env = {"WF_API_TLS_KEY"},
     .metavar = "FILE",
     .help = "PEM file with the key of --tls-cert, without a passphrase."},
    {.name = "cors-origins",
     .type = OPT_TYPE_STR,
     API(cors_origins),
     .def = "*",
     .env = {"WF_API_CORS_ORIGINS", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"},
     .metavar = "LIST",
     .help = "Web pages that may use the API from a browser: origins with commas "
	     "between them; * for all."},
    {.name = "csrf",
     .type = OPT_TYPE_BOOL,
     API(csrf),
     .def = "false",
     .env = {"WF_API_CSRF", "PREFECT_SERVER_CSRF_PROTECTION_ENABLED"},
     .help = "Ask for a token of GET /api/csrf-token with every request that changes "
	     "something."},
    {.name = "block-key-file",
     .type = OPT_TYPE_STR,
     OPT_AT(struct server_conf, block_key_file),
     .env = {"WF_API_BLOCK_KEY_FILE"},
     .metavar = "FILE",
     .help = "Keys that seal block documents, one per line; also /dev/fd/N; default "
	     "block.key in the data directory."},
    {.name = "request-timeout",
     .type = OPT_TYPE_MS,
     API(request_ms),
     .def = "30s",
     .min = 100,
     .max = 3600000,
     .env = {"WF_REQUEST_TIMEOUT"},
     .metavar = "TIME",
     .help = "How long a request may take to arrive, first to last byte."},
    {.name = "log-level",
     .type = OPT_TYPE_STR,
     API(log_level),
     .def = "info",
     .env = {"WF_LOG_LEVEL", "PREFECT_LOGGING_SERVER_LEVEL"},
     .metavar = "LEVEL",
     .help = "error, warn, info or debug."},
    {.name = "log-format",
     .type = OPT_TYPE_STR,
     API(log_format),
     .def = "text",
     .env = {"WF_LOG_FORMAT"},
     .metavar = "FORMAT",
     .help = "text, json or syslog."},
};

const struct opt_spec server_options = {
    .program = "wf-api",
    .usage = "[options]",
    .about = "Serves the REST and WebSocket API of wf.  Without options: SQLite and a "
	     "private "
	     "redis-server in the data directory, on http://127.0.0.1:4200/api.",
    .examples = "  wf-api                              everything in one command\n"
		"  wf-api --background                 the same, detached\n"
		"  wf-api --port 0 --data-dir /tmp/x   a second one beside it\n",
    .opts = table,
    .count = ARRAY_LEN(table),
    .conf_size = sizeof(struct server_conf),
};

static void read_auth_file(struct server_conf *c)
{
	struct error err = {0};
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, c->auth_file, AUTH_FILE_MAX, &err) < 0) {
		fatal(err_exit_status(err.code), "auth file %s: %s", c->auth_file,
		      err.msg);
	}
	b.data[strcspn(b.data, "\r\n")] = '\0';
	if (b.data[0] == '\0') {
		fatal(64, "auth file %s is empty: its first line is the auth string",
		      c->auth_file);
	}
	free(c->api.auth_string);
	c->api.auth_string = xstrdup(b.data);
	buf_release(&b);
}

int server_conf_is_url(const char *arg)
{
	static const char *const names[] = {"--database-url", "--redis-url"};
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		n = strlen(names[i]);
		if (strncmp(arg, names[i], n) == 0 &&
		    (arg[n] == '=' || arg[n] == '\0')) {
			return arg[n] == '=' ? 1 : 2;
		}
	}
	return 0;
}

void server_conf_hide_urls(int argc, char **argv)
{
	char *value;
	int i, used;

	for (i = 1; i < argc && argv[i] != NULL; i++) {
		used = server_conf_is_url(argv[i]);
		value = used == 2 && i + 1 < argc ? argv[i + 1] : NULL;
		if (used == 1) {
			value = argv[i] + strcspn(argv[i], "=");
			value += *value == '=';
		}
		if (value != NULL) {
			memset(value, '*', strlen(value));
		}
	}
}

const char *server_conf_file(void)
{
	static char path[4096];
	const char *base = opts_env("XDG_CONFIG_HOME"), *home = opts_env("HOME");
	int n = -1;

	if (base != NULL && base[0] == '/') {
		n = snprintf(path, sizeof(path), "%s/wf/wf-api.toml", base);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(path, sizeof(path), "%s/.config/wf/wf-api.toml", home);
	}
	return n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0 ? path
									    : NULL;
}

static int is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

void server_conf_finish(struct server_conf *c)
{
	if (c->api.data_dir == NULL || c->api.data_dir[0] == '\0') {
		free(c->api.data_dir);
		c->api.data_dir = datadir_default();
	}
	if (c->api.data_dir == NULL) {
		fatal(64, "there is no home directory: give --data-dir DIR");
	}
	if (c->auth_file != NULL && c->auth_file[0] != '\0') {
		read_auth_file(c);
	}
	if (is_set(c->api.tls_cert) != is_set(c->api.tls_key)) {
		fatal(64,
		      "--tls-cert and --tls-key belong together: give both or none");
	}
}
