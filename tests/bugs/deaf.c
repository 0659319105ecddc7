/* SPDX-License-Identifier: ISC */
/*
 * A client that closes one half of its connection, the one in which it would hear, and stays: the
 * agent cannot answer it any more, and has nothing to do until it says something or leaves.
 */
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/front.h"

#define TURNS_MAX 1000

static void add_key(int fd) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        ta_add_write(&w, key, ta_str("c"), NULL);
        front_say(fd, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(fd), ==, SSH_AGENT_SUCCESS);
}

static void send_type(int fd, uint8_t type) {
        const uint8_t frame[] = {0, 0, 0, 1, type};

        g_assert_cmpint(send(fd, frame, sizeof frame, MSG_NOSIGNAL), ==, sizeof frame);
}

static void becomes_quiet(void) {
        unsigned turns = 0;

        while (front_turn())
                g_assert_cmpuint(++turns, <, TURNS_MAX);
}

static void test_deaf(void) {
        Agent *agent = front_new();
        int one = front_connect(), deaf = front_connect();

        add_key(one);
        g_assert_cmpint(shutdown(deaf, SHUT_RD), ==, 0);
        send_type(deaf, SSH_AGENTC_REQUEST_IDENTITIES);
        becomes_quiet();
        /* half a message more, and then the rest of it: what it asks for is still done */
        g_assert_cmpint(send(deaf, "\0\0", 2, 0), ==, 2);
        becomes_quiet();
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 1);
        g_assert_cmpint(send(deaf, "\0\1\x13", 3, 0), ==, 3);
        becomes_quiet();
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
        /* and what it asked for before it left */
        add_key(one);
        send_type(deaf, SSH_AGENTC_REQUEST_IDENTITIES);
        send_type(deaf, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
        close(deaf);
        becomes_quiet();
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
        close(one);
        becomes_quiet();
        front_free();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bugs/deaf", test_deaf);
        return g_test_run();
}
