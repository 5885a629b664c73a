/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - the requests of each notification service (7.2).  Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/actions/actions_priv.h"
#include "api/actions/custom_webhook.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/httpc.h"
#include "base/mem.h"
#include "base/url.h"

#define APP "Prefect Notifications"
#define ICONS \
	"https://github.com/caronc/apprise/raw/master/apprise/assets/themes/default/"
#define SLACK_MAX   35000
#define OPS_MAX     15000
#define MATTER_MAX  4000
#define DISCORD_MAX 2000
#define TITLE_MAX   250

struct note {
	struct job *j;
	const json_t *data;
	const char *subject, *body;
	const char *type; /* info success warning failure */
	struct error *err;
};

static const char *text(const struct note *n, const char *key)
{
	return json_string_value(json_object_get(n->data, key));
}

static int flag(const struct note *n, const char *key, int standard)
{
	const json_t *v = json_object_get(n->data, key);

	return json_is_boolean(v) ? json_is_true(v) : standard;
}

static const char *must(const struct note *n, const char *key)
{
	const char *s = text(n, key);

	if (s == NULL || *s == '\0') {
		(void)err_set(n->err, ERR_INVALID, "the block lacks %s", key);
		return NULL;
	}
	return s;
}

static json_t *icon(const struct note *n, int size)
{
	char url[256];

	(void)snprintf(url, sizeof(url), ICONS "apprise-%s-%dx%d.png", n->type, size,
		       size);
	return json_string(url);
}

/* At most MAX bytes, cut between characters. */
static char *cut(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len > max) {
		len = max;
		while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80) {
			len--;
		}
	}
	return xstrndup(s, len);
}

/* Services without a title: subject, line end, body. */
static char *one_text(const struct note *n)
{
	return n->subject[0] != '\0' ? xasprintf("%s\r\n%s", n->subject, n->body)
				     : xstrdup(n->body);
}

static struct send *post(const struct note *n, const char *url, const int *ok)
{
	struct send *s = send_add(n->j, "POST", url);
	size_t i;

	send_header(s, "User-Agent: " APP);
	for (i = 0; i < ARRAY_LEN(s->ok) && ok[i] != 0; i++) {
		s->ok[i] = ok[i];
	}
	return s;
}

#define OK(...) ((const int[5]){__VA_ARGS__})

static void utf8_json(struct send *s)
{
	s->content_type = xstrdup("application/json; charset=utf-8");
}

/* ---- chat ---- */

static char *slack_escape(const char *s)
{
	struct buf b;

	buf_init(&b);
	for (; *s != '\0'; s++) {
		if (*s == '&') {
			buf_adds(&b, "&amp;");
		} else if (*s == '<') {
			buf_adds(&b, "&lt;");
		} else if (*s == '>') {
			buf_adds(&b, "&gt;");
		} else {
			buf_addc(&b, *s);
		}
	}
	return buf_take(&b, NULL);
}

static const char *color(const struct note *n)
{
	return strcmp(n->type, "success") == 0   ? "#3AA337"
	       : strcmp(n->type, "warning") == 0 ? "#CACF29"
	       : strcmp(n->type, "failure") == 0 ? "#A32037"
						 : "#3AA3E3";
}

static int slack(const struct note *n)
{
	const char *url = must(n, "url");
	char *body, *escaped, *title, *title_escaped;
	struct send *s;

	if (url == NULL) {
		return -ERR_INVALID;
	}
	escaped = slack_escape(n->body);
	body = cut(escaped, SLACK_MAX);
	title = cut(n->subject, TITLE_MAX);
	title_escaped = slack_escape(title);
	s = post(n, url, OK(200));
	s->ok_body = "ok";
	utf8_json(s);
	send_json(s, json_pack("{s:b, s:[{s:s, s:s, s:s, s:o, s:s, s:f}], s:o}",
			       "mrkdwn", 1, "attachments", "title", title_escaped,
			       "text", body, "color", color(n), "footer_icon",
			       icon(n, 72), "footer", APP, "ts",
			       (double)clock_wall_us() / 1e6, "icon_url", icon(n, 72)));
	free(escaped);
	free(body);
	free(title);
	free(title_escaped);
	return 0;
}

static int slack_incoming(const struct note *n)
{
	const char *url = must(n, "url");
	char *whole;

	if (url == NULL) {
		return -ERR_INVALID;
	}
	whole = n->subject[0] != '\0' ? xasprintf("%s\n%s", n->subject, n->body)
				      : xstrdup(n->body);
	send_json(post(n, url, OK(200)), json_pack("{s:s}", "text", whole));
	free(whole);
	return 0;
}

static json_t *teams_card(const struct note *n)
{
	json_t *list = json_array();

	if (flag(n, "include_image", 1)) {
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:o, s:s, s:s}", "type", "Image", "url",
				    icon(n, 32), "height", "32px", "altText", n->type));
	}
	if (n->subject[0] != '\0') {
		(void)json_array_append_new(
		    list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "TextBlock",
			      "text", n->subject, "style", "heading", "weight",
			      "Bolder", "size", "Large", "id", "title"));
	}
	(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:s}", "type",
						    "TextBlock", "text", n->body,
						    "style", "default", "wrap",
						    flag(n, "wrap", 1), "id", "body"));
	return json_pack("{s:s, s:s, s:s, s:o, s:{s:s}}", "$schema",
			 "http://adaptivecards.io/schemas/adaptive-card.json", "type",
			 "AdaptiveCard", "version", "1.4", "body", list, "msteams",
			 "width", "full");
}

static int teams(const struct note *n)
{
	const char *url = must(n, "url");

	if (url == NULL) {
		return -ERR_INVALID;
	}
	if (strstr(url, "/workflows/") == NULL) {
		return err_set(n->err, ERR_INVALID,
			       "the url is none of a Power Automate workflow");
	}
	send_json(post(n, url, OK(200, 202)),
		  json_pack("{s:s, s:[{s:s, s:n, s:o}]}", "type", "message",
			    "attachments", "contentType",
			    "application/vnd.microsoft.card.adaptive", "contentUrl",
			    "content", teams_card(n)));
	return 0;
}

static void matter_one(const struct note *n, const char *url, const char *message,
		       const char *channel)
{
	struct send *s = send_add(n->j, "POST", url);
	json_t *body = json_pack("{s:s, s:s}", "text", message, "username", "Apprise");

	send_header(s, "User-Agent: Apprise");
	s->ok[0] = 200;
	s->ok[1] = 201;
	if (channel != NULL) {
		(void)json_object_set_new(body, "channel",
					  json_string(channel + (*channel == '#')));
	}
	if (flag(n, "include_image", 0)) {
		(void)json_object_set_new(body, "icon_url", icon(n, 72));
	}
	send_json(s, body);
}

static int mattermost(const struct note *n)
{
	const char *host = must(n, "hostname"), *token = must(n, "token");
	const char *path = text(n, "path");
	const json_t *port = json_object_get(n->data, "port");
	json_t *channels = json_object_get(n->data, "channels"), *item;
	char *url, *whole, *message;
	size_t i;

	if (host == NULL || token == NULL) {
		return -ERR_INVALID;
	}
	url = xasprintf(
	    "%s://%s:%lld%s/hooks/%s", flag(n, "secure", 0) ? "https" : "http", host,
	    json_is_integer(port) ? (long long)json_integer_value(port) : 8065,
	    path != NULL ? path : "", token);
	whole = one_text(n);
	message = cut(whole, MATTER_MAX);
	if (json_array_size(channels) == 0) {
		matter_one(n, url, message, NULL);
	}
	json_array_foreach (channels, i, item) {
		matter_one(n, url, message, json_string_value(item));
	}
	free(url);
	free(whole);
	free(message);
	return 0;
}

static void discord_one(const struct note *n, const char *url, const char *message)
{
	int tts = flag(n, "tts", 0);
	const char *avatar = text(n, "avatar_url"), *name = text(n, "botname");
	struct send *s = post(n, url, OK(200, 204));
	json_t *body =
	    json_pack("{s:b, s:b, s:s}", "tts", tts, "wait", !tts, "content", message);

	if (flag(n, "avatar", 0) || avatar != NULL) {
		(void)json_object_set_new(body, "avatar_url",
					  avatar != NULL ? json_string(avatar)
							 : icon(n, 256));
	}
	if (name != NULL) {
		(void)json_object_set_new(body, "username", json_string(name));
	}
	utf8_json(s);
	send_json(s, body);
}

static int discord(const struct note *n)
{
	const char *id = must(n, "webhook_id"), *token = must(n, "webhook_token");
	char *url, *whole, *part;
	const char *at;

	if (id == NULL || token == NULL) {
		return -ERR_INVALID;
	}
	url = xasprintf("https://discord.com/api/webhooks/%s/%s", id, token);
	whole = one_text(n);
	for (at = whole; *at != '\0' || at == whole;) {
		part = cut(at, DISCORD_MAX);
		discord_one(n, url, part);
		at += strlen(part);
		free(part);
		if (*at == '\0') {
			break;
		}
	}
	free(url);
	free(whole);
	return 0;
}

/* ---- alerts ---- */

static int pagerduty(const struct note *n)
{
	const char *key = must(n, "integration_key"), *api = must(n, "api_key");
	const char *region = text(n, "region_name"), *link = text(n, "clickable_url");
	const char *group = text(n, "group"), *class_id = text(n, "class_id");
	const char *severity = strcmp(n->type, "warning") == 0   ? "warning"
			       : strcmp(n->type, "failure") == 0 ? "critical"
								 : "info";
	json_t *details = json_object_get(n->data, "custom_details"), *payload, *body;
	char *summary;
	struct send *s;

	if (key == NULL || api == NULL) {
		return -ERR_INVALID;
	}
	details = json_is_object(details) ? json_copy(details) : json_object();
	if (n->subject[0] != '\0') {
		(void)json_object_set_new(details, "Prefect Notification Body",
					  json_string(n->body));
		summary = xasprintf("%s\r\n", n->subject);
	} else {
		summary = xstrdup(n->body);
	}
	payload = json_pack(
	    "{s:s, s:s, s:s, s:s, s:o}", "summary", summary, "severity", severity,
	    "source", text(n, "source") != NULL ? text(n, "source") : "Prefect",
	    "component",
	    text(n, "component") != NULL ? text(n, "component") : "Notification",
	    "custom_details", details);
	if (group != NULL) {
		(void)json_object_set_new(payload, "group", json_string(group));
	}
	if (class_id != NULL) {
		(void)json_object_set_new(payload, "class", json_string(class_id));
	}
	body = json_pack("{s:s, s:o, s:s, s:s}", "routing_key", key, "payload", payload,
			 "client", APP, "event_action", "trigger");
	if (flag(n, "include_image", 1)) {
		(void)json_object_set_new(
		    body, "images",
		    json_pack("[{s:o, s:s}]", "src", icon(n, 128), "alt", n->type));
	}
	if (link != NULL) {
		(void)json_object_set_new(body, "links",
					  json_pack("[{s:s}]", "href", link));
	}
	s = post(n,
		 region != NULL && strcasecmp(region, "eu") == 0
		     ? "https://events.eu.pagerduty.com/v2/enqueue"
		     : "https://events.pagerduty.com/v2/enqueue",
		 OK(200, 201, 202));
	send_header(s, "Authorization: Token token=%s", api);
	send_json(s, body);
	free(summary);
	return 0;
}

/* {"type": ..., "name" | "username": ...} for each target. */
static json_t *responders(const struct note *n)
{
	static const char *const kinds[][3] = {
	    {"target_team", "team", "name"},
	    {"target_schedule", "schedule", "name"},
	    {"target_user", "user", "username"},
	    {"target_escalation", "escalation", "name"}};
	json_t *out = json_array(), *item;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(kinds); k++) {
		json_array_foreach (json_object_get(n->data, kinds[k][0]), i, item) {
			if (json_is_string(item)) {
				(void)json_array_append_new(
				    out,
				    json_pack("{s:s, s:s}", "type", kinds[k][1],
					      kinds[k][2], json_string_value(item)));
			}
		}
	}
	return out;
}

static void opsgenie_one(const struct note *n, const char *url, json_t *targets)
{
	json_t *details = json_object_get(n->data, "details"), *body;
	const json_t *priority = json_object_get(n->data, "priority");
	json_t *tags = json_object_get(n->data, "tags");
	const char *entity = text(n, "entity"), *alias = text(n, "alias");
	char level[8], *description = cut(n->body, OPS_MAX);
	struct send *s = post(n, url, OK(200, 202));

	(void)snprintf(level, sizeof(level), "P%d",
		       json_is_integer(priority) ? (int)json_integer_value(priority)
						 : 3);
	details = json_is_object(details) ? json_copy(details) : json_object();
	(void)json_object_set_new(details, "type", json_string(n->type));
	body = json_pack("{s:s, s:s, s:s, s:o, s:s}", "source", APP, "message",
			 n->subject[0] != '\0' ? n->subject : n->body, "description",
			 description, "details", details, "priority", level);
	if (json_is_array(tags)) {
		(void)json_object_set(body, "tags", tags);
	}
	if (entity != NULL) {
		(void)json_object_set_new(body, "entity", json_string(entity));
	}
	if (alias != NULL) {
		(void)json_object_set_new(body, "alias", json_string(alias));
	}
	if (targets != NULL) {
		(void)json_object_set_new(body, "responders", targets);
	}
	send_header(s, "Authorization: GenieKey %s", text(n, "apikey"));
	send_json(s, body);
	free(description);
}

static int opsgenie(const struct note *n)
{
	const char *region = text(n, "region_name");
	const char *url = region != NULL && strcasecmp(region, "eu") == 0
			      ? "https://api.eu.opsgenie.com/v2/alerts"
			      : "https://api.opsgenie.com/v2/alerts";
	json_t *targets, *item;
	size_t i;

	if (must(n, "apikey") == NULL) {
		return -ERR_INVALID;
	}
	targets = responders(n);
	if (json_array_size(targets) == 0) {
		opsgenie_one(n, url, NULL);
	} else if (flag(n, "batch", 0)) {
		opsgenie_one(n, url, json_incref(targets));
	} else {
		json_array_foreach (targets, i, item) {
			opsgenie_one(n, url, json_pack("[O]", item));
		}
	}
	json_decref(targets);
	return 0;
}

/* ---- phone and mail services ---- */

static void form_add(struct buf *b, const char *key, const char *value)
{
	char *coded = url_encode(value);

	buf_addf(b, "%s%s=%s", b->len > 0 ? "&" : "", key, coded);
	free(coded);
}

static int twilio(const struct note *n)
{
	const char *sid = must(n, "account_sid"), *token = must(n, "auth_token");
	const char *from = must(n, "from_phone_number");
	json_t *item;
	size_t i;
	char *url, *whole, *auth, *coded, *number;

	if (sid == NULL || token == NULL || from == NULL) {
		return -ERR_INVALID;
	}
	url = xasprintf("https://api.twilio.com/2010-04-01/Accounts/%s/Messages.json",
			sid);
	auth = xasprintf("%s:%s", sid, token);
	coded = base64_encode(auth, strlen(auth));
	whole = one_text(n);
	json_array_foreach (json_object_get(n->data, "to_phone_numbers"), i, item) {
		struct send *s = post(n, url, OK(200, 201));
		const char *to = json_string_value(item);
		struct buf b;

		buf_init(&b);
		form_add(&b, "Body", whole);
		number = xasprintf("+%s", from + (*from == '+'));
		form_add(&b, "From", number);
		free(number);
		number = xasprintf("+%s", to != NULL ? to + (*to == '+') : "");
		form_add(&b, "To", number);
		free(number);
		send_header(s, "Authorization: Basic %s", coded);
		free(s->body);
		s->body = buf_take(&b, NULL);
		free(s->content_type);
		s->content_type = xstrdup("application/x-www-form-urlencoded");
	}
	free(url);
	free(auth);
	free(coded);
	free(whole);
	return 0;
}

static int sendgrid(const struct note *n)
{
	const char *key = must(n, "api_key"), *sender = must(n, "sender_email");
	json_t *item;
	size_t i;

	if (key == NULL || sender == NULL) {
		return -ERR_INVALID;
	}
	json_array_foreach (json_object_get(n->data, "to_emails"), i, item) {
		struct send *s =
		    post(n, "https://api.sendgrid.com/v3/mail/send", OK(200, 202));

		send_header(s, "Authorization: Bearer %s", key);
		send_json(s,
			  json_pack("{s:[{s:[{s:O}]}], s:{s:s}, s:s, s:[{s:s, s:s}]}",
				    "personalizations", "to", "email", item, "from",
				    "email", sender, "subject",
				    n->subject[0] != '\0' ? n->subject : "<no subject>",
				    "content", "type", "text/html", "value", n->body));
	}
	return 0;
}

static int custom(const struct note *n)
{
	return custom_webhook_build(n->j, n->data, n->subject, n->body, n->err);
}

static const struct service {
	const char *slug;
	int (*fn)(const struct note *n);
} services[] = {
    {"slack-webhook", slack},       {"slack-incoming-webhook", slack_incoming},
    {"ms-teams-webhook", teams},    {"mattermost-webhook", mattermost},
    {"discord-webhook", discord},   {"pager-duty-webhook", pagerduty},
    {"opsgenie-webhook", opsgenie}, {"twilio-sms", twilio},
    {"sendgrid-email", sendgrid},   {"custom-webhook", custom},
};

int notify_is_known(const char *slug)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(services); i++) {
		if (strcmp(services[i].slug, slug) == 0) {
			return 1;
		}
	}
	return strcmp(slug, "email") == 0;
}

int notify_build(struct job *j, const char *slug, const json_t *data,
		 const char *subject, const char *body, struct error *err)
{
	struct note n = {.j = j,
			 .data = data,
			 .subject = subject,
			 .body = body,
			 .type = "info",
			 .err = err};
	size_t i;

	if (text(&n, "notify_type") != NULL) {
		n.type = text(&n, "notify_type");
	}
	for (i = 0; i < ARRAY_LEN(services); i++) {
		if (strcmp(services[i].slug, slug) == 0) {
			return services[i].fn(&n);
		}
	}
	return err_set(err, ERR_INVALID,
		       "no notification is known for blocks of type %s", slug);
}
