/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover_priv.h - the form of what upgrade.c writes and handover.c reads: lines of
 * JSON, the first one about the worker, then leases before runs.
 */
#ifndef WORKER_HANDOVER_PRIV_H
#define WORKER_HANDOVER_PRIV_H

#define HANDOVER_VARIABLE "WF_WORKER_HANDOVER"
#define HANDOVER_VERSION  1

#endif
