/* SPDX-License-Identifier: ISC */
/*
 * Many clients at once, while the keepers are slow: nobody is refused for coming 65th, front and
 * keepers agree on what was done, and halves of requests are in nobody's way.
 */
#include <errno.h>
#include <glib.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/front.h"

#define N_CLIENTS 300
#define LARGE     200000
#define N_LARGE   4
#define N_WAITING 40 /* with a large request each */

static TaKey *key;

static void say_add(int fd, size_t comment_len) {
        static uint8_t message[TA_MSG_MAX];
        g_autofree char *comment = g_strnfill(comment_len, 'c');
        TaWriter w = ta_writer(message, sizeof message);

        ta_add_write(&w, key, ta_str(comment), NULL);
        front_say(fd, ta_written(&w));
}

static void test_crowd(void) {
        int fds[N_CLIENTS];

        (void)front_new();
        for (size_t i = 0; i < N_CLIENTS; i++) {
                fds[i] = front_connect();
                say_add(fds[i], 1);
        }
        front_settle();
        for (size_t i = 0; i < N_CLIENTS; i++) {
                g_assert_cmpuint(front_reply(fds[i]), ==, SSH_AGENT_SUCCESS);
                close(fds[i]);
        }
        front_free();
}

static void say_sign(int fd) {
        uint8_t message[256];
        TaWriter w = ta_writer(message, sizeof message);

        ta_sign_request_write(&w, &(TaSignRequest){ta_key_blob(key), ta_str("data"), 0});
        front_say(fd, ta_written(&w));
}

static void test_all_or_none(void) {
        uint8_t lock[16];
        TaWriter w = ta_writer(lock, sizeof lock);
        int fds[N_LARGE], one, two;

        (void)front_new();
        one = front_connect();
        two = front_connect();
        say_add(one, 1);
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);

        /* One keeper is at its ease, and the other does nothing. */
        for (size_t i = 0; i < N_LARGE; i++) {
                fds[i] = front_connect();
                say_add(fds[i], LARGE);
        }
        while (front_keeper_work(0) | (int)front_turn())
                ;
        ta_lock_write(&w, true, ta_str("x"));
        front_say(one, ta_written(&w));
        while (front_keeper_work(0) | (int)front_turn())
                ;
        /* Nobody has been told that it is locked, so it is not, whatever one keeper thinks. */
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);
        g_assert_true(front_agrees());
        say_sign(two);
        front_settle();
        g_assert_cmpuint(front_reply(two), ==, SSH_AGENT_FAILURE);
        for (size_t i = 0; i < N_LARGE; i++)
                close(fds[i]);
        close(one);
        close(two);
        front_free();
}

/* Clients with a large request each: `said` bytes of it, if not all. The answers are not awaited.
 */
static void large_requests(int fds[static N_WAITING], TaBytes message, size_t said) {
        static uint8_t frame[4 + TA_MSG_MAX];
        TaWriter w = ta_writer(frame, sizeof frame);

        ta_write_string(&w, message);
        for (size_t i = 0; i < N_WAITING; i++) {
                fds[i] = front_connect();
                for (size_t done = 0; done < said;) {
                        ssize_t n = send(fds[i], frame + done, said - done,
                                         MSG_DONTWAIT | MSG_NOSIGNAL);

                        done += n > 0 ? (size_t)n : 0;
                        if (n < 0 && errno != EAGAIN)
                                break; /* it was dropped, which is the agent's right */
                        front_settle();
                }
        }
}

static void others_are_served(int fd) {
        uint8_t message[64];
        TaWriter w = ta_writer(message, sizeof message);

        say_add(fd, LARGE);
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
        ta_lock_write(&w, true, ta_str("x"));
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
        w = ta_writer(message, sizeof message);
        ta_lock_write(&w, false, ta_str("x"));
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
}

/* Halves of requests that are secret wait in pipes, and keep nobody else from adding a key. */
static void test_halves(void) {
        static uint8_t add[LARGE] = {SSH_AGENTC_ADD_IDENTITY};
        int fds[N_WAITING], fd;

        (void)front_new();
        fd = front_connect();
        large_requests(fds, (TaBytes){add, sizeof add}, sizeof add - 1);
        others_are_served(fd);
        for (size_t i = 0; i < N_WAITING; i++)
                close(fds[i]);
        close(fd);
        while (front_turn())
                ;
        fd = front_connect(); /* what they had has come back */
        large_requests(fds, (TaBytes){add, sizeof add}, sizeof add - 1);
        others_are_served(fd);
        for (size_t i = 0; i < N_WAITING; i++)
                close(fds[i]);
        close(fd);
        front_free();
}

/* Requests that wait for the person, each with all its data. */
static void test_questions(void) {
        static uint8_t message[TA_MSG_MAX], data[LARGE];
        int fds[N_WAITING], fd;
        TaWriter w = ta_writer(message, sizeof message);

        (void)front_new();
        fd = front_connect();
        ta_add_write(&w, key, ta_str("c"), &(TaConstraints){.confirm = true});
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
        w = ta_writer(message, sizeof message);
        ta_sign_request_write(&w, &(TaSignRequest){ta_key_blob(key), {data, sizeof data}, 0});
        large_requests(fds, ta_written(&w), w.len + 4);
        for (size_t i = 0; i < N_WAITING; i++) {
                g_assert_cmpuint(front_reply(fds[i]), ==, 0);
                g_assert_true(front_answer(0, ""));
                front_settle();
                g_assert_cmpuint(front_reply(fds[i]), ==, SSH_AGENT_SIGN_RESPONSE);
                close(fds[i]);
        }
        close(fd);
        front_free();
}

/* Whether the agent has closed the connection. */
static bool dropped(int fd) {
        uint8_t byte;

        return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* Of too many halves the oldest go; a whole request waits for the keepers, and stays. */
static void test_too_many_halves(void) {
        enum { BODIES = 256, HALVES = 300 };
        static uint8_t message[4096];
        TaWriter w = ta_writer(message + 4, sizeof message - 4), frame = ta_writer(message, 4);
        static int fds[HALVES];
        struct rlimit limit;
        int whole;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        if (limit.rlim_max < 2 * (HALVES + BODIES) + 100) {
                g_test_skip("the limit on descriptors is too low");
                return;
        }
        limit.rlim_cur = limit.rlim_max;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        ta_add_write(&w, key, ta_str("c"), NULL);
        ta_write_u32(&frame, (uint32_t)w.len);
        (void)front_new();
        whole = front_connect();
        say_add(whole, 1); /* the keepers have it, and do nothing yet */
        for (int i = 0; i < HALVES; i++) {
                fds[i] = front_connect();
                g_assert_cmpint(send(fds[i], message, 4 + w.len - 1, MSG_NOSIGNAL), ==, 4 + w.len - 1);
                while (front_turn())
                        ;
        }
        for (int i = 0; i < HALVES; i++)
                g_assert_cmpint(dropped(fds[i]), ==, i < HALVES - (BODIES - 1));
        front_settle();
        g_assert_cmpuint(front_reply(whole), ==, SSH_AGENT_SUCCESS);
        for (int i = HALVES - (BODIES - 1); i < HALVES; i++) {
                g_assert_cmpint(send(fds[i], message + 4 + w.len - 1, 1, MSG_NOSIGNAL), ==, 1);
                front_settle();
                g_assert_cmpuint(front_reply(fds[i]), ==, SSH_AGENT_SUCCESS);
        }
        for (int i = 0; i < HALVES; i++)
                close(fds[i]);
        close(whole);
        front_free();
}

/* A client that leaves while its key waits for the pipes, or for the keepers: what they hold is what
 * is listed. */
static void test_gone_while_adding(void) {
        ta_cleanup(ta_key_freep) TaKey *first = key, *second = NULL, *third = NULL;
        Agent *agent = front_new();
        int fds[3];

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &second), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &third), ==, 0);
        for (int i = 0; i < 3; i++) {
                TaKey *const keys[] = {first, second, third};

                fds[i] = front_connect();
                key = keys[i];
                say_add(fds[i], 1);
        }
        key = ta_steal(&first);
        close(fds[0]); /* the keepers have it */
        close(fds[1]); /* it waits for the pipes */
        while (front_turn())
                ;
        front_settle();
        g_assert_cmpuint(front_reply(fds[2]), ==, SSH_AGENT_SUCCESS);
        for (unsigned i = 0; i < keepers_count(agent->keepers); i++)
                g_assert_cmpuint(front_held(i), ==, keyring_size(agent->keyring));
        close(fds[2]);
        front_free();
}

/* A key that one of the keepers cannot take is a key that none has. */
static void test_sealed_for_some(void) {
        uint8_t open[1024], message[8192];
        TaWriter a = ta_writer(open, sizeof open), w = ta_writer(message, sizeof message);
        Agent *agent = front_new();
        TaInfo to = {.n_seal_keys = keepers_count(agent->keepers)};
        int fd = front_connect();

        for (unsigned i = 0; i < to.n_seal_keys; i++)
                to.seal_keys[i] = (TaBytes){keepers_public_key(agent->keepers, i), TA_SEAL_KEY_LEN};
        ta_add_write(&a, key, ta_str("c"), &(TaConstraints){0});
        ta_add_sealed_write(&w, (TaBytes){open + 1, a.len - 1}, &to);
        message[w.len - 1] ^= 1;
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_EXTENSION_FAILURE);
        for (unsigned i = 0; i < to.n_seal_keys; i++)
                g_assert_cmpuint(front_held(i), ==, 0);
        message[w.len - 1] ^= 1;
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
        for (unsigned i = 0; i < to.n_seal_keys; i++)
                g_assert_cmpuint(front_held(i), ==, 1);
        close(fd);
        front_free();
}

/* a secret has its ten seconds, also where what came first did not tell that it is one */
static void test_late_secret(void) {
        static const uint8_t length[] = {0, 0, 0, 99}, more[] = {SSH_AGENTC_ADD_IDENTITY, 1};
        uint8_t byte;
        int fd;

        (void)front_new();
        fd = front_connect();
        front_settle();
        g_assert_cmpint(write(fd, length, sizeof length), ==, sizeof length);
        front_settle();
        g_assert_cmpint(write(fd, more, sizeof more), ==, sizeof more);
        front_settle();
        g_assert_true(front_wait(10000));
        front_settle();
        g_assert_cmpint(read(fd, &byte, 1), ==, 0);
        close(fd);
        front_free();
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        g_test_add_func("/crowd/late-secret", test_late_secret);
        g_test_add_func("/bugs/crowd", test_crowd);
        g_test_add_func("/bugs/all-or-none", test_all_or_none);
        g_test_add_func("/bugs/halves", test_halves);
        g_test_add_func("/bugs/questions", test_questions);
        g_test_add_func("/bugs/too-many-halves", test_too_many_halves);
        g_test_add_func("/bugs/sealed-for-some", test_sealed_for_some);
        g_test_add_func("/bugs/gone-while-adding", test_gone_while_adding);
        status = g_test_run();
        ta_key_free(key);
        return status;
}
