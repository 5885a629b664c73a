/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - the database of the simulated APIs: SQLite in memory with the product's schema
 * and statements, one for all replicas, each work one transaction at one instant.
 */
#ifndef TESTS_SIM_DB_H
#define TESTS_SIM_DB_H

#include <stdint.h>

struct db_conn;

/* Empty, with the present schema. */
void sim_db_reset(void);
struct db_conn *sim_db(void);
/* Nobody gets an answer until then. */
extern int64_t sim_db_stalled_until_us;
/* Called after each write that was committed. */
extern void (*sim_db_committed)(void);
extern int64_t sim_db_fail_permille; /* works that fail as a whole */

#endif
