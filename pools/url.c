/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.c - see url.h.
 */
#include "pools/url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/mem.h"

#define URL_TEXT_MAX 4096
#define DB_MAX       1000000
#define PORT_MAX     65535

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes LEN bytes of TEXT; NULL for a bad escape or an embedded NUL. */
static char *decode(const char *text, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int hi = i + 1 < len ? hex_digit(text[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(text[i + 2]) : -1;
			if (hi < 0 || lo < 0 || (hi == 0 && lo == 0)) {
				free(out);
				return NULL;
			}
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static int bad(struct error *err, const char *why)
{
	return err_set(err, ERR_INVALID,
		       "the Redis URL %s; it looks like redis://:password@host:6379/0, "
		       "redis+unix:///path/of.sock?db=0 or "
		       "redis+sentinel://:password@host:26379,host2:26379/service or "
		       "redis+cluster://:password@host:6379,host2:6379",
		       why);
}

static int parse_number(const char *text, size_t len, int max, int *ret_number)
{
	int v = 0;

	if (len == 0 || len > 7) {
		return -1;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return -1;
		}
		v = v * 10 + (text[i] - '0');
	}
	if (v > max) {
		return -1;
	}
	*ret_number = v;
	return 0;
}

static int set_decoded(char **field, const char *text, size_t len, struct error *err)
{
	char *v = decode(text, len);

	if (v == NULL) {
		return bad(err, "has a bad % escape");
	}
	free(*field);
	*field = v;
	return 0;
}

/* user:password, user or :password */
static int parse_login(struct redis_url *u, const char *s, size_t len,
		       struct error *err)
{
	const char *colon = memchr(s, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - s) : 0;
	int rc = 0;

	if (colon == NULL) {
		return bad(err, "has a user without a password");
	}
	if (user_len > 0) {
		rc = set_decoded(&u->user, s, user_len, err);
	}
	if (rc == 0) {
		rc = set_decoded(&u->password, colon + 1, len - user_len - 1, err);
	}
	return rc;
}

static int parse_host(struct redis_url *u, const char *s, size_t len, int standard,
		      struct error *err)
{
	const char *end = s + len, *colon = NULL;

	if (len > 0 && s[0] == '[') {
		const char *close = memchr(s, ']', len);
		if (close == NULL) {
			return bad(err, "has an unclosed [");
		}
		u->host = xstrndup(s + 1, (size_t)(close - s) - 1);
		colon = close + 1 < end ? close + 1 : NULL;
		if (colon != NULL && *colon != ':') {
			return bad(err, "has text behind ]");
		}
	} else {
		colon = memchr(s, ':', len);
		const char *host_end = colon != NULL ? colon : end;
		u->host = xstrndup(s, (size_t)(host_end - s));
	}
	if (u->host[0] == '\0') {
		return bad(err, "has no host");
	}
	u->port = standard;
	if (colon != NULL && (parse_number(colon + 1, (size_t)(end - colon) - 1,
					   PORT_MAX, &u->port) < 0 ||
			      u->port == 0)) {
		return bad(err, "has a bad port");
	}
	return 0;
}

static int parse_tls_option(struct redis_url *u, const char *s, size_t len,
			    struct error *err)
{
	const struct {
		const char *name;
		char **field;
	} files[] = {{"ca=", &u->ca}, {"cert=", &u->cert}, {"key=", &u->key}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t n = strlen(files[i].name);

		if (len > n && strncmp(s, files[i].name, n) == 0) {
			return set_decoded(files[i].field, s + n, len - n, err);
		}
	}
	if (len == 9 && strncmp(s, "verify=no", len) == 0) {
		u->no_verify = 1;
		return 0;
	}
	return bad(err,
		   "has an unknown option (ca, cert, key and verify=no are known)");
}

/* [/db][?ca=..&cert=..&key=..&verify=no]; the options only with TLS */
static int parse_tail(struct redis_url *u, const char *s, struct error *err)
{
	size_t len;
	int rc = 0;

	s += *s == '/';
	len = strcspn(s, "?");
	if (len > 0 && parse_number(s, len, DB_MAX, &u->db) < 0) {
		return bad(err, "has a bad database number");
	}
	s += len;
	while (rc == 0 && (*s == '?' || *s == '&')) {
		len = strcspn(s + 1, "&");
		rc = u->tls ? parse_tls_option(u, s + 1, len, err)
			    : bad(err, "has options that only rediss:// takes");
		s += len + 1;
	}
	return rc;
}

/* "user:password@" in front of *S, which is *LEN long; both go behind it. */
static int take_login(struct redis_url *u, const char **s, size_t *len,
		      struct error *err)
{
	const char *start = *s, *at = NULL;

	for (size_t i = 0; i < *len; i++) {
		at = start[i] == '@' ? start + i : at;
	}
	if (at == NULL) {
		return 0;
	}
	*s = at + 1;
	*len -= (size_t)(at - start) + 1;
	return parse_login(u, start, (size_t)(at - start), err);
}

static int parse_tcp(struct redis_url *u, const char *s, struct error *err)
{
	size_t len = strcspn(s, "/?#");
	const char *rest = s + len;
	int rc = take_login(u, &s, &len, err);

	if (rc == 0) {
		rc = parse_host(u, s, len, REDIS_PORT, err);
	}
	if (rc < 0) {
		return rc;
	}
	return parse_tail(u, rest, err);
}

static char *dup_or_null(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static size_t part_len(const struct redis_url *u, unsigned int at,
		       const char **ret_part)
{
	unsigned int n = 1;
	const char *s = u->sentinels;

	for (const char *p = s; *p != '\0'; p++) {
		n += *p == ',';
	}
	for (at %= n; at > 0; at--) {
		s += strcspn(s, ",") + 1;
	}
	*ret_part = s;
	return strcspn(s, ",");
}

int redis_url_sentinel(const struct redis_url *u, unsigned int at,
		       struct redis_url *ret_url, struct error *err)
{
	struct redis_url one = {0};
	const char *part;
	size_t len = part_len(u, at, &part);
	int rc = parse_host(&one, part, len,
			    u->cluster ? REDIS_PORT : REDIS_SENTINEL_PORT, err);

	if (rc < 0) {
		redis_url_release(&one);
		return rc;
	}
	if (u->cluster) {
		one.user = dup_or_null(u->user);
		one.password = dup_or_null(u->password);
	}
	one.tls = u->tls;
	one.no_verify = u->no_verify;
	one.ca = dup_or_null(u->ca);
	one.cert = dup_or_null(u->cert);
	one.key = dup_or_null(u->key);
	*ret_url = one;
	return 0;
}

/* All must be good, not only the one that is asked first. */
static int check_sentinels(const struct redis_url *u, struct error *err)
{
	unsigned int count = 1;
	int rc = 0;

	for (const char *p = u->sentinels; *p != '\0'; p++) {
		count += *p == ',';
	}
	if (count > REDIS_SENTINELS_MAX) {
		return bad(err, "names more than 16 hosts");
	}
	for (unsigned int i = 0; rc == 0 && i < count; i++) {
		struct redis_url one = {0};
		rc = redis_url_sentinel(u, i, &one, err);
		redis_url_release(&one);
	}
	return rc;
}

static int parse_sentinel(struct redis_url *u, const char *s, struct error *err)
{
	size_t len = strcspn(s, "/?#"), name;
	const char *rest = s + len;
	int rc = take_login(u, &s, &len, err);

	u->sentinels = xstrndup(s, len);
	if (rc == 0) {
		rc = check_sentinels(u, err);
	}
	rest += *rest == '/';
	name = strcspn(rest, "/?#");
	if (rc == 0 && name == 0) {
		rc = bad(err, "names no service behind its sentinels");
	}
	if (rc == 0) {
		rc = set_decoded(&u->service, rest, name, err);
	}
	if (rc == 0) {
		rc = parse_tail(u, rest + name, err);
	}
	return rc;
}

static int parse_option(struct redis_url *u, const char *s, size_t len,
			struct error *err)
{
	if (len > 9 && strncmp(s, "password=", 9) == 0) {
		return set_decoded(&u->password, s + 9, len - 9, err);
	}
	if (len > 5 && strncmp(s, "user=", 5) == 0) {
		return set_decoded(&u->user, s + 5, len - 5, err);
	}
	if (len > 3 && strncmp(s, "db=", 3) == 0) {
		return parse_number(s + 3, len - 3, DB_MAX, &u->db) == 0
			   ? 0
			   : bad(err, "has a bad database number");
	}
	return bad(err, "has an unknown option (password, user and db are known)");
}

static int parse_unix(struct redis_url *u, const char *s, struct error *err)
{
	size_t len = strcspn(s, "?#");
	int rc = set_decoded(&u->path, s, len, err);

	if (rc < 0 || u->path == NULL) {
		return rc;
	}
	if (u->path[0] != '/') {
		return bad(err, "has no absolute path");
	}
	if (strlen(u->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		return bad(err,
			   "has a socket path that is too long (107 bytes at most)");
	}
	s += len;
	while (rc == 0 && (*s == '?' || *s == '&')) {
		len = strcspn(s + 1, "&");
		rc = parse_option(u, s + 1, len, err);
		s += len + 1;
	}
	if (rc == 0 && *s != '\0') {
		return bad(err, "has a fragment");
	}
	return rc;
}

static int parse_cluster(struct redis_url *u, const char *s, struct error *err)
{
	size_t len = strcspn(s, "/?#");
	const char *rest = s + len;
	int rc = take_login(u, &s, &len, err);

	u->cluster = 1;
	u->sentinels = xstrndup(s, len);
	if (rc == 0) {
		rc = check_sentinels(u, err);
	}
	if (rc == 0) {
		rc = parse_tail(u, rest, err);
	}
	return rc == 0 && u->db != 0 ? bad(err, "has a database; a cluster has none")
				     : rc;
}

int redis_url_parse(const char *text, struct redis_url *ret_url, struct error *err)
{
	struct redis_url u = {0};
	int rc;

	if (strlen(text) > URL_TEXT_MAX) {
		return bad(err, "is too long");
	}
	if (strncmp(text, "redis://", 8) == 0) {
		rc = parse_tcp(&u, text + 8, err);
	} else if (strncmp(text, "redis+unix://", 13) == 0) {
		rc = parse_unix(&u, text + 13, err);
	} else if (strncmp(text, "redis+sentinel://", 17) == 0) {
		rc = parse_sentinel(&u, text + 17, err);
	} else if (strncmp(text, "redis+cluster://", 16) == 0) {
		rc = parse_cluster(&u, text + 16, err);
	} else if (strncmp(text, "rediss+cluster://", 17) == 0) {
		u.tls = 1;
		rc = parse_cluster(&u, text + 17, err);
	} else if (strncmp(text, "rediss://", 9) == 0) {
		u.tls = 1;
		rc = parse_tcp(&u, text + 9, err);
	} else if (strncmp(text, "rediss+sentinel://", 18) == 0) {
		u.tls = 1;
		rc = parse_sentinel(&u, text + 18, err);
	} else {
		rc = bad(err, "has an unknown scheme");
	}
	if (rc < 0) {
		redis_url_release(&u);
		return rc;
	}
	*ret_url = u;
	return 0;
}

void redis_url_release(struct redis_url *u)
{
	free(u->host);
	free(u->path);
	free(u->user);
	free(u->password);
	free(u->service);
	free(u->sentinels);
	free(u->ca);
	free(u->cert);
	free(u->key);
	*u = (struct redis_url){0};
}

void redis_url_copy(struct redis_url *dst, const struct redis_url *src)
{
	*dst = (struct redis_url){
	    .host = dup_or_null(src->host),
	    .path = dup_or_null(src->path),
	    .user = dup_or_null(src->user),
	    .password = dup_or_null(src->password),
	    .service = dup_or_null(src->service),
	    .sentinels = dup_or_null(src->sentinels),
	    .ca = dup_or_null(src->ca),
	    .cert = dup_or_null(src->cert),
	    .key = dup_or_null(src->key),
	    .cluster = src->cluster,
	    .tls = src->tls,
	    .no_verify = src->no_verify,
	    .port = src->port,
	    .db = src->db,
	};
}

char *redis_url_show(const struct redis_url *u)
{
	if (u->cluster) {
		return xasprintf("redis%s+cluster://%s", u->tls ? "s" : "",
				 u->sentinels);
	}
	if (u->service != NULL) {
		return xasprintf("redis%s+sentinel://%s/%s/%d", u->tls ? "s" : "",
				 u->sentinels, u->service, u->db);
	}
	if (u->path != NULL) {
		return xasprintf("redis+unix://%s", u->path);
	}
	if (strchr(u->host, ':') != NULL) {
		return xasprintf("redis%s://[%s]:%d/%d", u->tls ? "s" : "", u->host,
				 u->port, u->db);
	}
	return xasprintf("redis%s://%s:%d/%d", u->tls ? "s" : "", u->host, u->port,
			 u->db);
}
