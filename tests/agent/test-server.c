/* SPDX-License-Identifier: ISC */
/* Connections that come in when there is no room for them. */
#include <glib.h>
#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/front.h"

enum { N_WAITING = 10 };

static uint8_t list(int fd) {
        static const uint8_t type = SSH_AGENTC_REQUEST_IDENTITIES;

        front_say(fd, (TaBytes){&type, 1});
        front_settle();
        return front_reply(fd);
}

/* So many descriptors more can be opened than there are. */
static void leave_descriptors(unsigned n) {
        struct rlimit limit;
        int next;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        limit.rlim_cur = limit.rlim_max;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        next = dup(STDERR_FILENO); /* the lowest that is free, and all below are taken */
        g_assert_cmpint(next, >, 0);
        close(next);
        if (n != UINT_MAX)
                limit.rlim_cur = (rlim_t)next + n;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

/* One episode: some wait, one more is let in now and then, and at last all are. */
static void episode(int served) {
        int waiting[N_WAITING];

        for (int i = 0; i < N_WAITING; i++)
                waiting[i] = front_connect();
        leave_descriptors(0);
        for (unsigned i = 0; i < N_WAITING - 1; i++) {
                front_settle(); /* which has an end: nobody looks again and again */
                g_assert_cmpuint(list(served), ==, SSH_AGENT_IDENTITIES_ANSWER);
                if (i > 4)
                        leave_descriptors(1);
                (void)front_wait(1000); /* the pause ends */
        }
        leave_descriptors(UINT_MAX);
        (void)front_wait(1000);
        for (int i = 0; i < N_WAITING; i++) {
                g_assert_cmpuint(list(waiting[i]), ==, SSH_AGENT_IDENTITIES_ANSWER);
                close(waiting[i]);
        }
        front_settle();
}

/* F30: who waits in the backlog loses nothing but time; it is said once, and once more next time */
static void test_no_descriptors(void) {
        int served;

        (void)front_new();
        served = front_connect();
        front_await_words("no descriptors left");
        g_assert_cmpuint(list(served), ==, SSH_AGENT_IDENTITIES_ANSWER);
        episode(served);
        g_assert_cmpuint(front_times_said(), ==, 1);
        episode(served);
        g_assert_cmpuint(front_times_said(), ==, 2);
        close(served);
        front_free();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_test_add_func("/F30/no-descriptors", test_no_descriptors);
        return g_test_run();
}
