/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - bufferevents of libevent on OpenSSL.
 */
#include "api/http/tls.h"

#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/error.h"
#include "base/mem.h"

struct http_tls {
	SSL_CTX *ctx;
};

/* What OpenSSL says, the oldest of its errors; the queue is empty after that. */
static const char *reason(char *buf, size_t size)
{
	unsigned long code = ERR_get_error();

	ERR_error_string_n(code, buf, size);
	ERR_clear_error();
	return code != 0 ? buf : "no reason is given";
}

/* HTTP/1.1 is all there is; a client that offers something else only goes on without.
 */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_NOACK;
	}
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int http_tls_new(const char *cert, const char *key, struct http_tls **ret_tls,
		 struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char why[256];
	int rc = 0;

	if (ctx == NULL) {
		return err_set(err, ERR_INTERNAL, "cannot set TLS up: %s",
			       reason(why, sizeof(why)));
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		rc = err_set(err, ERR_INVALID,
			     "cannot use the certificate in %s (PEM is wanted): %s",
			     cert, reason(why, sizeof(why)));
	} else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		rc = err_set(err, ERR_INVALID,
			     "cannot use the key in %s (PEM, without a passphrase, "
			     "of the certificate in %s): %s",
			     key, cert, reason(why, sizeof(why)));
	}
	if (rc < 0) {
		SSL_CTX_free(ctx);
		return rc;
	}
	*ret_tls = xcalloc(1, sizeof(**ret_tls));
	(*ret_tls)->ctx = ctx;
	return 0;
}

void http_tls_free(struct http_tls *t)
{
	if (t != NULL) {
		SSL_CTX_free(t->ctx);
		free(t);
	}
}

struct bufferevent *http_tls_accept(struct http_tls *t, struct event_base *base)
{
	SSL *ssl = SSL_new(t->ctx);
	struct bufferevent *bev;

	if (ssl == NULL) {
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	/* clients that just go away are no errors */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}
