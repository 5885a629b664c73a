/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - tells a service manager (systemd, Type=notify) how we are: READY, STATUS,
 * STOPPING, and WATCHDOG from the event loop, so that a loop that hangs is noticed.
 *
 * The protocol is one datagram of NAME=VALUE lines to the socket in NOTIFY_SOCKET.
 * Without that variable nothing is sent: every function accepts NULL.  The variables
 * are taken out of the environment, so that no child inherits them.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include "base/compiler.h"

struct loop;
struct notify;

/* NULL when there is no service manager that wants to know. */
struct notify *notify_open(struct loop *loop);
void notify_close(struct notify *n);

void notify_ready(struct notify *n);
void notify_stopping(struct notify *n);
/* One line for `systemctl status`; sent only when it differs from the last one. */
void notify_status(struct notify *n, const char *fmt, ...) WF_PRINTF(2, 3);
/* Puts the variables back, for a program that is about to exec itself. */
void notify_restore_env(const struct notify *n);
void notify_forget_env(const struct notify *n); /* it was not executed */

#endif
