/* SPDX-License-Identifier: ISC */
/* What a keeper and its warden can still do when their walls are up. */
#include "agent/keeper/walls.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/warden.h"
#include "tests/support/filtered.h"

#define KEEPER walls_syscalls, walls_n_syscalls
#define UNLOCKER walls_unlocker_syscalls, walls_n_unlocker_syscalls
#define WARDEN warden_syscalls, warden_n_syscalls

static void test_keeper_numbers(void) {
        g_assert_cmpuint(walls_n_syscalls, <=, 8);
        filtered_is_list(KEEPER);
}

static void test_keeper_descriptors(void) {
        static const long odd[] = {-1, -3, 9, 16, 255, 259, 0x10003, INT32_MAX, INT32_MIN};

        for (long fd = 0; fd <= 8; fd++) {
                const long args[3] = {fd, 0, 0};

                g_assert_cmpint(filtered_allows(KEEPER, SYS_read, args), ==,
                                fd == LINK_FD || fd == BODY_FD);
                g_assert_cmpint(filtered_allows(KEEPER, SYS_write, args), ==, fd == LINK_FD);
        }
        for (size_t i = 0; i < TA_N_ELEMENTS(odd); i++) {
                const long args[3] = {odd[i], 0, 0};

                g_assert_false(filtered_allows(KEEPER, SYS_read, args));
                g_assert_false(filtered_allows(KEEPER, SYS_write, args));
        }
}

static void test_unlocker(void) {
        g_assert_cmpuint(walls_n_unlocker_syscalls, <=, 8);
        filtered_is_list(UNLOCKER);
        for (long fd = 0; fd <= 8; fd++) {
                const long args[3] = {fd, 0, 0};

                g_assert_cmpint(filtered_allows(UNLOCKER, SYS_read, args), ==, fd == 0 || fd == 3);
                g_assert_cmpint(filtered_allows(UNLOCKER, SYS_write, args), ==, fd == 1 || fd == 4);
        }
}

static void test_warden_numbers(void) {
        g_assert_cmpuint(warden_n_syscalls, <=, 3);
        filtered_is_list(WARDEN);
}

/* Who takes over the warden must not be able to look through its eyes. */
static void test_warden_requests(void) {
        static const struct {
                long request;
                bool allowed;
        } cases[] = {
                {PTRACE_CONT, true},       {PTRACE_LISTEN, false},
                {PTRACE_TRACEME, false},   {PTRACE_PEEKTEXT, false},
                {PTRACE_PEEKDATA, false},  {PTRACE_PEEKUSER, false},
                {PTRACE_POKEDATA, false},  {PTRACE_GETREGSET, false},
                {PTRACE_SETREGSET, false}, {PTRACE_SINGLESTEP, false},
                {PTRACE_ATTACH, false},    {PTRACE_SEIZE, false},
                {PTRACE_DETACH, false},    {PTRACE_SETOPTIONS, true},
                {PTRACE_INTERRUPT, false}, {PTRACE_GETSIGINFO, false},
                {PTRACE_SYSCALL, false},   {12 /* PTRACE_GETREGS */, false},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(cases); i++) {
                const long args[3] = {cases[i].request, -1, 0};

                if (filtered_allows(WARDEN, SYS_ptrace, args) != cases[i].allowed)
                        g_error("request %ld is not %s", cases[i].request,
                                cases[i].allowed ? "let through" : "killed");
        }
}

/* The value of a row of /proc/PID/status or limits, its blanks made single. */
static char *row(pid_t pid, const char *file, const char *name) {
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, file);
        g_autofree char *text = NULL;
        char *at, *end;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        at = strstr(text, name);
        g_assert_nonnull(at);
        at += strlen(name);
        end = strchr(at, '\n');
        g_autofree char *value = g_strndup(at, (gsize)(end - at));
        g_auto(GStrv) words = g_strsplit_set(g_strstrip(value), " \t", -1);
        g_autoptr(GString) joined = g_string_new(NULL);
        for (size_t i = 0; words[i]; i++)
                if (*words[i])
                        g_string_append_printf(joined, "%s%s", joined->len ? " " : "", words[i]);
        return g_strdup(joined->str);
}

static void test_closed(void) {
        static const struct {
                const char *file, *name, *value;
        } rows[] = {
                {"status", "NoNewPrivs:", "1"},
                {"status", "Seccomp:", "2"},
                {"limits", "Max core file size", "0 0 bytes"},
                {"limits", "Max file size", "0 0 bytes"},
                {"limits", "Max processes", "0 0 processes"},
                {"limits", "Max open files", "5 5 files"},
        };
        int link[2], ready[2], status;
        char byte;
        pid_t pid;

        g_assert_cmpint(pipe(link), ==, 0);
        g_assert_cmpint(pipe(ready), ==, 0);
        pid = fork();
        if (pid == 0) {
                int in = dup(link[0]), out = dup(ready[1]);

                dup2(in, 20);
                dup2(out, 21);
                walls_begin();
                dup2(20, BODY_FD); /* to read from */
                dup2(21, LINK_FD); /* to write to */
                (void)close_range(5, ~0u, 0);
                if (!walls_close(walls_syscalls, walls_n_syscalls))
                        _exit(1);
                (void)!write(LINK_FD, "r", 1);
                (void)!read(BODY_FD, &byte, 1); /* waits here while the parent looks */
                (void)open("/dev/null", O_RDONLY);
                _exit(0);
        }
        close(ready[1]);
        close(link[0]);
        g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                g_autofree char *value = row(pid, rows[i].file, rows[i].name);

                g_assert_cmpstr(value, ==, rows[i].value);
        }
        close(link[1]);
        close(ready[0]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
}

static void test_not_traced(void) {
        g_assert_false(walls_traced());
}

/* ---- the warden ------------------------------------------------------------------------- */

static int told[2];

/* What becomes a keeper, up to the moment in which it does. */
static void tell_and_sleep(const KeeperEnds *ends ta_unused) {
        struct {
                pid_t pid;
                int dumpable;
        } is = {getpid(), prctl(PR_GET_DUMPABLE)};
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        (void)!write(told[1], &is, sizeof is);
        execlp("sleep", "sleep", "60", NULL);
        _exit(127);
}

/* A warden as the launcher starts it, of one keeper, which is `*ret_keeper`. */
static pid_t warden_start(pid_t *ret_keeper, int *ret_dumpable) {
        int is[2];
        pid_t pid;

        g_assert_cmpint(pipe2(told, O_CLOEXEC), ==, 0);
        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_DUMPABLE, 0);
                warden_run(&(KeeperEnds){0}, 1, tell_and_sleep);
        }
        close(told[1]);
        g_assert_cmpint(read(told[0], is, sizeof is), ==, sizeof is);
        close(told[0]);
        *ret_keeper = is[0];
        *ret_dumpable = is[1];
        return pid;
}

static void await_row(pid_t pid, const char *name, const char *wanted) {
        for (;;) {
                g_autofree char *value = row(pid, "status", name);

                if (g_str_has_prefix(value, wanted))
                        return;
                g_usleep(1000);
        }
}

/* While others of the same user could open what it has: its ends, its memory for writing. */
static void test_never_dumpable(void) {
        int dumpable, status;
        pid_t keeper, warden = warden_start(&keeper, &dumpable);

        g_assert_cmpint(dumpable, ==, 0);
        g_assert_cmpint(kill(warden, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(warden, &status, 0), ==, warden);
        /* F47: the kernel kills it. Nobody may be there to reap it; a zombie is dead enough. */
        for (char state = 0; kill(keeper, 0) == 0 && state != 'Z'; g_usleep(1000)) {
                g_autofree char *path = g_strdup_printf("/proc/%d/status", keeper);
                g_autofree char *text = NULL;
                char *at = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "State:\t") : NULL;

                state = at ? at[7] : 'Z';
        }
}

/* Whoever is traced as it is and stops would never go on. */
static void test_does_not_stop(void) {
        static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
        int dumpable, status;
        pid_t keeper, warden = warden_start(&keeper, &dumpable);
        g_autofree char *tracer = NULL;

        await_row(keeper, "Name:", "sleep");
        tracer = row(keeper, "status", "TracerPid:");
        if (atoi(tracer) != warden) {
                g_test_skip("tracing is refused here");
        } else {
                for (size_t i = 0; i < TA_N_ELEMENTS(stops); i++) {
                        g_assert_cmpint(kill(keeper, stops[i]), ==, 0);
                        await_row(keeper, "ShdPnd:", "0000000000000000");
                        await_row(keeper, "State:", "S");
                }
        }
        g_assert_cmpint(kill(keeper, SIGTERM), ==, 0);
        g_assert_cmpint(waitpid(warden, &status, 0), ==, warden);
        g_assert_true(WIFEXITED(status));
}

int main(int argc, char **argv) {
#ifdef TA_SANITIZED
        puts("1..0 # SKIP there are no filters in a build with sanitizers");
        return 0;
#endif
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/walls/keeper-numbers", test_keeper_numbers);
        g_test_add_func("/walls/keeper-descriptors", test_keeper_descriptors);
        g_test_add_func("/walls/unlocker", test_unlocker);
        g_test_add_func("/walls/warden-numbers", test_warden_numbers);
        g_test_add_func("/walls/warden-requests", test_warden_requests);
        g_test_add_func("/walls/closed", test_closed);
        g_test_add_func("/walls/not-traced", test_not_traced);
        g_test_add_func("/warden/never-dumpable", test_never_dumpable);
        g_test_add_func("/warden/does-not-stop", test_does_not_stop);
        return g_test_run();
}
