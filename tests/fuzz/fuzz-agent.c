/* SPDX-License-Identifier: ISC */
/*
 * The front: several clients send frames and garbage, hang up, keepers work, talk nonsense and die,
 * questions are answered, time passes, all in the order that the input says. Whatever happens, no
 * client gets more replies than it has sent requests, and when all is done every one has its reply,
 * and front and keepers agree on whether they are locked.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/proto.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/front.h"

#define N_CLIENTS 4

typedef struct Client {
        int fd;    /* -1: none */
        bool wild; /* it has sent something else than whole frames */
        bool gone; /* the agent has hung up */
        unsigned asked, answered;
        uint8_t head[4]; /* of the reply that is coming in */
        size_t head_len, left;
} Client;

static Client clients[N_CLIENTS];
static bool lied; /* a keeper did */

/* Reads what has arrived and counts whole replies. */
static void read_replies(Client *c) {
        static uint8_t buf[64 * 1024];
        ssize_t n;

        while (c->fd >= 0 && (n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
                TaReader r = ta_reader((TaBytes){buf, (size_t)n});

                while (r.len > 0) {
                        if (c->left > 0) {
                                size_t part = c->left < r.len ? c->left : r.len;

                                (void)ta_read_raw(&r, part);
                                c->left -= part;
                                c->answered += c->left == 0;
                                continue;
                        }
                        c->head[c->head_len++] = ta_read_u8(&r);
                        if (c->head_len < sizeof c->head)
                                continue;
                        for (size_t i = 0; i < sizeof c->head; i++)
                                c->left = c->left << 8 | c->head[i];
                        must(c->left > 0 && c->left <= TA_MSG_MAX);
                        c->head_len = 0;
                }
        }
        c->gone |= c->fd >= 0 && (n == 0 || errno != EAGAIN);
        must(c->wild || c->answered <= c->asked);
}

static void hang_up(Client *c) {
        read_replies(c);
        ta_closep(&c->fd);
}

static void say(Client *c, TaBytes bytes) {
        if (c->fd < 0)
                *c = (Client){.fd = front_connect()};
        if (send(c->fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)bytes.len)
                c->wild = true; /* the agent has hung up, or does not read for now */
}

static void say_frame(Client *c, TaBytes message) {
        uint8_t frame[4 + UINT16_MAX];
        TaWriter w = ta_writer(frame, sizeof frame);

        ta_write_string(&w, message);
        say(c, ta_written(&w));
        c->asked++;
        c->wild |= message.len == 0; /* which ends the connection */
}

static void happen(unsigned what, TaReader *r) {
        switch (what) {
        case 0:
                (void)front_answer(0, "");
                break;
        case 1:
                (void)front_answer(1 << 8, "no");
                break;
        case 2:
                (void)front_wait(200);
                break;
        case 3:
                (void)front_wait(121 * 1000);
                break;
        case 4:
        case 5:
                front_keeper_end(what & 1);
                break;
        case 6:
                front_keeper_say(0, fuzz_part(r));
                lied = true;
                break;
        default:
                for (size_t i = 0; i < N_CLIENTS; i++)
                        if (clients[i].fd >= 0)
                                (void)shutdown(clients[i].fd, SHUT_WR);
        }
}

static void step(TaReader *r) {
        uint8_t op = ta_read_u8(r);
        Client *c = &clients[op >> 3 & (N_CLIENTS - 1)];

        switch (op & 7) {
        case 0:
        case 1:
                say_frame(c, fuzz_part(r));
                break;
        case 2:
                say(c, fuzz_part(r));
                c->wild = true;
                break;
        case 3:
                (void)front_keeper_work(op >> 3 & 1);
                break;
        case 4:
                (void)front_turn();
                break;
        case 5:
                hang_up(c);
                break;
        case 6:
                happen(op >> 5, r);
                break;
        default:
                front_settle();
                read_replies(c);
        }
}

/* Everything that is under way comes to its end: until a few rounds have brought nobody anything,
 * each of them longer than a wrong unlock is delayed. */
static void finish(void) {
        for (unsigned quiet = 0; quiet < 4; quiet++) {
                front_settle();
                if (front_answer(1 << 8, ""))
                        quiet = 0;
                /* Also the unlocks of those who have left take their time. */
                if (front_wait(10000))
                        quiet = 0;
                for (size_t i = 0; i < N_CLIENTS; i++) {
                        unsigned before = clients[i].answered;

                        read_replies(&clients[i]);
                        if (clients[i].answered > before)
                                quiet = 0;
                }
        }
        for (size_t i = 0; i < N_CLIENTS; i++) {
                read_replies(&clients[i]);
                must(clients[i].fd < 0 || clients[i].wild || clients[i].gone ||
                     clients[i].answered == clients[i].asked);
                hang_up(&clients[i]);
        }
        must(lied || front_agrees());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaReader r = ta_reader((TaBytes){data, len});

        for (size_t i = 0; i < N_CLIENTS; i++)
                clients[i] = (Client){.fd = -1};
        lied = false;
        (void)front_new();
        while (r.len > 0)
                step(&r);
        finish();
        front_free();
        return 0;
}
