/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.c - the session with an API over REST.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "engine/session.h"

struct session *remote_session_new(const struct session_spec *spec, const char *url,
				   const char *auth)
{
	(void)spec;
	(void)url;
	(void)auth;
	return NULL;
}
