/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - state handlers and hooks: the engine's side.
 */
#include "sdk/src/host.h"

void handler_ended(struct body *b, const struct proc_exit *e)
{
	(void)e;
	body_close(b);
}
