/* SPDX-License-Identifier: ISC */
/* Speaks the protocol from the outside only: no code of an agent's, no more work per request than
 * a send, a receive and eight changed bytes. */
#include "bench/clients.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/proto.h"

#define WAIT_SECONDS 2

const TaBytes list_frame = {(const uint8_t[]){0, 0, 0, 1, SSH_AGENTC_REQUEST_IDENTITIES}, 5};

TaBytes frame_seal(TaWriter *w) {
        uint32_t len = (uint32_t)w->len - 4;

        ta_bug_on(w->err || w->len < 4);
        w->data[0] = (uint8_t)(len >> 24);
        w->data[1] = (uint8_t)(len >> 16);
        w->data[2] = (uint8_t)(len >> 8);
        w->data[3] = (uint8_t)len;
        return ta_written(w);
}

void sign_frame_init(SignFrame *f, const BenchKey *key) {
        TaWriter w = ta_writer(f->bytes, sizeof f->bytes);
        uint8_t session[32];
        size_t mark, start;

        randombytes_buf(session, sizeof session);
        ta_write_u32(&w, 0);
        ta_write_u8(&w, SSH_AGENTC_SIGN_REQUEST);
        ta_write_string(&w, bench_key_blob(key));
        mark = ta_write_begin(&w);
        start = w.len;
        ta_write_string(&w, (TaBytes){session, sizeof session});
        ta_write_u8(&w, 50); /* SSH_MSG_USERAUTH_REQUEST */
        ta_write_cstring(&w, "bench");
        ta_write_cstring(&w, "ssh-connection");
        ta_write_cstring(&w, "publickey");
        ta_write_u8(&w, 1);
        ta_write_cstring(&w, bench_key_algorithm(key));
        ta_write_string(&w, bench_key_blob(key));
        ta_write_finish(&w, mark);
        f->data = (TaBytes){f->bytes + start, w.len - start};
        f->nonce = f->bytes + start + 4;
        ta_write_u32(&w, bench_key_flags(key));
        f->len = frame_seal(&w).len;
        f->key = key;
        f->count = 0;
}

void sign_frame_next(SignFrame *f) {
        f->count++;
        memcpy(f->nonce, &f->count, sizeof f->count);
}

bool sign_answer(TaBytes answer, TaBytes *ret_signature) {
        TaReader r = ta_reader(answer);
        uint8_t type = ta_read_u8(&r);
        TaBytes signature = ta_read_string(&r);

        if (ta_read_end(&r) || type != SSH_AGENT_SIGN_RESPONSE)
                return false;
        *ret_signature = signature;
        return true;
}

bool list_answer(TaBytes answer, uint32_t *ret_count) {
        TaReader r = ta_reader(answer);
        uint8_t type = ta_read_u8(&r);
        uint32_t count = ta_read_u32(&r);

        if (r.err || type != SSH_AGENT_IDENTITIES_ANSWER)
                return false;
        *ret_count = count;
        return true;
}

static int address(const char *path, struct sockaddr_un *ret) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        if (strlen(path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        memcpy(a.sun_path, path, strlen(path));
        *ret = a;
        return 0;
}

int client_open(const char *socket_path, Client *ret) {
        const struct timeval limit = {.tv_sec = WAIT_SECONDS};
        ta_cleanup(ta_closep) int fd = -1;
        struct sockaddr_un a;
        int err = address(socket_path, &a);

        if (err)
                return err;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit))
                return -errno;
        if (connect(fd, (const struct sockaddr *)&a, sizeof a))
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        *ret = (Client){.fd = fd};
        fd = -1;
        return 0;
}

void client_close(Client *c) {
        ta_closep(&c->fd);
        free(c->in);
        free(c->frame);
        *c = (Client){.fd = -1};
}

int client_send(Client *c, TaBytes bytes) {
        while (bytes.len) {
                ssize_t n = send(c->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                bytes.data += n;
                bytes.len -= (size_t)n;
        }
        return 0;
}

/* One recv(2). 1: the answer is whole, 0: more is needed, else an error. */
static int client_receive(Client *c, TaBytes *ret_answer) {
        size_t want;
        ssize_t n;

        if (c->in_len == c->in_cap) {
                size_t cap = c->in_cap ? c->in_cap * 4 : 4096;
                uint8_t *more = cap > ANSWER_MAX ? NULL : realloc(c->in, cap);

                if (!more)
                        return -ENOMEM;
                c->in = more;
                c->in_cap = cap;
        }
        n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        c->in_len += (size_t)n;
        if (c->in_len < 4)
                return 0;
        want = (size_t)c->in[0] << 24 | (size_t)c->in[1] << 16 | (size_t)c->in[2] << 8 | c->in[3];
        if (want == 0 || want > ANSWER_MAX || c->in_len > 4 + want)
                return TA_E_PROTOCOL;
        if (c->in_len < 4 + want)
                return 0;
        *ret_answer = (TaBytes){c->in + 4, want};
        c->in_len = 0;
        return 1;
}

int client_ask(Client *c, TaBytes frame, TaBytes *ret_answer) {
        int err = client_send(c, frame);

        while (!err)
                err = client_receive(c, ret_answer);
        if (err == 1)
                return 0;
        return err == -EAGAIN ? -ETIMEDOUT : err;
}

static void count_error(Tally *t, int err) {
        if (err == -ETIMEDOUT)
                t->late++;
        else
                t->failed++;
}

void run_latency(const char *socket_path, const BenchKey *key, uint64_t end_ns, Latencies *l,
                 Samples *s, Tally *t) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        SignFrame frame;
        TaBytes answer, signature;
        uint64_t start;
        int err;

        sign_frame_init(&frame, key);
        err = client_open(socket_path, &c);
        if (err) {
                if (err == -ETIMEDOUT)
                        t->late++;
                else
                        t->refused++;
                return;
        }
        do {
                sign_frame_next(&frame);
                start = now_ns();
                err = client_ask(&c, (TaBytes){frame.bytes, frame.len}, &answer);
                if (!latencies_add(l, now_ns() - start))
                        return;
                if (err) {
                        count_error(t, err);
                        return;
                }
                if (sign_answer(answer, &signature)) {
                        t->ok++;
                        samples_offer(s, key, frame.data, signature);
                } else {
                        t->failed++;
                }
        } while (start < end_ns);
}

static int client_watch(int epoll, Client *c, uint32_t index) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

        return epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) ? -errno : 0;
}

static int client_sign(Client *c) {
        sign_frame_next(c->frame);
        c->sent_ns = now_ns();
        return client_send(c, (TaBytes){c->frame->bytes, c->frame->len});
}

void run_throughput(const char *socket_path, const BenchKey *key, size_t n, uint64_t end_ns,
                    const atomic_bool *stop, Latencies *l, Samples *s, Tally *t) {
        ta_cleanup(ta_closep) int epoll = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event events[256];
        uint64_t heard = now_ns();
        size_t alive = 0;
        Crowd crowd;

        if (epoll < 0 || crowd_open(socket_path, n, &crowd)) {
                t->refused += n;
                return;
        }
        for (uint32_t i = 0; i < n; i++) {
                Client *c = &crowd.at[i];

                c->frame = malloc(sizeof *c->frame);
                if (!c->frame)
                        continue;
                sign_frame_init(c->frame, key);
                if (client_watch(epoll, c, i) || client_sign(c))
                        t->failed++;
                else
                        alive++;
        }
        while (alive && now_ns() < end_ns && !(stop && atomic_load(stop))) {
                int ready = epoll_wait(epoll, events, TA_N_ELEMENTS(events), 100);

                if (ready > 0)
                        heard = now_ns();
                else if (now_ns() - heard > WAIT_SECONDS * 1000000000ull)
                        break;
                for (int i = 0; i < ready; i++) {
                        Client *c = &crowd.at[events[i].data.u32];
                        TaBytes answer, signature;
                        int got = client_receive(c, &answer);

                        if (got == 1 && sign_answer(answer, &signature)) {
                                t->ok++;
                                latencies_add(l, now_ns() - c->sent_ns);
                                samples_offer(s, key, c->frame->data, signature);
                        } else if (got == 1) {
                                t->failed++;
                        }
                        if ((got == 1 && client_sign(c)) || (got < 0 && got != -EAGAIN)) {
                                t->failed++;
                                alive--;
                                ta_closep(&c->fd);
                        }
                }
        }
        if (now_ns() - heard > WAIT_SECONDS * 1000000000ull)
                t->late += alive;
        crowd_close(&crowd);
}

enum { STORM_OUTSIDE, STORM_LISTS, STORM_SIGNS, STORM_DONE };

typedef struct Storm {
        struct sockaddr_un address;
        int epoll;
        Client *at;
        size_t n, done;
        const BenchKey *key;
        Samples *samples;
        Tally *tally;
} Storm;

static void storm_leave(Storm *storm, Client *c) {
        client_close(c);
        c->step = STORM_DONE;
        storm->done++;
}

/* -EAGAIN: the backlog is full. */
static int storm_enter(Storm *storm, uint32_t index) {
        Client *c = &storm->at[index];
        int err;

        if (c->fd < 0)
                c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd >= 0 &&
            connect(c->fd, (struct sockaddr *)&storm->address, sizeof storm->address) &&
            errno == EAGAIN)
                return -EAGAIN;
        if (c->fd < 0 || (err = client_watch(storm->epoll, c, index)) ||
            (err = client_send(c, list_frame))) {
                storm->tally->refused++;
                storm_leave(storm, c);
                return 0;
        }
        c->step = STORM_LISTS;
        return 0;
}

static void storm_hear(Storm *storm, Client *c) {
        TaBytes answer, signature;
        uint32_t count;
        int got;

        if (c->step == STORM_DONE)
                return;
        got = client_receive(c, &answer);
        if (got == 0 || got == -EAGAIN)
                return;
        if (got == 1 && c->step == STORM_LISTS && list_answer(answer, &count)) {
                c->frame = malloc(sizeof *c->frame);
                if (c->frame) {
                        sign_frame_init(c->frame, storm->key);
                        c->step = STORM_SIGNS;
                        if (!client_sign(c))
                                return;
                }
        } else if (got == 1 && c->step == STORM_SIGNS && sign_answer(answer, &signature)) {
                samples_offer(storm->samples, storm->key, c->frame->data, signature);
                storm->tally->ok++;
                storm_leave(storm, c);
                return;
        }
        storm->tally->failed++;
        storm_leave(storm, c);
}

uint64_t run_storm(const char *socket_path, const BenchKey *key, size_t n, uint64_t limit_ns,
                   Samples *s, Tally *t) {
        ta_cleanup(ta_closep) int epoll = epoll_create1(EPOLL_CLOEXEC);
        ta_cleanup(ta_freep) Client *at = calloc(n, sizeof *at);
        ta_cleanup(ta_freep) uint32_t *outside = calloc(n, sizeof *outside);
        Storm storm = {.epoll = epoll, .at = at, .n = n, .key = key, .samples = s, .tally = t};
        struct epoll_event events[256];
        size_t n_outside = 0, next = 0;
        uint64_t start = now_ns();

        if (epoll < 0 || !at || !outside || address(socket_path, &storm.address)) {
                t->refused += n;
                return 0;
        }
        for (uint32_t i = 0; i < n; i++)
                at[i].fd = -1;
        for (uint32_t i = 0; i < n; i++)
                if (storm_enter(&storm, i) == -EAGAIN)
                        outside[n_outside++] = i;
        t->turned_away += n_outside;
        while (storm.done < n && now_ns() - start < limit_ns) {
                int ready = epoll_wait(epoll, events, TA_N_ELEMENTS(events),
                                       next < n_outside ? 1 : 100);

                for (int i = 0; i < ready; i++)
                        storm_hear(&storm, &at[events[i].data.u32]);
                /* First come, first served: when one finds no place, nor would those behind it. */
                while (next < n_outside && storm_enter(&storm, outside[next]) != -EAGAIN)
                        next++;
        }
        start = now_ns() - start;
        t->late += n - storm.done;
        for (uint32_t i = 0; i < n; i++)
                client_close(&at[i]);
        return start;
}

int crowd_open(const char *socket_path, size_t n, Crowd *ret) {
        Crowd crowd = {.at = calloc(n, sizeof *crowd.at)};
        int err = crowd.at ? 0 : -ENOMEM;

        while (!err && crowd.n < n) {
                err = client_open(socket_path, &crowd.at[crowd.n]);
                if (!err)
                        crowd.n++;
        }
        if (err)
                crowd_close(&crowd);
        else
                *ret = crowd;
        return err;
}

void crowd_close(Crowd *crowd) {
        for (size_t i = 0; i < crowd->n; i++)
                client_close(&crowd->at[i]);
        free(crowd->at);
        *crowd = (Crowd){0};
}

void crowd_send_half(Crowd *crowd, const BenchKey *key) {
        SignFrame frame;

        sign_frame_init(&frame, key);
        for (size_t i = 0; i < crowd->n; i++)
                if (client_send(&crowd->at[i], (TaBytes){frame.bytes, frame.len / 2}))
                        ta_closep(&crowd->at[i].fd);
}

uint64_t crowd_pipeline(Crowd *crowd, const BenchKey *key, size_t most) {
        ta_cleanup(ta_freep) size_t *sent = calloc(crowd->n, sizeof *sent);
        uint64_t start = now_ns(), moved = start, total = 0;
        SignFrame frame;

        sign_frame_init(&frame, key);
        /* Until nothing has moved for a while. */
        while (sent && now_ns() - moved < 50000000u && now_ns() - start < 3000000000u) {
                for (size_t i = 0; i < crowd->n; i++) {
                        size_t at = sent[i] % frame.len;
                        ssize_t n;

                        if (crowd->at[i].fd < 0 || sent[i] >= most * frame.len)
                                continue;
                        n = send(crowd->at[i].fd, frame.bytes + at, frame.len - at,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
                        if (n > 0) {
                                sent[i] += (size_t)n;
                                total += (size_t)n;
                                moved = now_ns();
                        } else if (errno != EAGAIN && errno != EINTR) {
                                ta_closep(&crowd->at[i].fd);
                        }
                }
                if (now_ns() - moved > 1000000u)
                        poll(NULL, 0, 1);
        }
        return total;
}

size_t crowd_waiting(const Crowd *crowd) {
        size_t waiting = 0;

        for (size_t i = 0; i < crowd->n; i++) {
                uint8_t byte;

                if (crowd->at[i].fd < 0)
                        continue;
                if (recv(crowd->at[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
                        waiting++;
        }
        return waiting;
}
