/* SPDX-License-Identifier: ISC */
/*
 * without: runs a program on a kernel that refuses some system calls, as an old one or a container
 * would. The filter is inherited by everything below.
 *
 *   without NAME[,NAME...] COMMAND...
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
        const char *name;
        unsigned number;
        int error;
} calls[] = {
        {"memfd_secret", SYS_memfd_secret, ENOSYS},
        {"ptrace", SYS_ptrace, EPERM},
        {"seccomp", SYS_seccomp, EINVAL},
        {"landlock", SYS_landlock_create_ruleset, EOPNOTSUPP},
};

static int refuse(unsigned number, int error) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof code / sizeof code[0], code};

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
                       ? -1
                       : 0;
}

int main(int argc, char **argv) {
        char *name;

        if (argc < 3)
                return 2;
        for (name = strtok(argv[1], ","); name; name = strtok(NULL, ",")) {
                size_t i;

                for (i = 0; i < sizeof calls / sizeof calls[0]; i++)
                        if (strcmp(name, calls[i].name) == 0)
                                break;
                if (i == sizeof calls / sizeof calls[0] ||
                    refuse(calls[i].number, calls[i].error) < 0) {
                        fprintf(stderr, "without: %s: %s\n", name, strerror(errno));
                        return 2;
                }
        }
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 127;
}
