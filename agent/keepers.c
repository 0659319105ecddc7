/* SPDX-License-Identifier: ISC */
#include "agent/keepers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/launcher.h"
#include "agent/link.h"
#include "agent/log.h"
#include "lib/secret.h"

#define N_MAX        4
#define DEPTH        8      /* jobs that one keeper may have before others wait in the front */
#define READY_WAIT_MS 10000 /* for a keeper's first word */
#define RESTARTS_MAX 5      /* deaths in a row that follow each other within a minute */
#define RESTART_SPAN_MS 60000

struct KeeperJob {
        KeeperDone done; /* NULL: forgotten */
        void *data;
        uint32_t id;
        bool slow;
        unsigned waiting_for; /* keepers that have not answered yet */
        int status;           /* the first failure */
        uint8_t *contents;    /* of the first answer, while others are awaited */
        size_t contents_len;
        KeeperJob *next;      /* in the queue of what no keeper has taken yet */
        uint8_t *bytes;       /* the datagram, while it is in that queue */
        size_t len;
};

/* Bytes that a keeper's socket did not take; in secret memory, since some carry keys. */
typedef struct Unsent {
        struct Unsent *next;
        size_t len;
        uint8_t bytes[];
} Unsent;

typedef struct Keeper {
        Watch watch;
        Keepers *keepers;
        KeeperJob **flight; /* in the order of their answers, a ring; broadcasts may exceed DEPTH */
        unsigned first, n_flight, flight_cap;
        unsigned n_slow;
        Unsent *unsent, **unsent_last;
} Keeper;

struct Keepers {
        Loop *loop;
        int launcher;
        unsigned n;
        Keeper keeper[N_MAX];
        uint32_t next_job, next_key;
        KeeperJob *waiting, **waiting_last;           /* quick ones */
        KeeperJob *waiting_slow, **waiting_slow_last; /* slow ones */
        void (*lost)(void *);
        void *data;
        unsigned level;
        unsigned deaths;
        uint64_t first_death_ms;
        bool failing; /* inside all_lost(): who hears of it cannot begin another job */
        uint8_t in[LINK_MAX];
};

static void all_lost(Keepers *keepers);

/* ---- one keeper ------------------------------------------------------------------------- */

static void keeper_clear(Keeper *keeper) {
        if (keeper->watch.fd >= 0) {
                loop_remove(keeper->keepers->loop, &keeper->watch);
                close(keeper->watch.fd);
                keeper->watch.fd = -1;
        }
        while (keeper->unsent) {
                Unsent *next = keeper->unsent->next;

                ta_secret_free(keeper->unsent);
                keeper->unsent = next;
        }
        keeper->unsent_last = &keeper->unsent;
        keeper->first = keeper->n_flight = keeper->n_slow = 0;
}

static Unsent *unsent_new(TaBytes header, TaBytes contents) {
        Unsent *unsent = ta_secret_alloc(sizeof *unsent + header.len + contents.len);

        if (!unsent)
                return NULL;
        unsent->len = header.len + contents.len;
        memcpy(unsent->bytes, header.data, header.len);
        if (contents.len > 0)
                memcpy(unsent->bytes + header.len, contents.data, contents.len);
        return unsent;
}

static void keeper_keep(Keeper *keeper, Unsent *unsent) {
        *keeper->unsent_last = unsent;
        keeper->unsent_last = &unsent->next;
        loop_interest(keeper->keepers->loop, &keeper->watch, EPOLLIN | EPOLLOUT);
}

/* Sends header and contents as one datagram. false: it must wait. */
static bool keeper_send_now(Keeper *keeper, TaBytes header, TaBytes contents) {
        struct iovec iov[2] = {{(void *)(uintptr_t)header.data, header.len},
                               {(void *)(uintptr_t)contents.data, contents.len}};
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

        if (keeper->unsent)
                return false;
        if (sendmsg(keeper->watch.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return true;
        return errno != EAGAIN && errno != EINTR; /* it is dying; its end of file tells the rest */
}

/* Sends a datagram, or keeps it for later, in order. TA_E_FULL. */
static int keeper_send(Keeper *keeper, TaBytes header, TaBytes contents) {
        Unsent *unsent;

        if (keeper_send_now(keeper, header, contents))
                return 0;
        unsent = unsent_new(header, contents);
        if (!unsent)
                return TA_E_FULL;
        keeper_keep(keeper, unsent);
        return 0;
}

static void keeper_flush(Keeper *keeper) {
        while (keeper->unsent) {
                Unsent *u = keeper->unsent;

                if (send(keeper->watch.fd, u->bytes, u->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                    (errno == EAGAIN || errno == EINTR))
                        return;
                keeper->unsent = u->next;
                if (!keeper->unsent)
                        keeper->unsent_last = &keeper->unsent;
                ta_secret_free(u);
        }
        loop_interest(keeper->keepers->loop, &keeper->watch, EPOLLIN);
}

/* Room for one more job in flight: as many as there are clients that add keys. */
static bool keeper_make_room(Keeper *keeper) {
        unsigned cap = keeper->flight_cap ? 2 * keeper->flight_cap : 2 * DEPTH;
        KeeperJob **flight;

        if (keeper->n_flight < keeper->flight_cap)
                return true;
        flight = calloc(cap, sizeof(KeeperJob *));
        if (!flight)
                return false;
        for (unsigned i = 0; i < keeper->n_flight; i++)
                flight[i] = keeper->flight[(keeper->first + i) % keeper->flight_cap];
        free(keeper->flight);
        keeper->flight = flight;
        keeper->flight_cap = cap;
        keeper->first = 0;
        return true;
}

static void keeper_expect(Keeper *keeper, KeeperJob *job) {
        ta_bug_on(keeper->n_flight >= keeper->flight_cap);
        keeper->flight[(keeper->first + keeper->n_flight) % keeper->flight_cap] = job;
        keeper->n_flight++;
        keeper->n_slow += job->slow;
}

/* ---- jobs ------------------------------------------------------------------------------- */

static void job_free(KeeperJob *job) {
        free(job->contents);
        free(job->bytes);
        free(job);
}

static void job_done(KeeperJob *job, int status, TaBytes contents) {
        if (job->done)
                job->done(job->data, status, contents);
        job_free(job);
}

static KeeperJob *job_new(Keepers *keepers, KeeperDone done, void *data) {
        KeeperJob *job = calloc(1, sizeof *job);

        if (!job)
                return NULL;
        job->done = done;
        job->data = data;
        job->id = ++keepers->next_job;
        if (job->id == 0)
                job->id = ++keepers->next_job; /* 0 is the keeper's first word */
        return job;
}

void keepers_forget(KeeperJob *job) {
        if (job)
                job->done = NULL;
}

/* The keeper that takes a job of this kind now; NULL: it waits. */
static Keeper *keeper_for(Keepers *keepers, bool slow) {
        Keeper *best = NULL;
        unsigned free_of_slow = 0;

        for (unsigned i = 0; i < keepers->n; i++)
                free_of_slow += keepers->keeper[i].n_slow == 0;
        if (slow && free_of_slow <= 1 && keepers->n > 1)
                return NULL;
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                if (k->watch.fd < 0 || k->n_flight >= DEPTH || (k->n_slow > 0 && keepers->n > 1) ||
                    !keeper_make_room(k))
                        continue;
                if (slow && k->n_slow > 0)
                        continue;
                if (!best || k->n_flight < best->n_flight ||
                    (slow && k->n_flight == best->n_flight)) /* the last: quick ones start at 0 */
                        best = k;
        }
        return best;
}

static void job_queue(KeeperJob *job, KeeperJob ***last) {
        job->next = NULL;
        **last = job;
        *last = &job->next;
}

static void pump_queue(Keepers *keepers, KeeperJob **queue, KeeperJob ***last, bool slow) {
        while (*queue) {
                KeeperJob *job = *queue;
                Keeper *k;

                if (job->done) {
                        k = keeper_for(keepers, slow);
                        if (!k)
                                return;
                        if (keeper_send(k, (TaBytes){job->bytes, job->len}, (TaBytes){0}) < 0)
                                return; /* the arena is full now; the next answer tries again */
                        keeper_expect(k, job);
                }
                *queue = job->next;
                if (!*queue)
                        *last = queue;
                if (job->done) {
                        free(ta_steal(&job->bytes));
                } else {
                        job_free(job);
                }
        }
}

static void pump(Keepers *keepers) {
        pump_queue(keepers, &keepers->waiting, &keepers->waiting_last, false);
        pump_queue(keepers, &keepers->waiting_slow, &keepers->waiting_slow_last, true);
}

KeeperJob *keepers_sign(Keepers *keepers, uint32_t id, bool slow, uint32_t flags, TaBytes data,
                        KeeperDone done, void *arg) {
        KeeperJob ***last = slow ? &keepers->waiting_slow_last : &keepers->waiting_last;
        bool nobody_waits = slow ? !keepers->waiting_slow : !keepers->waiting;
        uint8_t header[LINK_JOB_HEADER + 4];
        KeeperJob *job = keepers->failing ? NULL : job_new(keepers, done, arg);
        Keeper *k = NULL;
        TaWriter w;

        if (!job || keepers->keeper[0].watch.fd < 0) { /* none is left, or could be started */
                free(job);
                return NULL;
        }
        job->slow = slow;
        job->waiting_for = 1;
        link_job_header(header, LINK_SIGN, job->id, id);
        w = ta_writer(header + LINK_JOB_HEADER, 4);
        ta_write_u32(&w, flags);

        if (nobody_waits)
                k = keeper_for(keepers, slow);
        if (k && keeper_send(k, (TaBytes){header, sizeof header}, data) == 0) {
                keeper_expect(k, job);
                return job;
        }
        job->len = sizeof header + data.len;
        job->bytes = malloc(job->len);
        if (!job->bytes) {
                job_free(job);
                return NULL;
        }
        memcpy(job->bytes, header, sizeof header);
        if (data.len > 0)
                memcpy(job->bytes + sizeof header, data.data, data.len);
        job_queue(job, last);
        return job;
}

/* To every keeper or to none, so that they never disagree; the job is done when the last has
 * answered. */
static KeeperJob *broadcast(Keepers *keepers, uint8_t op, uint32_t id, TaBytes contents,
                            KeeperDone done, void *data) {
        uint8_t header[LINK_JOB_HEADER];
        Unsent *copies[N_MAX] = {NULL};
        KeeperJob *job;
        bool room = true;

        if (keepers->failing)
                return NULL;
        job = job_new(keepers, done, data);
        if (!job)
                return NULL;
        link_job_header(header, op, job->id, id);
        for (unsigned i = 0; i < keepers->n && room; i++) {
                Keeper *k = &keepers->keeper[i];

                copies[i] = unsent_new((TaBytes){header, sizeof header}, contents);
                room = copies[i] && k->watch.fd >= 0 && keeper_make_room(k);
        }
        for (unsigned i = 0; i < keepers->n && room; i++) {
                Keeper *k = &keepers->keeper[i];

                if (!keeper_send_now(k, (TaBytes){copies[i]->bytes, copies[i]->len}, (TaBytes){0}))
                        keeper_keep(k, ta_steal(&copies[i]));
                keeper_expect(k, job);
                job->waiting_for++;
        }
        for (unsigned i = 0; i < keepers->n; i++)
                ta_secret_free(copies[i]);
        if (!room) {
                job_free(job);
                return NULL;
        }
        return job;
}

static void tell_all(Keepers *keepers, uint8_t op, uint32_t id, TaBytes contents) {
        uint8_t header[LINK_JOB_HEADER];

        link_job_header(header, op, 0, id);
        for (unsigned i = 0; i < keepers->n; i++)
                if (keepers->keeper[i].watch.fd >= 0 &&
                    keeper_send(&keepers->keeper[i], (TaBytes){header, sizeof header}, contents) < 0)
                        (void)shutdown(keepers->keeper[i].watch.fd, SHUT_RDWR); /* out of step: end it */
}

KeeperJob *keepers_add(Keepers *keepers, TaBytes content, KeeperDone done, void *data,
                       uint32_t *ret_id) {
        KeeperJob *job;

        if (++keepers->next_key == 0)
                return NULL; /* four billion keys later: start anew rather than reuse a number */
        job = broadcast(keepers, LINK_ADD, keepers->next_key, content, done, data);
        if (job)
                *ret_id = keepers->next_key;
        return job;
}

KeeperJob *keepers_lock(Keepers *keepers, bool lock, TaBytes passphrase, KeeperDone done,
                        void *data) {
        return broadcast(keepers, lock ? LINK_LOCK : LINK_UNLOCK, 0, passphrase, done, data);
}

void keepers_commit(Keepers *keepers, uint32_t id, uint64_t deadline_ms) {
        uint8_t contents[8];
        TaWriter w = ta_writer(contents, sizeof contents);

        ta_write_u64(&w, deadline_ms);
        tell_all(keepers, LINK_COMMIT, id, ta_written(&w));
}

void keepers_drop(Keepers *keepers, uint32_t id) {
        tell_all(keepers, LINK_DROP, id, (TaBytes){0});
}

void keepers_drop_all(Keepers *keepers) {
        tell_all(keepers, LINK_DROP_ALL, 0, (TaBytes){0});
}

unsigned keepers_level(const Keepers *keepers) {
        return keepers->level;
}

/* ---- answers ---------------------------------------------------------------------------- */

/* false: the keeper is out of step and cannot be trusted any more. */
static bool take_reply(Keeper *keeper, TaBytes datagram) {
        KeeperJob *job;
        LinkReply reply;

        if (link_reply_read(datagram, &reply) || keeper->n_flight == 0)
                return false;
        job = keeper->flight[keeper->first];
        if (reply.job != job->id)
                return false;
        keeper->first = (keeper->first + 1) % keeper->flight_cap;
        keeper->n_flight--;
        keeper->n_slow -= job->slow;

        if (reply.status && !job->status)
                job->status = reply.status;
        if (--job->waiting_for > 0) {
                if (!job->contents && reply.contents.len > 0) {
                        job->contents = malloc(reply.contents.len);
                        if (job->contents) {
                                memcpy(job->contents, reply.contents.data, reply.contents.len);
                                job->contents_len = reply.contents.len;
                        } else if (!job->status) {
                                job->status = -ENOMEM;
                        }
                }
                return true;
        }
        job_done(job, job->status, job->status ? (TaBytes){0} : reply.contents);
        return true;
}

static void keeper_ready(Watch *watch, uint32_t events) {
        Keeper *keeper = (Keeper *)watch;
        Keepers *keepers = keeper->keepers;

        if (events & EPOLLOUT)
                keeper_flush(keeper);
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                do {
                        ssize_t n = recv(watch->fd, keepers->in, sizeof keepers->in, MSG_DONTWAIT);

                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n < 0 && errno == EAGAIN)
                                break;
                        if (n <= 0 || !take_reply(keeper, (TaBytes){keepers->in, (size_t)n})) {
                                all_lost(keepers);
                                return;
                        }
                } while (keeper->n_flight > 0);
        }
        pump(keepers);
}

/* ---- life and death --------------------------------------------------------------------- */

/* Has the launcher start one; what it says is awaited afterwards, while the others start too. */
static int keeper_launch(Keepers *keepers, Keeper *keeper) {
        static const int room = TA_MSG_MAX;
        uint8_t request[8];
        int ends[2], err;
        TaWriter w;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        for (int i = 0; i < 2; i++) /* doubled by the kernel: a whole message with its overhead */
                (void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        w = ta_writer(request, sizeof request);
        ta_write_u8(&w, LAUNCH_KEEPER);
        ta_write_u32(&w, UINT32_MAX);
        err = launcher_send(keepers->launcher, ta_written(&w), ends[1]);
        close(ends[1]);
        keeper->watch.fd = ends[0];
        if (!err)
                err = loop_add(keepers->loop, &keeper->watch, EPOLLIN);
        return err; /* then start_all() clears up */
}

static int keeper_await(Keepers *keepers, Keeper *keeper) {
        struct pollfd p = {.fd = keeper->watch.fd, .events = POLLIN};
        uint8_t hello[LINK_REPLY_HEADER + 8];
        LinkReply reply;
        ssize_t n;

        do
                n = poll(&p, 1, READY_WAIT_MS);
        while (n < 0 && errno == EINTR);
        n = n > 0 ? recv(p.fd, hello, sizeof hello, MSG_DONTWAIT) : 0;
        if (n <= 0 || link_reply_read((TaBytes){hello, (size_t)n}, &reply) || reply.job != 0 ||
            reply.contents.len != 1)
                return TA_E_PROTOCOL;
        keepers->level = reply.contents.data[0];
        return 0;
}

static int start_all(Keepers *keepers) {
        int err = 0;

        for (unsigned i = 0; i < keepers->n && !err; i++)
                err = keeper_launch(keepers, &keepers->keeper[i]);
        for (unsigned i = 0; i < keepers->n && !err; i++)
                err = keeper_await(keepers, &keepers->keeper[i]);
        for (unsigned i = 0; i < keepers->n && err; i++)
                keeper_clear(&keepers->keeper[i]);
        return err;
}

static void fail_queue(KeeperJob **queue, KeeperJob ***last) {
        while (*queue) {
                KeeperJob *job = *queue;

                *queue = job->next;
                job_done(job, TA_E_CRYPTO, (TaBytes){0});
        }
        *last = queue;
}

static void fail_all_jobs(Keepers *keepers) {
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                for (; k->n_flight > 0; k->n_flight--) {
                        KeeperJob *job = k->flight[k->first];

                        k->first = (k->first + 1) % k->flight_cap;
                        if (--job->waiting_for == 0)
                                job_done(job, TA_E_CRYPTO, (TaBytes){0});
                }
        }
        fail_queue(&keepers->waiting, &keepers->waiting_last);
        fail_queue(&keepers->waiting_slow, &keepers->waiting_slow_last);
}

/* One is gone or out of step: end them all, so that each again holds the same keys: none. */
static void all_lost(Keepers *keepers) {
        uint64_t now = loop_now_ms();
        int err;

        if (keepers->failing)
                return;
        keepers->failing = true;
        log_error("a keeper has ended; all keys are gone and have to be added again");
        fail_all_jobs(keepers);
        for (unsigned i = 0; i < keepers->n; i++)
                keeper_clear(&keepers->keeper[i]);
        keepers->lost(keepers->data);
        if (now - keepers->first_death_ms > RESTART_SPAN_MS) {
                keepers->deaths = 0;
                keepers->first_death_ms = now;
        }
        if (++keepers->deaths > RESTARTS_MAX) {
                log_error("keepers keep ending; no more are started, restart the agent");
        } else {
                err = start_all(keepers);
                if (err)
                        log_error("cannot start a keeper: %s", ta_strerror(err));
        }
        keepers->failing = false;
}

int keepers_new(Loop *loop, int launcher, unsigned n, void (*lost)(void *), void *data,
                Keepers **ret) {
        Keepers *keepers = calloc(1, sizeof *keepers);
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        int err;

        if (!keepers)
                return -ENOMEM;
        if (n == 0)
                n = cpus < 2 ? 2 : cpus > N_MAX ? N_MAX : (unsigned)cpus;
        keepers->loop = loop;
        keepers->launcher = launcher;
        keepers->n = n > N_MAX ? N_MAX : n;
        keepers->lost = lost;
        keepers->data = data;
        keepers->waiting_last = &keepers->waiting;
        keepers->waiting_slow_last = &keepers->waiting_slow;
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                k->keepers = keepers;
                k->watch = (Watch){.fd = -1, .ready = keeper_ready};
                k->unsent_last = &k->unsent;
        }
        err = start_all(keepers);
        if (err) {
                keepers_free(keepers);
                return err;
        }
        *ret = keepers;
        return 0;
}

void keepers_free(Keepers *keepers) {
        if (!keepers)
                return;
        keepers->failing = true;
        fail_all_jobs(keepers);
        for (unsigned i = 0; i < keepers->n; i++) {
                keeper_clear(&keepers->keeper[i]);
                free(keepers->keeper[i].flight);
        }
        free(keepers);
}
