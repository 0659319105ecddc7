/* SPDX-License-Identifier: ISC */
/* F50: a key that is damaged in a keeper's memory signs nothing, and is dropped. */
#include <glib.h>
#include <sodium.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/front.h"

static uint8_t ask_sign(int fd, const TaKey *key) {
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        ta_sign_request_write(&w, &(TaSignRequest){ta_key_blob(key), ta_str("data"), 0});
        front_say(fd, ta_written(&w));
        front_settle();
        return front_reply(fd);
}

static uint8_t ask_add(int fd, const TaKey *key) {
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        ta_add_write(&w, key, ta_str("c"), NULL);
        front_say(fd, ta_written(&w));
        front_settle();
        return front_reply(fd);
}

static void test_dropped(void) {
        Agent *agent = front_new();
        int fd = front_connect();
        TaKey *damaged, *other;

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &damaged), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &other), ==, 0);
        g_assert_cmpuint(ask_add(fd, damaged), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(ask_add(fd, other), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(ask_sign(fd, damaged), ==, SSH_AGENT_SIGN_RESPONSE);
        front_flip(0, keyring_find(agent->keyring, ta_key_blob(damaged))->id);
        front_await_words("damaged in memory; it is dropped");
        g_assert_cmpuint(ask_sign(fd, damaged), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(front_times_said(), ==, 1);
        g_assert_null(keyring_find(agent->keyring, ta_key_blob(damaged)));
        g_assert_cmpuint(ask_sign(fd, damaged), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(front_times_said(), ==, 1);
        g_assert_cmpuint(ask_sign(fd, other), ==, SSH_AGENT_SIGN_RESPONSE);
        for (unsigned i = 0; i < keepers_count(agent->keepers); i++)
                g_assert_cmpuint(front_held(i), ==, 1);
        g_assert_cmpuint(ask_add(fd, damaged), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(ask_sign(fd, damaged), ==, SSH_AGENT_SIGN_RESPONSE);
        ta_key_free(damaged);
        ta_key_free(other);
        close(fd);
        front_free();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_test_add_func("/F50/dropped", test_dropped);
        return g_test_run();
}
