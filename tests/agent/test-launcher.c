/* SPDX-License-Identifier: ISC */
/*
 * The launcher as a process, and a front that has lost its mind: what is no request ends it, and the
 * dialogs with it; what asks for the impossible is answered so; and no descriptor that comes along
 * stays open.
 */
#include "agent/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir, *askpass;
static int launcher;

static void begin(void) {
        static const struct timeval patience = {.tv_sec = 20};

        launcher = launcher_start();
        g_assert_cmpint(launcher, >=, 0);
        g_assert_cmpint(fcntl(launcher, F_SETFL, 0), ==, 0);
        g_assert_cmpint(
                setsockopt(launcher, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), ==, 0);
}

static void end(void) {
        close(launcher);
        g_assert_cmpint(waitpid(-1, NULL, 0), >, 0);
}

static void request(uint8_t op, uint32_t id, const char *prompt, const int *fds, size_t n_fds) {
        uint8_t buf[LAUNCH_MAX];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_u8(&w, op);
        ta_write_u32(&w, id);
        if (prompt)
                ta_write_cstring(&w, prompt);
        g_assert_cmpint(launcher_send(launcher, ta_written(&w), fds, n_fds), ==, 0);
}

/* The next that it says: whose end, and its status; false: that was its own. */
static bool reports(uint32_t *ret_id, uint32_t *ret_status) {
        static uint8_t buf[LAUNCH_MAX];
        ssize_t n = recv(launcher, buf, sizeof buf, 0);
        LaunchEnded ended;

        if (n == 0 || (n < 0 && errno == ECONNRESET))
                return false;
        g_assert_cmpint(n, >, 0);
        g_assert_cmpint(launch_ended_read((TaBytes){buf, (size_t)n}, &ended), ==, 0);
        *ret_id = ended.id;
        *ret_status = ended.status;
        return true;
}

static void reports_failure(uint32_t id) {
        uint32_t of, status;

        g_assert_true(reports(&of, &status));
        g_assert_cmpuint(of, ==, id);
        g_assert_cmpuint(status, ==, LAUNCH_FAILED);
}

static void has_ended(void) {
        uint32_t of, status;

        g_assert_false(reports(&of, &status));
}

/* The other end of a pipe hears of it when nobody has this one any more. */
static void is_closed_everywhere(int pipe_end) {
        uint8_t byte;

        g_assert_cmpint(read(pipe_end, &byte, 1), ==, 0);
        close(pipe_end);
}

/* F49: what is no request, with and without descriptors */
static void test_garbage(void) {
        static const uint8_t large[LAUNCH_MAX + 100] = {LAUNCH_END};
        const struct {
                const uint8_t *bytes;
                size_t len;
        } garbage[] = {
                {(const uint8_t[]){0}, 1},
                {(const uint8_t[]){LAUNCH_KEEPERS, 0, 0, 0}, 4},
                {(const uint8_t[]){LAUNCH_KEEPERS, 0, 0, 0, 1, 0}, 6},
                {(const uint8_t[]){LAUNCH_ASK, 0, 0, 0, 1}, 5},
                {(const uint8_t[]){LAUNCH_ASK, 0, 0, 0, 1, 255, 255, 255, 255}, 9},
                {(const uint8_t[]){LAUNCH_ASK, 0, 0, 0, 1, 0, 0, 0, 1, 0}, 10},
                {(const uint8_t[]){LAUNCH_END, 0, 0, 0, 1, 0}, 6},
                {(const uint8_t[]){LAUNCH_ENDED, 0, 0, 0, 1}, 5},
                {(const uint8_t[]){255, 255, 255, 255, 255}, 5},
                {large, sizeof large},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
                int ends[2];

                begin();
                g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
                g_assert_cmpint(launcher_send(launcher, (TaBytes){garbage[i].bytes, garbage[i].len},
                                              &ends[1], i % 2),
                                ==, 0);
                close(ends[1]);
                has_ended();
                is_closed_everywhere(ends[0]);
                end();
        }
}

/* F49: requests that nothing can be made of */
static void test_impossible(void) {
        int ends[2], many[LAUNCH_FDS_MAX];

        begin();
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        request(LAUNCH_END, 77, NULL, NULL, 0); /* nobody's */
        request(LAUNCH_KEEPERS, 1, NULL, NULL, 0);
        reports_failure(1);
        request(LAUNCH_KEEPERS, 2, NULL, &ends[1], 1); /* a keeper needs two */
        reports_failure(2);
        for (size_t i = 0; i < G_N_ELEMENTS(many); i++)
                many[i] = ends[1];
        request(LAUNCH_END, 77, NULL, many, G_N_ELEMENTS(many)); /* needs none */
        request(LAUNCH_KEEPERS, 3, NULL, NULL, 0);
        reports_failure(3);
        close(ends[1]);
        is_closed_everywhere(ends[0]);
        end();
}

/* keepers with descriptors that lead nowhere end at once, their warden with them, and it is told */
static void test_keepers_without_a_front(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        const int fds[4] = {null, null, null, null};
        uint32_t of, status;

        begin();
        request(LAUNCH_KEEPERS, 5, NULL, fds, G_N_ELEMENTS(fds));
        close(null);
        g_assert_true(reports(&of, &status));
        g_assert_cmpuint(of, ==, 5);
        end();
}

static pid_t shown(void) {
        g_autofree char *file = g_build_filename(dir, "pid", NULL), *text = NULL;

        while (!text || !strchr(text, '\n')) {
                g_clear_pointer(&text, g_free);
                (void)g_file_get_contents(file, &text, NULL, NULL);
                g_usleep(2000);
        }
        g_unlink(file);
        return (pid_t)g_ascii_strtoll(text, NULL, 10);
}

/* Whoever has ended, and only waits for somebody to look, does not. */
static bool runs(pid_t pid) {
        g_autofree char *file = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
        const char *name_end;

        if (!g_file_get_contents(file, &text, NULL, NULL))
                return false;
        name_end = strrchr(text, ')');
        return name_end && name_end[2] != 'Z' && name_end[2] != 'X';
}

/* what is shown goes when its front does, and when its front says what is no request */
static void test_dialog_goes(void) {
        for (int garbage = 0; garbage < 2; garbage++) {
                pid_t pid;

                begin();
                request(LAUNCH_ASK, 1, "wait", NULL, 0);
                pid = shown();
                if (garbage)
                        request(99, 1, NULL, NULL, 0);
                end();
                for (int i = 0; runs(pid); i++) {
                        g_assert_cmpint(i, <, 2500);
                        g_usleep(2000);
                }
        }
}

/* as many as it has places for; the next is refused, and a place is free again afterwards */
static void test_too_many(void) {
        enum { PLACES = 32 };
        uint32_t of, status;

        begin();
        for (uint32_t i = 0; i <= PLACES; i++)
                request(LAUNCH_ASK, i, "wait", NULL, 0);
        reports_failure(PLACES);
        request(LAUNCH_END, 7, NULL, NULL, 0);
        g_assert_true(reports(&of, &status));
        g_assert_cmpuint(of, ==, 7);
        request(LAUNCH_ASK, 100, "go", NULL, 0);
        g_assert_true(reports(&of, &status));
        g_assert_cmpuint(of, ==, 100);
        g_assert_cmpuint(status, ==, 0);
        end();
}

int main(int argc, char **argv) {
        static const char script[] = "#!/bin/sh\n"
                                     "[ \"$1\" = wait ] || exit 0\n"
                                     "echo $$ >\"${0%/*}/pid.new\"\n"
                                     "mv \"${0%/*}/pid.new\" \"${0%/*}/pid\"\n"
                                     "exec sleep 20\n";
        g_autofree char *pid = NULL;
        int status;

        g_test_init(&argc, &argv, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)alarm(120);
        dir = g_dir_make_tmp("ta-launcher-XXXXXX", NULL);
        g_assert_nonnull(dir);
        askpass = g_build_filename(dir, "askpass", NULL);
        pid = g_build_filename(dir, "pid", NULL);
        g_assert_true(g_file_set_contents(askpass, script, -1, NULL));
        g_assert_cmpint(g_chmod(askpass, 0700), ==, 0);
        g_assert_true(g_setenv("SSH_ASKPASS", askpass, TRUE));
        g_test_add_func("/F49/garbage", test_garbage);
        g_test_add_func("/F49/impossible", test_impossible);
        g_test_add_func("/launcher/keepers-without-a-front", test_keepers_without_a_front);
        g_test_add_func("/launcher/dialog-goes", test_dialog_goes);
        g_test_add_func("/launcher/too-many", test_too_many);
        status = g_test_run();
        g_unlink(pid);
        g_unlink(askpass);
        g_rmdir(dir);
        g_free(askpass);
        g_free(dir);
        return status;
}
