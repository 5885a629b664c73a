/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail.h - one mail by SMTP, sent by a child process through libcurl, so that a slow
 * server holds nobody.
 */
#ifndef ENGINE_CHANGE_MAIL_H
#define ENGINE_CHANGE_MAIL_H

struct error;
struct mail;
struct notify_spec;

typedef void (*mail_fn)(int rc, const char *why, void *arg);
int mail_start(const struct notify_spec *spec, double timeout_s, mail_fn fn, void *arg,
	       struct mail **ret_mail, struct error *err);
/* Ends the child; FN is called. */
void mail_stop(struct mail *m);

#endif
