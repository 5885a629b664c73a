/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - wf-api from start to stop.
 */
#ifndef API_SERVER_SERVER_H
#define API_SERVER_SERVER_H

/* The whole program; returns its exit status. */
int server_main(int argc, char **argv);

#endif
