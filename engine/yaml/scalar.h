/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar.h - what a YAML scalar means, by the core schema of YAML 1.2: yes, no, on and
 * off are text, 010 is ten, and only plain scalars are anything but text.
 */
#ifndef ENGINE_YAML_SCALAR_H
#define ENGINE_YAML_SCALAR_H

#include <stdint.h>

struct ynode;

enum yscalar_type {
	YSCALAR_STR = 0,
	YSCALAR_NULL,
	YSCALAR_BOOL,
	YSCALAR_INT,
	YSCALAR_REAL
};

struct yscalar {
	enum yscalar_type type;
	int64_t i; /* integer, or boolean */
	double r;  /* real, also set for an integer */
};

/* N is a scalar.  An integer beyond 64 bits becomes a real. */
void yscalar_resolve(const struct ynode *n, struct yscalar *ret_scalar);
/* True for the words that YAML 1.1 took for booleans and 1.2 does not (yes, no, on,
 * off). */
int yscalar_is_old_bool(const struct ynode *n);

#endif
