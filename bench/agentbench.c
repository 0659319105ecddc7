/* SPDX-License-Identifier: ISC */
/*
 * Measures any SSH agent by its socket. Each case is a row of the table below; it brings its own
 * keys, takes them away again, and leaves whatever else the agent holds alone. Signatures are
 * verified after the timed part, so that an agent cannot be quick by being wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/clients.h"
#include "bench/nullagent.h"
#include "lib/cli.h"
#include "lib/proto.h"

#define N_MAX        100000
#define STORM_ROUNDS 5
#define STORM_LIMIT  20000000000ull
#define START_ROUNDS 11
#define PIPELINE     2000 /* requests of one client that never reads */

typedef struct Bench {
        const char *socket;
        char **command; /* of the case `start`; NULL: none */
        double seconds;
        pid_t pid;
        bool json;
        bool any_bad;
} Bench;

typedef struct Case Case;

/* What a case tells. Figures that stay 0 are not shown. */
typedef struct Result {
        char name[64];
        Latencies latencies, quiet;
        Samples samples;
        Tally tally;
        double rate;         /* per second */
        double wall_ms;      /* median of the rounds */
        double cpu_us;       /* of the agent, per operation */
        double ratio;        /* median beside the disturbance through the median without */
        size_t checked, bad; /* signatures */
        char note[96];
} Result;

/* The arguments of a case behind its verb. */
typedef struct CaseArgs {
        char type[32];
        unsigned n;
} CaseArgs;

struct Case {
        const char *verb;
        const char *form;
        const char *help;
        const char *type; /* the key type where the name has none */
        int (*run)(const Bench *b, const CaseArgs *args, Result *result);
};

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
                if (err)
                        break;
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

/* All of the crowd's requests lie behind an answered list: the agent knows of every one. */
static int crowd_settle(const Bench *b) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        TaBytes answer;
        int err = client_open(b->socket, &c);

        return err ? err : client_ask(&c, list_frame, &answer);
}

static int idle_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);

        return err ? err : crowd_settle(b);
}

static void crowd_end(Beside *self, Result *result) {
        size_t waiting = crowd_waiting(&self->crowd);

        if (waiting < self->n && !result->note[0])
                snprintf(result->note, sizeof result->note, "%zu of %u closed or answered",
                         self->n - waiting, self->n);
        crowd_close(&self->crowd);
        if (crowd_settle(self->bench))
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
        return err ? err : crowd_settle(b);
}

static int noread_begin(Beside *self, const Bench *b, unsigned n) {
        int err = crowd_open(b->socket, n, &self->crowd);

        if (!err)
                crowd_pipeline(&self->crowd, self->other.key, PIPELINE);
        return err;
}

/* What was asked and never read is there to be read, so nothing can be said of those. */
static void noread_end(Beside *self, Result *result) {
        crowd_close(&self->crowd);
        if (crowd_settle(self->bench))
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

static const Case cases[] = {
        {"lat", "lat:KEY[:IDLE]", "latency on one connection; beside IDLE idle ones", NULL,
         run_lat},
        {"tput", "tput:KEY:C", "signatures per second over C connections", NULL, run_tput},
        {"storm", "storm:KEY:N", "N clients at once connect, list, sign and close", NULL,
         run_storms},
        {"mixed", "mixed:R", "Ed25519 latency beside R connections signing with RSA-4096",
         "ed25519", run_mixed},
        {"list", "list:N", "latency of a list with N keys loaded", "ed25519", run_list},
        {"stall", "stall:confirm|half|noread[:N]", "Ed25519 latency beside N stalled clients", NULL,
         run_stall},
        {"start", "start", "from exec to the first list; wants -- COMMAND, which makes the socket",
         "", run_start},
};

/* "verb:type:n" or, where the row knows the type, "verb:n". */
static const Case *case_parse(const char *name, CaseArgs *ret) {
        char verb[16] = "", first[32] = "", second[16] = "", *rest = NULL;
        int fields = sscanf(name, "%15[^:]:%31[^:]:%15[^:]", verb, first, second);

        for (size_t i = 0; i < TA_N_ELEMENTS(cases); i++) {
                const Case *row = &cases[i];
                const char *number = row->type ? first : second;
                unsigned long n = strtoul(number, &rest, 10);

                if (strcmp(row->verb, verb) != 0)
                        continue;
                if (fields < 1 || *rest || n > N_MAX || (number[0] && n == 0))
                        return NULL;
                if ((row->run == run_list || row->run == run_mixed || row->run == run_tput ||
                     row->run == run_storms) &&
                    n == 0)
                        return NULL;
                *ret = (CaseArgs){.n = (unsigned)n};
                snprintf(ret->type, sizeof ret->type, "%s", row->type ? row->type : first);
                return row;
        }
        return NULL;
}

static void print_human(Result *r) {
        printf("%-18s", r->name);
        if (r->latencies.n)
                printf(" p50 %.1f p90 %.1f p99 %.1f us", latencies_us(&r->latencies, 0.5),
                       latencies_us(&r->latencies, 0.9), latencies_us(&r->latencies, 0.99));
        if (r->rate > 0)
                printf(", %.0f/s", r->rate);
        if (r->wall_ms > 0)
                printf(" %.1f ms", r->wall_ms);
        if (r->ratio > 0)
                printf(", x%.2f of quiet %.1f", r->ratio, latencies_us(&r->quiet, 0.5));
        if (r->cpu_us > 0)
                printf(", cpu %.1f us", r->cpu_us);
        printf(", %llu ok", (unsigned long long)r->tally.ok);
        if (r->tally.failed || r->tally.late || r->tally.refused)
                printf(", %llu FAILED, %llu LATE, %llu REFUSED",
                       (unsigned long long)r->tally.failed, (unsigned long long)r->tally.late,
                       (unsigned long long)r->tally.refused);
        if (r->tally.turned_away)
                printf(", %llu turned away at first", (unsigned long long)r->tally.turned_away);
        if (r->checked)
                printf(", %zu verified", r->checked - r->bad);
        if (r->bad)
                printf(", %zu of %zu SIGNATURES BAD", r->bad, r->checked);
        printf("%s%s\n", r->note[0] ? ", " : "", r->note);
}

static void print_json(Result *r) {
        printf("{\"case\":\"%s\",\"n\":%zu,\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,"
               "\"quiet_p50_us\":%.3f,\"ratio\":%.4f,\"rate\":%.1f,\"wall_ms\":%.3f,"
               "\"cpu_us\":%.3f,\"ok\":%llu,\"failed\":%llu,\"late\":%llu,\"refused\":%llu,"
               "\"turned_away\":%llu,\"verified\":%zu,\"bad\":%zu,\"note\":\"%s\"}\n",
               r->name, r->latencies.n, latencies_us(&r->latencies, 0.5),
               latencies_us(&r->latencies, 0.9), latencies_us(&r->latencies, 0.99),
               latencies_us(&r->quiet, 0.5), r->ratio, r->rate, r->wall_ms, r->cpu_us,
               (unsigned long long)r->tally.ok, (unsigned long long)r->tally.failed,
               (unsigned long long)r->tally.late, (unsigned long long)r->tally.refused,
               (unsigned long long)r->tally.turned_away, r->checked - r->bad, r->bad, r->note);
}

static void result_clear(Result *r) {
        latencies_clear(&r->latencies);
        latencies_clear(&r->quiet);
        samples_clear(&r->samples);
}

/* The process behind the socket; a case may run before there is one (`start`). */
static pid_t agent_pid(const char *socket_path) {
        ta_cleanup(client_close) Client c = {.fd = -1};
        struct ucred peer = {0};
        socklen_t len = sizeof peer;

        if (client_open(socket_path, &c) || getsockopt(c.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
                return 0;
        return peer.pid;
}

static int case_run(Bench *b, const char *name, size_t *ret_bad) {
        Result result = {0};
        CaseArgs args;
        const Case *row = case_parse(name, &args);
        int err;

        if (!row) {
                ta_complain("no such case: %s (see --help)", name);
                return TA_E_NOT_FOUND;
        }
        if (b->pid == 0 && row->run != run_start)
                b->pid = agent_pid(b->socket);
        snprintf(result.name, sizeof result.name, "%s", name);
        err = row->run(b, &args, &result);
        if (err)
                ta_complain("%s: %s", name, ta_strerror(err));
        else if (b->json)
                print_json(&result);
        else
                print_human(&result);
        fflush(stdout);
        b->any_bad |= result.bad || result.tally.failed;
        if (ret_bad)
                *ret_bad = result.bad;
        result_clear(&result);
        return err;
}

/* The benchmark against an agent that signs junk in no time: each sample must be found bad, and
 * the latency is what the benchmark itself costs. */
static int self_check(Bench *b) {
        char dir[] = "/tmp/agentbench.XXXXXX", path[64];
        size_t bad = 0;
        int err = -ENOENT;
        pid_t pid;

        if (!mkdtemp(dir))
                return 1;
        snprintf(path, sizeof path, "%s/s", dir);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(null_agent_run(path) != 0);
        }
        b->socket = path;
        b->pid = pid;
        for (unsigned i = 0; pid > 0 && i < 2000 && access(path, F_OK) != 0; i++)
                usleep(1000);
        for (unsigned i = 0; pid > 0 && i < 2000 && (err = crowd_settle(b)); i++)
                usleep(1000);
        if (!err)
                err = case_run(b, "lat:ed25519", &bad);
        if (pid > 0) {
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        unlink(path);
        rmdir(dir);
        if (err || bad != SAMPLES_MAX) {
                ta_complain("self check failed: %zu of %d junk signatures found", bad, SAMPLES_MAX);
                return 1;
        }
        printf("self check: all %zu junk signatures found\n", bad);
        return 0;
}

static void raise_descriptors(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static const TaOption options[] = {
        {'s', NULL, "socket", "the agent's socket (default: $SSH_AUTH_SOCK)"},
        {'t', NULL, "seconds", "time for each case (default: 1)"},
        {'p', NULL, "pid", "the agent's process, for its processor time (default: ask the socket)"},
        {'V', NULL, NULL, "check the benchmark itself against an agent that signs junk"},
        {256, "json", NULL, "one JSON object a line"},
        {0},
};

static const char *const synopsis[] = {
        "[-s socket] [-t seconds] [-p pid] [--json] case ...",
        "-s socket start -- command [argument ...]",
        "[-t seconds] -V",
        NULL,
};

static void notes_write(char *out, size_t cap) {
        size_t len = (size_t)snprintf(out, cap, "Cases:\n");

        for (size_t i = 0; i < TA_N_ELEMENTS(cases) && len < cap; i++)
                len += (size_t)snprintf(out + len, cap - len, "  %-30s %s\n", cases[i].form,
                                        cases[i].help);
        if (len < cap)
                snprintf(out + len, cap - len,
                         "KEY is ed25519, ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072 "
                         "or rsa-4096.\n");
}

int main(int argc, char **argv) {
        static char notes[2048];
        static TaCommand command = {
                .name = "agentbench",
                .purpose = "Measures an SSH agent by its socket.",
                .synopsis = synopsis,
                .options = options,
                .notes = notes,
        };
        Bench bench = {.socket = getenv("SSH_AUTH_SOCK"), .seconds = 1};
        bool check = false;
        int status = 0, letter;
        TaArgs args;

        ta_start();
        raise_descriptors();
        signal(SIGPIPE, SIG_IGN);
        notes_write(notes, sizeof notes);
        /* The command of `start` stays out of the option parser. */
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--") == 0 && i + 1 < argc) {
                        bench.command = argv + i + 1;
                        argc = i;
                        argv[i] = NULL;
                }
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args))) {
                if (letter == 's')
                        bench.socket = args.value;
                else if (letter == 't')
                        bench.seconds = strtod(args.value, NULL);
                else if (letter == 'p')
                        bench.pid = atoi(args.value);
                else if (letter == 'V')
                        check = true;
                else
                        bench.json = true;
        }
        if (sodium_init() < 0 || !(bench.seconds > 0 && bench.seconds <= 600)) {
                ta_complain("-t takes seconds, more than 0 and at most 600");
                return 1;
        }
        if (check)
                return self_check(&bench);
        if (!bench.socket || !args.n_operands) {
                ta_args_usage(&args, true);
                return 1;
        }
        for (int i = 0; i < args.n_operands; i++)
                if (case_run(&bench, args.operands[i], NULL))
                        status = 1;
        return status ? status : bench.any_bad ? 2 : 0;
}
