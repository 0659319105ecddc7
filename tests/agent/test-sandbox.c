/* SPDX-License-Identifier: ISC */
/* What the front can still do behind its walls. */
#include "agent/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/filtered.h"

#define LIST sandbox_syscalls, sandbox_n_syscalls

static void test_numbers(void) {
        g_assert_cmpuint(sandbox_n_syscalls, <=, 40);
        filtered_is_list(LIST);
}

static void test_no_executable_memory(void) {
        g_assert_true(filtered_allows(LIST, SYS_mmap, (long[3]){0, 4096, PROT_READ | PROT_WRITE}));
        g_assert_false(filtered_allows(LIST, SYS_mmap, (long[3]){0, 4096, PROT_READ | PROT_EXEC}));
        g_assert_false(filtered_allows(LIST, SYS_mprotect, (long[3]){0, 4096, PROT_EXEC}));
}

static char *folder, *own, *other;

/* What a child behind the walls came to: 0 done, 1 refused, or the signal that ended it + 100. */
static int behind(int (*action)(void)) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
                sandbox_enter(own, false);
                _exit(action() != 0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int remove_own(void) {
        return unlink(own);
}

static int remove_other(void) {
        return unlink(other);
}

static int open_file(void) {
        return open(other, O_RDONLY);
}

static int fork_child(void) {
        return fork() < 0;
}

static int run_program(void) {
        return execl("/bin/true", "true", (char *)NULL);
}

static void test_files_and_programs(void) {
        g_assert_cmpint(behind(open_file), ==, 100 + SIGSYS);
        g_assert_cmpint(behind(fork_child), ==, 100 + SIGSYS);
        g_assert_cmpint(behind(run_program), ==, 100 + SIGSYS);
        if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* its version */) > 0)
                g_assert_cmpint(behind(remove_other), ==, 1);
        g_assert_cmpint(g_access(other, F_OK), ==, 0);
        g_assert_cmpint(behind(remove_own), ==, 0);
        g_assert_cmpint(g_access(own, F_OK), <, 0);
}

int main(int argc, char **argv) {
        g_autofree char *sockets = NULL;
        int result;

#ifdef TA_SANITIZED
        puts("1..0 # SKIP there are no filters in a build with sanitizers");
        return 0;
#endif
        g_test_init(&argc, &argv, NULL);
        folder = g_dir_make_tmp("ta-sandbox-XXXXXX", NULL);
        sockets = g_build_filename(folder, "sockets", NULL);
        own = g_build_filename(sockets, "agent.sock", NULL);
        other = g_build_filename(folder, "precious", NULL);
        g_assert_cmpint(g_mkdir(sockets, 0700), ==, 0);
        g_assert_true(g_file_set_contents(own, "", 0, NULL));
        g_assert_true(g_file_set_contents(other, "", 0, NULL));
        g_test_add_func("/sandbox/numbers", test_numbers);
        g_test_add_func("/sandbox/no-executable-memory", test_no_executable_memory);
        g_test_add_func("/sandbox/files-and-programs", test_files_and_programs);
        result = g_test_run();
        g_unlink(own);
        g_unlink(other);
        g_rmdir(sockets);
        g_rmdir(folder);
        return result;
}
