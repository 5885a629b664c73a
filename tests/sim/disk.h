/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - the disks of the simulated hosts: files below /sim of the host whose code
 * runs.  Written is not durable: a power failure takes what was not synced, or a part
 * of it, or garbles it; a killed program loses nothing that it wrote.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stddef.h>
#include <stdint.h>

struct disk;

struct disk *disk_new(void);
void disk_power_failure(struct disk *d);
void disk_full(struct disk *d, int64_t until_us);
void disk_reset(void); /* forgets all open files */
/* For aiosync.c: how much FD holds now, and that so much of it is durable. */
size_t disk_size(int fd);
void disk_durable(int fd, size_t size);
/* 1: records written to D from AT_US on may be lost by the last power failure. */
int64_t disk_lost_since_us(const struct disk *d);

#endif
