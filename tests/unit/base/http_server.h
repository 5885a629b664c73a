/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server.h - a tiny real HTTP server for tests: a thread per connection in this
 * process.
 *
 *   /echo       method, X-Test header and body of the request
 *   /chunked    "hello world" in chunks, with a trailer
 *   /eof        a body that ends with the connection
 *   /missing    404        /busy  503 with Retry-After: 1.5
 *   /to-echo    307 to /echo      /found  302 to /echo      /loop  307 to itself
 *   /big        100000 bytes      /slow   never answers
 *   /cut        closes in the middle of the body     /garbage  is not HTTP
 *   /connection the number of the connection
 *   /once       answers with keep-alive, then closes all the same
 *   /hold       answers when hold_release() was called; counts the requests that wait
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

struct http_server;

struct http_server *http_server_start(void);                  /* 127.0.0.1 */
struct http_server *http_server_start_unix(const char *path); /* a socket at PATH */
int http_server_port(const struct http_server *s);
int http_server_connections(struct http_server *s); /* so far */
int http_server_most_held(struct http_server *s);   /* requests in /hold at a time */
void http_server_release(struct http_server *s);
void http_server_stop(struct http_server *s);

#endif
