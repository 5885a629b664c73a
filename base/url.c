/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.c - http and https URLs (RFC 3986, the part that HTTP clients meet).
 */
#include "base/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/mem.h"

#define PORT_HTTP  80
#define PORT_HTTPS 443
#define PORT_MAX   65535

static int is_unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL;
}

static void add_percent(struct buf *b, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_addc(b, '%');
	buf_addc(b, digits[c >> 4]);
	buf_addc(b, digits[c & 15]);
}

char *url_encode(const char *text)
{
	struct buf b;

	buf_init(&b);
	for (const char *p = text; *p != '\0'; p++) {
		if (is_unreserved((unsigned char)*p)) {
			buf_addc(&b, *p);
		} else {
			add_percent(&b, (unsigned char)*p);
		}
	}
	return buf_take(&b, NULL);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded copy; NULL when a %00 or a broken escape is in it. */
static char *decode(const char *text, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int hi;
		int lo;

		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		lo = i + 2 < len ? hex_digit(text[i + 2]) : -1;
		if (hi < 0 || lo < 0 || hi + lo == 0) {
			free(out);
			return NULL;
		}
		out[n++] = (char)(hi * 16 + lo);
		i += 2;
	}
	out[n] = '\0';
	return out;
}

void url_release(struct url *u)
{
	free(u->host);
	free(u->target);
	free(u->userinfo);
	*u = (struct url){0};
}

static int parse_scheme(const char **p, struct url *u)
{
	if (strncasecmp(*p, "http://", 7) == 0) {
		*p += 7;
		u->port = PORT_HTTP;
		return 0;
	}
	if (strncasecmp(*p, "https://", 8) == 0) {
		*p += 8;
		u->tls = 1;
		u->port = PORT_HTTPS;
		return 0;
	}
	return -1;
}

static int parse_port(const char *text, size_t len, struct url *u)
{
	int port = 0;

	if (len == 0) {
		return 0; /* "host:" means the default port */
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return -1;
		}
		port = port * 10 + (text[i] - '0');
		if (port > PORT_MAX) {
			return -1;
		}
	}
	u->port = port;
	return port == 0 ? -1 : 0;
}

static int is_host_char(char c, int is_ipv6)
{
	if (is_ipv6) {
		return hex_digit(c) >= 0 || c == ':' || c == '.';
	}
	return is_unreserved((unsigned char)c);
}

/* [userinfo@]host[:port], up to END. */
static int parse_authority(const char *p, const char *end, struct url *u)
{
	const char *at = memrchr(p, '@', (size_t)(end - p));
	const char *host_end;

	if (at != NULL) {
		u->userinfo = decode(p, (size_t)(at - p));
		if (u->userinfo == NULL) {
			return -1;
		}
		p = at + 1;
	}
	if (p < end && *p == '[') {
		host_end = memchr(p, ']', (size_t)(end - p));
		if (host_end == NULL) {
			return -1;
		}
		u->is_ipv6 = 1;
		u->host = xstrndup(p + 1, (size_t)(host_end - p - 1));
		host_end++;
	} else {
		host_end = memchr(p, ':', (size_t)(end - p));
		host_end = host_end == NULL ? end : host_end;
		u->host = xstrndup(p, (size_t)(host_end - p));
	}
	for (const char *c = u->host; *c != '\0'; c++) {
		if (!is_host_char(*c, u->is_ipv6)) {
			return -1;
		}
	}
	if (u->host[0] == '\0' || (host_end < end && *host_end != ':')) {
		return -1;
	}
	return host_end == end
		   ? 0
		   : parse_port(host_end + 1, (size_t)(end - host_end - 1), u);
}

/* Path and query as they go on the wire: bytes outside ASCII percent-encoded. */
static char *wire_target(const char *p)
{
	struct buf b;

	buf_init(&b);
	if (*p != '/') {
		buf_addc(&b, '/');
	}
	for (; *p != '\0' && *p != '#'; p++) {
		if ((unsigned char)*p >= 0x80) {
			add_percent(&b, (unsigned char)*p);
		} else {
			buf_addc(&b, *p);
		}
	}
	return buf_take(&b, NULL);
}

static int parse(const char *text, struct url *u)
{
	const char *p = text;
	const char *end;

	if (strlen(text) > URL_MAX) {
		return -1;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			return -1;
		}
	}
	if (parse_scheme(&p, u) < 0) {
		return -1;
	}
	end = p + strcspn(p, "/?#\\");
	if (*end == '\\' || parse_authority(p, end, u) < 0) {
		return -1;
	}
	u->target = wire_target(end);
	return 0;
}

int url_parse(const char *text, struct url *ret_url, struct error *err)
{
	struct url u = {0};

	if (parse(text, &u) < 0) {
		url_release(&u);
		/* the text is not repeated: it may hold a password */
		return err_set(err, ERR_INVALID,
			       "not a usable URL; write it like http://host:4200/path, "
			       "with http or https");
	}
	*ret_url = u;
	return 0;
}

int url_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port &&
	       strcasecmp(a->host, b->host) == 0;
}

char *url_origin(const struct url *u)
{
	return xasprintf("%s://%s%s%s:%d", u->tls ? "https" : "http",
			 u->is_ipv6 ? "[" : "", u->host, u->is_ipv6 ? "]" : "",
			 u->port);
}

/* "a/../b" and "./" parts of a path, taken out (RFC 3986, 5.2.4). */
static char *normalised(const char *path)
{
	size_t query = strcspn(path, "?#");
	struct buf b;
	size_t at = 0;

	buf_init(&b);
	while (at < query) {
		size_t start = at + (path[at] == '/');
		size_t len = strcspn(path + start, "/?#");
		int last = start + len >= query;

		if (len == 2 && memcmp(path + start, "..", 2) == 0) {
			char *slash = b.len == 0 ? NULL : strrchr(b.data, '/');

			buf_truncate(&b, slash == NULL ? 0 : (size_t)(slash - b.data));
			buf_adds(&b, last ? "/" : "");
		} else if (len == 1 && path[start] == '.') {
			buf_adds(&b, last ? "/" : "");
		} else {
			buf_addc(&b, '/');
			buf_add(&b, path + start, len);
		}
		at = start + len;
	}
	buf_adds(&b, b.len == 0 ? "/" : "");
	buf_adds(&b, path + query);
	return buf_take(&b, NULL);
}

/* REF's path put after the folder of BASE's path. */
static char *joined_path(const struct url *base, const char *ref)
{
	size_t path = strcspn(base->target, "?");
	size_t folder = path;

	if (ref[0] == '/') {
		return xstrdup(ref);
	}
	if (ref[0] == '\0' || ref[0] == '#') {
		return xstrdup(base->target);
	}
	if (ref[0] != '?') {
		while (folder > 0 && base->target[folder - 1] != '/') {
			folder--;
		}
	}
	return xasprintf("%.*s%s", (int)folder, base->target, ref);
}

char *url_resolve(const struct url *base, const char *ref)
{
	char *origin;
	char *joined;
	char *path;
	char *text;

	if (strncasecmp(ref, "http://", 7) == 0 ||
	    strncasecmp(ref, "https://", 8) == 0) {
		return xstrdup(ref);
	}
	if (ref[0] == '/' && ref[1] == '/') {
		return xasprintf("%s:%s", base->tls ? "https" : "http", ref);
	}
	origin = url_origin(base);
	joined = joined_path(base, ref);
	path = normalised(joined);
	text = xasprintf("%s%s", origin, path);
	free(path);
	free(joined);
	free(origin);
	return text;
}
