/* SPDX-License-Identifier: ISC */
/*
 * One keeper says something else than the others, where all have to come to the same: then it is
 * not known what they hold, and they end.
 */
#include <glib.h>
#include <unistd.h>

#include "agent/link.h"
#include "lib/message.h"
#include "tests/support/front.h"

#define PASSPHRASE "p"

static Agent *agent;
static int client;
static uint32_t n_jobs; /* that were sent to all */

static void turn_front(void) {
        while (front_turn())
                ;
}

/* Keeper `liar` answers the job that is under way by itself; the others do what they are told. */
static void answer(unsigned liar, int status, const char *contents) {
        uint8_t reply[64];
        TaWriter w = ta_writer(reply, sizeof reply);

        link_reply_header(&w, n_jobs, status);
        ta_write_raw(&w, ta_str(contents));
        for (unsigned i = 0; i < FRONT_KEEPERS; i++) {
                if (i == liar)
                        front_keeper_say(i, ta_written(&w));
                else
                        (void)front_keeper_work(i);
                turn_front();
        }
}

static void say(TaBytes message) {
        front_say(client, message);
        turn_front();
        n_jobs++;
}

static void say_add(const TaKey *key) {
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        ta_add_write(&w, key, ta_str("c"), NULL);
        say(ta_written(&w));
}

static void say_lock(bool lock) {
        uint8_t message[64];
        TaWriter w = ta_writer(message, sizeof message);

        ta_lock_write(&w, lock, ta_str(PASSPHRASE));
        say(ta_written(&w));
}

static void begin(void) {
        agent = front_new();
        client = front_connect();
        n_jobs = 0;
        front_await_words("a keeper has ended");
}

static void end(void) {
        close(client);
        front_settle();
        front_free();
}

/* a lock that only some have taken is none, and an unlock that some refuse does not open it */
static void test_lock(void) {
        for (unsigned liar = 0; liar < 2; liar++) {
                begin();
                say_lock(true);
                answer(liar, TA_E_PASSPHRASE, "");
                g_assert_cmpuint(front_times_said(), ==, 1);
                g_assert_cmpuint(front_reply(client), ==, SSH_AGENT_FAILURE);
                front_settle();
                g_assert_true(front_agrees());
                end();

                begin();
                say_lock(true);
                front_settle();
                g_assert_true(agent->locked);
                g_assert_cmpuint(front_reply(client), ==, SSH_AGENT_SUCCESS);
                say_lock(false);
                answer(liar, TA_E_PASSPHRASE, "");
                g_assert_cmpuint(front_times_said(), ==, 1);
                g_assert_cmpuint(front_reply(client), ==, SSH_AGENT_FAILURE);
                front_settle();
                g_assert_true(front_agrees());
                end();
        }
}

/* a key of which one says nothing, or something else */
static void test_add(void) {
        static const char *const words[] = {"", "something else"};
        ta_cleanup(ta_key_freep) TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        for (size_t i = 0; i < 2 * G_N_ELEMENTS(words); i++) {
                begin();
                say_add(key);
                answer((unsigned)i % 2, 0, words[i / 2]);
                g_assert_cmpuint(front_times_said(), ==, 1);
                g_assert_cmpuint(front_reply(client), ==, SSH_AGENT_FAILURE);
                end();
        }
        /* one that has no room for it is not out of step */
        begin();
        say_add(key);
        answer(1, TA_E_FULL, "");
        (void)front_keeper_work(0);
        turn_front();
        g_assert_cmpuint(front_times_said(), ==, 0);
        g_assert_cmpuint(front_reply(client), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
        g_assert_cmpuint(front_held(0), ==, 0);
        end();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bugs/one-lies/lock", test_lock);
        g_test_add_func("/bugs/one-lies/add", test_add);
        return g_test_run();
}
