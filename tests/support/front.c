/* SPDX-License-Identifier: ISC */
/*
 * agent/loop.h, agent/launcher.h and agent/log.h as the front sees them, without epoll, processes
 * or words. What is defined here is not taken from libtagent.a.
 */
#include "tests/support/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keeper/serve.h"
#include "agent/launcher.h"
#include "agent/log.h"
#include "agent/server.h"
#include "lib/secret.h"

#define WATCHES_MAX 4096

struct Loop {
        Watch *watches[WATCHES_MAX]; /* NULL: removed */
        bool blind[WATCHES_MAX];     /* it was removed, and has asked for a turn */
        size_t n_watches;
        Watch *retired;
        Timer *timers; /* in no order */
        uint64_t now_ms;
};

static Loop loop;
static Agent agent;
static struct sockaddr_un address; /* of the listener */
static socklen_t address_len;
static int launcher = -1; /* our end */
static bool asked;        /* a question is shown */
static uint32_t question;
static struct {
        int link;
        int body;
        Vault *vault;
        bool ready; /* it has said its first word */
} keepers[FRONT_KEEPERS];
static bool hellos_held;
static const char *awaited_words; /* in the log; NULL: none */
static unsigned n_awaited;
static uint8_t reported_level;

/* --- agent/log.h --- */

void log_open(int to_stderr ta_unused, int debug ta_unused) {
}

int log_wants(LogLevel level ta_unused) {
        return 0;
}

void log_line(LogLevel level ta_unused, const char *format, ...) {
        char line[256];
        va_list args;

        if (!awaited_words)
                return;
        va_start(args, format);
        (void)vsnprintf(line, sizeof line, format, args);
        va_end(args);
        n_awaited += strstr(line, awaited_words) != NULL;
}

void front_await_words(const char *words) {
        awaited_words = words;
        n_awaited = 0;
}

unsigned front_times_said(void) {
        return n_awaited;
}

/* --- agent/loop.h --- */

int loop_new(Loop **ret) {
        *ret = &loop;
        return 0;
}

static void free_retired(void) {
        while (loop.retired) {
                Watch *watch = loop.retired;

                loop.retired = watch->next;
                free(watch);
        }
}

void loop_free(Loop *l ta_unused) {
        free_retired();
        ta_bug_on(loop.timers); /* whoever set it is gone, or should have cancelled it */
        loop.n_watches = 0;
}

int loop_add(Loop *l ta_unused, Watch *watch, uint32_t events) {
        size_t i = 0;

        while (i < loop.n_watches && loop.watches[i])
                i++;
        if (i == WATCHES_MAX)
                return -ENOSPC;
        if (i == loop.n_watches)
                loop.n_watches++;
        loop.watches[i] = watch;
        loop.blind[i] = false;
        watch->interest = events;
        return 0;
}

void loop_interest(Loop *l ta_unused, Watch *watch, uint32_t events) {
        watch->interest = events;
}

void loop_remove(Loop *l ta_unused, Watch *watch) {
        for (size_t i = 0; i < loop.n_watches; i++)
                if (loop.watches[i] == watch)
                        loop.watches[i] = NULL;
        watch->queued = false;
}

void loop_again(Loop *l, Watch *watch) {
        size_t i = 0;

        watch->queued = true;
        while (i < loop.n_watches && loop.watches[i] != watch)
                i++;
        if (i < loop.n_watches)
                return;
        ta_bug_on(loop_add(l, watch, 0) < 0);
        for (i = 0; loop.watches[i] != watch;)
                i++;
        loop.blind[i] = true;
}

void loop_retire(Loop *l, Watch *watch) {
        loop_remove(l, watch);
        watch->next = loop.retired;
        loop.retired = watch;
}

void loop_after(Loop *l, Timer *timer, unsigned milliseconds) {
        loop_cancel(l, timer);
        timer->set = true;
        timer->due_ms = loop.now_ms + milliseconds;
        timer->prev = NULL;
        timer->next = loop.timers;
        if (timer->next)
                timer->next->prev = timer;
        loop.timers = timer;
}

void loop_cancel(Loop *l ta_unused, Timer *timer) {
        if (!timer->set)
                return;
        *(timer->prev ? &timer->prev->next : &loop.timers) = timer->next;
        if (timer->next)
                timer->next->prev = timer->prev;
        timer->set = false;
}

void loop_run(Loop *l ta_unused) {
}

void loop_quit(Loop *l ta_unused) {
}

uint64_t loop_now_ms(void) {
        return loop.now_ms;
}

static Timer *next_timer(uint64_t until) {
        Timer *next = NULL;

        for (Timer *t = loop.timers; t; t = t->next)
                if (t->due_ms <= until && (!next || t->due_ms < next->due_ms))
                        next = t;
        return next;
}

bool front_wait(uint64_t milliseconds) {
        uint64_t until = loop.now_ms + milliseconds;
        bool fired = false;
        Timer *next;

        while ((next = next_timer(until))) {
                if (next->due_ms > loop.now_ms)
                        loop.now_ms = next->due_ms;
                loop_cancel(&loop, next);
                next->fire(next->data);
                free_retired();
                fired = true;
        }
        loop.now_ms = until;
        return fired;
}

bool front_turn(void) {
        static struct pollfd fds[WATCHES_MAX];
        size_t n = loop.n_watches;
        bool any = false;

        for (size_t i = 0; i < n; i++)
                fds[i] = loop.watches[i] && !loop.blind[i]
                                 ? (struct pollfd){.fd = loop.watches[i]->fd,
                                                   .events = (short)loop.watches[i]->interest}
                                 : (struct pollfd){.fd = -1};
        (void)poll(fds, n, 0);
        for (size_t i = 0; i < n; i++) {
                Watch *watch = loop.watches[i];

                if (!watch || (!fds[i].revents && !watch->queued) ||
                    (watch->fd != fds[i].fd && !(fds[i].fd < 0 && loop.blind[i])))
                        continue;
                any = true;
                watch->queued = false;
                watch->ready(watch, (uint32_t)fds[i].revents);
        }
        free_retired();
        return any;
}

/* --- agent/launcher.h --- */

int launcher_start(void) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        launcher = ends[1];
        return ends[0];
}

/* The front has closed its end: the keeper would notice and end. */
static bool abandoned(unsigned keeper) {
        struct pollfd p = {.fd = keepers[keeper].link};

        return p.fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static void start_keeper(int link, int body) {
        for (unsigned i = 0; i < FRONT_KEEPERS; i++) {
                if (abandoned(i))
                        front_keeper_end(i);
                if (keepers[i].link >= 0)
                        continue;
                keepers[i].link = dup(link);
                keepers[i].body = dup(body);
                ta_bug_on(keepers[i].link < 0 || keepers[i].body < 0 || vault_new(&keepers[i].vault) < 0);
                keepers[i].ready = false;
                if (!hellos_held)
                        front_keeper_hello(i);
                return;
        }
        abort(); /* the front wants more keepers than there are */
}

int launcher_send(int socket ta_unused, TaBytes request, const int *fds, size_t n_fds) {
        TaReader r = ta_reader(request);
        uint8_t op = ta_read_u8(&r);
        uint32_t id = ta_read_u32(&r);

        if (op == LAUNCH_KEEPERS) {
                for (size_t i = 0; i + 1 < n_fds; i += 2)
                        start_keeper(fds[i], fds[i + 1]);
        } else if (op == LAUNCH_ASK) {
                ta_bug_on(asked); /* one question at a time */
                asked = true;
                question = id;
        } else if (op == LAUNCH_END && asked && question == id) {
                (void)front_answer(0x0f, ""); /* ended by SIGTERM */
        }
        return 0;
}

bool front_answer(uint32_t status, const char *output) {
        uint8_t buf[LAUNCH_MAX];
        TaWriter w = ta_writer(buf, sizeof buf);

        if (!asked)
                return false;
        asked = false;
        ta_write_u8(&w, LAUNCH_ENDED);
        ta_write_u32(&w, question);
        ta_write_u32(&w, status);
        ta_write_cstring(&w, output);
        ta_bug_on(send(launcher, buf, w.len, 0) < 0);
        return true;
}

void front_launcher_say(TaBytes datagram) {
        ta_bug_on(send(launcher, datagram.data, datagram.len, MSG_NOSIGNAL) < 0);
}

/* --- keepers --- */

void front_hold_hellos(bool hold) {
        hellos_held = hold;
}

void front_set_level(unsigned level) {
        reported_level = (uint8_t)level;
}

void front_keeper_hello(unsigned keeper) {
        uint8_t hello[LINK_HELLO];
        TaWriter w = ta_writer(hello, sizeof hello);

        if (keepers[keeper].link < 0)
                return;
        link_reply_header(&w, 0, 0);
        ta_write_u8(&w, reported_level);
        ta_write_raw(&w, (TaBytes){vault_public_key(keepers[keeper].vault), LINK_KEY});
        front_keeper_say(keeper, ta_written(&w));
        keepers[keeper].ready = true;
}

void front_keeper_end(unsigned keeper) {
        ta_closep(&keepers[keeper].link);
        ta_closep(&keepers[keeper].body);
        vault_free(ta_steal(&keepers[keeper].vault));
}

void front_keeper_say(unsigned keeper, TaBytes datagram) {
        if (keepers[keeper].link >= 0)
                (void)send(keepers[keeper].link, datagram.data, datagram.len,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool front_keeper_work(unsigned keeper) {
        static uint8_t in[LINK_MAX], out[LINK_MAX];
        TaWriter w = ta_writer(out, sizeof out);
        size_t body;
        ssize_t n;

        if (keepers[keeper].link < 0 || !keepers[keeper].ready)
                return false;
        n = recv(keepers[keeper].link, in, sizeof in, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return false;
        if (n > 0 && link_job_has_body((TaBytes){in, (size_t)n}, &body)) {
                ta_bug_on(read(keepers[keeper].body, in + LINK_JOB_HEADER, body) != (ssize_t)body);
                n = (ssize_t)(LINK_JOB_HEADER + body);
        }
        if (n > 0)
                (void)vault_expire(keepers[keeper].vault, loop.now_ms);
        if (n <= 0 || serve(keepers[keeper].vault, (TaBytes){in, (size_t)n}, &w) < 0)
                front_keeper_end(keeper);
        else if (w.len > 0)
                front_keeper_say(keeper, ta_written(&w));
        return true;
}

void front_flip(unsigned keeper, uint32_t id) {
        const TaKey *key;

        ta_bug_on(vault_find(keepers[keeper].vault, id, &key) < 0);
        *(uint8_t *)key->private ^= 1;
}

unsigned front_held(unsigned keeper) {
        unsigned n = 0;
        const TaKey *key;

        for (uint32_t id = 1; keepers[keeper].vault && id < 10000; id++) {
                vault_commit(keepers[keeper].vault, id, 0); /* or it would not be found */
                n += vault_find(keepers[keeper].vault, id, &key) == 0;
        }
        return n;
}

bool front_agrees(void) {
        for (unsigned i = 0; i < FRONT_KEEPERS; i++) {
                const TaKey *key;

                if (keepers[i].vault &&
                    agent.locked != (vault_find(keepers[i].vault, UINT32_MAX, &key) == TA_E_LOCKED))
                        return false;
        }
        return true;
}

/* --- all of it --- */

/* At a name that the kernel chooses, outside the file system. */
static int listener(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        address_len = sizeof address;
        ta_bug_on(fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) < 0 ||
                  getsockname(fd, (struct sockaddr *)&address, &address_len) < 0 ||
                  listen(fd, 64) < 0);
        return fd;
}

Agent *front_new(void) {
        (void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
        (void)signal(SIGPIPE, SIG_IGN); /* as agent/main.c does */
        loop.now_ms = 1000000;
        asked = hellos_held = false;
        awaited_words = NULL;
        reported_level = TA_SECRET_LOCKED;
        for (unsigned i = 0; i < FRONT_KEEPERS; i++)
                keepers[i].link = keepers[i].body = -1;
        agent = (Agent){0};
        ta_bug_on(agent_start(&agent, listener()) < 0);
        front_settle();
        return &agent;
}

void front_free(void) {
        agent_stop(&agent);
        for (unsigned i = 0; i < FRONT_KEEPERS; i++)
                front_keeper_end(i);
        ta_closep(&launcher);
}

int front_connect(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ta_bug_on(fd < 0 || connect(fd, (struct sockaddr *)&address, address_len) < 0);
        return fd;
}

void front_say(int fd, TaBytes message) {
        static uint8_t whole[4 + TA_MSG_MAX];
        TaWriter w = ta_writer(whole, sizeof whole);

        ta_write_string(&w, message);
        for (size_t done = 0; done < w.len;) {
                ssize_t n = send(fd, whole + done, w.len - done, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        return; /* the connection was dropped */
                done += n > 0 ? (size_t)n : 0;
                while (front_turn())
                        ;
        }
}

uint8_t front_reply(int fd) {
        uint8_t buf[4096] = {0};

        return recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 4 ? buf[4] : 0;
}

void front_settle(void) {
        bool any;

        do {
                any = front_turn();
                for (unsigned i = 0; i < FRONT_KEEPERS; i++)
                        any |= front_keeper_work(i);
        } while (any);
}
