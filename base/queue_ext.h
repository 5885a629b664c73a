/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_ext.h - what glibc's <sys/queue.h> lacks.
 */
#ifndef BASE_QUEUE_EXT_H
#define BASE_QUEUE_EXT_H

#include <sys/queue.h>

#ifndef TAILQ_FOREACH_SAFE
#	define TAILQ_FOREACH_SAFE(var, head, field, tvar)                  \
		for ((var) = TAILQ_FIRST(head);                             \
		     (var) != NULL && ((tvar) = TAILQ_NEXT(var, field), 1); \
		     (var) = (tvar))
#endif

/* Written to the head itself: whoever reads it next sees what became of the list. */
#define TAILQ_REMOVE_HEAD(head, field)                                          \
	do {                                                                    \
		(head)->tqh_first = (head)->tqh_first->field.tqe_next;          \
		if ((head)->tqh_first != NULL) {                                \
			(head)->tqh_first->field.tqe_prev = &(head)->tqh_first; \
		} else {                                                        \
			(head)->tqh_last = &(head)->tqh_first;                  \
		}                                                               \
	} while (0)

#endif
