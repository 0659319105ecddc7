/* SPDX-License-Identifier: ISC */
/* Filters do what their list says, no less and no more. */
#include "lib/seccomp.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/filtered.h"

/* Each kind of row, also as the first and as the last. */
static const TaSyscall list[] = {
        {.number = SYS_read, .n_fds = 2, .fds = {5, 6}},
        {.number = SYS_getppid},
        {.number = SYS_mmap, .checked = true, .arg = 2, .without = PROT_EXEC},
        {.number = SYS_exit_group},
        {.number = SYS_write, .n_fds = 1, .fds = {6}},
};
#define LIST list, TA_N_ELEMENTS(list)

static void test_numbers(void) {
        filtered_is_list(LIST);
}

static void test_empty_list(void) {
        const long args[3] = {0, 0, 0};

        g_assert_false(filtered_allows(list, 0, SYS_getppid, args));
        g_assert_false(filtered_allows(list, 0, SYS_exit_group, args));
}

static void test_descriptors(void) {
        for (long fd = 0; fd < 12; fd++) {
                const long args[3] = {fd, 0, 0};

                g_assert_cmpint(filtered_allows(LIST, SYS_read, args), ==, fd == 5 || fd == 6);
                g_assert_cmpint(filtered_allows(LIST, SYS_write, args), ==, fd == 6);
        }
}

static void test_checked_argument(void) {
        static const long protections[] = {PROT_NONE,
                                           PROT_READ,
                                           PROT_READ | PROT_WRITE,
                                           PROT_EXEC,
                                           PROT_READ | PROT_EXEC,
                                           PROT_READ | PROT_WRITE | PROT_EXEC};

        for (size_t i = 0; i < TA_N_ELEMENTS(protections); i++) {
                const long args[3] = {0, 4096, protections[i]};

                g_assert_cmpint(filtered_allows(LIST, SYS_mmap, args), ==,
                                !(protections[i] & PROT_EXEC));
        }
}

#if defined(__x86_64__)
/* The two other tables of this processor's kernels have other numbers. */
static void test_other_tables(void) {
        const long args[3] = {0, 0, 0};
        int status;
        pid_t pid;

        g_assert_false(filtered_allows(LIST, 0x40000000L | SYS_getppid, args));
        pid = fork();
        if (pid == 0) {
                long result = 64; /* getppid there */

                if (ta_seccomp(LIST) < 0)
                        __builtin_trap();
                __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
                syscall(SYS_exit_group, 0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status)); /* where that table is not built in: SIGSEGV */
        g_assert_cmpint(WTERMSIG(status), !=, SIGILL);
}
#endif

static void test_too_long(void) {
        static const TaSyscall many[TA_SYSCALLS_MAX + 1];

        g_assert_cmpint(ta_seccomp(many, TA_N_ELEMENTS(many)), ==, -E2BIG);
        g_assert_cmpint(prctl(PR_GET_SECCOMP), ==, 0);
}

/* The longest list there can be, each row of the longest kind. */
static void test_longest(void) {
        static TaSyscall many[TA_SYSCALLS_MAX];

        for (int i = 0; i < TA_SYSCALLS_MAX; i++)
                many[i] = (TaSyscall){.number = 1000 + i, .n_fds = 2, .fds = {5, 6}};
        many[TA_SYSCALLS_MAX - 1] = (TaSyscall){.number = SYS_getppid};
        g_assert_true(filtered_allows(many, TA_N_ELEMENTS(many), SYS_getppid, (const long[3]){0}));
        g_assert_false(filtered_allows(many, TA_N_ELEMENTS(many), SYS_getuid, (const long[3]){0}));
}

int main(int argc, char **argv) {
#ifdef TA_SANITIZED
        puts("1..0 # SKIP there are no filters in a build with sanitizers");
        return 0;
#endif
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/seccomp/numbers", test_numbers);
        g_test_add_func("/seccomp/empty-list", test_empty_list);
        g_test_add_func("/seccomp/descriptors", test_descriptors);
        g_test_add_func("/seccomp/checked-argument", test_checked_argument);
#if defined(__x86_64__)
        g_test_add_func("/seccomp/other-tables", test_other_tables);
#endif
        g_test_add_func("/seccomp/too-long", test_too_long);
        g_test_add_func("/seccomp/longest", test_longest);
        return g_test_run();
}
