/* SPDX-License-Identifier: ISC */
/*
 * The front's event loop: one epoll set and a list of timers.
 *
 * Events are levels: a watch is told until it has acted on them or is no longer interested. So one
 * turn does one thing, and the next is given after everybody else's: nobody waits behind somebody
 * else's pipeline, and nobody reads once more only to learn that there is nothing.
 *
 * Watches and timers are members of what they serve: setting and cancelling them cannot fail.
 */
#ifndef TA_AGENT_LOOP_H
#define TA_AGENT_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base.h"

typedef struct Loop Loop;
typedef struct Watch Watch;
typedef struct Timer Timer;

struct Watch {
        int fd;
        void (*ready)(Watch *watch, uint32_t events); /* events 0: the turn that was asked for */
        uint32_t interest;                            /* the rest is the loop's own */
        bool queued;
        Watch *next;
};

struct Timer {
        void (*fire)(void *data);
        void *data;
        bool set; /* the rest is the loop's own */
        uint64_t due_ms;
        Timer *prev, *next;
};

ta_must_check int loop_new(Loop **ret);
void loop_free(Loop *loop);

/* Interested in `events` from now on (EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR always come). */
ta_must_check int loop_add(Loop *loop, Watch *watch, uint32_t events);
/* In these instead. Costs a system call only where they differ. */
void loop_interest(Loop *loop, Watch *watch, uint32_t events);
/* No further event reaches the watch, not even from the batch in progress. Does not close it. */
void loop_remove(Loop *loop, Watch *watch);
/* The same, and after the batch in progress free() of the watch, which begins its object. */
void loop_retire(Loop *loop, Watch *watch);

/* A turn for this watch that nothing from outside causes, after those that are ready now. */
void loop_again(Loop *loop, Watch *watch);

/* Once, in so many milliseconds of CLOCK_BOOTTIME; a timer that is set already starts anew. */
void loop_after(Loop *loop, Timer *timer, unsigned milliseconds);
void loop_cancel(Loop *loop, Timer *timer); /* one that is not set is fine */

/* One round: what is ready now, or, if `wait`, soon. Whether there was anything but timers. */
bool loop_turn(Loop *loop, bool wait);
/* Until loop_quit(). */
void loop_run(Loop *loop);
void loop_quit(Loop *loop);

/* Milliseconds of CLOCK_BOOTTIME, which counts suspended time too. */
uint64_t loop_now_ms(void);

#endif
