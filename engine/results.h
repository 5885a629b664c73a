/* SPDX-License-Identifier: Apache-2.0 */
/*
 * results.h - the result store of a host: a folder of JSON files, named by what is in
 * them.
 */
#ifndef ENGINE_RESULTS_H
#define ENGINE_RESULTS_H

#include <stddef.h>

#include <jansson.h>

struct error;

/* $WF_RESULTS_DIR, $XDG_DATA_HOME/wf/results or ~/.local/share/wf/results; owned. */
char *results_dir(void);
/*
 * Keeps TEXT (JSON, LEN bytes) below DIR.  *ret_reference is what stands for it:
 * {"stored": {"path", "sha256", "size"}}.  What is there already is not written again.
 */
int results_put(const char *dir, const char *text, size_t len, json_t **ret_reference,
		struct error *err);

#endif
