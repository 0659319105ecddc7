/* SPDX-License-Identifier: ISC */
/*
 * The front's descriptors: one epoll set, which is a single source of the GLib main loop. (GLib's
 * own polling of a thousand descriptors costs six times as much.)
 *
 * Events are levels: a watch is told until it has acted on them or is no longer interested. So one
 * turn does one thing, and the next is given after everybody else's: nobody waits behind somebody
 * else's pipeline, and nobody reads once more only to learn that there is nothing.
 */
#ifndef TA_AGENT_LOOP_H
#define TA_AGENT_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base.h"

typedef struct Loop Loop;
typedef struct Watch Watch;

struct Watch {
        int fd;
        void (*ready)(Watch *watch, uint32_t events); /* events 0: the turn that was asked for */
        uint32_t interest;                            /* loop's own */
        bool queued;                                  /* loop's own */
        Watch *next;                                  /* loop's own */
};

ta_must_check int loop_new(Loop **ret);
void loop_free(Loop *loop);

/* Interested in `events` from now on (EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR always come). */
ta_must_check int loop_add(Loop *loop, Watch *watch, uint32_t events);
/* In these instead. Costs a system call only where they differ. */
void loop_interest(Loop *loop, Watch *watch, uint32_t events);
/* No further event reaches the watch, not even from the batch in progress. Does not close it. */
void loop_remove(Loop *loop, Watch *watch);

/* Another turn for this watch, after the others that are ready now. */
void loop_again(Loop *loop, Watch *watch);

/* Frees `pointer` with `destroy` after the batch in progress. */
void loop_defer(Loop *loop, void *pointer, void (*destroy)(void *));

/* One-shot timer on the GLib loop, CLOCK_MONOTONIC; returns an id for loop_cancel(), never 0. */
unsigned loop_after(Loop *loop, unsigned milliseconds, void (*fire)(void *), void *data);
void loop_cancel(Loop *loop, unsigned *id); /* sets it to 0; 0 is fine */

void loop_run(Loop *loop);
void loop_quit(Loop *loop);

/* Milliseconds of CLOCK_BOOTTIME, which counts suspended time too. */
uint64_t loop_now_ms(void);

#endif
