/* SPDX-License-Identifier: ISC */
#include "agent/keeper/walls.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE               65
#define PR_MDWE_REFUSE_EXEC_GAIN (1UL << 0)
#endif

/* getpid: libcrypto looks whether it was forked. clock_gettime: where it is not answered without the
 * kernel. A deadline is what ppoll waits for. */
const TaSyscall walls_syscalls[] = {
        {.number = SYS_read, .n_fds = 2, .fds = {LINK_FD, BODY_FD}},
        {.number = SYS_write, .n_fds = 1, .fds = {LINK_FD}},
        {.number = SYS_ppoll},
        {.number = SYS_sched_yield},
        {.number = SYS_clock_gettime},
        {.number = SYS_getrandom},
        {.number = SYS_getpid},
        {.number = SYS_exit_group},
};
const size_t walls_n_syscalls = TA_N_ELEMENTS(walls_syscalls);

/* futex: libcrypto does many things once, and wakes whoever waits for it; nobody does. */
const TaSyscall walls_unlocker_syscalls[] = {
        {.number = SYS_read, .n_fds = 2, .fds = {UNLOCK_FILE_FD, UNLOCK_PASSPHRASE_FD}},
        {.number = SYS_write, .n_fds = 2, .fds = {UNLOCK_REPORT_FD, UNLOCK_KEY_FD}},
        {.number = SYS_futex},
        {.number = SYS_clock_gettime},
        {.number = SYS_getrandom},
        {.number = SYS_getpid},
        {.number = SYS_exit_group},
};
const size_t walls_n_unlocker_syscalls = TA_N_ELEMENTS(walls_unlocker_syscalls);

void walls_begin(void) {
        static const struct rlimit none = {0, 0};
        static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGQUIT, SIGTSTP};

        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void)setrlimit(RLIMIT_CORE, &none);
        for (size_t i = 0; i < TA_N_ELEMENTS(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
}

bool walls_traced(void) {
        static const char name[] = "\nTracerPid:\t";
        ta_cleanup(ta_closep) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        char text[4096];
        const char *at;
        ssize_t n;

        if (fd < 0)
                return false;
        n = read(fd, text, sizeof text - 1);
        if (n <= 0)
                return false;
        text[n] = 0;
        at = strstr(text, name);
        return at && atol(at + sizeof name - 1) == getppid();
}

/* Everything that Landlock knows is refused: it names no file and no port that would be allowed. */
static void close_files(void) {
        struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE |
                                                                  LANDLOCK_ACCESS_FS_WRITE_FILE |
                                                                  LANDLOCK_ACCESS_FS_READ_FILE |
                                                                  LANDLOCK_ACCESS_FS_READ_DIR |
                                                                  LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                                                  LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                                                  LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                                                  LANDLOCK_ACCESS_FS_MAKE_DIR |
                                                                  LANDLOCK_ACCESS_FS_MAKE_REG |
                                                                  LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                                                  LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                                                  LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                                                  LANDLOCK_ACCESS_FS_MAKE_SYM};
        ta_cleanup(ta_closep) int rules =
                (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

        if (rules >= 0)
                (void)syscall(SYS_landlock_restrict_self, rules, 0);
}

bool walls_close(const TaSyscall *allowed, size_t n) {
        static const struct {
                __rlimit_resource_t what;
                rlim_t most;
        } limits[] = {{RLIMIT_NOFILE, 5}, {RLIMIT_NPROC, 0}, {RLIMIT_FSIZE, 0}};

        /* Speculation across the walls of this process; it costs less than a microsecond. */
        (void)prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_FORCE_DISABLE, 0, 0);
        (void)prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_FORCE_DISABLE, 0, 0);
        (void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
        close_files();
        for (size_t i = 0; i < TA_N_ELEMENTS(limits); i++)
                (void)setrlimit(limits[i].what, &(struct rlimit){limits[i].most, limits[i].most});
        return ta_seccomp(allowed, n) == 0;
}
