/* SPDX-License-Identifier: ISC */
/* Locking: front and keepers must never disagree, whoever leaves when; guesses are slow, and only
 * for those who guess. F21. */
#include "tests/agent/conversation.h"

#include <signal.h>

static void test_lock_and_unlock(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_lock(c, false, "p"), ==, SSH_AGENT_FAILURE); /* not locked */
        g_assert_cmpint(ask_lock(c, true, ""), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(count_listed(c), ==, 1);
        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_FAILURE); /* twice */
        g_assert_cmpuint(count_listed(c), ==, 0);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_lock(c, false, "q"), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_lock(c, false, ""), ==, SSH_AGENT_FAILURE);
        g_assert_cmpuint(count_listed(c), ==, 0);
        g_assert_cmpint(ask_lock(c, false, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(count_listed(c), ==, 1);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        conversation_end(agent);
}

/* a passphrase has an end, and any octets; the largest locks, and no other one unlocks */
static void test_lengths(void) {
        enum { MOST = 16 * 1024 };
        g_autofree char *most = g_strnfill(MOST, '\xff'), *more = g_strnfill(MOST + 1, '\xff');
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_lock(c, true, more), ==, SSH_AGENT_FAILURE);
        g_assert_false(agent->locked);
        g_assert_cmpint(ask_lock(c, true, most), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_lock(c, false, more), ==, SSH_AGENT_FAILURE);
        most[MOST - 1] = 'x';
        g_assert_cmpint(ask_lock(c, false, most), ==, SSH_AGENT_FAILURE);
        most[MOST - 1] = '\xff';
        g_assert_cmpint(ask_lock(c, false, most), ==, SSH_AGENT_SUCCESS);
        client_close(c);
        conversation_end(agent);
}

/* while a guess waits for its answer, everybody else is served */
static void test_only_the_guesser_waits(void) {
        Agent *agent = conversation_begin();
        int guesser = client_new(), other = client_new();

        g_assert_cmpint(ask_lock(other, true, "p"), ==, SSH_AGENT_SUCCESS);
        agent->unlock.failures = 4; /* the next refusal takes half a second */
        send_lock(guesser, false, "wrong");
        for (int i = 0; i < 50; i++)
                g_assert_cmpuint(count_listed(other), ==, 0);
        g_assert_false(client_has_reply(guesser));
        g_assert_cmpint(client_reply_type(guesser), ==, SSH_AGENT_FAILURE);
        client_close(guesser);
        client_close(other);
        conversation_end(agent);
}

/* hanging up does not shorten the wait for the next guess */
static void test_a_guesser_cannot_start_anew(void) {
        Agent *agent = conversation_begin();
        int c = client_new(), guesser = client_new(), next = client_new();
        uint64_t start;

        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_SUCCESS);
        agent->unlock.failures = 4;
        start = loop_now_ms();
        send_lock(guesser, false, "wrong");
        while (agent->unlock.failures < 5)
                turn_loop_once();
        client_close(guesser);
        g_assert_cmpint(ask_lock(next, false, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(loop_now_ms() - start, >=, 500);
        client_close(next);
        client_close(c);
        conversation_end(agent);
}

/* several right passphrases at once: one opens, the others hear that it is open; nobody hangs */
static void test_many_unlock_at_once(void) {
        Agent *agent = conversation_begin();
        int c[5];

        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                c[i] = client_new();
        g_assert_cmpint(ask_lock(c[0], true, "p"), ==, SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                send_lock(c[i], false, "p");
        g_assert_cmpint(client_reply_type(c[0]), ==, SSH_AGENT_SUCCESS);
        for (size_t i = 1; i < G_N_ELEMENTS(c); i++)
                g_assert_cmpint(client_reply_type(c[i]), ==, SSH_AGENT_FAILURE);
        g_assert_false(agent->locked);
        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                client_close(c[i]);
        conversation_end(agent);
}

/* those in line may leave it, wherever they stand */
static void test_leaving_the_line(void) {
        for (size_t leaver = 0; leaver < 4; leaver++) {
                Agent *agent = conversation_begin();
                int c[4];

                for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                        c[i] = client_new();
                g_assert_cmpint(ask_lock(c[0], true, "p"), ==, SSH_AGENT_SUCCESS);
                for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                        send_lock(c[i], false, "wrong");
                turn_loop();
                client_close(c[leaver]);
                for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                        if (i != leaver) {
                                agent->unlock.failures = 0; /* or the test takes its time */
                                g_assert_cmpint(client_reply_type(c[i]), ==, SSH_AGENT_FAILURE);
                                client_close(c[i]);
                        }
                conversation_end(agent);
        }
}

/* who locks or unlocks and leaves before the answer leaves an agent that can be used */
static void test_leaving_in_the_middle(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        int c = client_new(), leaver = client_new();

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);

        send_lock(leaver, true, "p");
        turn_loop_once(); /* it is with the keepers */
        client_close(leaver);
        while (!agent->locked)
                turn_loop_once();
        g_assert_cmpuint(count_listed(c), ==, 0);
        g_assert_cmpint(ask_lock(c, false, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);

        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_SUCCESS);
        leaver = client_new();
        send_lock(leaver, false, "p");
        turn_loop_once();
        client_close(leaver);
        while (agent->locked)
                turn_loop_once();
        g_assert_cmpuint(count_listed(c), ==, 1);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        conversation_end(agent);
}

/* a keeper that dies while some wait for their turn: each of them hears of it */
static void test_a_keeper_dies(void) {
        Agent *agent = conversation_begin();
        int c[4];

        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                c[i] = client_new();
        g_assert_cmpint(ask_lock(c[0], true, "p"), ==, SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                send_lock(c[i], false, "p");
        g_assert_cmpint(kill(keeper_pid(0), SIGKILL), ==, 0);
        g_usleep(20000); /* so that the agent sees its end before it hands out the first attempt */
        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                g_assert_cmpint(client_reply_type(c[i]), !=, 0);
        while (agent->locked)
                turn_loop_once();
        g_assert_cmpint(ask_lock(c[0], true, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_lock(c[0], false, "p"), ==, SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < G_N_ELEMENTS(c); i++)
                client_close(c[i]);
        conversation_end(agent);
}

/* a key's time runs while the agent is locked */
static void test_expiry_while_locked(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        TaConstraints second = {.has_lifetime = true, .lifetime = 1};
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, "c", &second), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_SUCCESS);
        while (keyring_size(agent->keyring) > 0)
                turn_loop_once(); /* the agent's own timer, no request */
        g_assert_cmpint(ask_lock(c, false, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_FAILURE);
        client_close(c);
        conversation_end(agent);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/op-lock/lock-and-unlock", test_lock_and_unlock);
        g_test_add_func("/op-lock/lengths", test_lengths);
        g_test_add_func("/op-lock/F21-only-the-guesser-waits", test_only_the_guesser_waits);
        g_test_add_func("/op-lock/F21-a-guesser-cannot-start-anew", test_a_guesser_cannot_start_anew);
        g_test_add_func("/op-lock/many-unlock-at-once", test_many_unlock_at_once);
        g_test_add_func("/op-lock/leaving-the-line", test_leaving_the_line);
        g_test_add_func("/op-lock/leaving-in-the-middle", test_leaving_in_the_middle);
        g_test_add_func("/op-lock/a-keeper-dies", test_a_keeper_dies);
        g_test_add_func("/op-lock/expiry-while-locked", test_expiry_while_locked);
        return g_test_run();
}
