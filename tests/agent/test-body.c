/* SPDX-License-Identifier: ISC */
/* What goes from a socket into a pipe, in one piece or in many, and on from there. */
#include "agent/body.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"

static void pair(int fds[2]) {
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
        g_assert_cmpint(fcntl(fds[0], F_SETFL, O_NONBLOCK), ==, 0);
}

static void say(int fd, const uint8_t *bytes, size_t len) {
        g_assert_cmpint(send(fd, bytes, len, MSG_NOSIGNAL), ==, len);
}

/* The body's bytes are those from `want` on, and no more. */
static void holds(Body *body, const uint8_t *want, size_t len) {
        g_autofree uint8_t *got = g_malloc(len + 1);
        size_t n = 0;

        g_assert_cmpuint(body->len, ==, len);
        while (n < len) {
                ssize_t part = read(body->out, got + n, len + 1 - n);

                g_assert_cmpint(part, >, 0);
                n += (size_t)part;
        }
        g_assert_cmpmem(got, n, want, len);
        g_assert_cmpint(read(body->out, got, 1), <, 0);
        g_assert_cmpint(errno, ==, EAGAIN);
}

/* What stands behind the body stays in the socket. */
static void test_pieces(void) {
        uint8_t bytes[4096];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 7);
        for (size_t piece = 20; piece <= 4000; piece *= 2) {
                Body body = {0};
                int s[2];
                uint8_t next = 0;

                pair(s);
                g_assert_cmpint(body_fill(&body, s[0], 2000), ==, 0);
                for (size_t at = 0; at < 4000; at += piece) {
                        size_t len = piece < 4000 - at ? piece : 4000 - at;

                        say(s[1], bytes + at, len);
                        g_assert_cmpint(body_fill(&body, s[0], 2000), ==, at + len >= 2000);
                }
                holds(&body, bytes, 2000);
                g_assert_cmpint(recv(s[0], &next, 1, 0), ==, 1);
                g_assert_cmpuint(next, ==, bytes[2000]);
                body_clear(&body);
                close(s[0]);
                close(s[1]);
        }
}

/* A pipe has so many places, each for a piece, however small it is. */
static void test_too_many_pieces(void) {
        Body body = {0};
        unsigned n = 0;
        int s[2], filled = 0;

        pair(s);
        while (filled == 0 && n < 100000) {
                say(s[1], (const uint8_t *)"x", 1);
                filled = body_fill(&body, s[0], 200000);
                n++;
        }
        g_assert_cmpint(filled, ==, TA_E_LIMIT);
        g_assert_cmpuint(n, >, 16); /* it has grown before */
        body_clear(&body);
        close(s[0]);
        close(s[1]);
}

static void test_end(void) {
        Body body = {0};
        int s[2];

        pair(s);
        say(s[1], (const uint8_t *)"half", 4);
        close(s[1]);
        g_assert_cmpint(body_fill(&body, s[0], 10), ==, -EPIPE);
        body_clear(&body);
        g_assert_false(body.open);
        body_clear(&body);
        close(s[0]);
}

static void test_empty(void) {
        Body body = {0};
        int s[2];

        pair(s);
        g_assert_cmpint(body_fill(&body, s[0], 0), ==, 1);
        g_assert_cmpuint(body.len, ==, 0);
        g_assert_cmpint(body_copy(&body, s[1]), ==, 0);
        g_assert_cmpint(body_move(&body, s[1]), ==, 0);
        body_clear(&body);
        close(s[0]);
        close(s[1]);
}

static void test_copy_and_move(void) {
        static uint8_t bytes[100000];
        Body body = {0}, copy = {0}, moved = {0};
        int s[2], room = 1 << 20;

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 11);
        pair(s);
        g_assert_cmpint(setsockopt(s[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), ==, 0);
        say(s[1], bytes, sizeof bytes);
        g_assert_cmpint(body_fill(&body, s[0], sizeof bytes), ==, 1);
        g_assert_cmpint(body_fill(&copy, s[0], 0), ==, 1);
        g_assert_cmpint(body_fill(&moved, s[0], 0), ==, 1);
        g_assert_cmpint(fcntl(copy.in, F_SETPIPE_SZ, body_room(&body)), >=, body_room(&body));
        g_assert_cmpint(fcntl(moved.in, F_SETPIPE_SZ, body_room(&body)), >=, body_room(&body));
        g_assert_cmpint(body_copy(&body, copy.in), ==, 0);
        copy.len = sizeof bytes;
        g_assert_cmpuint(body.len, ==, sizeof bytes);
        g_assert_cmpint(body_move(&body, moved.in), ==, 0);
        moved.len = sizeof bytes;
        g_assert_cmpuint(body.len, ==, 0);
        holds(&copy, bytes, sizeof bytes);
        holds(&moved, bytes, sizeof bytes);
        body_clear(&body);
        body_clear(&copy);
        body_clear(&moved);
        close(s[0]);
        close(s[1]);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/body/pieces", test_pieces);
        g_test_add_func("/body/too-many-pieces", test_too_many_pieces);
        g_test_add_func("/body/end", test_end);
        g_test_add_func("/body/empty", test_empty);
        g_test_add_func("/body/copy-and-move", test_copy_and_move);
        return g_test_run();
}
