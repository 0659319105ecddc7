/* SPDX-License-Identifier: ISC */
#include "agent/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/turns.h"
#include "lib/file.h"
#include "lib/keyfile.h"

#define N_CHILDREN      32
#define ASKPASS_DEFAULT "/usr/bin/ssh-askpass"
#define END_WAIT_MS     2000 /* for a dialog that is told to go, before it is made to */

typedef struct Child {
        uint32_t id;
        pid_t pid; /* 0: the entry is free */
        bool ended;
        uint64_t kill_at_ms; /* CLOCK_MONOTONIC; 0: it was not told to go */
        int status;
        int output; /* -1: none, or at its end */
        size_t len;
        uint8_t bytes[LAUNCH_OUTPUT_MAX];
} Child;

/* Descriptors that came with a request. */
typedef struct Attached {
        size_t n;
        int fds[LAUNCH_FDS_MAX];
} Attached;

static int front; /* our end of the socket */
static Child children[N_CHILDREN];

/* The front is gone. Keepers notice by themselves, since their link ends; dialogs must be told. */
static void __attribute__((noreturn)) end_asks_and_exit(void) {
        for (size_t i = 0; i < N_CHILDREN; i++)
                if (children[i].pid && !children[i].ended && children[i].output >= 0)
                        (void)kill(-children[i].pid, SIGTERM);
        _exit(0);
}

static void tell_ended(uint32_t id, uint32_t status, TaBytes output) {
        uint8_t buf[LAUNCH_OUTPUT_MAX + 16];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_u8(&w, LAUNCH_ENDED);
        ta_write_u32(&w, id);
        ta_write_u32(&w, status);
        ta_write_string(&w, output);
        if (send(front, buf, w.len, MSG_NOSIGNAL) < 0)
                end_asks_and_exit();
}

static Child *child_find(uint32_t id) {
        for (size_t i = 0; i < N_CHILDREN; i++)
                if (children[i].pid && children[i].id == id)
                        return &children[i];
        return NULL;
}

/* In the new process: a clean signal state, nothing inherited but what is meant to be. */
static void become_child(void) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int sig = 1; sig < NSIG; sig++)
                (void)signal(sig, SIG_DFL);
        (void)setpgid(0, 0);
}

/* A program of ours: where a variable says, beside the agent's own (a build tree, a copy), or where
 * it was installed. */
static void __attribute__((noreturn)) exec_ours(const char *name, const char *override,
                                                const char *operand) {
        char *const argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)operand, NULL};
        static char *const environment[] = {NULL}; /* LD_PRELOAD, OPENSSL_CONF, ... end here */
        char path[4096 + 16];
        ssize_t n;
        char *slash;

        if (override)
                execve(override, argv, environment);
        n = readlink("/proc/self/exe", path, 4096);
        if (n > 0) {
                path[n] = 0;
                slash = strrchr(path, '/');
                if (slash) {
                        strcpy(slash + 1, name);
                        execve(path, argv, environment);
                }
        }
        snprintf(path, sizeof path, "%s/%s", TA_LIBEXECDIR, name);
        execve(path, argv, environment);
        dprintf(STDERR_FILENO, "tagent: cannot start %s: %s\n", name, strerror(errno));
        _exit(127);
}

/* In a new process: descriptors 3 and 4, and none behind them. Out of the way first: one may stand
 * where the other is to go. */
static void leave_descriptors(int third, int fourth) {
        third = fcntl(third, F_DUPFD, 16);
        fourth = fcntl(fourth, F_DUPFD, 16);
        if (dup2(third, 3) < 0 || dup2(fourth, 4) < 0)
                _exit(127);
        (void)syscall(SYS_close_range, 5u, ~0u, 0u);
}

/* In a new process of the warden's. */
static void become_keeper(const KeeperEnds *ends) {
        become_child();
        turns_set(ends->slow ? TURN_LONG_NS : TURN_SHORT_NS);
        leave_descriptors(ends->link, ends->body);
        exec_ours("tagent-keeper", secure_getenv("TA_KEEPER"), NULL);
}

static pid_t fork_warden(const int *fds, size_t n_fds) {
        KeeperEnds ends[KEEPERS_MAX];
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void)prctl(PR_SET_NAME, "tagent-warden");
        for (size_t i = 0; i < n_fds / 2; i++)
                ends[i] = (KeeperEnds){.link = fds[2 * i], .body = fds[2 * i + 1], .slow = i > 0};
        warden_run(ends, (unsigned)(n_fds / 2), become_keeper);
}

/* fork(), of a process in a group of its own, so that it can be ended with all that it started. */
static pid_t fork_group(void) {
        pid_t pid = fork();

        if (pid == 0)
                become_child();
        else if (pid > 0)
                (void)setpgid(pid, pid); /* it does the same; whoever is first, we can end it now */
        return pid;
}

static pid_t fork_askpass(const char *prompt, int output) {
        const char *program = getenv("SSH_ASKPASS");
        pid_t pid = fork_group();

        if (pid != 0)
                return pid;
        if (dup2(output, STDOUT_FILENO) < 0)
                _exit(127);
        (void)syscall(SYS_close_range, 3u, ~0u, 0u);
        if (!program || !*program)
                program = ASKPASS_DEFAULT;
        setenv("SSH_ASKPASS_PROMPT", "confirm", 1);
        execlp(program, program, prompt, (char *)NULL);
        dprintf(STDERR_FILENO, "tagent: cannot start %s: %s\n", program, strerror(errno));
        _exit(127);
}

/* In a new process: what the unlocker would say of a file that cannot be read. */
static void __attribute__((noreturn)) cannot_read(int output, int err) {
        uint8_t report[LAUNCH_UNLOCKED_LEN];
        TaWriter w = ta_writer(report, sizeof report);

        launch_unlocked_write(&w, err, 0);
        _exit(write(output, report, w.len) != (ssize_t)w.len);
}

static pid_t fork_unlocker(const char *path, int output, const int fds[static 2]) {
        pid_t pid = fork_group();
        int file, err;

        if (pid != 0)
                return pid;
        err = ta_file_open(path, TA_KEYFILE_MAX, &file, NULL);
        if (err)
                cannot_read(output, err);
        if (dup2(file, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
                _exit(127);
        leave_descriptors(fds[0], fds[1]);
        exec_ours("tagent-unlocker", secure_getenv("TA_UNLOCKER"), path);
}

/* A program whose standard output is a pipe to us: the pid and our end, or -1. */
static pid_t fork_with_output(const LaunchRequest *request, const Attached *attached, int *ret_output) {
        ta_cleanup(ta_freep) char *text = strndup((const char *)request->text.data, request->text.len);
        int ends[2];
        pid_t pid;

        if (!text || pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        pid = request->op == LAUNCH_ASK ? fork_askpass(text, ends[1])
                                        : fork_unlocker(text, ends[1], attached->fds);
        close(ends[1]);
        if (pid < 0) {
                close(ends[0]);
                return -1;
        }
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        *ret_output = ends[0];
        return pid;
}

/* Whether there are as many descriptors as such a request has. */
static bool fits(const LaunchRequest *request, const Attached *attached) {
        switch (request->op) {
        case LAUNCH_KEEPERS: return attached->n > 0 && attached->n % 2 == 0;
        case LAUNCH_UNLOCK: return attached->n == 2;
        default: return true;
        }
}

static void start(const LaunchRequest *request, const Attached *attached) {
        Child *child = NULL;
        int output = -1;
        pid_t pid = -1;

        for (size_t i = 0; i < N_CHILDREN && !child; i++)
                if (!children[i].pid)
                        child = &children[i];
        if (child && fits(request, attached))
                pid = request->op == LAUNCH_KEEPERS ? fork_warden(attached->fds, attached->n)
                                                    : fork_with_output(request, attached, &output);
        if (pid < 0)
                tell_ended(request->id, LAUNCH_FAILED, (TaBytes){0});
        else
                *child = (Child){.id = request->id, .pid = pid, .output = output};
}

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void tell_to_go(Child *child) {
        if (child->ended)
                return;
        (void)kill(-child->pid, SIGTERM);
        child->kill_at_ms = now_ms() + END_WAIT_MS;
}

/* Kills who did not go in time. How long the next one still has, or -1. */
static int kill_late_ones(void) {
        uint64_t now = now_ms();
        int wait = -1;

        for (size_t i = 0; i < N_CHILDREN; i++) {
                Child *child = &children[i];

                if (!child->pid || child->ended || !child->kill_at_ms)
                        continue;
                if (child->kill_at_ms <= now) {
                        (void)kill(-child->pid, SIGKILL);
                        child->kill_at_ms = 0;
                } else if (wait < 0 || child->kill_at_ms - now < (uint64_t)wait) {
                        wait = (int)(child->kill_at_ms - now);
                }
        }
        return wait;
}

static void attached_close(Attached *attached) {
        for (size_t i = 0; i < attached->n; i++)
                close(attached->fds[i]);
}

static void attached_take(struct msghdr *msg, Attached *ret) {
        struct cmsghdr *c = CMSG_FIRSTHDR(msg);

        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                return;
        ret->n = (c->cmsg_len - CMSG_LEN(0)) / sizeof ret->fds[0];
        memcpy(ret->fds, CMSG_DATA(c), ret->n * sizeof ret->fds[0]);
}

static void take_request(void) {
        uint8_t buf[LAUNCH_MAX];
        union {
                char space[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec iov = {buf, sizeof buf};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
        ta_cleanup(attached_close) Attached attached = {0};
        LaunchRequest request;
        ssize_t n;

        n = recvmsg(front, &msg, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
                return;
        if (n <= 0)
                end_asks_and_exit();
        attached_take(&msg, &attached);

        if (launch_request_read((TaBytes){buf, (size_t)n}, &request))
                end_asks_and_exit(); /* whoever says that is no front any more */
        if (request.op == LAUNCH_END) {
                Child *child = child_find(request.id);

                if (child)
                        tell_to_go(child);
                return;
        }
        start(&request, &attached);
}

static void finish(Child *child) {
        if (!child->ended || child->output >= 0)
                return;
        tell_ended(child->id, (uint32_t)child->status, (TaBytes){child->bytes, child->len});
        *child = (Child){.output = -1};
}

static void take_output(Child *child) {
        uint8_t extra[256];
        ssize_t n;

        if (child->len < sizeof child->bytes)
                n = read(child->output, child->bytes + child->len, sizeof child->bytes - child->len);
        else
                n = read(child->output, extra, sizeof extra); /* floods go nowhere */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0)
                ta_closep(&child->output);
        else if (child->len < sizeof child->bytes)
                child->len += (size_t)n;
        finish(child);
}

static void reap(int sigchld) {
        struct signalfd_siginfo info;
        int status;
        pid_t pid;

        (void)!read(sigchld, &info, sizeof info);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                for (size_t i = 0; i < N_CHILDREN; i++) {
                        Child *child = &children[i];

                        if (child->pid != pid)
                                continue;
                        child->ended = true;
                        child->status = status;
                        /* What it wrote before its end is in the pipe; a grandchild that keeps
                         * the pipe open must not keep us waiting. */
                        if (child->output >= 0)
                                take_output(child);
                        if (child->pid == pid && child->output >= 0)
                                ta_closep(&child->output);
                        if (child->pid == pid)
                                finish(child);
                        break;
                }
        }
}

static void __attribute__((noreturn)) launch_loop(void) {
        sigset_t set;
        int sigchld;

        /* The agent's end is our end: no signal that its terminal sends stops us before. */
        sigfillset(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigchld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (sigchld < 0)
                _exit(1);
        for (;;) {
                struct pollfd fds[2 + N_CHILDREN] = {
                        {.fd = front, .events = POLLIN},
                        {.fd = sigchld, .events = POLLIN},
                };

                for (size_t i = 0; i < N_CHILDREN; i++)
                        fds[2 + i] = (struct pollfd){
                                .fd = children[i].pid ? children[i].output : -1, .events = POLLIN};
                if (poll(fds, TA_N_ELEMENTS(fds), kill_late_ones()) < 0)
                        continue;
                for (size_t i = 0; i < N_CHILDREN; i++)
                        if (fds[2 + i].fd >= 0 && fds[2 + i].revents)
                                take_output(&children[i]);
                if (fds[1].revents)
                        reap(sigchld);
                if (fds[0].revents & POLLIN)
                        take_request();
                else if (fds[0].revents)
                        end_asks_and_exit();
        }
}

int launcher_start(void) {
        int ends[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        pid = fork();
        if (pid < 0) {
                int err = -errno;

                close(ends[0]);
                close(ends[1]);
                return err;
        }
        if (pid == 0) {
                /* Only the standard streams and the front's socket, which becomes 3. */
                if (dup2(ends[1], 3) < 0 && ends[1] != 3)
                        _exit(1);
                (void)syscall(SYS_close_range, 4u, ~0u, 0u);
                front = 3;
                (void)fcntl(front, F_SETFD, FD_CLOEXEC);
                (void)prctl(PR_SET_NAME, "tagent-launcher");
                launch_loop();
        }
        close(ends[1]);
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        return ends[0];
}

int launcher_send(int launcher, TaBytes request, const int *fds, size_t n_fds) {
        union {
                char space[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec iov = {(void *)(uintptr_t)request.data, request.len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        struct cmsghdr *c;

        ta_bug_on(n_fds > LAUNCH_FDS_MAX);
        if (n_fds > 0) {
                msg.msg_control = &control;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof fds[0]);
                c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof fds[0]);
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof fds[0]);
        }
        return sendmsg(launcher, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
