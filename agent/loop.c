/* SPDX-License-Identifier: ISC */
#include "agent/loop.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#define BATCH       64
#define WAIT_MAX_MS 3600000
#define LINGER_US   100

typedef struct WatchList {
        Watch *first, **last;
} WatchList;

struct Loop {
        int epoll;
        bool quit;
        struct epoll_event batch[BATCH];
        int n_batch;
        int n_last; /* events of the last turn that had any */
        WatchList again;
        Watch *retired;
        Timer *first, *last; /* in the order in which they are due */
};

uint64_t loop_now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int loop_new(Loop **ret) {
        Loop *loop = calloc(1, sizeof *loop);
        int err;

        if (!loop)
                return -ENOMEM;
        loop->again.last = &loop->again.first;
        loop->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll < 0) {
                err = -errno;
                free(loop);
                return err;
        }
        *ret = loop;
        return 0;
}

static void free_retired(Loop *loop) {
        while (loop->retired) {
                Watch *watch = loop->retired;

                loop->retired = watch->next;
                free(watch);
        }
}

void loop_free(Loop *loop) {
        if (!loop)
                return;
        free_retired(loop);
        close(loop->epoll);
        free(loop);
}

/* ---- watches ---------------------------------------------------------------------------- */

static int control(Loop *loop, int op, Watch *watch, uint32_t events) {
        struct epoll_event event = {.events = events, .data.ptr = watch};

        if (epoll_ctl(loop->epoll, op, watch->fd, &event) < 0)
                return -errno;
        watch->interest = events;
        return 0;
}

int loop_add(Loop *loop, Watch *watch, uint32_t events) {
        return control(loop, EPOLL_CTL_ADD, watch, events);
}

void loop_interest(Loop *loop, Watch *watch, uint32_t events) {
        if (watch->interest != events)
                ta_bug_on(control(loop, EPOLL_CTL_MOD, watch, events) < 0);
}

static Watch *take_first(WatchList *list) {
        Watch *watch = list->first;

        list->first = watch->next;
        if (!list->first)
                list->last = &list->first;
        watch->queued = false;
        watch->next = NULL;
        return watch;
}

void loop_again(Loop *loop, Watch *watch) {
        if (watch->queued)
                return;
        watch->queued = true;
        watch->next = NULL;
        *loop->again.last = watch;
        loop->again.last = &watch->next;
}

void loop_remove(Loop *loop, Watch *watch) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        for (int i = 0; i < loop->n_batch; i++)
                if (loop->batch[i].data.ptr == watch)
                        loop->batch[i].data.ptr = NULL;
        for (Watch **at = &loop->again.first; watch->queued && *at; at = &(*at)->next) {
                if (*at == watch) {
                        *at = watch->next;
                        if (loop->again.last == &watch->next)
                                loop->again.last = at;
                        break;
                }
        }
        watch->queued = false;
        watch->next = NULL;
}

void loop_retire(Loop *loop, Watch *watch) {
        loop_remove(loop, watch);
        watch->next = loop->retired;
        loop->retired = watch;
}

/* ---- timers ----------------------------------------------------------------------------- */

/* Behind all that are due before it. Most are deadlines of one length, which belong at the end. */
void loop_after(Loop *loop, Timer *timer, unsigned milliseconds) {
        Timer *before;

        loop_cancel(loop, timer);
        timer->set = true;
        timer->due_ms = loop_now_ms() + milliseconds;
        before = loop->last;
        while (before && before->due_ms > timer->due_ms)
                before = before->prev;
        timer->prev = before;
        timer->next = before ? before->next : loop->first;
        *(timer->next ? &timer->next->prev : &loop->last) = timer;
        *(before ? &before->next : &loop->first) = timer;
}

void loop_cancel(Loop *loop, Timer *timer) {
        if (!timer->set)
                return;
        *(timer->prev ? &timer->prev->next : &loop->first) = timer->next;
        *(timer->next ? &timer->next->prev : &loop->last) = timer->prev;
        timer->set = false;
}

static void run_timers(Loop *loop) {
        uint64_t now;

        if (!loop->first)
                return;
        now = loop_now_ms();
        while (loop->first && loop->first->due_ms <= now) {
                Timer *timer = loop->first;

                loop_cancel(loop, timer);
                timer->fire(timer->data);
        }
}

static int wait_ms(const Loop *loop) {
        uint64_t now;

        if (loop->again.first)
                return 0;
        if (!loop->first)
                return -1;
        now = loop_now_ms();
        if (loop->first->due_ms <= now)
                return 0;
        return loop->first->due_ms - now < WAIT_MAX_MS ? (int)(loop->first->due_ms - now) : WAIT_MAX_MS;
}

/* ---- the loop --------------------------------------------------------------------------- */

/* Only those that were waiting when the round began; who asks anew waits for the next. */
static void run_again(Loop *loop) {
        size_t n = 0;

        for (Watch *w = loop->again.first; w; w = w->next)
                n++;
        while (n-- > 0 && loop->again.first) {
                Watch *watch = take_first(&loop->again);

                watch->ready(watch, 0);
        }
}

bool loop_turn(Loop *loop, bool wait) {
        bool idle;

        loop->n_batch = epoll_wait(loop->epoll, loop->batch, BATCH, wait ? wait_ms(loop) : 0);
        ta_bug_on(loop->n_batch < 0 && errno != EINTR);
        if (loop->n_batch > 0)
                loop->n_last = loop->n_batch;
        idle = loop->n_batch <= 0 && !loop->again.first;
        for (int i = 0; i < loop->n_batch; i++) {
                Watch *watch = loop->batch[i].data.ptr;

                if (watch)
                        watch->ready(watch, loop->batch[i].events);
        }
        loop->n_batch = 0;
        run_again(loop);
        run_timers(loop);
        free_retired(loop);
        return !idle;
}

static uint64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* To wake a sleeping processor takes longer than a signature, on virtual machines twice as long. So
 * after an event the loop looks about for a moment, since a client that was answered asks again and a
 * keeper answers soon; whoever else wants the processor has it meanwhile. With more than one event at
 * a time there is work enough to stay awake by itself. */
static void linger(Loop *loop) {
        uint64_t until = now_us() + LINGER_US;

        while (!loop->quit && loop->n_last == 1 && now_us() < until) {
                if (loop_turn(loop, false))
                        until = now_us() + LINGER_US;
                else
                        (void)sched_yield();
        }
}

void loop_run(Loop *loop) {
        while (!loop->quit) {
                (void)loop_turn(loop, true);
                linger(loop);
        }
}

void loop_quit(Loop *loop) {
        loop->quit = true;
}
