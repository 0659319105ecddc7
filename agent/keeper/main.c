/* SPDX-License-Identifier: ISC */
/*
 * tagent-keeper: holds private keys and signs with them. It is started by the agent with one end
 * of the link as descriptor 3, opens nothing, and ends when the link does. Nothing it says ever
 * contains a private key: there is no operation for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper/serve.h"

#define LINK_FD 3

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Nobody of the same user may look into this process, and a crash leaves no core. */
static void harden(void) {
        static const struct rlimit none = {0, 0};

        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGPIPE, SIG_IGN);
        /* Ctrl-C and a hangup on the agent's terminal are for the agent to judge. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        (void)signal(SIGQUIT, SIG_IGN);
        (void)signal(SIGTSTP, SIG_IGN);
}

/* Sleeps until there is a job; keys whose time comes meanwhile are wiped on time. */
static void wait_for_job(Vault *vault) {
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

static int keep(Vault *vault, uint8_t *in, uint8_t *out) {
        TaWriter w = ta_writer(out, LINK_MAX);
        ssize_t n;
        int err;

        link_reply_header(&w, 0, 0);
        ta_write_u8(&w, (uint8_t)ta_secret_level());
        for (;;) {
                TaBytes reply = ta_written(&w);

                if (reply.len > 0 && write(LINK_FD, reply.data, reply.len) != (ssize_t)reply.len)
                        return 1;
                ta_wipe(out, reply.len);
                wait_for_job(vault);
                do
                        n = read(LINK_FD, in, LINK_MAX);
                while (n < 0 && errno == EINTR);
                if (n <= 0)
                        return n < 0;
                (void)vault_expire(vault, now_ms());
                w = ta_writer(out, LINK_MAX);
                err = serve(vault, (TaBytes){in, (size_t)n}, &w);
                ta_wipe(in, (size_t)n);
                if (err)
                        return 1;
        }
}

int main(int argc, char **argv ta_unused) {
        uint8_t *in, *out;
        Vault *vault = NULL;
        int status;

        harden();
        if (argc != 1 || fcntl(LINK_FD, F_GETFD) < 0) {
                fputs("tagent-keeper: started by tagent, not by hand\n", stderr);
                return 1;
        }
        if (ta_secret_init(0) < 0 || ta_secret_adopt_libcrypto() < 0 || sodium_init() < 0)
                return 1;
        in = ta_secret_alloc(LINK_MAX);
        out = ta_secret_alloc(LINK_MAX);
        if (!in || !out || vault_new(&vault) < 0)
                return 1;
        status = keep(vault, in, out);
        vault_free(vault);
        ta_secret_free(in);
        ta_secret_free(out);
        return status;
}
