/* SPDX-License-Identifier: ISC */
/*
 * tagent: the agent. Options, the socket, the processes, the loop, a tidy end.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "agent/sandbox.h"
#include "agent/shell.h"
#include "agent/socket.h"
#include "agent/turns.h"
#include "lib/cli.h"
#include "lib/evp.h"
#include "lib/text.h"

enum { EXIT_FATAL = 255, EXIT_SIGNAL = 2 };
enum { OPTION_FISH = 256, OPTION_REQUIRE_LEVEL };

static const TaOption options[] = {
        {'a', NULL, "path", "listen at this path instead of the usual one"},
        {'c', NULL, NULL, "print commands for csh"},
        {'D', NULL, NULL, "stay in the foreground"},
        {'d', NULL, NULL, "stay in the foreground and tell what happens"},
        {'E', NULL, "hash", "fingerprint hash in prompts: sha256 (default), sha512, md5"},
        {OPTION_FISH, "fish", NULL, "print commands for fish"},
        {'k', NULL, NULL, "end the agent named by SSH_AGENT_PID"},
        {'O', NULL, "option", "accepted for compatibility with ssh-agent"},
        {'P', NULL, "patterns", "accepted for compatibility; tokens are not supported yet"},
        {OPTION_REQUIRE_LEVEL, "require-level", "0-3", "do not start below this protection level"},
        {'s', NULL, NULL, "print commands for sh"},
        {'T', NULL, NULL, "start a new private agent with its socket under $TMPDIR"},
        {'t', NULL, "life", "default lifetime of keys (90, 1h30m, 2d)"},
        {'U', NULL, NULL, "do not remove stale sockets at start"},
        {'u', NULL, NULL, "remove stale sockets from ~/.ssh/agent and exit (-uu: of any host)"},
        {'V', NULL, NULL, "print the version on standard error and exit"},
        {0},
};

static const TaCommand command = {
        .name = "tagent",
        .purpose = "Holds private keys and signs with them for ssh, git and others.",
        .synopsis = (const char *const[]){"[-c | -s | --fish] [-Dd] [-TU] [-a path] [-E hash] "
                                          "[-O option] [-P patterns] [-t life] [--require-level 0-3]",
                                          "[-TU] [-a path] [-E hash] [-t life] command [argument ...]",
                                          "[-c | -s | --fish] -k", "-u", "-V", NULL},
        .options = options,
        .notes = "In a session: eval $(tagent)",
        .stop_at_operand = true,
};

typedef struct Config {
        Shell shell;
        bool shell_given;
        const char *path;
        const char *patterns, *websafe; /* -P, -O websafe-allow= */
        bool foreground, debug, kill, private, no_clean, version;
        unsigned clean;
        TaHash hash;
        uint32_t lifetime;
        unsigned required_level;
        char **program; /* a command to run; NULL: none */
} Config;

/* ---- the running agent ------------------------------------------------------------------ */

static struct {
        Agent agent;
        char path[SOCKET_PATH_MAX];
        bool remove_socket, remove_folder, activated;
        int status; /* exit status at the end */
        Watch signals, parent, socket;
} self;

static void signal_ready(Watch *watch, uint32_t events ta_unused) {
        struct signalfd_siginfo info;

        while (read(watch->fd, &info, sizeof info) == sizeof info) {
                if (info.ssi_signo == SIGUSR1) {
                        log_info("SIGUSR1: all keys forgotten");
                        agent_forget_all(&self.agent);
                        continue;
                }
                log_debug("signal %u", info.ssi_signo);
                self.status = self.activated && info.ssi_signo == SIGTERM ? 0 : EXIT_SIGNAL;
                loop_quit(self.agent.loop);
        }
}

static void parent_gone(Watch *watch ta_unused, uint32_t events) {
        if (!(events & EPOLLIN))
                return;
        self.status = EXIT_SIGNAL;
        loop_quit(self.agent.loop);
}

static void stop_watching_socket(void) {
        if (self.socket.fd < 0)
                return;
        loop_remove(self.agent.loop, &self.socket);
        ta_closep(&self.socket.fd);
}

static void socket_touched(Watch *watch, uint32_t events ta_unused) {
        uint8_t what[4096];

        while (read(watch->fd, what, sizeof what) > 0)
                ;
        if (socket_is_ours(self.path))
                return;
        log_error("the socket %s is gone: who is connected is served, but nobody else can connect; "
                  "start a new agent", self.path);
        stop_watching_socket();
}

/* Where it cannot be watched, nobody is told. */
static void watch_socket(void) {
        self.socket = (Watch){.fd = socket_watch(self.path), .ready = socket_touched};
        if (self.socket.fd >= 0 && loop_add(self.agent.loop, &self.socket, EPOLLIN) < 0)
                ta_closep(&self.socket.fd);
}

static void block_signals(const Config *config, sigset_t *ret) {
        sigemptyset(ret);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGHUP);
        sigaddset(ret, SIGUSR1);
        if (config->foreground)
                sigaddset(ret, SIGINT);
        else
                (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
        sigprocmask(SIG_BLOCK, ret, NULL);
}

static int watch_signals(const sigset_t *set) {
        int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

        if (fd < 0)
                return -errno;
        self.signals = (Watch){.fd = fd, .ready = signal_ready};
        return loop_add(self.agent.loop, &self.signals, EPOLLIN);
}

/* The whole hard limit: a thousand clients at once are ordinary. */
static void raise_descriptor_limit(void) {
        struct rlimit lim;

        if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
                lim.rlim_cur = lim.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &lim);
        }
}

/* Everything but the listener, which the caller has. `parent`: whose end is our end, or -1. */
static int start(const Config *config, int listener, int parent) {
        static const struct rlimit no_core = {0, 0};
        Agent *agent = &self.agent;
        sigset_t signals;
        int err;

        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)setrlimit(RLIMIT_CORE, &no_core);
        raise_descriptor_limit();
        agent->hash = config->hash;
        agent->default_lifetime = config->lifetime;
        block_signals(config, &signals);
        err = agent_start(agent, listener);
        if (!err)
                err = keepers_require(agent->keepers, config->required_level);
        if (!err)
                err = watch_signals(&signals);
        if (!err && parent >= 0) {
                self.parent = (Watch){.fd = parent, .ready = parent_gone};
                err = loop_add(agent->loop, &self.parent, EPOLLIN);
        }
        return err;
}

static void remove_socket(void) {
        if (self.remove_socket)
                socket_remove(self.path);
        if (self.remove_folder) {
                char copy[SOCKET_PATH_MAX];

                memcpy(copy, self.path, sizeof copy);
                (void)rmdir(dirname(copy));
        }
}

static int run(void) {
        self.socket.fd = -1;
        if (self.remove_socket)
                watch_socket();
        turns_set(TURN_SHORT_NS);
        sandbox_enter(self.remove_socket ? self.path : NULL, self.remove_folder);
        loop_run(self.agent.loop);
        stop_watching_socket();
        remove_socket();
        agent_stop(&self.agent);
        return self.status;
}

/* ---- starting it ------------------------------------------------------------------------ */

static int fail(const char *what, int err) {
        if (err == TA_E_PROTOCOL) {
                ta_complain("tagent-keeper does not start; is it beside tagent or in %s?",
                            TA_LIBEXECDIR);
                return 1;
        }
        if (err == -ENAMETOOLONG)
                ta_complain("%s: the path is too long for a socket (at most %zu bytes)", what,
                            SOCKET_PATH_MAX - 1);
        else if (err == -EEXIST)
                ta_complain("%s: something that is not a socket of yours is there; it is left alone",
                            what);
        else
                ta_complain("%s: %s", what, ta_strerror(err));
        return 1;
}

/* 0: listening. 1: failed, said. 2: an agent is there already (`ret_pid`), which only counts as
 * success at the usual path. */
static int open_socket(const Config *config, int *ret_fd, pid_t *ret_pid) {
        char what[SOCKET_PATH_MAX] = "";
        int err;

        if (config->path) {
                err = socket_absolute_path(config->path, self.path);
                if (err)
                        return fail(config->path, err);
        } else if (config->private || config->program) {
                err = socket_private_path(self.path);
                if (err)
                        return fail("a private folder under TMPDIR", err);
                self.remove_folder = true;
        } else {
                err = socket_default_path(self.path, what);
                if (err == -EPERM)
                        ta_complain("%s is not a private folder of yours; chmod 700 it, or choose a "
                                    "path with -a", what);
                if (err)
                        return err == -EPERM ? 1 : fail(what, err);
        }
        err = socket_listen(self.path, ret_fd, ret_pid);
        if (err == -EADDRINUSE)
                return 2;
        if (err) {
                remove_socket();
                return fail(self.path, err);
        }
        self.remove_socket = true;
        return 0;
}

/* start(), or a word on why not, on `complaints` if standard error is gone by now (-1: it is not). */
static int start_or_say(const Config *config, int listener, int parent, int complaints) {
        int err = start(config, listener, parent);

        if (!err)
                return 0;
        remove_socket();
        if (complaints >= 0)
                (void)dup2(complaints, STDERR_FILENO);
        if (err != TA_E_WEAK)
                return fail("cannot start", err);
        ta_complain("this system gives protection level %u, and --require-level asks for %u; "
                    "tagentctl(1) says what they mean",
                    keepers_level(self.agent.keepers), config->required_level);
        return 1;
}

static int run_foreground(const Config *config, int listener) {
        int status;

        log_open(1, config->debug);
        status = start_or_say(config, listener, -1, -1);
        if (status)
                return status;
        if (!self.activated && shell_print_agent(config->shell, self.path, 0, getpid()) < 0) {
                remove_socket();
                return 1;
        }
        return run();
}

/* Whoever evaluates our output waits until nobody has its pipe: neither we, nor the launcher and
 * the keepers that we are about to start. Returns the former standard error, for a last word. */
static int let_go_of_standard_streams(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int complaints = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

        for (int fd = 0; null >= 0 && fd < 3; fd++)
                (void)dup2(null, fd);
        ta_closep(&null);
        return complaints;
}

/* In the new process. Says on `ready` that it serves, or nothing. */
static void __attribute__((noreturn)) be_daemon(const Config *config, int listener, int parent,
                                                int ready) {
        int complaints = let_go_of_standard_streams();
        uint8_t byte = 1;
        int status;

        log_open(0, 0);
        if (config->program) { /* it lives and dies with the command, but not by its Ctrl-C */
                (void)setpgid(0, 0);
        } else {
                (void)setsid();
                (void)!chdir("/");
        }
        status = start_or_say(config, listener, parent, complaints);
        if (status)
                exit(status);
        ta_closep(&complaints);
        if (write(ready, &byte, 1) != 1) {
                remove_socket();
                exit(1);
        }
        close(ready);
        exit(run());
}

static int run_daemon(const Config *config, int listener) {
        int ready[2], parent = -1;
        uint8_t byte;
        char number[16];
        pid_t pid;

        if (pipe2(ready, O_CLOEXEC) < 0)
                return fail("pipe", -errno);
        if (config->program) {
                parent = (int)syscall(SYS_pidfd_open, getpid(), 0);
                if (parent < 0)
                        return fail("pidfd_open", -errno);
        }
        pid = fork();
        if (pid < 0)
                return fail("fork", -errno);
        if (pid == 0) {
                close(ready[0]);
                be_daemon(config, listener, parent, ready[1]);
        }
        close(ready[1]);
        close(listener);
        ta_closep(&parent);
        if (read(ready[0], &byte, 1) != 1)
                return 1; /* the child has said why */
        close(ready[0]);
        if (!config->program) {
                int err = shell_print_agent(config->shell, self.path, pid, pid);

                if (err) { /* nobody would ever find it */
                        (void)kill(pid, SIGTERM);
                        (void)waitpid(pid, NULL, 0);
                        return fail("standard output", err);
                }
                return 0;
        }
        snprintf(number, sizeof number, "%d", (int)pid);
        if (setenv("SSH_AUTH_SOCK", self.path, 1) < 0 || setenv("SSH_AGENT_PID", number, 1) < 0) {
                (void)kill(pid, SIGTERM);
                return fail("environment", -errno);
        }
        execvp(config->program[0], config->program);
        (void)fail(config->program[0], -errno);
        (void)kill(pid, SIGTERM);
        return 1;
}

/* ---- other verbs ------------------------------------------------------------------------ */

static int kill_agent(const Config *config) {
        const char *text = getenv("SSH_AGENT_PID");
        char *end;
        long pid;

        if (!text) {
                ta_complain("SSH_AGENT_PID not set, cannot kill agent");
                return 1;
        }
        errno = 0;
        pid = strtol(text, &end, 10);
        if (errno || end == text || *end || pid < 2 || pid > INT32_MAX) {
                ta_complain("SSH_AGENT_PID=\"%s\", which is not a good PID", text);
                return 1;
        }
        if (kill((pid_t)pid, SIGTERM) < 0) {
                ta_complain("kill: %s", strerror(errno));
                return 1;
        }
        return shell_print_killed(config->shell, (pid_t)pid) < 0;
}

/* Descriptor 3 from a service manager (sd_listen_fds(3)); -1: none. LISTEN_* are taken away. */
static int activation_fd(void) {
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        int fd = -1;

        if (pid && n && atol(pid) == (long)getpid())
                fd = strcmp(n, "1") == 0 ? 3 : -2;
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
        return fd;
}

/* -O: what ssh-agent takes. None of it changes anything as long as there are no tokens. */
static void take_compatible(Config *config, const char *value) {
        if (strncmp(value, "websafe-allow=", 14) == 0) {
                if (config->websafe) {
                        ta_complain("-O websafe-allow is given twice");
                        exit(EXIT_FATAL);
                }
                config->websafe = value + 14;
        } else if (strcmp(value, "no-restrict-websafe") != 0 &&
                   strcmp(value, "allow-remote-pkcs11") != 0) {
                ta_complain("-O %s: unknown option", value);
                exit(EXIT_FATAL);
        }
}

static int take_option(Config *config, const TaArgs *args, int letter) {
        Shell shell;
        int hash;

        switch (letter) {
        case 'a':
                config->path = args->value;
                return 0;
        case 'c':
        case 's':
        case OPTION_FISH:
                shell = letter == 'c' ? SHELL_CSH : letter == 's' ? SHELL_SH : SHELL_FISH;
                if (config->shell_given && config->shell != shell)
                        return -EINVAL;
                config->shell = shell;
                config->shell_given = true;
                return 0;
        case 'd':
        case 'D':
                if (config->foreground)
                        return -EINVAL;
                config->foreground = true;
                config->debug = letter == 'd';
                return 0;
        case 'E':
                hash = ta_hash_find(args->value);
                if (hash < 0) {
                        ta_complain("-E %s: unknown hash; sha256, sha512 or md5", args->value);
                        exit(EXIT_FATAL);
                }
                config->hash = (TaHash)hash;
                return 0;
        case 'k':
                config->kill = true;
                return 0;
        case 'O':
                take_compatible(config, args->value);
                return 0;
        case 'P':
                if (config->patterns) {
                        ta_complain("-P is given twice");
                        exit(EXIT_FATAL);
                }
                config->patterns = args->value;
                return 0;
        case OPTION_REQUIRE_LEVEL:
                if (strlen(args->value) != 1 || args->value[0] < '0' || args->value[0] > '3') {
                        ta_complain("--require-level %s: a number from 0 to 3", args->value);
                        exit(1);
                }
                config->required_level = (unsigned)(args->value[0] - '0');
                return 0;
        case 'T':
                config->private = true;
                return 0;
        case 't':
                if (ta_duration_read(args->value, &config->lifetime) < 0) {
                        ta_complain("-t %s: not a lifetime; examples: 90, 1h30m, 2d", args->value);
                        exit(1);
                }
                return 0;
        case 'U':
                config->no_clean = true;
                return 0;
        case 'u':
                config->clean++;
                return 0;
        case 'V':
                config->version = true;
                return 0;
        default:
                return -EINVAL;
        }
}

static int attach(const Config *config, pid_t pid) {
        if (config->path || config->foreground) {
                ta_complain("%s: an agent is listening there already (pid %d)", self.path, (int)pid);
                return 1;
        }
        if (config->lifetime)
                ta_complain("the agent runs already (pid %d); -t has no effect on it", (int)pid);
        return shell_print_agent(config->shell, self.path, pid, pid) < 0;
}

int main(int argc, char **argv) {
        static TaArgs args;
        Config config = {.shell = shell_guess(), .hash = TA_HASH_SHA256};
        bool no_stdout = fcntl(STDOUT_FILENO, F_GETFD) < 0; /* before ta_start() opens it */
        int letter, listener = -1, result;
        pid_t pid = 0;

        ta_start();
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args)))
                if (take_option(&config, &args, letter) < 0) {
                        ta_args_usage(&args, true);
                        return 1;
                }
        if (args.n_operands > 0)
                config.program = args.operands;
        if (config.program && (config.foreground || config.shell_given || config.kill)) {
                ta_args_usage(&args, true);
                return 1;
        }
        if (config.version) {
                fprintf(stderr, "%s\n", PACKAGE_STRING);
                return 0;
        }
        if (config.kill)
                return kill_agent(&config);
        /* Before its first use, by which libcrypto would read its configuration. */
        if (ta_crypto_start() < 0)
                return fail("cannot start", TA_E_CRYPTO);
        if (config.clean) {
                result = socket_clean(config.clean > 1);
                if (result < 0)
                        return fail("~/.ssh/agent", result);
                printf("Deleted stale agent sockets in ~/.ssh/agent\n");
                return 0;
        }
        if (!config.no_clean)
                (void)socket_clean(false);
        /* What the caller had open is not ours to keep; 3 may be the socket of a service manager. */
        if (!config.program) /* a command keeps what it was given */
                (void)syscall(SYS_close_range, getenv("LISTEN_FDS") ? 4u : 3u, ~0u, 0u);

        if (no_stdout && !config.program && !config.foreground) {
                ta_complain("standard output is closed; nobody would learn where the agent is");
                return 1;
        }

        if (config.foreground && !config.path) {
                listener = activation_fd();
                if (listener == -2) {
                        ta_complain("LISTEN_FDS: exactly one socket is expected");
                        return EXIT_FATAL;
                }
                self.activated = listener >= 0;
        }
        if (!self.activated) {
                result = open_socket(&config, &listener, &pid);
                if (result == 2)
                        return attach(&config, pid);
                if (result)
                        return result;
        } else {
                (void)fcntl(listener, F_SETFD, FD_CLOEXEC);
                (void)fcntl(listener, F_SETFL, O_NONBLOCK);
        }
        return config.foreground ? run_foreground(&config, listener)
                                 : run_daemon(&config, listener);
}
