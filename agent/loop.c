/* SPDX-License-Identifier: ISC */
#include "agent/loop.h"

#include <errno.h>
#include <glib.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

typedef struct Deferred {
        struct Deferred *next;
        void *pointer;
        void (*destroy)(void *);
} Deferred;

struct Loop {
        int epoll;
        GMainLoop *main;
        GSource *source;
        Watch *again_first, **again_last;
        struct epoll_event batch[BATCH];
        int n_batch;
        bool has_wakeup;
        Deferred *deferred;
};

typedef struct EpollSource {
        GSource base;
        Loop *loop;
} EpollSource;

/* Only those that were waiting when the round began; who asks anew waits for the next. */
static void run_again(Loop *loop) {
        size_t n = 0;

        for (Watch *w = loop->again_first; w; w = w->next)
                n++;
        while (n-- > 0 && loop->again_first) {
                Watch *watch = loop->again_first;

                loop->again_first = watch->next;
                if (!loop->again_first)
                        loop->again_last = &loop->again_first;
                watch->queued = false;
                watch->next = NULL;
                watch->ready(watch, 0);
        }
}

static void run_deferred(Loop *loop) {
        while (loop->deferred) {
                Deferred *d = loop->deferred;

                loop->deferred = d->next;
                d->destroy(d->pointer);
                free(d);
        }
}

/* GLib would poll the epoll descriptor only to make us ask it for its events: this asks it at once,
 * and leaves them in the batch. GLib has one other descriptor, by which threads wake each other; it
 * is in the set too, as the watch NULL. */
static Loop *polled;

static gint poll_epoll(GPollFD *fds, guint n_fds, gint timeout) {
        Loop *loop = polled;
        gint n_ready = 0;

        for (guint i = 0; i < n_fds && !loop->has_wakeup; i++) {
                struct epoll_event event = {.events = EPOLLIN};

                if (fds[i].fd != loop->epoll &&
                    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fds[i].fd, &event) == 0)
                        loop->has_wakeup = true;
        }
        loop->n_batch = epoll_wait(loop->epoll, loop->batch, BATCH, timeout);
        if (loop->n_batch < 0)
                loop->n_batch = 0;
        for (guint i = 0; i < n_fds; i++) {
                bool is_ours = fds[i].fd == loop->epoll, ready = is_ours && loop->n_batch > 0;

                for (int k = 0; k < loop->n_batch && !is_ours; k++)
                        ready |= loop->batch[k].data.ptr == NULL;
                fds[i].revents = ready ? G_IO_IN : 0;
                n_ready += ready;
        }
        return n_ready;
}

static gboolean source_prepare(GSource *source, gint *timeout) {
        Loop *loop = ((EpollSource *)source)->loop;

        *timeout = loop->again_first ? 0 : -1;
        return FALSE; /* poll first: those who ask again come after those who are ready */
}

static gboolean source_check(GSource *source) {
        Loop *loop = ((EpollSource *)source)->loop;

        return loop->n_batch > 0 || loop->again_first;
}

static gboolean source_dispatch(GSource *source, GSourceFunc unused ta_unused,
                                gpointer data ta_unused) {
        Loop *loop = ((EpollSource *)source)->loop;

        for (int i = 0; i < loop->n_batch; i++) {
                Watch *watch = loop->batch[i].data.ptr;

                if (watch)
                        watch->ready(watch, loop->batch[i].events);
        }
        loop->n_batch = 0;
        run_again(loop);
        run_deferred(loop);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
        .prepare = source_prepare,
        .check = source_check,
        .dispatch = source_dispatch,
};

int loop_new(Loop **ret) {
        Loop *loop = calloc(1, sizeof *loop);

        if (!loop)
                return -ENOMEM;
        loop->again_last = &loop->again_first;
        loop->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll < 0) {
                int err = -errno;

                free(loop);
                return err;
        }
        loop->main = g_main_loop_new(NULL, FALSE);
        loop->source = g_source_new(&source_funcs, sizeof(EpollSource));
        ((EpollSource *)loop->source)->loop = loop;
        (void)g_source_add_unix_fd(loop->source, loop->epoll, G_IO_IN);
        /* Or GLib takes the descriptor out and puts it back at each dispatch, with a wake-up each. */
        g_source_set_can_recurse(loop->source, TRUE);
        g_source_attach(loop->source, NULL);
        polled = loop;
        g_main_context_set_poll_func(NULL, poll_epoll);
        *ret = loop;
        return 0;
}

void loop_free(Loop *loop) {
        if (!loop)
                return;
        run_deferred(loop);
        g_main_context_set_poll_func(NULL, NULL);
        g_source_destroy(loop->source);
        g_source_unref(loop->source);
        g_main_loop_unref(loop->main);
        close(loop->epoll);
        free(loop);
}

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

void loop_remove(Loop *loop, Watch *watch) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        for (int i = 0; i < loop->n_batch; i++)
                if (loop->batch[i].data.ptr == watch)
                        loop->batch[i].data.ptr = NULL;
        if (!watch->queued)
                return;
        for (Watch **at = &loop->again_first; *at; at = &(*at)->next) {
                if (*at == watch) {
                        *at = watch->next;
                        if (loop->again_last == &watch->next)
                                loop->again_last = at;
                        break;
                }
        }
        watch->queued = false;
        watch->next = NULL;
}

void loop_again(Loop *loop, Watch *watch) {
        if (watch->queued)
                return;
        watch->queued = true;
        watch->next = NULL;
        *loop->again_last = watch;
        loop->again_last = &watch->next;
}

void loop_defer(Loop *loop, void *pointer, void (*destroy)(void *)) {
        Deferred *d = malloc(sizeof *d);

        if (!d)
                return; /* leaks what it was to free: better than a pointer into freed memory */
        *d = (Deferred){.next = loop->deferred, .pointer = pointer, .destroy = destroy};
        loop->deferred = d;
}

typedef struct Timer {
        void (*fire)(void *);
        void *data;
} Timer;

static gboolean timer_fire(gpointer data) {
        Timer *timer = data;

        timer->fire(timer->data);
        return G_SOURCE_REMOVE;
}

unsigned loop_after(Loop *loop ta_unused, unsigned milliseconds, void (*fire)(void *), void *data) {
        Timer *timer = g_new(Timer, 1);

        *timer = (Timer){fire, data};
        return g_timeout_add_full(G_PRIORITY_DEFAULT, milliseconds, timer_fire, timer, g_free);
}

void loop_cancel(Loop *loop ta_unused, unsigned *id) {
        if (*id)
                g_source_remove(*id);
        *id = 0;
}

void loop_run(Loop *loop) {
        g_main_loop_run(loop->main);
}

void loop_quit(Loop *loop) {
        g_main_loop_quit(loop->main);
}

uint64_t loop_now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
