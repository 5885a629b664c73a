/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - what the shells' completion scripts ask: `wf __complete WORD...`.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

/* Prints one candidate per line for the last of WORDS.  Returns 0. */
int complete(int count, char **words);

#endif
