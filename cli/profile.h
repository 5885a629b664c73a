/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - named sets of settings in profiles.toml.
 *
 * Ours: $WF_CONFIG_DIR, $XDG_CONFIG_HOME/wf or ~/.config/wf.  Prefect's
 * ($PREFECT_PROFILES_PATH, $PREFECT_HOME or ~/.prefect) is read when ours does not have
 *the profile, and never written.  Layout of both:
 *
 *	active = "default"
 *	[profiles.default]
 *	WF_API_URL = "http://127.0.0.1:4200/api"
 */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include <stddef.h>

struct error;
struct profile;

/* NAME NULL: $WF_PROFILE, $PREFECT_PROFILE, the file's active one, "default" (which may
 * be missing).  A named one that is nowhere: -ERR_NOT_FOUND. */
int profile_load(const char *name, struct profile **ret_profile, struct error *err);
void profile_free(struct profile *p); /* accepts NULL */
const char *profile_name(const struct profile *p);
const char *profile_get(const struct profile *p, const char *setting); /* or NULL */
int profile_is_prefects(const struct profile *p);

/* Whether the value of such a setting is masked. */
int profile_is_secret(const char *name);
size_t profile_count(const struct profile *p);
const char *profile_key(const struct profile *p, size_t at);
const char *profile_value(const struct profile *p, size_t at);

/* Changes a setting of the profile in our file (VALUE NULL: removes it). */
int profile_set(const char *profile, const char *setting, const char *value,
		struct error *err);
/* Makes PROFILE the active one (it must exist, in either file). */
int profile_use(const char *profile, struct error *err);
/* Creates an empty one, or a copy of FROM; removes one of ours. */
int profile_create(const char *name, const char *from, struct error *err);
int profile_delete(const char *name, struct error *err);
/* Only one of ours; it stays the active one. */
int profile_rename(const char *name, const char *new_name, struct error *err);
/* Names of all profiles of both files, NULL-terminated; free each and the list. */
char **profile_names(struct error *err);

#endif
