/* SPDX-License-Identifier: ISC */
/* Time as the agent knows it: the one that goes on while the machine sleeps, and that nobody sets.
 */
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/agent/conversation.h"

#define TEN_YEARS (10 * 365 * 86400L)

static time_t wall_jumped, slept;

/* In place of the C library's: for this process clocks are set and machines sleep. */
int clock_gettime(clockid_t clock, struct timespec *t) {
        if (syscall(SYS_clock_gettime, clock, t) < 0)
                return -1;
        if (clock == CLOCK_BOOTTIME)
                t->tv_sec += slept;
        else if (clock == CLOCK_REALTIME)
                t->tv_sec += wall_jumped + slept;
        return 0;
}

time_t time(time_t *ret) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        if (ret)
                *ret = t.tv_sec;
        return t.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz ta_unused) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        *tv = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
        return 0;
}

static TaKey *key, *lasting;
static Agent *agent;
static int c;

/* A key that lives for a minute, and one that stays. */
static void begin(void) {
        wall_jumped = slept = 0;
        agent = conversation_begin();
        c = client_new();
        g_assert_cmpint(
                ask_add(c, key, "c", &(TaConstraints){.has_lifetime = true, .lifetime = 60}), ==,
                SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_add(c, lasting, "c", NULL), ==, SSH_AGENT_SUCCESS);
}

static void end(void) {
        client_close(c);
        conversation_end(agent);
}

static void test_wall_clock(void) {
        static const time_t jumps[] = {TEN_YEARS, -TEN_YEARS};

        for (size_t i = 0; i < G_N_ELEMENTS(jumps); i++) {
                begin();
                wall_jumped = jumps[i];
                turn_loop();
                g_assert_cmpuint(count_listed(c), ==, 2);
                g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
                slept = 61; /* nor does it live longer */
                g_assert_cmpuint(count_listed(c), ==, 1);
                end();
        }
}

/* nothing has happened since the machine woke up but this request */
static void test_sleep(void) {
        for (int sign = 0; sign < 2; sign++) {
                begin();
                slept = 58;
                g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
                slept = 60;
                if (sign)
                        g_assert_cmpint(ask_sign(c, key, ta_str("x")), ==, SSH_AGENT_FAILURE);
                else
                        g_assert_cmpuint(count_listed(c), ==, 1);
                g_assert_cmpint(ask_sign(c, lasting, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
                end();
        }
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        key = make_key("ed25519");
        lasting = make_key("ed25519");
        g_test_add_func("/F39/wall-clock", test_wall_clock);
        g_test_add_func("/F40/sleep", test_sleep);
        status = g_test_run();
        ta_key_free(key);
        ta_key_free(lasting);
        return status;
}
