/* SPDX-License-Identifier: ISC */
#include "agent/keepers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/launcher.h"
#include "agent/link.h"
#include "agent/log.h"

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
        bool alike;           /* all can do it or none; of a key, some may have no room */
        bool answered;        /* by one at least */
        int status;           /* the first failure */
        bool succeeded;       /* one has, and said this, while others are awaited: */
        uint8_t *contents;
        size_t contents_len;
        KeeperJob *next;      /* in the queue of what no keeper has taken yet */
        uint8_t *bytes;       /* the datagram, while it is in that queue */
        size_t len;
        struct Unsent *copies[KEEPERS_MAX]; /* what each keeper is told, where all are */
        Body body;            /* while it waits for the pipes */
};

/* A datagram that a keeper's socket has not taken, or not yet been given. */
typedef struct Unsent {
        struct Unsent *next;
        size_t len;
        uint8_t bytes[];
} Unsent;

typedef struct Keeper {
        Watch watch; /* the link */
        int body;    /* the pipe */
        bool ready;  /* it has said its first word */
        Keepers *keepers;
        KeeperJob **flight; /* in the order of their answers, a ring; broadcasts may exceed DEPTH */
        unsigned first, n_flight, flight_cap;
        unsigned n_slow;
        Unsent *unsent, **unsent_last;
        uint8_t public_key[LINK_KEY];
} Keeper;

struct Keepers {
        Loop *loop;
        int launcher;
        unsigned n;
        Keeper keeper[KEEPERS_MAX];
        uint32_t next_job, next_key;
        KeeperJob *waiting, **waiting_last;           /* quick ones */
        KeeperJob *waiting_slow, **waiting_slow_last; /* slow ones */
        KeeperJob *starting, **starting_last;         /* until all are ready */
        KeeperJob *bodies, **bodies_last; /* one at a time: its body has the pipes for itself */
        KeeperJob *body_job;              /* that one */
        int body_room;                    /* bytes of the smallest of the pipes */
        void (*lost)(void *);
        void *data;
        unsigned n_ready;  /* below n nothing is sent to any: new ones are starting, or there are none */
        unsigned level, required_level;
        Timer late;  /* the first word of some */
        Timer pause; /* before others are started, where they ended again and again */
        unsigned deaths;
        uint64_t first_death_ms;
        bool failing; /* inside give_up(): who hears of it cannot begin another job */
        uint8_t in[LINK_MAX];
};

static void all_lost(Keepers *keepers, const char *why);
static void give_up(Keepers *keepers);
static void pump_bodies(Keepers *keepers);

/* ---- one keeper ------------------------------------------------------------------------- */

static void keeper_clear(Keeper *keeper) {
        if (keeper->watch.fd >= 0) {
                loop_remove(keeper->keepers->loop, &keeper->watch);
                close(keeper->watch.fd);
                keeper->watch.fd = -1;
        }
        ta_closep(&keeper->body);
        while (keeper->unsent) {
                Unsent *next = keeper->unsent->next;

                free(keeper->unsent);
                keeper->unsent = next;
        }
        keeper->unsent_last = &keeper->unsent;
        keeper->first = keeper->n_flight = keeper->n_slow = 0;
        keeper->keepers->n_ready -= keeper->ready;
        keeper->ready = false;
}

static Unsent *unsent_new(TaBytes header, TaBytes contents) {
        Unsent *unsent = calloc(1, sizeof *unsent + header.len + contents.len);

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

/* Sends a datagram, or keeps it for later, in order. -ENOMEM. */
static int keeper_send(Keeper *keeper, TaBytes header, TaBytes contents) {
        Unsent *unsent;

        if (keeper_send_now(keeper, header, contents))
                return 0;
        unsent = unsent_new(header, contents);
        if (!unsent)
                return -ENOMEM;
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
                free(u);
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
        for (unsigned i = 0; i < KEEPERS_MAX; i++)
                free(job->copies[i]);
        body_clear(&job->body);
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

/* The keeper that takes a job of this kind now; NULL: it waits. The first never gets a slow one; no
 * keeper gets anything besides a slow one. */
static Keeper *keeper_for(Keepers *keepers, bool slow) {
        bool alone = keepers->n == 1;
        Keeper *best = NULL;

        if (keepers->n_ready < keepers->n)
                return NULL;
        for (unsigned i = slow && !alone ? 1 : 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                if (k->n_flight >= DEPTH || (k->n_slow > 0 && (slow || !alone)) || !keeper_make_room(k))
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

static void finish_queue(KeeperJob **queue, KeeperJob ***last, int status) {
        while (*queue) {
                KeeperJob *job = *queue;

                *queue = job->next;
                if (!*queue)
                        *last = queue;
                job_done(job, status, (TaBytes){0});
        }
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
                                return; /* memory is short; the next answer tries again */
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
        pump_bodies(keepers);
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

/* All ready, and room for one more answer of each. */
static bool all_have_room(Keepers *keepers) {
        for (unsigned i = 0; i < keepers->n; i++)
                if (!keeper_make_room(&keepers->keeper[i]))
                        return false;
        return keepers->n_ready == keepers->n;
}

/* What cannot be told to all keepers alike leaves them out of step: then they end. */
static void end_all(Keepers *keepers) {
        for (unsigned i = 0; i < keepers->n; i++)
                if (keepers->keeper[i].watch.fd >= 0)
                        (void)shutdown(keepers->keeper[i].watch.fd, SHUT_RDWR);
}

/* What every keeper will be told, before any is told anything: so it is all of them or none, and they
 * never disagree. false: memory is short. */
static bool job_for_all(Keepers *keepers, KeeperJob *job, uint8_t op, uint32_t key,
                        const TaBytes contents[static KEEPERS_MAX]) {
        uint8_t header[LINK_JOB_HEADER];

        link_job_header(header, op, job->id, key);
        for (unsigned i = 0; i < keepers->n; i++) {
                job->copies[i] = unsent_new((TaBytes){header, sizeof header}, contents[i]);
                if (!job->copies[i])
                        return false;
        }
        return true;
}

/* The job is done when the last keeper has answered. They all have room. */
static void broadcast(Keepers *keepers, KeeperJob *job) {
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];
                Unsent *copy = ta_steal(&job->copies[i]);

                if (keeper_send_now(k, (TaBytes){copy->bytes, copy->len}, (TaBytes){0}))
                        free(copy);
                else
                        keeper_keep(k, copy);
                keeper_expect(k, job);
                job->waiting_for++;
        }
}

static void tell_all(Keepers *keepers, uint8_t op, uint32_t id, TaBytes contents) {
        uint8_t header[LINK_JOB_HEADER];

        link_job_header(header, op, 0, id);
        for (unsigned i = 0; i < keepers->n; i++)
                if (keepers->keeper[i].watch.fd >= 0 &&
                    keeper_send(&keepers->keeper[i], (TaBytes){header, sizeof header}, contents) < 0)
                        end_all(keepers);
}

/* A copy of the body into each keeper's pipe, which is empty: the one before was answered. */
static int spread_body(Keepers *keepers, Body *body) {
        int err = 0;

        for (unsigned i = 0; i + 1 < keepers->n && !err; i++)
                err = body_copy(body, keepers->keeper[i].body);
        return err ? err : body_move(body, keepers->keeper[keepers->n - 1].body);
}

static void pump_bodies(Keepers *keepers) {
        while (keepers->bodies && !keepers->body_job) {
                KeeperJob *job = keepers->bodies;

                if (job->done) { /* else who wanted it has left, and has taken it back already */
                        if (!all_have_room(keepers))
                                return;
                        if (spread_body(keepers, &job->body) < 0) {
                                end_all(keepers); /* some may have the body in their pipe */
                                return;
                        }
                        broadcast(keepers, job);
                        keepers->body_job = job;
                }
                keepers->bodies = job->next;
                if (!keepers->bodies)
                        keepers->bodies_last = &keepers->bodies;
                body_clear(&job->body);
                if (!job->done)
                        job_free(job);
        }
}

static KeeperJob *body_job(Keepers *keepers, uint8_t op, uint32_t key, Body *body, KeeperDone done,
                           void *data) {
        TaBytes contents[KEEPERS_MAX];
        uint8_t len[4];
        TaWriter w = ta_writer(len, sizeof len);
        KeeperJob *job;

        if (keepers->failing || keepers->keeper[0].watch.fd < 0 || body_room(body) > keepers->body_room)
                return NULL;
        job = job_new(keepers, done, data);
        if (!job)
                return NULL;
        ta_write_u32(&w, (uint32_t)body->len);
        for (unsigned i = 0; i < KEEPERS_MAX; i++)
                contents[i] = ta_written(&w);
        if (!job_for_all(keepers, job, op, key, contents)) {
                job_free(job);
                return NULL;
        }
        job->alike = op != LINK_ADD;
        job->body = *body;
        *body = (Body){0};
        job_queue(job, &keepers->bodies_last);
        pump_bodies(keepers);
        return job;
}

/* A number that no key has had, or 0: four billion keys later, start anew rather than use one again. */
static uint32_t next_key(Keepers *keepers) {
        return keepers->next_key == UINT32_MAX ? 0 : ++keepers->next_key;
}

KeeperJob *keepers_add(Keepers *keepers, Body *body, KeeperDone done, void *data, uint32_t *ret_id) {
        uint32_t id = next_key(keepers);
        KeeperJob *job = id ? body_job(keepers, LINK_ADD, id, body, done, data) : NULL;

        if (job)
                *ret_id = id;
        return job;
}

KeeperJob *keepers_add_sealed(Keepers *keepers, const TaBytes *boxes, KeeperDone done, void *data,
                              uint32_t *ret_id) {
        TaBytes contents[KEEPERS_MAX] = {{0}};
        uint32_t id = next_key(keepers);
        KeeperJob *job;

        if (keepers->failing || !id || !all_have_room(keepers))
                return NULL;
        job = job_new(keepers, done, data);
        if (!job)
                return NULL;
        memcpy(contents, boxes, keepers->n * sizeof *boxes);
        if (!job_for_all(keepers, job, LINK_SEALED, id, contents)) {
                job_free(job);
                return NULL;
        }
        broadcast(keepers, job);
        *ret_id = id;
        return job;
}

KeeperJob *keepers_lock(Keepers *keepers, bool lock, Body *passphrase, KeeperDone done, void *data) {
        return body_job(keepers, lock ? LINK_LOCK : LINK_UNLOCK, 0, passphrase, done, data);
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
        return keepers_count(keepers) > 0 ? keepers->level : 0;
}

unsigned keepers_count(const Keepers *keepers) {
        return keepers->n_ready == keepers->n ? keepers->n : 0;
}

int keepers_refusal(const Keepers *keepers) {
        return keepers->keeper[0].watch.fd < 0 ? TA_E_KEEPERS : TA_E_FULL;
}

bool keepers_starting(const Keepers *keepers) {
        return keepers->n_ready < keepers->n && keepers->keeper[0].watch.fd >= 0;
}

KeeperJob *keepers_when_ready(Keepers *keepers, KeeperDone done, void *data) {
        KeeperJob *job = keepers->failing ? NULL : job_new(keepers, done, data);

        if (job)
                job_queue(job, &keepers->starting_last);
        return job;
}

const uint8_t *keepers_public_key(const Keepers *keepers, unsigned i) {
        return keepers->keeper[i].public_key;
}

/* ---- answers ---------------------------------------------------------------------------- */

/* Of a job that all keepers do, all have to come to the same, or they do not hold the same keys.
 * What the first one says that succeeds is kept until the last one. */
static bool same_as_before(KeeperJob *job, const LinkReply *reply) {
        TaBytes contents = reply->contents;

        if (job->alike && job->answered && reply->status != job->status)
                return false;
        job->answered = true;
        if (reply->status)
                return true;
        if (job->succeeded)
                return ta_bytes_equal(contents, (TaBytes){job->contents, job->contents_len});
        if (job->waiting_for == 1)
                return true;
        if (contents.len > 0)
                job->contents = malloc(contents.len);
        if (job->contents) {
                memcpy(job->contents, contents.data, contents.len);
                job->contents_len = contents.len;
        } else if (contents.len > 0) {
                if (!job->status)
                        job->status = -ENOMEM;
                return true;
        }
        job->succeeded = true;
        return true;
}

/* false: the keeper is out of step and cannot be trusted any more. */
static bool take_reply(Keeper *keeper, TaBytes datagram) {
        Keepers *keepers = keeper->keepers;
        KeeperJob *job;
        LinkReply reply;

        if (link_reply_read(datagram, &reply) || keeper->n_flight == 0)
                return false;
        job = keeper->flight[keeper->first];
        if (reply.job != job->id)
                return false;
        if (!same_as_before(job, &reply))
                return false;
        keeper->first = (keeper->first + 1) % keeper->flight_cap;
        keeper->n_flight--;
        keeper->n_slow -= job->slow;

        if (reply.status && !job->status)
                job->status = reply.status;
        if (--job->waiting_for > 0)
                return true;
        if (keepers->body_job == job)
                keepers->body_job = NULL;
        job_done(job, job->status, job->status ? (TaBytes){0} : reply.contents);
        return true;
}

/* A keeper's first word. TA_E_PROTOCOL: that is none. */
static int take_hello(Keeper *keeper, TaBytes datagram) {
        Keepers *keepers = keeper->keepers;
        LinkReply reply;

        if (link_reply_read(datagram, &reply) || reply.job != 0 || reply.status ||
            reply.contents.len != 1 + LINK_KEY)
                return TA_E_PROTOCOL;
        if (reply.contents.data[0] < keepers->level)
                keepers->level = reply.contents.data[0];
        memcpy(keeper->public_key, reply.contents.data + 1, LINK_KEY);
        keeper->ready = true;
        keepers->n_ready++;
        return 0;
}

/* The first word of the last of them: what waits for keepers is done now. */
static void all_ready(Keepers *keepers) {
        loop_cancel(keepers->loop, &keepers->late);
        log_debug("the keepers are ready");
        if (keepers->level < keepers->required_level) {
                log_error("new keepers reach only protection level %u, not %u: no keys are taken",
                          keepers->level, keepers->required_level);
                give_up(keepers);
        }
        finish_queue(&keepers->starting, &keepers->starting_last, 0);
}

static bool take_word(Keeper *keeper, TaBytes datagram) {
        Keepers *keepers = keeper->keepers;

        if (keeper->ready)
                return take_reply(keeper, datagram);
        if (take_hello(keeper, datagram))
                return false;
        if (keepers->n_ready == keepers->n)
                all_ready(keepers);
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
                        if (n <= 0 || !take_word(keeper, (TaBytes){keepers->in, (size_t)n})) {
                                all_lost(keepers, "a keeper has ended");
                                return;
                        }
                } while (keeper->n_flight > 0);
        }
        pump(keepers);
}

/* ---- life and death --------------------------------------------------------------------- */

/* One's link and pipe: the front's ends stay here, the keeper's are returned. */
static int keeper_connect(Keepers *keepers, Keeper *keeper, int ret_ends[static 2]) {
        static const int datagram = TA_MSG_MAX;
        int link[2], body[2], room;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
                return -errno;
        keeper->watch.fd = link[0];
        ret_ends[0] = link[1];
        for (int i = 0; i < 2; i++) /* doubled by the kernel: a whole message with its overhead */
                (void)setsockopt(link[i], SOL_SOCKET, SO_SNDBUF, &datagram, sizeof datagram);
        if (pipe2(body, O_CLOEXEC) < 0)
                return -errno;
        keeper->body = body[1];
        (void)fcntl(body[1], F_SETPIPE_SZ, BODY_PIPE_MAX);
        (void)fcntl(body[1], F_SETFL, O_NONBLOCK);
        room = fcntl(body[1], F_GETPIPE_SZ);
        if (room < keepers->body_room)
                keepers->body_room = room;
        ret_ends[1] = body[0];
        return loop_add(keepers->loop, &keeper->watch, EPOLLIN);
}

static void clear_all(Keepers *keepers) {
        for (unsigned i = 0; i < keepers->n; i++)
                keeper_clear(&keepers->keeper[i]);
}

/* All of them at once, by one warden; each says a first word when it is ready. */
static int launch_all(Keepers *keepers) {
        int ends[LAUNCH_FDS_MAX], err = 0;
        uint8_t request[8];
        TaWriter w = ta_writer(request, sizeof request);

        keepers->level = UINT_MAX;
        keepers->body_room = INT_MAX;
        for (size_t i = 0; i < TA_N_ELEMENTS(ends); i++)
                ends[i] = -1;
        for (unsigned i = 0; i < keepers->n && !err; i++)
                err = keeper_connect(keepers, &keepers->keeper[i], &ends[2 * i]);
        ta_write_u8(&w, LAUNCH_KEEPERS);
        ta_write_u32(&w, UINT32_MAX);
        if (!err)
                err = launcher_send(keepers->launcher, ta_written(&w), ends, 2 * (size_t)keepers->n);
        for (size_t i = 0; i < TA_N_ELEMENTS(ends); i++)
                ta_closep(&ends[i]);
        if (err)
                clear_all(keepers);
        else
                loop_after(keepers->loop, &keepers->late, READY_WAIT_MS);
        return err;
}

/* Reads the first word of whichever says it next. */
static int await_one(Keepers *keepers) {
        struct pollfd p[KEEPERS_MAX];
        uint8_t hello[LINK_HELLO];
        int n, err = 0;

        for (unsigned i = 0; i < keepers->n; i++)
                p[i] = (struct pollfd){.fd = keepers->keeper[i].ready ? -1 : keepers->keeper[i].watch.fd,
                                       .events = POLLIN};
        do
                n = poll(p, keepers->n, READY_WAIT_MS);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return TA_E_PROTOCOL;
        for (unsigned i = 0; i < keepers->n && !err; i++) {
                ssize_t len = p[i].revents ? recv(p[i].fd, hello, sizeof hello, MSG_DONTWAIT) : 0;

                if (p[i].revents)
                        err = len > 0 ? take_hello(&keepers->keeper[i], (TaBytes){hello, (size_t)len})
                                      : TA_E_PROTOCOL;
        }
        if (!err && !keepers_starting(keepers))
                all_ready(keepers);
        return err;
}

static void fail_all_jobs(Keepers *keepers) {
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                for (; k->n_flight > 0; k->n_flight--) {
                        KeeperJob *job = k->flight[k->first];

                        k->first = (k->first + 1) % k->flight_cap;
                        if (--job->waiting_for == 0)
                                job_done(job, TA_E_KEEPERS, (TaBytes){0});
                }
        }
        keepers->body_job = NULL;
        finish_queue(&keepers->starting, &keepers->starting_last, TA_E_KEEPERS);
        finish_queue(&keepers->bodies, &keepers->bodies_last, TA_E_KEEPERS);
        finish_queue(&keepers->waiting, &keepers->waiting_last, TA_E_KEEPERS);
        finish_queue(&keepers->waiting_slow, &keepers->waiting_slow_last, TA_E_KEEPERS);
}

/* They end when their links do, and whatever waited for them has failed. */
static void give_up(Keepers *keepers) {
        keepers->failing = true;
        loop_cancel(keepers->loop, &keepers->late);
        fail_all_jobs(keepers);
        clear_all(keepers);
        keepers->failing = false;
}

/* New ones, which are not waited for here: others are served meanwhile. */
static void start_now(void *data) {
        Keepers *keepers = data;
        int err = launch_all(keepers);

        if (err)
                log_error("cannot start a keeper: %s", ta_strerror(err));
}

static void start_again(Keepers *keepers) {
        uint64_t now = loop_now_ms();

        if (now - keepers->first_death_ms > RESTART_SPAN_MS) {
                keepers->deaths = 0;
                keepers->first_death_ms = now;
        }
        if (++keepers->deaths > RESTARTS_MAX) {
                log_error("keepers keep ending; new ones are started in a minute, and no key can be "
                          "added until then");
                loop_after(keepers->loop, &keepers->pause, RESTART_SPAN_MS);
        } else {
                start_now(keepers);
        }
}

/* One is gone or out of step: end them all, so that each again holds the same keys: none. */
static void all_lost(Keepers *keepers, const char *why) {
        bool held_keys = keepers->n_ready == keepers->n;

        if (keepers->failing)
                return;
        log_error("%s%s", why, held_keys ? "; all keys are gone and have to be added again" : "");
        give_up(keepers);
        keepers->lost(keepers->data);
        start_again(keepers);
}

static void some_are_late(void *data) {
        all_lost(data, "a keeper does not start in time");
}

int keepers_require(Keepers *keepers, unsigned level) {
        int err = 0;

        while (level > 0 && keepers_starting(keepers) && !err)
                err = await_one(keepers);
        keepers->required_level = level;
        return err ? err : level > keepers->level ? TA_E_WEAK : 0;
}

int keepers_new(Loop *loop, int launcher, unsigned n, void (*lost)(void *), void *data,
                Keepers **ret) {
        Keepers *keepers = calloc(1, sizeof *keepers);
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        bool room = true;
        int err;

        if (!keepers)
                return -ENOMEM;
        if (n == 0)
                n = cpus < 1 ? 2 : cpus >= KEEPERS_MAX ? KEEPERS_MAX : (unsigned)cpus + 1;
        keepers->loop = loop;
        keepers->launcher = launcher;
        keepers->n = n > KEEPERS_MAX ? KEEPERS_MAX : n;
        keepers->lost = lost;
        keepers->data = data;
        keepers->starting_last = &keepers->starting;
        keepers->bodies_last = &keepers->bodies;
        keepers->waiting_last = &keepers->waiting;
        keepers->waiting_slow_last = &keepers->waiting_slow;
        keepers->late = (Timer){.fire = some_are_late, .data = keepers};
        keepers->pause = (Timer){.fire = start_now, .data = keepers};
        for (unsigned i = 0; i < keepers->n; i++) {
                Keeper *k = &keepers->keeper[i];

                k->keepers = keepers;
                k->watch = (Watch){.fd = -1, .ready = keeper_ready};
                k->body = -1;
                k->unsent_last = &k->unsent;
                /* From here on, where there is no room something is in flight, whose answer makes
                 * some: what waits for it does not wait for ever. */
                room = room && keeper_make_room(k);
        }
        err = room ? launch_all(keepers) : -ENOMEM;
        if (!err)
                err = await_one(keepers);
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
        give_up(keepers);
        loop_cancel(keepers->loop, &keepers->pause);
        for (unsigned i = 0; i < keepers->n; i++)
                free(keepers->keeper[i].flight);
        free(keepers);
}
