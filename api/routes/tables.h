/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.h - the list of route tables and socket tables: one line per resource in
 * tables.c.
 */
#ifndef API_ROUTES_TABLES_H
#define API_ROUTES_TABLES_H

struct route;
struct ws_endpoint;

extern const struct route *const route_tables[];    /* ended by NULL */
extern const struct ws_endpoint *const ws_tables[]; /* ended by NULL */

#endif
