/* SPDX-License-Identifier: ISC */
#include "lib/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef TA_SANITIZED /* the sanitizers make system calls of their own */
#elif defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

#define ROW_MAX 6 /* instructions of one row, at most */
#define LEN_MAX (4 + ROW_MAX * TA_SYSCALLS_MAX + 1)

#define AT(field) ((uint32_t)offsetof(struct seccomp_data, field))

typedef struct Program {
        unsigned short len;
        struct sock_filter code[LEN_MAX];
} Program;

static void put(Program *p, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k) {
        p->code[p->len++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load(Program *p, uint32_t offset) {
        put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void end(Program *p, uint32_t verdict) {
        put(p, BPF_RET | BPF_K, 0, 0, verdict);
}

/* The accumulator holds the number, before and after, wherever the row does not decide. */
static void put_row(Program *p, const TaSyscall *row) {
        if (row->n_fds > 0) {
                put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(row->n_fds + 3), (uint32_t)row->number);
                load(p, AT(args[0]));
                for (int i = 0; i < row->n_fds; i++)
                        put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(row->n_fds - i), 0,
                            (uint32_t)row->fds[i]);
                end(p, SECCOMP_RET_KILL_PROCESS);
                end(p, SECCOMP_RET_ALLOW);
        } else if (row->checked) {
                put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)row->number);
                load(p, (uint32_t)(AT(args) + sizeof(uint64_t) * (size_t)row->arg));
                put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, row->without);
                end(p, SECCOMP_RET_KILL_PROCESS);
                end(p, SECCOMP_RET_ALLOW);
        } else {
                put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)row->number);
                end(p, SECCOMP_RET_ALLOW);
        }
}

int ta_seccomp(const TaSyscall *list, size_t n) {
        Program program = {0};
        struct sock_fprog fprog;

        if (n > TA_SYSCALLS_MAX)
                return -E2BIG;
        load(&program, AT(arch));
        put(&program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
        end(&program, SECCOMP_RET_KILL_PROCESS);
        load(&program, AT(nr)); /* an x32 number has a bit that no row has */
        for (size_t i = 0; i < n; i++)
                put_row(&program, &list[i]);
        end(&program, SECCOMP_RET_KILL_PROCESS);

        fprog = (struct sock_fprog){program.len, program.code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0)
                return -errno;
        return 0;
}

#else

int ta_seccomp(const TaSyscall *list, size_t n) {
        (void)list;
        (void)n;
        return -ENOSYS;
}

#endif
