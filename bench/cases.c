/* SPDX-License-Identifier: ISC */
/*
 * Each case brings its own keys, takes them away again, and leaves whatever else the agent holds
 * alone. Signatures are verified behind the timed part.
 */
#include "bench/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto.h"

#define N_MAX        100000
#define STORM_ROUNDS 5
#define STORM_LIMIT  20000000000ull
#define START_ROUNDS 11
#define PIPELINE     2000 /* requests of one client that never reads */

static int add_key(Client *c, const BenchKey *key, bool confirm) {
        uint8_t buffer[8192];
        TaWriter w = ta_writer(buffer, sizeof buffer);
        TaBytes answer;
        int err;

        ta_write_u32(&w, 0);
        bench_key_write_add(key, "agentbench", confirm, &w);
        if (w.err)
                return w.err;
        err = client_ask(c, frame_seal(&w), &answer);
        if (err)
                return err;
        return answer.data[0] == SSH_AGENT_SUCCESS ? 0 : TA_E_REFUSED;
}

/* Tidying up is tried, not promised: an agent that hangs in a dialog keeps the key. */
static void remove_key(Client *c, const BenchKey *key) {
        uint8_t buffer[2048];
        TaWriter w = ta_writer(buffer, sizeof buffer);
        TaBytes answer;

        ta_write_u32(&w, 0);
        ta_write_u8(&w, SSH_AGENTC_REMOVE_IDENTITY);
        ta_write_string(&w, bench_key_blob(key));
        if (client_ask(c, frame_seal(&w), &answer))
                ta_closep(&c->fd);
}

/* A key that is in the agent while the variable lives. */
typedef struct Loaded {
        BenchKey *key;
        const char *socket;
} Loaded;

static int loaded_add(const Bench *b, const char *type, bool confirm, Loaded *ret) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        ta_cleanup(bench_key_freep) BenchKey *key = NULL;
        int err = bench_key_new(type, &key);

        if (!err)
                err = client_open(b->socket, &c);
        if (!err)
                err = add_key(&c, key, confirm);
        if (!err)
                *ret = (Loaded){ta_steal(&key), b->socket};
        return err;
}

static void loaded_remove(Loaded *l) {
        ta_cleanup(client_close) Client c = {.fd = -1};

        if (l->key && !client_open(l->socket, &c))
                remove_key(&c, l->key);
        bench_key_free(l->key);
        *l = (Loaded){0};
}

/* While the keys are there, after the timed part. */
static void result_verify(Result *result) {
        result->bad = samples_verify(&result->samples);
        result->checked = result->samples.n;
        samples_clear(&result->samples);
}

static uint64_t span_ns(const Bench *b, double part) {
        return (uint64_t)(b->seconds * part * 1e9);
}

/* Alternates measuring in peace and beside what `begin` starts and `end` ends. */
typedef struct Beside {
        int (*begin)(struct Beside *self, const Bench *b, unsigned n);
        void (*end)(struct Beside *self, Result *result);
        unsigned rounds;
        Crowd crowd;
        Loaded other;
        pthread_t thread;
        atomic_bool stop;
        const Bench *bench;
        unsigned n;
        uint64_t pipelined; /* bytes */
        Tally tally;
} Beside;

static int run_beside(const Bench *b, const CaseArgs *args, Beside *beside, Result *result) {
        ta_cleanup(loaded_remove) Loaded loaded = {0};
        const uint64_t slice = span_ns(b, 0.5 / beside->rounds);
        int err = loaded_add(b, args->type, false, &loaded);

        beside->bench = b;
        beside->n = args->n;
        for (unsigned i = 0; !err && i < beside->rounds; i++) {
                run_latency(b->socket, loaded.key, now_ns() + slice, &result->quiet,
                            &result->samples, &result->tally);
                err = beside->begin(beside, b, args->n);
                if (err) {
                        crowd_close(&beside->crowd);
                        break;
                }
                run_latency(b->socket, loaded.key, now_ns() + slice, &result->latencies,
                            &result->samples, &result->tally);
                beside->end(beside, result);
        }
        result_verify(result);
        if (result->quiet.n && result->latencies.n)
                result->ratio =
                        latencies_us(&result->latencies, 0.5) / latencies_us(&result->quiet, 0.5);
        return err;
}

int agent_settle(const Bench *b) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        TaBytes answer;
        int err = client_open(b->socket, &c);

        return err ? err : client_ask(&c, list_frame, &answer);
}

static int idle_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);

        return err ? err : agent_settle(b);
}

static void crowd_end(Beside *self, Result *result) {
        size_t waiting = crowd_waiting(&self->crowd);

        if (waiting < self->n && !result->note[0])
                snprintf(result->note, sizeof result->note, "%zu of %u closed or answered",
                         self->n - waiting, self->n);
        crowd_close(&self->crowd);
        if (agent_settle(self->bench))
                result->tally.late++;
}

static int run_lat(const Bench *b, const CaseArgs *args, Result *result) {
        Beside idle = {.begin = idle_begin, .end = crowd_end, .rounds = 2};
        ta_cleanup(loaded_remove) Loaded loaded = {0};
        uint64_t cpu;
        int err;

        if (args->n)
                return run_beside(b, args, &idle, result);
        err = loaded_add(b, args->type, false, &loaded);
        if (err)
                return err;
        run_latency(b->socket, loaded.key, now_ns() + span_ns(b, 0.05), &result->quiet,
                    &result->samples, &result->tally);
        latencies_clear(&result->quiet);
        result->tally = (Tally){0};
        cpu = cpu_ns(b->pid);
        run_latency(b->socket, loaded.key, now_ns() + span_ns(b, 1), &result->latencies,
                    &result->samples, &result->tally);
        cpu = cpu_ns(b->pid) - cpu;
        if (result->tally.ok)
                result->cpu_us = (double)cpu / 1000 / (double)result->tally.ok;
        result_verify(result);
        return 0;
}

static int run_tput(const Bench *b, const CaseArgs *args, Result *result) {
        ta_cleanup(loaded_remove) Loaded loaded = {0};
        uint64_t cpu, start;
        int err = loaded_add(b, args->type, false, &loaded);

        if (err)
                return err;
        cpu = cpu_ns(b->pid);
        start = now_ns();
        run_throughput(b->socket, loaded.key, args->n, start + span_ns(b, 1), NULL,
                       &result->latencies, &result->samples, &result->tally);
        result->rate = (double)result->tally.ok / ((double)(now_ns() - start) / 1e9);
        cpu = cpu_ns(b->pid) - cpu;
        if (result->tally.ok)
                result->cpu_us = (double)cpu / 1000 / (double)result->tally.ok;
        result_verify(result);
        return 0;
}

static int run_storms(const Bench *b, const CaseArgs *args, Result *result) {
        ta_cleanup(loaded_remove) Loaded loaded = {0};
        const uint64_t end = now_ns() + span_ns(b, 1);
        Latencies walls = {0};
        int err = loaded_add(b, args->type, false, &loaded);

        if (err)
                return err;
        do {
                latencies_add(&walls, run_storm(b->socket, loaded.key, args->n, STORM_LIMIT,
                                                &result->samples, &result->tally));
        } while (walls.n < STORM_ROUNDS && now_ns() < end && !result->tally.late);
        result->wall_ms = latencies_us(&walls, 0.5) / 1000;
        snprintf(result->note, sizeof result->note, "%zu round%s", walls.n,
                 walls.n == 1 ? "" : "s");
        latencies_clear(&walls);
        result_verify(result);
        return 0;
}

static void *rsa_thread(void *argument) {
        Beside *self = argument;
        Latencies latencies = {0};
        Samples samples = {0};

        run_throughput(self->bench->socket, self->other.key, self->n, UINT64_MAX, &self->stop,
                       &latencies, &samples, &self->tally);
        self->tally.failed += samples_verify(&samples);
        latencies_clear(&latencies);
        samples_clear(&samples);
        return NULL;
}

static int mixed_begin(Beside *self, const Bench *b, unsigned n) {
        (void)b;
        (void)n;
        atomic_store(&self->stop, false);
        if (pthread_create(&self->thread, NULL, rsa_thread, self))
                return -EAGAIN;
        poll(NULL, 0, 30); /* until each connection has its request under way */
        return 0;
}

static void mixed_end(Beside *self, Result *result) {
        atomic_store(&self->stop, true);
        pthread_join(self->thread, NULL);
        result->tally.failed += self->tally.failed;
        result->tally.late += self->tally.late;
        snprintf(result->note, sizeof result->note, "%llu RSA-4096 signatures meanwhile",
                 (unsigned long long)self->tally.ok);
}

static int run_mixed(const Bench *b, const CaseArgs *args, Result *result) {
        Beside mixed = {.begin = mixed_begin, .end = mixed_end, .rounds = 2};
        int err = loaded_add(b, "rsa-4096", false, &mixed.other);

        if (!err)
                err = run_beside(b, args, &mixed, result);
        loaded_remove(&mixed.other);
        return err;
}

static int run_list(const Bench *b, const CaseArgs *args, Result *result) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        ta_cleanup(ta_freep) BenchKey **keys = calloc(args->n, sizeof *keys);
        uint64_t end, cpu, start;
        unsigned n = 0;
        TaBytes answer;
        int err = keys ? client_open(b->socket, &c) : -ENOMEM;

        for (; !err && n < args->n; n++) {
                err = bench_key_new(args->type, &keys[n]);
                if (!err)
                        err = add_key(&c, keys[n], false);
        }
        cpu = cpu_ns(b->pid);
        for (end = now_ns() + span_ns(b, 1), start = 0; !err && start < end;) {
                uint32_t count = 0;

                start = now_ns();
                err = client_ask(&c, list_frame, &answer);
                if (!err && !latencies_add(&result->latencies, now_ns() - start))
                        break;
                if (!err && list_answer(answer, &count) && count >= args->n)
                        result->tally.ok++;
                else
                        result->tally.failed++;
        }
        cpu = cpu_ns(b->pid) - cpu;
        if (result->tally.ok)
                result->cpu_us = (double)cpu / 1000 / (double)result->tally.ok;
        for (unsigned i = 0; i < n; i++) {
                if (keys[i] && c.fd >= 0)
                        remove_key(&c, keys[i]);
                bench_key_free(keys[i]);
        }
        return err;
}

/* The client that waits in the dialog. `other` is the key that asks. */
static int confirm_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);
        struct pollfd answered;
        SignFrame frame;

        for (unsigned i = 0; !err && i < n; i++) {
                sign_frame_init(&frame, self->other.key);
                err = client_send(&self->crowd.at[i], (TaBytes){frame.bytes, frame.len});
        }
        if (err)
                return err;
        answered = (struct pollfd){.fd = self->crowd.at[0].fd, .events = POLLIN};
        poll(&answered, 1, 100); /* time enough for a refusal, which would be no stall */
        return 0;
}

static int half_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);

        if (!err)
                crowd_send_half(&self->crowd, self->other.key);
        return err ? err : agent_settle(b);
}

static int noread_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);

        if (!err)
                self->pipelined = crowd_pipeline(&self->crowd, self->other.key, PIPELINE);
        return err;
}

/* What was asked and never read is there to be read, so nothing can be said of those. */
static void noread_end(Beside *self, Result *result) {
        snprintf(result->note, sizeof result->note, "%llu kB of requests taken",
                 (unsigned long long)self->pipelined / 1024);
        crowd_close(&self->crowd);
        if (agent_settle(self->bench))
                result->tally.late++;
}

/* An agent that hangs in its dialog would hang here too. */
static void confirm_end(Beside *self, Result *result) {
        if (crowd_waiting(&self->crowd) < self->n)
                snprintf(result->note, sizeof result->note, "NOT STALLED: the dialog was answered");
        crowd_close(&self->crowd);
}

static const struct Stall {
        const char *name;
        bool confirm;
        Beside beside;
} stalls[] = {
        {"confirm", true, {.begin = confirm_begin, .end = confirm_end, .rounds = 1}},
        {"half", false, {.begin = half_begin, .end = crowd_end, .rounds = 2}},
        {"noread", false, {.begin = noread_begin, .end = noread_end, .rounds = 2}},
};

static int run_stall(const Bench *b, const CaseArgs *args, Result *result) {
        for (size_t i = 0; i < TA_N_ELEMENTS(stalls); i++) {
                Beside beside = stalls[i].beside;
                CaseArgs ed25519 = {.type = "ed25519", .n = args->n ? args->n : 1};
                int err;

                if (strcmp(stalls[i].name, args->type) != 0)
                        continue;
                err = loaded_add(b, "ed25519", stalls[i].confirm, &beside.other);
                if (!err)
                        err = run_beside(b, &ed25519, &beside, result);
                loaded_remove(&beside.other);
                return err;
        }
        return TA_E_NOT_FOUND;
}

/* From exec to the first answered list. 0: never answered. */
static uint64_t start_once(const Bench *b) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        uint64_t start = now_ns(), took = 0;
        TaBytes answer;
        pid_t pid = fork();

        if (pid < 0)
                return 0;
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                dup2(null, STDOUT_FILENO);
                execvp(b->command[0], b->command);
                _exit(127);
        }
        while (c.fd < 0 && now_ns() - start < 5000000000ull && waitpid(pid, NULL, WNOHANG) == 0)
                if (client_open(b->socket, &c))
                        usleep(50);
        if (c.fd >= 0 && !client_ask(&c, list_frame, &answer))
                took = now_ns() - start;
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        unlink(b->socket);
        return took;
}

static int run_start(const Bench *b, const CaseArgs *args, Result *result) {
        const uint64_t end = now_ns() + span_ns(b, 1);

        (void)args;
        if (!b->command)
                return TA_E_NO_AGENT;
        do {
                uint64_t took = start_once(b);

                if (took) {
                        latencies_add(&result->latencies, took);
                        result->tally.ok++;
                } else {
                        result->tally.failed++;
                }
        } while (result->tally.ok < START_ROUNDS && !result->tally.failed && now_ns() < end);
        return 0;
}

const Case cases[] = {
        {.verb = "lat",
         .form = "lat:KEY[:IDLE]",
         .help = "latency on one connection; beside IDLE idle ones",
         .run = run_lat},
        {.verb = "tput",
         .form = "tput:KEY:C",
         .help = "signatures per second over C connections",
         .counted = true,
         .run = run_tput},
        {.verb = "storm",
         .form = "storm:KEY:N",
         .help = "N clients at once connect, list, sign and close",
         .counted = true,
         .run = run_storms},
        {.verb = "mixed",
         .form = "mixed:R",
         .help = "Ed25519 latency beside R connections signing with RSA-4096",
         .type = "ed25519",
         .counted = true,
         .run = run_mixed},
        {.verb = "list",
         .form = "list:N",
         .help = "latency of a list with N keys loaded",
         .type = "ed25519",
         .counted = true,
         .run = run_list},
        {.verb = "stall",
         .form = "stall:confirm|half|noread[:N]",
         .help = "Ed25519 latency beside N stalled clients",
         .run = run_stall},
        {.verb = "start",
         .form = "start",
         .help = "from exec to the first list; wants -- COMMAND, which makes the socket",
         .type = "",
         .makes_agent = true,
         .run = run_start},
        {0},
};

const Case *case_parse(const char *name, CaseArgs *ret) {
        char verb[16] = "", first[32] = "", second[16] = "", *rest = NULL;
        int fields = sscanf(name, "%15[^:]:%31[^:]:%15[^:]", verb, first, second);

        for (const Case *row = cases; row->verb; row++) {
                const char *number = row->type ? first : second;
                unsigned long n = strtoul(number, &rest, 10);

                if (strcmp(row->verb, verb) != 0)
                        continue;
                if (fields < 1 || *rest || n > N_MAX || (n == 0 && (number[0] || row->counted)))
                        return NULL;
                *ret = (CaseArgs){.n = (unsigned)n};
                snprintf(ret->type, sizeof ret->type, "%s", row->type ? row->type : first);
                return row;
        }
        return NULL;
}
