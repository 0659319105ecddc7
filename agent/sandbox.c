/* SPDX-License-Identifier: ISC */
#include "agent/sandbox.h"

#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/socket.h"
#include "lib/error.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN (1UL << 0)
#endif

/* Where two names stand for one need, the processor at hand has one of them. */
const TaSyscall sandbox_syscalls[] = {
        /* clients */
        {.number = SYS_accept4},
        {.number = SYS_getsockopt},
        {.number = SYS_recvfrom},
        {.number = SYS_sendto},
        {.number = SYS_shutdown},
        {.number = SYS_close},
        /* bodies that are moved on unread */
        {.number = SYS_pipe2},
        {.number = SYS_splice},
        {.number = SYS_tee},
        {.number = SYS_fcntl},
        {.number = SYS_ioctl},
        /* keepers, also new ones */
        {.number = SYS_sendmsg},
        {.number = SYS_socketpair},
        {.number = SYS_setsockopt},
        /* waiting, signals, time */
#ifdef SYS_epoll_wait
        {.number = SYS_epoll_wait},
#else
        {.number = SYS_epoll_pwait},
#endif
        {.number = SYS_epoll_ctl},
#ifdef SYS_poll
        {.number = SYS_poll},
#else
        {.number = SYS_ppoll},
#endif
        {.number = SYS_sched_yield},
        {.number = SYS_read},
        {.number = SYS_rt_sigreturn},
        {.number = SYS_rt_sigprocmask},
        {.number = SYS_restart_syscall},
        {.number = SYS_clock_gettime},
        /* the log: standard error, or syslog and its socket after a restart of it */
        {.number = SYS_write},
        {.number = SYS_getpid},
        {.number = SYS_geteuid}, /* whose client is it? */
        {.number = SYS_socket},
        {.number = SYS_connect},
        /* the end: its own socket */
        {.number = SYS_newfstatat},
#ifdef SYS_unlink
        {.number = SYS_unlink},
        {.number = SYS_rmdir},
#else
        {.number = SYS_unlinkat},
#endif
        {.number = SYS_lseek}, /* exit(3) asks it of the standard streams */
        {.number = SYS_exit_group},
        /* memory, never executable */
        {.number = SYS_brk},
        {.number = SYS_mmap, .checked = true, .arg = 2, .without = PROT_EXEC},
        {.number = SYS_munmap},
        {.number = SYS_mremap},
        {.number = SYS_madvise},
        {.number = SYS_futex},
        {.number = SYS_getrandom},
};
const size_t sandbox_n_syscalls = TA_N_ELEMENTS(sandbox_syscalls);

#ifdef TA_SANITIZED /* the sanitizers open files and make system calls of their own */

void sandbox_enter(const char *socket_path, bool with_folder) {
        (void)socket_path;
        (void)with_folder;
}

#else

static void allow_below(int rules, const char *folder, uint64_t access) {
        ta_cleanup(ta_closep) int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct landlock_path_beneath_attr attr = {.allowed_access = access, .parent_fd = fd};

        if (fd >= 0)
                (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

/* Files can be opened, made and removed nowhere, but for the socket's end. */
static void close_files(const char *socket_path, bool with_folder) {
        struct landlock_ruleset_attr attr = {
                .handled_access_fs =
                        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                        LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                        LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                        LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                        LANDLOCK_ACCESS_FS_MAKE_SYM};
        ta_cleanup(ta_closep) int rules =
                (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
        char path[SOCKET_PATH_MAX];
        char *folder;

        if (rules < 0)
                return;
        if (socket_path) {
                memcpy(path, socket_path, strlen(socket_path) + 1);
                folder = dirname(path);
                allow_below(rules, folder, LANDLOCK_ACCESS_FS_REMOVE_FILE);
                if (with_folder)
                        allow_below(rules, dirname(folder), LANDLOCK_ACCESS_FS_REMOVE_DIR);
        }
        (void)syscall(SYS_landlock_restrict_self, rules, 0);
}

/* valgrind makes system calls of its own, too. Whoever may set our environment needs no such door. */
static bool under_valgrind(void) {
        const char *preload = getenv("LD_PRELOAD");

        return preload && strstr(preload, "/vgpreload_");
}

void sandbox_enter(const char *socket_path, bool with_folder) {
        int err;

        if (under_valgrind())
                return;
        tzset(); /* syslog(3) wants to know the time zone, which is in a file */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return;
        (void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
        close_files(socket_path, with_folder);
        err = ta_seccomp(sandbox_syscalls, sandbox_n_syscalls);
        if (err)
                log_info("no filter on system calls: %s", ta_strerror(err));
}

#endif
