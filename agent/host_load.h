/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_load.h - reads how busy this host is (Linux: /proc, cgroup v2).
 */
#ifndef AGENT_HOST_LOAD_H
#define AGENT_HOST_LOAD_H

struct admit_sample;

/* ROOT is put in front of /proc and /sys ("" in life, a folder in tests).  What cannot
 * be read is ADMIT_UNKNOWN. */
void host_load_read(const char *root, struct admit_sample *ret_sample);

#endif
