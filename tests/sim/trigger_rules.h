/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_rules.h - which events a trigger means, as rules 1.2 and 3.4 say it. */
#ifndef TESTS_SIM_TRIGGER_RULES_H
#define TESTS_SIM_TRIGGER_RULES_H

#include <jansson.h>

int resource_matches(const json_t *spec, const json_t *resource);
/* SPECS: one, or a list of which each must match some related resource. */
int related_match(const json_t *specs, const json_t *related);
/* HOW: 'a' and 'b' are the two readings that make a candidate, 'n' knows negation. */
int names_match(const json_t *names, const char *name, int how);
/* "": there is no such label. */
const char *find_label(const json_t *event, const char *label);

#endif
