/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coolname.h - a friendly name for a run that nobody named: "brisk-otter".
 */
#ifndef ENGINE_SESSION_COOLNAME_H
#define ENGINE_SESSION_COOLNAME_H

char *coolname(void); /* owned */

#endif
