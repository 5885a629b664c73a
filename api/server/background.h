/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background.h - wf-api --background: start ourselves detached, return when ready.
 */
#ifndef API_SERVER_BACKGROUND_H
#define API_SERVER_BACKGROUND_H

struct server_conf;

/* The exit status of the program that was asked. */
int background_start(const struct server_conf *conf, int argc, char **argv);

#endif
