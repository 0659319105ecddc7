/* SPDX-License-Identifier: ISC */
/*
 * The front's descriptors: one edge-triggered epoll set, which is a single source of the GLib main
 * loop. (GLib's own polling of a thousand descriptors costs six times as much.)
 *
 * A watch is told of an edge once, and must remember it if it does not act on it now. Whoever has
 * more to do than one turn allows asks for another with loop_again(); turns are given in order, so
 * that nobody waits behind somebody else's pipeline.
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
        bool queued;                                  /* loop's own */
        Watch *next;                                  /* loop's own */
};

ta_must_check int loop_new(Loop **ret);
void loop_free(Loop *loop);

/* EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, for good: nobody needs to change interests later. */
ta_must_check int loop_add(Loop *loop, Watch *watch);
/* Level-triggered, for listeners, which accept in batches. */
ta_must_check int loop_add_listener(Loop *loop, Watch *watch);
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
