/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_probe.h - two words with a redis-server while nothing else runs yet: blocking,
 * short time limits, start-up only.
 */
#ifndef API_SERVER_REDIS_PROBE_H
#define API_SERVER_REDIS_PROBE_H

enum redis_probe_result {
	REDIS_PROBE_NONE = 0, /* nobody answers there */
	REDIS_PROBE_BUSY, /* it answers, but not yes: loading, or not our password */
	REDIS_PROBE_OK,
};

/* AUTH and COMMAND over SOCKET, or over loopback when that is NULL. */
enum redis_probe_result redis_probe(const char *socket, int port, const char *password,
				    const char *command);
/* WISH when it is free on loopback, else a free one; 0 when there is none. */
int redis_free_port(int wish);

#endif
