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
        {.number = SYS_ptrace, .n_fds = 2, .fds = {PTRACE_CONT, PTRACE_LISTEN}},
        {.number = SYS_exit_group},
};
const size_t warden_n_syscalls = TA_N_ELEMENTS(warden_syscalls);

/* In the child. Whoever is not root may only trace what is dumpable, which the agent is not; there
 * is no secret here, and executing the keeper begins anew. But others of the same user can open
 * what is dumpable, with the keepers' ends that it has. (PTRACE_TRACEME would do without; but who is
 * traced so and is stopped is never told to go on.) */
static void await_tracer(int ready, int go) {
        char byte = 0;

        (void)prctl(PR_SET_DUMPABLE, 1);
        if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
                _exit(127);
}

/* The keeper waits until it is traced, and only then executes: there is no moment in between. */
static pid_t start_traced(const KeeperEnds *ends, void (*start)(const KeeperEnds *ends)) {
        int ready[2], go[2];
        char byte = 0;
        pid_t pid;

        if (pipe(ready) < 0 || pipe(go) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                close(go[1]);
                await_tracer(ready[1], go[0]);
                start(ends);
        }
        close(ready[1]);
        close(go[0]);
        /* Where it is refused (a container, another tracer) the keeper finds itself untraced, and
         * reports a lower level. */
        if (pid > 0 && read(ready[0], &byte, 1) == 1)
                (void)ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL);
        (void)!write(go[1], &byte, 1);
        close(ready[0]);
        close(go[1]);
        return pid;
}

/* A signal is delivered as if nobody traced, and a stopped keeper stays stopped. */
static void carry_on(pid_t pid, int status) {
        int sig = WSTOPSIG(status);
        bool is_event = status >> 16 == PTRACE_EVENT_STOP;

        if (is_event && (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU))
                (void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);
        else
                (void)ptrace(PTRACE_CONT, pid, NULL, (long)(is_event ? 0 : sig));
}

void warden_run(const KeeperEnds *keepers, unsigned n, void (*start)(const KeeperEnds *ends)) {
        sigset_t all;
        int status;
        pid_t pid;

        /* Not ended by what ends others: the keepers would go with it. SIGKILL does, and is to. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        for (unsigned i = 0; i < n; i++)
                (void)start_traced(&keepers[i], start);
        (void)syscall(SYS_close_range, 0u, ~0u, 0u);
        /* It holds nothing worth stealing: where there are no filters it goes on without. */
        (void)!ta_seccomp(warden_syscalls, warden_n_syscalls);
        while ((pid = wait4(-1, &status, __WALL, NULL)) > 0 || errno == EINTR)
                if (pid > 0 && WIFSTOPPED(status))
                        carry_on(pid, status);
        _exit(0);
}
