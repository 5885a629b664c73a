/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banner.h - what a person sees when the server is ready.
 */
#ifndef API_SERVER_BANNER_H
#define API_SERVER_BANNER_H

struct banner {
	const char *url, *data_dir, *database, *redis; /* without secrets */
	int services, auth;
};

/* On stderr; with colours on a terminal. */
void banner_print(const struct banner *b);
/* The URL without its password: "redis://:***@host:1/0".  Owned. */
char *url_without_password(const char *url);

#endif
