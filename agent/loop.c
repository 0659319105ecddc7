/* SPDX-License-Identifier: ISC */
#include "agent/loop.h"

#include <errno.h>
#include <glib.h>
#include <time.h>
#include <unistd.h>

#define BATCH        64
#define TURNS_AT_ONCE 16 /* rounds of epoll before GLib's other sources are looked at */

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
        Deferred *deferred;
};

typedef struct EpollSource {
        GSource base;
        Loop *loop;
        void *tag;
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

static gboolean source_prepare(GSource *source, gint *timeout) {
        Loop *loop = ((EpollSource *)source)->loop;

        *timeout = -1;
        return loop->again_first != NULL;
}

static gboolean source_check(GSource *source) {
        EpollSource *s = (EpollSource *)source;

        return s->loop->again_first || g_source_query_unix_fd(source, s->tag) != 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc unused ta_unused,
                                gpointer data ta_unused) {
        Loop *loop = ((EpollSource *)source)->loop;

        for (int turn = 0; turn < TURNS_AT_ONCE; turn++) {
                loop->n_batch = epoll_wait(loop->epoll, loop->batch, BATCH, 0);
                if (loop->n_batch < 0)
                        loop->n_batch = 0;
                if (loop->n_batch == 0 && !loop->again_first)
                        break;
                for (int i = 0; i < loop->n_batch; i++) {
                        Watch *watch = loop->batch[i].data.ptr;

                        if (watch)
                                watch->ready(watch, loop->batch[i].events);
                }
                loop->n_batch = 0;
                run_again(loop);
                run_deferred(loop);
        }
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
        ((EpollSource *)loop->source)->tag = g_source_add_unix_fd(loop->source, loop->epoll, G_IO_IN);
        g_source_attach(loop->source, NULL);
        *ret = loop;
        return 0;
}

void loop_free(Loop *loop) {
        if (!loop)
                return;
        run_deferred(loop);
        g_source_destroy(loop->source);
        g_source_unref(loop->source);
        g_main_loop_unref(loop->main);
        close(loop->epoll);
        free(loop);
}

static int add(Loop *loop, Watch *watch, uint32_t events) {
        struct epoll_event event = {.events = events, .data.ptr = watch};

        return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

int loop_add(Loop *loop, Watch *watch) {
        return add(loop, watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int loop_add_listener(Loop *loop, Watch *watch) {
        return add(loop, watch, EPOLLIN);
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
