/* SPDX-License-Identifier: ISC */
/*
 * F46: a keeper dies, and the new ones take their time. Others are served meanwhile; what needs a
 * keeper waits for them, and fails if they do not come or are less than was asked for.
 */
#include <glib.h>
#include <sodium.h>
#include <unistd.h>

#include "agent/link.h"
#include "lib/message.h"
#include "lib/secret.h"
#include "tests/support/front.h"

static TaKey *key;
static Agent *agent;
static int one, two;

static void begin_add(int fd) {
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        ta_add_write(&w, key, ta_str("c"), NULL);
        front_say(fd, ta_written(&w));
}

static void say_add(int fd) {
        begin_add(fd);
        front_settle();
}

/* The front does all it can; the keepers do nothing. */
static void turn_front(void) {
        while (front_turn())
                ;
}

static uint8_t list(int fd) {
        static const uint8_t type = SSH_AGENTC_REQUEST_IDENTITIES;

        front_say(fd, (TaBytes){&type, 1});
        front_settle();
        return front_reply(fd);
}

/* An agent with a key and two clients, whose keepers have just died. */
static void lose_keepers(void) {
        agent = front_new();
        one = front_connect();
        two = front_connect();
        say_add(one);
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);
        front_hold_hellos(true);
        front_keeper_end(0);
        front_settle();
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
}

static void all_hello(void) {
        for (unsigned i = 0; i < FRONT_KEEPERS; i++)
                front_keeper_hello(i);
        front_settle();
}

static void teardown(void) {
        close(one);
        close(two);
        front_free();
}

static void test_others_are_served(void) {
        lose_keepers();
        g_assert_cmpuint(keepers_count(agent->keepers), ==, 0);
        say_add(one);
        g_assert_cmpuint(front_reply(one), ==, 0); /* it waits */
        g_assert_cmpuint(list(two), ==, SSH_AGENT_IDENTITIES_ANSWER);
        all_hello();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(keepers_count(agent->keepers), >, 0);
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 1);
        g_assert_cmpuint(front_held(0), ==, 1);
        teardown();
}

/* whoever wants to seal a key learns to whom, though it takes a moment */
static void test_info(void) {
        uint8_t message[64];
        TaWriter w = ta_writer(message, sizeof message);

        ta_write_u8(&w, SSH_AGENTC_EXTENSION);
        ta_write_cstring(&w, TA_EXT_INFO);
        lose_keepers();
        front_say(one, ta_written(&w));
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, 0);
        g_assert_cmpuint(list(two), ==, SSH_AGENT_IDENTITIES_ANSWER);
        all_hello();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_EXTENSION_RESPONSE);
        front_keeper_end(0);
        front_settle();
        front_say(one, ta_written(&w));
        front_say(two, ta_written(&w));
        front_settle();
        close(two); /* nobody waits there any more */
        front_settle();
        front_keeper_end(0);
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_EXTENSION_FAILURE);
        two = front_connect();
        teardown();
}

/* all of them, or nothing is sent to any */
static void test_one_is_missing(void) {
        lose_keepers();
        say_add(one);
        for (unsigned i = 1; i < FRONT_KEEPERS; i++)
                front_keeper_hello(i);
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, 0);
        g_assert_cmpuint(keepers_count(agent->keepers), ==, 0);
        front_keeper_hello(0);
        front_settle();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);
        teardown();
}

/* what waits fails when they do not come in time, and they are tried again, but not for ever */
static void test_never(void) {
        unsigned failed = 0;

        lose_keepers();
        do {
                say_add(one);
                (void)front_wait(10000);
                front_settle();
                g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
                g_assert_cmpuint(list(two), ==, SSH_AGENT_IDENTITIES_ANSWER);
                g_assert_cmpuint(++failed, <, 20);
        } while (front_wait(10000));
        say_add(one);
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
        teardown();
}

/* what is no first word */
static void test_garbage(void) {
        static const uint8_t words[][LINK_HELLO + 1] = {{0}, {0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 1}};
        static const size_t lengths[] = {1, LINK_HELLO - 1, LINK_HELLO, LINK_HELLO + 1};

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                for (size_t k = 0; k < G_N_ELEMENTS(lengths); k++) {
                        if (i == 0 && lengths[k] == LINK_HELLO)
                                continue; /* that is one */
                        lose_keepers();
                        say_add(one);
                        front_keeper_say(0, (TaBytes){words[i], lengths[k]});
                        front_settle();
                        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
                        all_hello(); /* the next ones */
                        say_add(one);
                        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_SUCCESS);
                        teardown();
                }
}

/* two that have taken different keys for the same one */
static void test_disagree(void) {
        static const uint8_t other[] = {0, 0, 0, 1, 0, 0, 0, 0, 'x'}; /* to job 1 */

        agent = front_new();
        one = front_connect();
        two = front_connect();
        front_settle();
        begin_add(one);
        turn_front();
        front_keeper_say(0, (TaBytes){other, sizeof other});
        turn_front();
        g_assert_cmpuint(front_reply(one), ==, 0); /* the others have not answered */
        g_assert_true(front_keeper_work(1));
        turn_front();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
        teardown();
}

/* new ones below the level that was asked for get no keys */
static void test_weaker(void) {
        lose_keepers();
        all_hello();
        g_assert_cmpint(keepers_require(agent->keepers, TA_SECRET_LOCKED + 1), ==, TA_E_WEAK);
        g_assert_cmpint(keepers_require(agent->keepers, TA_SECRET_LOCKED), ==, 0);
        front_set_level(TA_SECRET_LOCKED - 1);
        front_keeper_end(0);
        front_settle();
        say_add(one);
        g_assert_cmpuint(front_reply(one), ==, 0);
        all_hello();
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
        say_add(one);
        g_assert_cmpuint(front_reply(one), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(list(two), ==, SSH_AGENT_IDENTITIES_ANSWER);
        teardown();
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        g_test_add_func("/F46/others-are-served", test_others_are_served);
        g_test_add_func("/F46/info", test_info);
        g_test_add_func("/F46/one-is-missing", test_one_is_missing);
        g_test_add_func("/F46/never", test_never);
        g_test_add_func("/F49/first-word", test_garbage);
        g_test_add_func("/F49/disagree", test_disagree);
        g_test_add_func("/F46/weaker", test_weaker);
        status = g_test_run();
        ta_key_free(key);
        return status;
}
