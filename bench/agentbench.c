/* SPDX-License-Identifier: ISC */
/*
 * Measures any SSH agent by its socket: options, output, and the check of the benchmark itself.
 * An agent must not look quick by being wrong, so bad signatures and failures end in status 2.
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cases.h"
#include "bench/nullagent.h"
#include "lib/cli.h"

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
        if (b->pid == 0 && !row->makes_agent)
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
        for (unsigned i = 0; pid > 0 && i < 2000 && (err = agent_settle(b)); i++)
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

        for (size_t i = 0; cases[i].verb && len < cap; i++)
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
        static TaArgs args; /* reachable to the end, for leak checkers */

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
