/* SPDX-License-Identifier: ISC */
/* Keepers that end: the keys are gone, everybody hears of it, and the agent goes on. F46, F48. */
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/turns.h"
#include "tests/agent/conversation.h"

static TaKey *key, *rsa;

static void end(pid_t pid) {
        g_assert_cmpint(pid, >, 1);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
}

/* Ends a keeper, and returns when the agent has noticed. */
static void kill_a_keeper(Agent *agent, int c) {
        static const uint8_t list = SSH_AGENTC_REQUEST_IDENTITIES;

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        end(keeper_pid(0));
        while (keyring_size(agent->keyring) > 0)
                turn_loop_once();
        g_assert_cmpint(client_ask(c, (TaBytes){&list, 1}), ==, SSH_AGENT_IDENTITIES_ANSWER);
        g_assert_cmpuint(count_listed(c), ==, 0);
}

static void test_idle(void) {
        Agent *agent = conversation_begin();
        int c = client_new();

        kill_a_keeper(agent, c);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        conversation_end(agent);
}

/* with work under way: each request gets an answer, one way or the other */
static void test_busy(void) {
        enum { MANY = 60 };
        Agent *agent = conversation_begin();
        int c[MANY], admin = client_new();
        unsigned failures = 0;

        g_assert_cmpint(ask_add(admin, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_add(admin, rsa, "c", NULL), ==, SSH_AGENT_SUCCESS);
        for (int i = 0; i < MANY; i++)
                c[i] = client_new();
        for (int i = 0; i < MANY; i++)
                send_sign(c[i], i % 2 ? rsa : key, ta_str("x"));
        end(keeper_pid(1));
        for (int i = 0; i < MANY; i++) {
                uint8_t type = client_reply_type(c[i]);

                g_assert_true(type == SSH_AGENT_FAILURE || type == SSH_AGENT_SIGN_RESPONSE);
                failures += type == SSH_AGENT_FAILURE;
        }
        g_assert_cmpuint(failures, >, 0);
        g_assert_cmpuint(count_listed(admin), ==, 0);
        g_assert_cmpint(ask_add(admin, rsa, "c", NULL), ==, SSH_AGENT_SUCCESS);
        for (int i = 0; i < MANY; i++) {
                g_assert_cmpint(ask_sign(c[i], rsa, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
                client_close(c[i]);
        }
        client_close(admin);
        conversation_end(agent);
}

/* a client that leaves with work under way, and then a keeper that ends */
static void test_client_gone(void) {
        Agent *agent = conversation_begin();
        int c = client_new(), admin = client_new();

        g_assert_cmpint(ask_add(admin, rsa, "c", NULL), ==, SSH_AGENT_SUCCESS);
        for (int i = 0; i < 10; i++)
                send_sign(c, rsa, ta_str("x"));
        turn_loop_once();
        client_close(c);
        kill_a_keeper(agent, admin);
        g_assert_cmpint(ask_add(admin, rsa, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(admin, rsa, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(admin);
        conversation_end(agent);
}

/* Time, which this program can move on. */
static time_t skew;

int clock_gettime(clockid_t id, struct timespec *t) {
        long result = syscall(SYS_clock_gettime, id, t);

        t->tv_sec += skew;
        return (int)result;
}

/* keepers that end again and again are started after a pause; the agent still answers */
static void test_again_and_again(void) {
        Agent *agent = conversation_begin();
        int c = client_new(), times = 0;

        for (; times < 20; times++) {
                if (ask_add(c, key, "c", NULL) != SSH_AGENT_SUCCESS)
                        break;
                kill_a_keeper(agent, c);
        }
        g_assert_cmpint(times, >, 1);
        g_assert_cmpint(times, <, 20);
        g_assert_cmpuint(count_listed(c), ==, 0);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_lock(c, true, "p"), ==, SSH_AGENT_FAILURE);
        skew += 60;
        while (ask_add(c, key, "c", NULL) != SSH_AGENT_SUCCESS)
                turn_loop_once();
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        conversation_end(agent);
}

/* The slice that the scheduler gives a process, in nanoseconds; 0 where it knows no such thing. */
static uint64_t slice_of(pid_t pid) {
        /* As in linux/sched/types.h, which cannot stand beside sched.h. */
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t runtime, deadline, period;
        } attr = {0};

        g_assert_cmpint(syscall(SYS_sched_getattr, pid, &attr, sizeof attr, 0), ==, 0);
        return attr.runtime;
}

/* all but the first, which never has a slow job, are easily interrupted */
static void test_turns(void) {
        Agent *agent = conversation_begin();
        uint64_t usual = slice_of(0);
        int c = client_new();
        unsigned n = 1;

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(slice_of(keeper_pid(0)), ==, usual ? TURN_SHORT_NS : 0);
        for (pid_t pid; (pid = keeper_pid(n)) != 0; n++)
                g_assert_cmpuint(slice_of(pid), ==, usual ? TURN_LONG_NS : 0);
        g_assert_cmpuint(n, >, 1);
        client_close(c);
        conversation_end(agent);
}

/* F47: they are gone with the warden */
static void test_warden_killed(void) {
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        end(warden_pid());
        while (keyring_size(agent->keyring) > 0)
                turn_loop_once();
        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        conversation_end(agent);
}

/* F48: without the launcher signing goes on; a keeper that ends then cannot be replaced */
static void test_launcher_killed(void) {
        Agent *agent = conversation_begin();
        int c = client_new();
        pid_t pid;

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        pid = keeper_pid(0);
        end(launcher_pid());
        turn_loop_once();
        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        end(pid);
        while (keyring_size(agent->keyring) > 0)
                turn_loop_once();
        g_assert_cmpuint(count_listed(c), ==, 0);
        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_FAILURE);
        client_close(c);
        conversation_end(agent);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        key = make_key("ed25519");
        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("rsa", 0), 2048, &rsa), ==, 0);
        g_test_add_func("/keepers/F46-idle", test_idle);
        g_test_add_func("/keepers/F46-busy", test_busy);
        g_test_add_func("/keepers/F46-client-gone", test_client_gone);
        g_test_add_func("/keepers/F46-again-and-again", test_again_and_again);
        g_test_add_func("/keepers/turns", test_turns);
        g_test_add_func("/keepers/F47-warden-killed", test_warden_killed);
        g_test_add_func("/keepers/F48-launcher-killed", test_launcher_killed);
        status = g_test_run();
        ta_key_free(key);
        ta_key_free(rsa);
        return status;
}
