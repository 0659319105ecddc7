/* SPDX-License-Identifier: ISC */
#include "tests/support/strike.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 60

#if !defined __x86_64__

int strike(void (*victim)(void *data), void *data, const Strike *plan, Struck *ret) {
        (void)victim, (void)data, (void)plan, (void)ret;
        return -ENOSYS; /* the registers of this processor are not known here */
}

#else

typedef struct Chase {
        pid_t pid;
        const Strike *plan;
        Struck *struck;
        unsigned long stops;
        int64_t result; /* what the call that was not made returns */
        bool not_made;
        int signal; /* to be delivered when it goes on */
        bool killed;
} Chase;

/* The call will not be made, and will have returned `result`. */
static void replace(Chase *c, int64_t result) {
        struct user_regs_struct regs;

        if (ptrace(PTRACE_GETREGS, c->pid, NULL, &regs) < 0)
                return;
        regs.orig_rax = (unsigned long long)-1;
        (void)ptrace(PTRACE_SETREGS, c->pid, NULL, &regs);
        c->result = result;
        c->not_made = true;
}

static void shorten(Chase *c, uint64_t max) {
        struct user_regs_struct regs;

        if (ptrace(PTRACE_GETREGS, c->pid, NULL, &regs) < 0 || regs.rdx <= max)
                return;
        regs.rdx = max;
        (void)ptrace(PTRACE_SETREGS, c->pid, NULL, &regs);
}

static bool fails(const Chase *c, uint64_t number, uint64_t first) {
        const Strike *plan = c->plan;
        unsigned long call = c->struck->n_calls;

        if (plan->kind != STRIKE_FAIL || call < plan->at)
                return false;
        if (call == plan->at)
                return true;
        return plan->for_good && number == c->struck->calls[plan->at].number &&
               !(number == SYS_write && first == STDERR_FILENO);
}

/* Whether a path names a source of random numbers. */
static bool is_random_device(pid_t pid, uint64_t path) {
        char text[16] = "";
        struct iovec here = {text, sizeof text - 1},
                     there = {(void *)(uintptr_t)path, sizeof text - 1};

        return process_vm_readv(pid, &here, 1, &there, 1, 0) > 0 &&
               (strncmp(text, "/dev/urandom", 12) == 0 || strncmp(text, "/dev/random", 11) == 0 ||
                strncmp(text, "/dev/hwrng", 10) == 0 || strncmp(text, "/dev/srandom", 12) == 0);
}

static bool is_random(const Chase *c, uint64_t number, const uint64_t args[static 2]) {
        return number == SYS_getrandom ||
               (number == SYS_openat && is_random_device(c->pid, args[1])) ||
               (number == SYS_open && is_random_device(c->pid, args[0]));
}

static void on_entry(Chase *c, uint64_t number, const uint64_t args[static 2]) {
        uint64_t first = args[0];
        Struck *s = c->struck;

        if (s->n_calls < STRIKE_CALLS_MAX) {
                s->calls[s->n_calls].number = number;
                s->calls[s->n_calls].first = first;
        }
        if (fails(c, number, first)) {
                s->hit = true;
                replace(c, -c->plan->error);
        } else if (c->plan->no_random && is_random(c, number, args)) {
                replace(c, -ENOSYS);
        } else if (c->plan->no_sync && number == SYS_fsync) {
                replace(c, 0);
        } else if (c->plan->write_max && number == SYS_write && first > STDERR_FILENO) {
                shorten(c, c->plan->write_max);
        }
        s->n_calls++;
}

static void on_exit_of_call(Chase *c) {
        struct user_regs_struct regs;

        if (!c->not_made || ptrace(PTRACE_GETREGS, c->pid, NULL, &regs) < 0)
                return;
        regs.rax = (unsigned long long)c->result;
        (void)ptrace(PTRACE_SETREGS, c->pid, NULL, &regs);
        c->not_made = false;
}

static void on_stop(Chase *c) {
        struct __ptrace_syscall_info info;
        const Strike *plan = c->plan;

        if (ptrace(PTRACE_GET_SYSCALL_INFO, c->pid, sizeof info, &info) < 0)
                return;
        if (c->stops == plan->at && plan->kind == STRIKE_KILL) {
                c->struck->hit = c->killed = true;
                (void)kill(c->pid, SIGKILL);
                return;
        }
        if (c->stops == plan->at && plan->kind == STRIKE_SIGNAL) {
                c->struck->hit = true;
                (void)kill(c->pid, plan->error); /* another stop, which passes it on */
        }
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                on_entry(c, info.entry.nr, info.entry.args);
        else
                on_exit_of_call(c);
        c->stops++;
}

static int begin(Chase *c, void (*victim)(void *data), void *data) {
        int status;

        c->pid = fork();
        if (c->pid == 0) {
                (void)alarm(PATIENCE_S);
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(126);
                (void)raise(SIGSTOP);
                victim(data);
                _exit(127);
        }
        if (c->pid < 0 || waitpid(c->pid, &status, 0) < 0)
                return -errno;
        if (!WIFSTOPPED(status))
                return -EPERM;
        if (ptrace(PTRACE_SETOPTIONS, c->pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
                return -errno;
        return 0;
}

int strike(void (*victim)(void *data), void *data, const Strike *plan, Struck *ret) {
        Chase c = {.plan = plan, .struck = ret};
        int err = begin(&c, victim, data);

        if (err)
                return err;
        ret->hit = false;
        ret->n_calls = 0;
        for (;;) {
                /* After a kill it may be gone already: then only its end is to be had. */
                (void)ptrace(PTRACE_SYSCALL, c.pid, NULL, c.signal);
                c.signal = 0;
                if (waitpid(c.pid, &ret->status, 0) < 0)
                        return -errno;
                if (!WIFSTOPPED(ret->status))
                        return 0;
                if (WSTOPSIG(ret->status) == (SIGTRAP | 0x80))
                        on_stop(&c);
                else if (WSTOPSIG(ret->status) != SIGTRAP) /* which is exec's */
                        c.signal = WSTOPSIG(ret->status);
        }
}

#endif
