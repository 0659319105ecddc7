/* SPDX-License-Identifier: ISC */
/*
 * tagent-keeper: holds private keys and signs with them. It is started by the agent's warden with
 * one end of the link as descriptor 3 and of the pipe as 4, opens nothing after its start, and ends
 * when the link does. Nothing it says ever contains a private key: there is no operation for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper/selftest.h"
#include "agent/keeper/serve.h"
#include "agent/keeper/walls.h"
#include "lib/allsecret.h"
#include "lib/evp.h"

#define LINGER_US 50

static uint64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void) {
        return now_us() / 1000;
}

/* As the front does it (agent/loop.c): a client that was answered asks again soon, and to wake a
 * processor that has gone to sleep takes longer than a signature. true: there is a job. */
static bool linger(void) {
        static const struct timespec no_time;
        uint64_t until = now_us() + LINGER_US;

        do {
                struct pollfd link = {.fd = LINK_FD, .events = POLLIN};

                if (ppoll(&link, 1, &no_time, NULL) > 0)
                        return true;
                (void)sched_yield();
        } while (now_us() < until);
        return false;
}

/* Until there is a job; keys whose time comes meanwhile are wiped on time. */
static void wait_for_job(Vault *vault) {
        if (linger())
                return;
        for (;;) {
                uint64_t now = now_ms(), next = vault_expire(vault, now);
                struct pollfd link = {.fd = LINK_FD, .events = POLLIN};
                struct timespec wait;

                if (!next)
                        return; /* read() will do the waiting */
                next -= now;
                wait = (struct timespec){(time_t)(next / 1000), (long)(next % 1000) * 1000000};
                if (ppoll(&link, 1, &wait, NULL) != 0)
                        return;
        }
}

/* All of what the front has moved into the pipe. */
static bool read_body(uint8_t *to, size_t len) {
        while (len > 0) {
                ssize_t n = read(BODY_FD, to, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                to += n;
                len -= (size_t)n;
        }
        return true;
}

/* The next job with all its contents; its length, or 0 at the end of the link. */
static size_t read_job(uint8_t *in) {
        size_t body;
        ssize_t n;

        do
                n = read(LINK_FD, in, LINK_MAX);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return 0;
        if (!link_job_has_body((TaBytes){in, (size_t)n}, &body))
                return (size_t)n;
        return read_body(in + LINK_JOB_HEADER, body) ? LINK_JOB_HEADER + body : 0;
}

static int keep(Vault *vault, uint8_t *in, uint8_t *out, uint8_t level) {
        TaWriter w = ta_writer(out, LINK_MAX);
        size_t n;
        int err;

        link_reply_header(&w, 0, 0);
        ta_write_u8(&w, level);
        ta_write_raw(&w, (TaBytes){vault_public_key(vault), LINK_KEY});
        for (;;) {
                TaBytes reply = ta_written(&w);

                if (reply.len > 0 && write(LINK_FD, reply.data, reply.len) != (ssize_t)reply.len)
                        return 1;
                ta_wipe(out, reply.len);
                wait_for_job(vault);
                n = read_job(in);
                if (n == 0)
                        return 0;
                (void)vault_expire(vault, now_ms());
                w = ta_writer(out, LINK_MAX);
                err = serve(vault, (TaBytes){in, n}, &w);
                ta_wipe(in, n);
                ta_registers_clear();
                if (err)
                        return 1;
        }
}

/* On the secret stack. The libraries are used once before anything is moved or closed: what they
 * allocate and open on their first use they have then. */
static int keeper(void *data ta_unused) {
        uint8_t *in, *out;
        Vault *vault = NULL;
        TaSecretLevel level;
        bool traced;

        if (ta_crypto_start() < 0 || sodium_init() < 0 || selftest() < 0)
                return 1;
        in = ta_secret_alloc(LINK_MAX);
        out = ta_secret_alloc(LINK_MAX);
        if (!in || !out || vault_new(&vault) < 0)
                return 1;
        traced = walls_traced();
        level = ta_allsecret_move();
        if (level == TA_SECRET_HIDDEN && !traced)
                level = TA_SECRET_ARENA;
        (void)walls_close(walls_syscalls, walls_n_syscalls);
        /* Not exit(): what libraries do at their end takes system calls that are forbidden now. */
        _exit(keep(vault, in, out, (uint8_t)level));
}

int main(int argc, char **argv ta_unused) {
        walls_begin();
        if (argc != 1 || fcntl(LINK_FD, F_GETFD) < 0 || fcntl(BODY_FD, F_GETFD) < 0) {
                fputs("tagent-keeper: started by tagent, not by hand\n", stderr);
                return 1;
        }
        ta_allsecret_run(keeper, NULL);
}
