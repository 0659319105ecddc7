/* SPDX-License-Identifier: ISC */
/* Asking the person, with real askpass programs of every temper: who is asked, who waits, and what
 * becomes of a question when the client, the key or the launcher goes. F34, F35, F36, F37, F48. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent/conversation.h"

static const TaConstraints confirm = {.confirm = true};
static TaKey *asked, *plain;
static char *dir;
static Agent *agent;
static int admin;

static const char *file(const char *name) {
        static char path[256];

        g_snprintf(path, sizeof path, "%s/%s", dir, name);
        return path;
}

/* What the askpass program does; it writes its prompt and its number down first. Two at a time
 * would meet in "one". */
static const char script[] =
        "#!/bin/sh\n"
        "d=${0%/*}\n"
        "mkdir \"$d/one\" || echo >\"$d/overlap\"\n"
        "trap 'rmdir \"$d/one\"' EXIT\n"
        "mode=$(cat \"$d/mode\")\n"
        "if [ \"$mode\" = stubborn ]; then trap '' TERM; fi\n"
        "printf '%s' \"$1\" >\"$d/prompt\"\n"
        "printf '%s' \"$SSH_ASKPASS_PROMPT\" >\"$d/hint\"\n"
        "echo $$ >\"$d/pid\"\n"
        "case $mode in\n"
        "yes) exit 0 ;;\n"
        "no) exit 1 ;;\n"
        "'say yes') echo yes ;;\n"
        "'say YES') echo YES ;;\n"
        "'say no') echo no ;;\n"
        "'say yes, fail') echo yes; exit 1 ;;\n"
        "'say more') echo yes please ;;\n"
        "crash) kill -s SEGV $$ ;;\n"
        "flood) head -c 1000000 /dev/zero ;;\n"
        "'close all') exec <&- >&- 2>&-; exit 0 ;;\n"
        "wait) while [ ! -e \"$d/go\" ]; do sleep 0.01; done ;;\n"
        "stubborn) while :; do sleep 0.01; done ;;\n"
        "orphan) sleep 1000 & echo $! >\"$d/orphan\"; exit 0 ;;\n"
        "esac\n";

static void mode(const char *word) {
        g_assert_true(g_file_set_contents(file("mode"), word, -1, NULL));
}

static char *contents(const char *name) {
        char *text = NULL;

        g_assert_true(g_file_get_contents(file(name), &text, NULL, NULL));
        return text;
}

static bool is_there(const char *name) {
        return g_access(file(name), F_OK) == 0;
}

/* Turns the loop until the file is there (or gone). */
static void wait_for_file(const char *name, bool there) {
        while (is_there(name) != there) {
                turn_loop();
                g_usleep(2000);
        }
}

static bool runs(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
        const char *name_end;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return false;
        name_end = strrchr(text, ')');
        return name_end && name_end[2] != 'Z';
}

static void wait_for_end(pid_t pid) {
        while (runs(pid)) {
                turn_loop();
                g_usleep(2000);
        }
}

static pid_t shown_pid(void) {
        g_autofree char *text = NULL;

        wait_for_file("pid", true);
        do {
                g_free(text);
                text = contents("pid");
        } while (!strchr(text, '\n'));
        return (pid_t)g_ascii_strtoll(text, NULL, 10);
}

static void setup(void) {
        dir = g_dir_make_tmp("ta-ask-XXXXXX", NULL);
        g_assert_nonnull(dir);
        g_assert_true(g_file_set_contents(file("askpass"), script, -1, NULL));
        g_assert_cmpint(g_chmod(file("askpass"), 0755), ==, 0);
        g_setenv("SSH_ASKPASS", file("askpass"), TRUE);
        g_setenv("SSH_ASKPASS_REQUIRE", "force", TRUE);
        agent = conversation_begin();
        admin = client_new();
        g_assert_cmpint(ask_add(admin, asked, "c", &confirm), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_add(admin, plain, "c", NULL), ==, SSH_AGENT_SUCCESS);
}

static void teardown(void) {
        static const char *const names[] = {"askpass", "mode", "prompt", "hint", "pid", "go", "orphan"};

        client_close(admin);
        conversation_end(agent);
        g_assert_false(is_there("overlap"));
        (void)g_rmdir(file("one"));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                (void)g_unlink(file(names[i]));
        g_assert_cmpint(g_rmdir(dir), ==, 0);
        g_clear_pointer(&dir, g_free);
}

static uint8_t sign(int fd) {
        return ask_sign(fd, asked, ta_str("x"));
}

/* A client whose question is being shown. */
static int asking(const char *word) {
        int c = client_new();

        mode(word);
        send_sign(c, asked, ta_str("x"));
        (void)shown_pid();
        return c;
}

static void test_answers(void) {
        enum { YES = SSH_AGENT_SIGN_RESPONSE, NO = SSH_AGENT_FAILURE };
        static const struct {
                const char *mode;
                uint8_t answer;
        } rows[] = {
                {"yes", YES},     {"no", NO},    {"say yes", YES}, {"say YES", YES},
                {"say no", NO},   {"say yes, fail", NO}, {"say more", NO}, {"crash", NO},
                {"flood", NO},    {"close all", YES},
        };

        setup();
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                mode(rows[i].mode);
                g_test_message("%s", rows[i].mode);
                g_assert_cmpint(sign(admin), ==, rows[i].answer);
                (void)g_rmdir(file("one")); /* a crash leaves it */
        }
        /* each use is asked for */
        mode("yes");
        g_assert_cmpint(sign(admin), ==, YES);
        mode("no");
        g_assert_cmpint(sign(admin), ==, NO);
        g_assert_cmpint(ask_sign(admin, plain, ta_str("x")), ==, YES);
        teardown();
}

/* F36: no such program */
static void test_no_program(void) {
        setup();
        g_assert_cmpint(g_unlink(file("askpass")), ==, 0);
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_sign(admin, plain, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        teardown();
}

/* F36: what the program leaves behind with its pipe open does not hold up the answer */
static void test_orphan(void) {
        g_autofree char *text = NULL;

        setup();
        mode("orphan");
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_SIGN_RESPONSE);
        text = contents("orphan");
        g_assert_cmpint(kill((pid_t)g_ascii_strtoll(text, NULL, 10), SIGKILL), ==, 0);
        teardown();
}

/* F37: nobody to ask */
static void test_no_display(void) {
        static const struct {
                const char *require, *display, *wayland;
                uint8_t answer;
        } rows[] = {
                {NULL, NULL, NULL, SSH_AGENT_FAILURE},
                {NULL, "", "", SSH_AGENT_FAILURE},
                {"never", ":0", NULL, SSH_AGENT_FAILURE},
                {NULL, ":0", NULL, SSH_AGENT_SIGN_RESPONSE},
                {NULL, NULL, "wayland-0", SSH_AGENT_SIGN_RESPONSE},
                {"prefer", ":0", NULL, SSH_AGENT_SIGN_RESPONSE},
        };

        setup();
        mode("yes");
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const char *const names[] = {"SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY"};
                const char *const values[] = {rows[i].require, rows[i].display, rows[i].wayland};

                for (size_t v = 0; v < G_N_ELEMENTS(names); v++)
                        if (values[v])
                                g_setenv(names[v], values[v], TRUE);
                        else
                                g_unsetenv(names[v]);
                g_assert_cmpint(sign(admin), ==, rows[i].answer);
        }
        g_unsetenv("DISPLAY");
        teardown();
}

/* OpenSSH's words, with the fingerprint; a comment cannot forge them */
static void test_prompt(void) {
        static const struct {
                const char *comment, *shown;
        } rows[] = {
                {"me@here", "me@here"},
                {"", ""},
                {"a?\nKey fingerprint SHA256:forged.", NULL},
                {"\033[2Jclear", NULL},
                {"%s%n%d", "%s%n%d"},
        };
        char fingerprint[TA_FINGERPRINT_MAX];

        setup();
        mode("yes");
        g_assert_cmpint(ta_fingerprint(asked, TA_HASH_SHA256, fingerprint), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = NULL, *hint = NULL, *end = NULL;

                g_assert_cmpint(ask_add(admin, asked, rows[i].comment, &confirm), ==, SSH_AGENT_SUCCESS);
                g_assert_cmpint(sign(admin), ==, SSH_AGENT_SIGN_RESPONSE);
                text = contents("prompt");
                hint = contents("hint");
                g_assert_cmpstr(hint, ==, "confirm");
                end = g_strdup_printf("?\nKey fingerprint %s.", fingerprint);
                g_assert_true(g_str_has_prefix(text, "Allow use of key "));
                g_assert_true(g_str_has_suffix(text, end));
                /* two lines and no more, and nothing that moves a cursor */
                g_assert_true(strchr(text, '\n') == strrchr(text, '\n'));
                for (const char *p = text; *p; p++)
                        g_assert_true(*p == '\n' || (uint8_t)*p >= 0x20);
                if (rows[i].shown) {
                        g_autofree char *whole = g_strconcat("Allow use of key ", rows[i].shown, end, NULL);

                        g_assert_cmpstr(text, ==, whole);
                }
        }
        teardown();
}

/* while the person thinks, everybody else is served */
static void test_others_are_served(void) {
        int c;

        setup();
        c = asking("wait");
        for (int i = 0; i < 20; i++) {
                g_assert_cmpuint(count_listed(admin), ==, 2);
                g_assert_cmpint(ask_sign(admin, plain, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        }
        g_assert_false(client_has_reply(c));
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL));
        g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c);
        teardown();
}

/* F34: the client goes, the dialog goes; also where it had gone before the dialog came */
static void test_client_gone(void) {
        pid_t pid;
        int c;

        setup();
        c = asking("wait");
        pid = shown_pid();
        client_close(c);
        wait_for_end(pid);
        g_assert_cmpint(g_unlink(file("pid")), ==, 0);

        c = client_new();
        send_sign(c, asked, ta_str("x"));
        close(c);
        mode("yes");
        g_assert_cmpint(ask_sign(admin, plain, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        g_assert_false(is_there("pid"));
        teardown();
}

/* F36: a program that does not go when it is told to is made to, and the next one is asked */
static void test_stubborn(void) {
        pid_t pid;
        int c;

        setup();
        c = asking("stubborn");
        pid = shown_pid();
        client_close(c);
        mode("yes");
        (void)g_rmdir(file("one")); /* it will not get to that itself */
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_SIGN_RESPONSE);
        g_assert_false(runs(pid));
        teardown();
}

/* what has changed when the answer comes decides */
static void test_key_removed(void) {
        int c;

        setup();
        c = asking("wait");
        g_assert_cmpint(client_ask_simple(admin, SSH_AGENTC_REMOVE_ALL_IDENTITIES), ==, SSH_AGENT_SUCCESS);
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL));
        g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_FAILURE);
        client_close(c);
        teardown();
}

static void test_locked_meanwhile(void) {
        int c;

        setup();
        c = asking("wait");
        g_assert_cmpint(ask_lock(admin, true, "p"), ==, SSH_AGENT_SUCCESS);
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL));
        g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_FAILURE);
        client_close(c);
        teardown();
}

/* F35: a hundred at once: one is shown at a time, all are answered; one more is refused */
static void test_a_hundred(void) {
        enum { MANY = 100 };
        int c[MANY];

        setup();
        c[0] = asking("wait");
        for (int i = 1; i < MANY; i++) {
                c[i] = client_new();
                send_sign(c[i], asked, ta_str("x"));
        }
        turn_loop();
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_FAILURE);
        mode("yes");
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL));
        for (int i = 0; i < MANY; i++) {
                g_assert_cmpint(client_reply_type(c[i]), ==, SSH_AGENT_SIGN_RESPONSE);
                client_close(c[i]);
        }
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_SIGN_RESPONSE);
        teardown();
}

/* questions of clients that have left hold no place in the line */
static void test_left_the_line(void) {
        enum { MANY = 100 };
        int c[MANY];

        setup();
        c[0] = asking("wait");
        for (int i = 1; i < MANY; i++) {
                c[i] = client_new();
                send_sign(c[i], asked, ta_str("x"));
        }
        turn_loop();
        for (int i = 1; i < MANY; i++)
                client_close(c[i]);
        mode("yes");
        send_sign(admin, asked, ta_str("x"));
        g_assert_false(client_has_reply(admin)); /* it waits for its turn, and is not refused */
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL));
        g_assert_cmpint(client_reply_type(admin), ==, SSH_AGENT_SIGN_RESPONSE);
        client_close(c[0]);
        teardown();
}

/* F48: without the launcher nothing is confirmed, and everything else goes on */
static void test_launcher_killed(void) {
        int c;

        setup();
        c = asking("wait");
        g_assert_cmpint(kill(launcher_pid(), SIGKILL), ==, 0);
        g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(sign(admin), ==, SSH_AGENT_FAILURE);
        g_assert_cmpint(ask_sign(admin, plain, ta_str("x")), ==, SSH_AGENT_SIGN_RESPONSE);
        g_assert_true(g_file_set_contents(file("go"), "", 0, NULL)); /* the dialog is nobody's now */
        wait_for_end(shown_pid());
        client_close(c);
        teardown();
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        asked = make_key("ed25519");
        plain = make_key("ed25519");
        g_test_add_func("/prompter/answers", test_answers);
        g_test_add_func("/prompter/F36-no-program", test_no_program);
        g_test_add_func("/prompter/F36-orphan", test_orphan);
        g_test_add_func("/prompter/F37-no-display", test_no_display);
        g_test_add_func("/prompter/prompt", test_prompt);
        g_test_add_func("/prompter/others-are-served", test_others_are_served);
        g_test_add_func("/prompter/F34-client-gone", test_client_gone);
        g_test_add_func("/prompter/F36-stubborn", test_stubborn);
        g_test_add_func("/prompter/key-removed", test_key_removed);
        g_test_add_func("/prompter/locked-meanwhile", test_locked_meanwhile);
        g_test_add_func("/prompter/F35-a-hundred", test_a_hundred);
        g_test_add_func("/prompter/left-the-line", test_left_the_line);
        g_test_add_func("/prompter/F48-launcher-killed", test_launcher_killed);
        status = g_test_run();
        ta_key_free(asked);
        ta_key_free(plain);
        return status;
}
