/* SPDX-License-Identifier: ISC */
/*
 * A client that asks on and on, and reads just so much that something is always left to be sent:
 * what it has read must not stay in the agent's memory.
 */
#include <errno.h>
#include <glib.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/front.h"

#define COMMENT_LEN 200000 /* of the key that is listed */
#define LEFT        1000   /* bytes that are always left */
#define N_REQUESTS  200
#define MEMORY_MAX  (4u << 20)

static size_t room = SIZE_MAX; /* what the client's socket takes */
static size_t taken;

/* In place of the C library's: how much a socket takes at once is the kernel's secret. */
ssize_t send(int fd, const void *bytes, size_t len, int flags) {
        int type = 0;
        socklen_t n = sizeof type;

        g_assert_cmpint(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n), ==, 0);
        if (type != SOCK_STREAM) /* a keeper's */
                return sendto(fd, bytes, len, flags, NULL, 0);
        if (room == 0) {
                errno = EAGAIN;
                return -1;
        }
        if (len > room)
                len = room;
        room -= len;
        taken += len;
        return (ssize_t)len;
}

static void ask(int fd, TaBytes message) {
        g_autofree uint8_t *frame = g_malloc(4 + message.len);
        TaWriter w = ta_writer(frame, 4 + message.len);

        ta_write_string(&w, message);
        for (size_t done = 0; done < w.len;) {
                ssize_t n = sendto(fd, frame + done, w.len - done, MSG_DONTWAIT, NULL, 0);

                g_assert_true(n > 0 || errno == EAGAIN);
                done += n > 0 ? (size_t)n : 0;
                (void)front_turn();
        }
}

static void add_key(int fd) {
        g_autofree uint8_t *message = g_malloc(TA_MSG_MAX);
        g_autofree char *comment = g_strnfill(COMMENT_LEN, 'c');
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaWriter w = ta_writer(message, TA_MSG_MAX);

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        ta_add_write(&w, key, ta_str(comment), NULL);
        ask(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(taken, ==, 5);
}

static size_t memory(void) {
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

static void test_slow_reader(void) {
        static const uint8_t list = SSH_AGENTC_REQUEST_IDENTITIES;
        size_t before, most = 0, length;
        int fd;

#ifdef TA_SANITIZED
        g_test_skip("needs the C library's own heap");
        return;
#endif
        (void)front_new();
        fd = front_connect();
        add_key(fd);
        taken = 0;
        ask(fd, (TaBytes){&list, 1});
        front_settle();
        length = taken;
        g_assert_cmpuint(length, >, COMMENT_LEN);

        before = memory();
        taken = 0;
        for (unsigned i = 1; i <= N_REQUESTS; i++) {
                room = 0;
                ask(fd, (TaBytes){&list, 1});
                room = i == 1 ? length - LEFT : length;
                while (room > 0)
                        g_assert_true(front_turn());
                g_assert_cmpuint(taken, ==, i * length - LEFT);
                if (memory() - before > most)
                        most = memory() - before;
        }
        g_test_message("%zu bytes were sent, %zu held at most", taken, most);
        g_assert_cmpuint(most, <, MEMORY_MAX);
        close(fd);
        front_free();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bugs/slow-reader", test_slow_reader);
        return g_test_run();
}
