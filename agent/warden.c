/* SPDX-License-Identifier: ISC */
#include "agent/warden.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* It may let its keepers go on, but not look into them: who takes over the warden gains nothing. */
const TaSyscall warden_syscalls[] = {
        {.number = SYS_wait4},
        {.number = SYS_ptrace, .n_fds = 2, .fds = {PTRACE_CONT, PTRACE_SETOPTIONS}},
        {.number = SYS_exit_group},
};
const size_t warden_n_syscalls = TA_N_ELEMENTS(warden_syscalls);

typedef struct Ward {
        pid_t pid;
        bool begun; /* it executes the keeper, and ends when the warden does */
} Ward;

/* The keeper asks to be traced, which needs no moment in which others of the same user could open
 * what it has, as to seize it would (of a process of one's own only what is dumpable can be seized).
 * Where it is refused (a container, another tracer) the keeper finds itself untraced, and reports a
 * lower level. It is stopped when it executes the keeper, until carry_on(). */
static pid_t start_traced(const KeeperEnds *ends, void (*start)(const KeeperEnds *ends)) {
        pid_t warden = getpid(), pid = fork();

        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* until EXITKILL says so */
                if (getppid() != warden)
                        _exit(127);
                (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                start(ends);
        }
        return pid;
}

static bool stops(int sig) {
        return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* A signal is delivered as if nobody traced, but none that stops: what is traced so and has stopped
 * is never told to go on, and a keeper has no reason to. To execute a program is no signal, but the
 * first time looks like one, since nothing has been set yet. */
static void carry_on(Ward *ward, int status) {
        int sig = WSTOPSIG(status);

        if (!ward->begun && sig == SIGTRAP) {
                ward->begun = true;
                sig = 0;
                if (ptrace(PTRACE_SETOPTIONS, ward->pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC) < 0)
                        sig = SIGKILL; /* a keeper that outlives its warden could be traced by others */
        }
        if (status >> 16 == PTRACE_EVENT_EXEC || stops(sig))
                sig = 0;
        (void)ptrace(PTRACE_CONT, ward->pid, NULL, (long)sig);
}

void warden_run(const KeeperEnds *keepers, unsigned n, void (*start)(const KeeperEnds *ends)) {
        Ward wards[KEEPERS_MAX];
        sigset_t all;
        int status;
        pid_t pid;

        /* Not ended by what ends others: the keepers would go with it. SIGKILL does, and is to. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        for (unsigned i = 0; i < n; i++)
                wards[i] = (Ward){.pid = start_traced(&keepers[i], start)};
        (void)syscall(SYS_close_range, 0u, ~0u, 0u);
        /* It holds nothing worth stealing: where there are no filters it goes on without. */
        (void)!ta_seccomp(warden_syscalls, warden_n_syscalls);
        while ((pid = wait4(-1, &status, __WALL, NULL)) > 0 || errno == EINTR)
                for (unsigned i = 0; pid > 0 && WIFSTOPPED(status) && i < n; i++)
                        if (wards[i].pid == pid)
                                carry_on(&wards[i], status);
        _exit(0);
}
