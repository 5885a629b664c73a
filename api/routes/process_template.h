/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_template.h - the base job template of the "process" work pool type, as JSON
 * text.
 */
#ifndef API_ROUTES_PROCESS_TEMPLATE_H
#define API_ROUTES_PROCESS_TEMPLATE_H

extern const char process_template[];

#endif
