/* SPDX-License-Identifier: ISC */
/*
 * The clients that an agent is measured with. One blocking client for latencies, since nothing
 * stands between its clock and its socket; an epoll set of clients for throughput; a crowd that
 * connects, lists, signs and leaves; and clients that misbehave.
 */
#ifndef TA_BENCH_CLIENTS_H
#define TA_BENCH_CLIENTS_H

#include <stdatomic.h>

#include "bench/measure.h"

/* What happened; each count is of requests, in a storm of clients. */
typedef struct Tally {
        uint64_t ok;
        uint64_t failed;  /* failure, nonsense or end of file instead of an answer */
        uint64_t late;    /* no answer in time */
        uint64_t refused; /* connect(2) failed */
        uint64_t
                turned_away; /* backlog full at the first connect(2); tried again until it worked */
} Tally;

/* A sign request as of a login, of which the session identifier changes with every request. */
typedef struct SignFrame {
        const BenchKey *key;
        uint8_t bytes[2400];
        size_t len;
        TaBytes data;   /* what is signed, within bytes */
        uint8_t *nonce; /* 8 bytes, likewise */
        uint64_t count;
} SignFrame;

void sign_frame_init(SignFrame *f, const BenchKey *key);
void sign_frame_next(SignFrame *f);
/* The signature blob of a whole answer; false if it is none. */
bool sign_answer(TaBytes answer, TaBytes *ret_signature);

#define ANSWER_MAX (16u << 20)

typedef struct Client {
        int fd;
        uint8_t *in; /* grows with the answers */
        size_t in_len, in_cap;
        SignFrame *frame;
        uint64_t sent_ns;
        int step;
} Client;

/* Blocking, with a limit on each wait. 0 or -errno. */
ta_must_check int client_open(const char *socket, Client *ret);
void client_close(Client *c);
ta_must_check int client_send(Client *c, TaBytes bytes);
/* `frame` has its length in front, the answer has not; it is a view until the next call.
 * -ETIMEDOUT, -EPIPE, TA_E_PROTOCOL. */
ta_must_check int client_ask(Client *c, TaBytes frame, TaBytes *ret_answer);

/* The uint32 length in front of a message that was written behind four free bytes. */
TaBytes frame_seal(TaWriter *w);
/* SSH_AGENTC_REQUEST_IDENTITIES, with its length. */
extern const TaBytes list_frame;
bool list_answer(TaBytes answer, uint32_t *ret_count);

/* Request after request on one connection until `end_ns`. */
void run_latency(const char *socket, const BenchKey *key, uint64_t end_ns, Latencies *l, Samples *s,
                 Tally *t);
/* `n` connections with one request under way on each, until `end_ns` or until `stop` is set. */
void run_throughput(const char *socket, const BenchKey *key, size_t n, uint64_t end_ns,
                    const atomic_bool *stop, Latencies *l, Samples *s, Tally *t);
/* `n` clients at once: connect, list, sign, close. Returns the nanoseconds until the last is done.
 */
uint64_t run_storm(const char *socket, const BenchKey *key, size_t n, uint64_t limit_ns, Samples *s,
                   Tally *t);

/* `n` connections that misbehave or do nothing; they stay until crowd_close(). */
typedef struct Crowd {
        Client *at;
        size_t n;
} Crowd;
ta_must_check int crowd_open(const char *socket, size_t n, Crowd *ret);
void crowd_close(Crowd *crowd);
/* The first half of a sign request. */
void crowd_send_half(Crowd *crowd, const BenchKey *key);
/* Requests without end, until the agent takes no more, or `most` on each. Returns how many bytes
 * went out. */
uint64_t crowd_pipeline(Crowd *crowd, const BenchKey *key, size_t most);
/* Connections that the agent has neither answered nor closed. */
size_t crowd_waiting(const Crowd *crowd);

#endif
