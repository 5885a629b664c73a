/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - see tls.h.  The SSL object reads from and writes to memory; the filter moves
 * bytes between that memory and the socket.
 */
#include "pools/tls.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/url.h"

#define CHUNK 16384

/* What we use of libssl and libcrypto, by its own name and type. */
#define TLS_MAP(X)                            \
	X(BIO_new)                            \
	X(BIO_read)                           \
	X(BIO_s_mem)                          \
	X(BIO_write)                          \
	X(ERR_clear_error)                    \
	X(SSL_CTX_ctrl)                       \
	X(SSL_CTX_free)                       \
	X(SSL_CTX_load_verify_locations)      \
	X(SSL_CTX_new)                        \
	X(SSL_CTX_set_default_verify_paths)   \
	X(SSL_CTX_set_verify)                 \
	X(SSL_CTX_use_PrivateKey_file)        \
	X(SSL_CTX_use_certificate_chain_file) \
	X(SSL_ctrl)                           \
	X(SSL_do_handshake)                   \
	X(SSL_free)                           \
	X(SSL_get_error)                      \
	X(SSL_get_verify_result)              \
	X(SSL_new)                            \
	X(SSL_read)                           \
	X(SSL_set1_host)                      \
	X(SSL_set_bio)                        \
	X(SSL_set_connect_state)              \
	X(SSL_write)                          \
	X(TLS_client_method)                  \
	X(X509_verify_cert_error_string)

static struct {
	int loaded;
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a field */
#define TLS_FIELD_(name) __typeof__(&(name)) name;
	TLS_MAP(TLS_FIELD_)
#undef TLS_FIELD_
} lib;

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* of ssl */
	struct bufferevent *raw;
	tls_fn fn;
	void *arg;
	int ready;
	char why[160];
};

static int load(struct error *err)
{
	static const struct {
		const char *name;
		size_t at;
	} all[] = {
#define TLS_ROW_(n) {#n, offsetof(__typeof__(lib), n)},
	    TLS_MAP(TLS_ROW_)
#undef TLS_ROW_
	};
	void *so = lib.loaded ? NULL : dlopen("libssl.so.3", RTLD_NOW | RTLD_GLOBAL);

	if (lib.loaded) {
		return 0;
	}
	if (so == NULL) {
		return err_set(err, ERR_UNSUPPORTED,
			       "TLS to Redis needs libssl.so.3: install it (libssl3)");
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		void *f = dlsym(so, all[i].name);

		if (f == NULL) {
			return err_set(err, ERR_UNSUPPORTED, "libssl.so.3 has no %s",
				       all[i].name);
		}
		memcpy((char *)&lib + all[i].at, &f, sizeof(f));
	}
	lib.loaded = 1;
	return 0;
}

static int use_files(struct tls *t, const struct redis_url *u, struct error *err)
{
	if (u->ca != NULL &&
	    lib.SSL_CTX_load_verify_locations(t->ctx, u->ca, NULL) != 1) {
		return err_set(err, ERR_INVALID,
			       "%s is no file of certificates of authorities", u->ca);
	}
	if (u->ca == NULL) {
		(void)lib.SSL_CTX_set_default_verify_paths(t->ctx);
	}
	if (u->cert != NULL &&
	    lib.SSL_CTX_use_certificate_chain_file(t->ctx, u->cert) != 1) {
		return err_set(err, ERR_INVALID, "%s is no certificate", u->cert);
	}
	if (u->key != NULL &&
	    lib.SSL_CTX_use_PrivateKey_file(t->ctx, u->key, SSL_FILETYPE_PEM) != 1) {
		return err_set(err, ERR_INVALID,
			       "%s is no private key, or not that of %s", u->key,
			       u->cert != NULL ? u->cert : "a certificate");
	}
	return 0;
}

static int make_ssl(struct tls *t, const struct redis_url *u, const char *host,
		    struct error *err)
{
	int rc;

	t->ctx = lib.SSL_CTX_new(lib.TLS_client_method());
	PRE(t->ctx != NULL);
	(void)lib.SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION,
			       NULL);
	lib.SSL_CTX_set_verify(t->ctx, u->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
			       NULL);
	rc = use_files(t, u, err);
	if (rc < 0) {
		return rc;
	}
	t->ssl = lib.SSL_new(t->ctx);
	t->in = lib.BIO_new(lib.BIO_s_mem());
	t->out = lib.BIO_new(lib.BIO_s_mem());
	PRE(t->ssl != NULL && t->in != NULL && t->out != NULL);
	lib.SSL_set_bio(t->ssl, t->in, t->out);
	lib.SSL_set_connect_state(t->ssl);
	if (!u->no_verify) {
		(void)lib.SSL_set1_host(t->ssl, host);
	}
	(void)lib.SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
			   TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host);
	return 0;
}

/* What SSL wants on the wire. */
static void flush_out(struct tls *t, struct evbuffer *to)
{
	char chunk[CHUNK];
	int n;

	while ((n = lib.BIO_read(t->out, chunk, sizeof(chunk))) > 0) {
		(void)evbuffer_add(to, chunk, (size_t)n);
	}
}

static int failed(struct tls *t, int rc)
{
	int e = lib.SSL_get_error(t->ssl, rc);
	long verify;

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		return 0;
	}
	verify = lib.SSL_get_verify_result(t->ssl);
	(void)snprintf(t->why, sizeof(t->why), "TLS: %s",
		       verify != X509_V_OK ? lib.X509_verify_cert_error_string(verify)
		       : e == SSL_ERROR_ZERO_RETURN ? "closed by the server"
						    : "the handshake was refused");
	return 1;
}

/* 1 done (now or before), 0 more bytes are needed, -1 failed. */
static int handshake(struct tls *t)
{
	int rc;

	if (t->ready) {
		return 1;
	}
	lib.ERR_clear_error();
	rc = lib.SSL_do_handshake(t->ssl);
	flush_out(t, bufferevent_get_output(t->raw));
	if (rc == 1) {
		t->ready = 1;
		return 1;
	}
	return failed(t, rc) ? -1 : 0;
}

static enum bufferevent_filter_result on_input(struct evbuffer *src,
					       struct evbuffer *dst, ev_ssize_t limit,
					       enum bufferevent_flush_mode mode,
					       void *ctx)
{
	struct tls *t = ctx;
	int was_ready = t->ready, rc, got = 0;
	char chunk[CHUNK];
	size_t n;

	(void)limit;
	(void)mode;
	while ((n = evbuffer_get_contiguous_space(src)) > 0) {
		n = MIN_OF(n, (size_t)CHUNK);
		(void)lib.BIO_write(t->in, evbuffer_pullup(src, (ev_ssize_t)n), (int)n);
		(void)evbuffer_drain(src, n);
	}
	rc = handshake(t);
	if (rc <= 0) {
		return rc < 0 ? BEV_ERROR : BEV_NEED_MORE;
	}
	if (!was_ready) {
		t->fn(t->arg);
	}
	lib.ERR_clear_error();
	while ((rc = lib.SSL_read(t->ssl, chunk, sizeof(chunk))) > 0) {
		(void)evbuffer_add(dst, chunk, (size_t)rc);
		got = 1;
	}
	flush_out(t, bufferevent_get_output(t->raw));
	if (failed(t, rc) && !got) {
		return BEV_ERROR;
	}
	return got ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result on_output(struct evbuffer *src,
						struct evbuffer *dst, ev_ssize_t limit,
						enum bufferevent_flush_mode mode,
						void *ctx)
{
	struct tls *t = ctx;
	size_t n;

	(void)limit;
	(void)mode;
	if (!t->ready) {
		return BEV_NEED_MORE;
	}
	while ((n = evbuffer_get_contiguous_space(src)) > 0) {
		n = MIN_OF(n, (size_t)CHUNK);
		lib.ERR_clear_error();
		if (lib.SSL_write(t->ssl, evbuffer_pullup(src, (ev_ssize_t)n),
				  (int)n) != (int)n) {
			return BEV_ERROR;
		}
		(void)evbuffer_drain(src, n);
		flush_out(t, dst);
	}
	return BEV_OK;
}

static void tls_free(void *arg)
{
	struct tls *t = arg;

	if (t->ssl != NULL) {
		lib.SSL_free(t->ssl); /* and both BIOs */
	}
	if (t->ctx != NULL) {
		lib.SSL_CTX_free(t->ctx);
	}
	free(t);
}

/* NOLINTNEXTLINE(readability-function-size): a callback beside the object */
struct bufferevent *tls_wrap(struct bufferevent *raw, const struct redis_url *url,
			     const char *host, tls_fn fn, void *arg,
			     struct tls **ret_tls, struct error *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	struct bufferevent *bev = NULL;

	t->raw = raw;
	t->fn = fn;
	t->arg = arg;
	if (load(err) == 0 && make_ssl(t, url, host, err) == 0) {
		bev = bufferevent_filter_new(raw, on_input, on_output,
					     BEV_OPT_CLOSE_ON_FREE, tls_free, t);
		PRE(bev != NULL);
		(void)handshake(t); /* the first message */
		*ret_tls = t;
		return bev;
	}
	tls_free(t);
	bufferevent_free(raw);
	return NULL;
}

const char *tls_why(const struct tls *t)
{
	return t != NULL && t->why[0] != '\0' ? t->why : NULL;
}
