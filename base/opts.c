/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.c - loading a configuration from its table.
 */
#include "base/opts.h"

#include <stdlib.h>

const char *opts_env(const char *name)
{
	return getenv(name); /* read before any thread that could change it */
}
