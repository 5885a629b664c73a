/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - which server, as whom.
 *
 * The URL comes from, in this order: WF_API_URL, PREFECT_API_URL, the active profile of
 * wf (profiles.toml in its configuration folder), the active profile of Prefect
 * (~/.prefect/profiles.toml, read only), the `url` file of a server running on the
 * default data folder, http://127.0.0.1:4200/api.
 */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "cli/cli.h"
#include "cli/profile.h"

#define DEFAULT_URL "http://127.0.0.1:4200/api"

static const char *first_env(const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		const char *v = opts_env(names[i]);

		if (v != NULL && v[0] != '\0') {
			return v;
		}
	}
	return NULL;
}

char *session_data_dir(void)
{
	const char *dir = opts_env("WF_DATA_DIR");

	return dir != NULL && dir[0] != '\0' ? xstrdup(dir) : data_home();
}

/* The URL that a server on the default data folder has written, or NULL. */
static char *running_server(void)
{
	char *dir = session_data_dir();
	char *url = data_home_url(dir);

	free(dir);
	return url;
}

static void set_url(struct cli *cli, const char *url, const char *source)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/') {
		len--;
	}
	free(cli->api_url);
	cli->api_url = xstrndup(url, len);
	cli->api_url_source = source;
}

static void find_url(struct cli *cli, const struct profile *p)
{
	static const char *const names[] = {"WF_API_URL", "PREFECT_API_URL", NULL};
	const char *url = first_env(names);
	char *running;

	if (url != NULL) {
		set_url(cli, url, "the environment");
		return;
	}
	url = profile_get(p, "WF_API_URL");
	if (url == NULL) {
		url = profile_get(p, "PREFECT_API_URL");
	}
	if (url != NULL) {
		set_url(cli, url, "the active profile");
		return;
	}
	running = running_server();
	set_url(cli, running != NULL ? running : DEFAULT_URL,
		running != NULL ? "a server that runs here" : "the default");
	free(running);
}

static char *setting(const struct profile *p, const char *wf_name,
		     const char *prefect_name)
{
	const char *const names[] = {wf_name, prefect_name, NULL};
	const char *v = first_env(names);

	if (v == NULL) {
		v = profile_get(p, wf_name);
	}
	if (v == NULL) {
		v = profile_get(p, prefect_name);
	}
	return v != NULL && v[0] != '\0' ? xstrdup(v) : NULL;
}

int session_width(int otherwise)
{
	const char *columns = opts_env("COLUMNS");
	int width = columns != NULL ? (int)strtol(columns, NULL, 10) : 0;
	struct winsize ws;

	if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
		width = ws.ws_col;
	}
	return width > 0 ? width : otherwise;
}

/* CLICOLOR_FORCE gives colours and boxes without a terminal (screenshots, CI). */
static void look_at_terminal(struct cli *cli, int prompt)
{
	const char *no_color = opts_env("NO_COLOR");
	const char *ci = opts_env("CI"), *force = opts_env("CLICOLOR_FORCE");
	int tty = isatty(STDOUT_FILENO) || (force != NULL && force[0] != '\0');

	cli->color = tty && (no_color == NULL || no_color[0] == '\0');
	cli->prompt = prompt >= 0 ? prompt : tty && isatty(STDIN_FILENO) && ci == NULL;
	cli->width = 0;
	cli->width = tty ? session_width(80) : 0;
}

int session_open(struct cli *cli, const char *profile, int prompt, struct error *err)
{
	struct profile *p = NULL;
	int rc;

	look_at_terminal(cli, prompt);
	rc = profile_load(profile, &p, err);
	if (rc < 0) {
		return rc;
	}
	cli->profile = xstrdup(profile_name(p));
	find_url(cli, p);
	cli->auth = setting(p, "WF_API_AUTH_STRING", "PREFECT_API_AUTH_STRING");
	cli->api_key = setting(p, "WF_API_KEY", "PREFECT_API_KEY");
	cli->default_pool =
	    setting(p, "WF_DEFAULT_WORK_POOL_NAME", "PREFECT_DEFAULT_WORK_POOL_NAME");
	profile_free(p);
	return 0;
}

void session_close(struct cli *cli)
{
	free(cli->profile);
	free(cli->api_url);
	free(cli->auth);
	free(cli->api_key);
	free(cli->default_pool);
	cli->default_pool = NULL;
	cli->profile = cli->api_url = cli->auth = cli->api_key = NULL;
}
