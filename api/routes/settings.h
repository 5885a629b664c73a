/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - the settings of the server as clients read them.
 */
#ifndef API_ROUTES_SETTINGS_H
#define API_ROUTES_SETTINGS_H

struct api;
struct buf;

/* The JSON object of GET /admin/settings. */
void settings_write(struct buf *b, const struct api *api);

#endif
