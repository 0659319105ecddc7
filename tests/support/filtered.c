/* SPDX-License-Identifier: ISC */
#include "tests/support/filtered.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BEFORE, BEHIND, THROUGH };

static void __attribute__((noreturn))
child(const TaSyscall *list, size_t n, long number, const long args[static 3], volatile int *at) {
        static const struct rlimit none = {0, 0};
        int null = open("/dev/null", O_RDWR);

        (void)setrlimit(RLIMIT_CORE, &none);
        for (int fd = 3; fd <= 8; fd++)
                (void)dup2(null, fd);
        if (ta_seccomp(list, n) < 0)
                __builtin_trap();
        *at = BEHIND;
        (void)syscall(number, args[0], args[1], args[2], -1L, -1L, -1L);
        *at = THROUGH;
        __builtin_trap(); /* an end that takes no system call */
}

bool filtered_allows(const TaSyscall *list, size_t n, long number, const long args[static 3]) {
        volatile int *at =
                mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        bool through;
        int status;
        pid_t pid;

        g_assert_true(at != MAP_FAILED);
        pid = fork();
        if (pid == 0)
                child(list, n, number, args, at);
        g_assert_cmpint(pid, >, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(*at, !=, BEFORE);
        /* exit_group does not come back, and rt_sigreturn goes where nothing is. */
        through = *at == THROUGH || WIFEXITED(status) ||
                  (number == SYS_rt_sigreturn && WTERMSIG(status) == SIGSEGV);
        if (!through)
                g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
        munmap((void *)at, sizeof *at);
        return through;
}

static const TaSyscall *row_of(const TaSyscall *list, size_t n, long number) {
        for (size_t i = 0; i < n; i++)
                if (list[i].number == number)
                        return &list[i];
        return NULL;
}

/* The numbers of a kernel's own probes pass by every filter; called from elsewhere they do nothing.
 */
static bool is_probes(long number) {
#if defined(__x86_64__)
        return number == 335 || number == 336;
#else
        (void)number;
        return false;
#endif
}

void filtered_is_list(const TaSyscall *list, size_t n) {
        for (long number = 0; number < FILTERED_NUMBERS; number++) {
                const TaSyscall *row = row_of(list, n, number);
                long args[3] = {row && row->n_fds ? row->fds[0] : -1, -1, -1};

                if (row && row->checked)
                        args[row->arg] = 0;
                if (!is_probes(number) && filtered_allows(list, n, number, args) != (row != NULL))
                        g_error("system call %ld is %s", number, row ? "killed" : "let through");
        }
}
