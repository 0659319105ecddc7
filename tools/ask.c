/* SPDX-License-Identifier: ISC */
/*
 * The terminal's settings come back on every way out: each signal that would end or stop the
 * program is caught while echo is off, the settings are restored, and the signal is sent again.
 *
 * The dialog is started by posix_spawn(3): a forked child would find no memory (lib/allsecret.h).
 */
#include "tools/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lib/allsecret.h"
#include "lib/error.h"
#include "lib/proto.h"
#include "tools/runtime.h"

#define DEFAULT_ASKPASS "/usr/bin/ssh-askpass"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU,
                              SIGALRM, SIGXCPU, SIGUSR1, SIGUSR2};
static volatile sig_atomic_t caught[TA_N_ELEMENTS(watched)];
static volatile sig_atomic_t any_caught;

static void catch (int number) {
        for (size_t i = 0; i < TA_N_ELEMENTS(watched); i++) {
                if (watched[i] == number)
                        caught[i] = any_caught = 1;
        }
}

/* One line, without its end. TA_E_CANCELLED at the end of file; -EINTR after a watched signal. */
static int read_line(int fd, TaSecret *line) {
        bool over = false;
        uint8_t c = 0;
        int err = 0;

        line->len = 0;
        for (;;) {
                ssize_t n = any_caught ? (errno = EINTR, -1) : read(fd, &c, 1);

                if (n < 0 && errno == EINTR && !any_caught)
                        continue;
                if (n < 0) {
                        err = -errno;
                        break;
                }
                if (n == 0) {
                        err = line->len > 0 || over ? 0 : TA_E_CANCELLED;
                        break;
                }
                if (c == '\n' || c == '\r')
                        break;
                if (line->len >= TA_PASSPHRASE_MAX)
                        over = true; /* the rest of the line is read away */
                else
                        line->data[line->len++] = c;
        }
        ta_wipe(&c, 1);
        if (!err && over)
                err = TA_E_LIMIT;
        if (err)
                ta_wipe(line->data, line->cap);
        return err;
}

static void print(int fd, const char *text) {
        size_t len = strlen(text);

        while (len > 0) {
                ssize_t n = write(fd, text, len);

                if (n < 0 && errno != EINTR)
                        return;
                if (n > 0) {
                        text += n;
                        len -= (size_t)n;
                }
        }
}

/* Once: 0, a failure, or -EINTR when a watched signal came and has been passed on. */
static int ask_once(int in, int out, const char *prompt, TaSecret *answer) {
        struct sigaction action = {.sa_handler = catch}, old[TA_N_ELEMENTS(watched)];
        struct termios saved, quiet;
        bool terminal = tcgetattr(in, &saved) == 0;
        int err;

        any_caught = 0;
        sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < TA_N_ELEMENTS(watched); i++) {
                caught[i] = 0;
                (void)sigaction(watched[i], &action, &old[i]);
        }
        if (terminal) {
                quiet = saved;
                quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
                (void)tcsetattr(in, TCSAFLUSH, &quiet);
        }
        print(out, prompt);
        err = read_line(in, answer);
        if (terminal) {
                print(out, "\n");
                while (tcsetattr(in, TCSAFLUSH, &saved) < 0 && errno == EINTR && !caught[6])
                        continue;
        }
        for (size_t i = 0; i < TA_N_ELEMENTS(watched); i++)
                (void)sigaction(watched[i], &old[i], NULL);
        for (size_t i = 0; i < TA_N_ELEMENTS(watched); i++) {
                if (caught[i])
                        (void)kill(getpid(), watched[i]);
        }
        return err;
}

static int ask_terminal(const char *prompt, TaSecret *answer) {
        ta_cleanup(ta_closep) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        int err;

        do {
                err = ask_once(tty >= 0 ? tty : STDIN_FILENO, tty >= 0 ? tty : STDERR_FILENO,
                               prompt, answer);
        } while (err == -EINTR);
        /* Where nobody sits, the end of the input is an empty answer: "tkeygen -f F </dev/null"
         * makes a key without a passphrase, as with ssh-keygen. */
        if (err == TA_E_CANCELLED && tty < 0 && !isatty(STDIN_FILENO))
                return 0;
        return err;
}

/* With `out` as its standard output, and no other descriptor of ours. */
static int start_program(const char *program, const char *prompt, int out, pid_t *ret) {
        /* The second is for a script that does not say what runs it: execvp(3) would do the same. */
        char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)prompt, NULL};
        char *by_shell[] = {"sh", argv[0], argv[1], NULL};
        posix_spawn_file_actions_t actions;
        int err = posix_spawn_file_actions_init(&actions);

        if (err)
                return -err;
        err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (!err)
                err = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        if (!err)
                err = posix_spawnp(ret, program, &actions, NULL, argv, environ);
        if (err == ENOEXEC)
                err = posix_spawn(ret, "/bin/sh", &actions, NULL, by_shell, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -err;
}

static int ask_program(const char *program, const char *prompt, TaSecret *answer) {
        ta_cleanup(ta_closep) int from = -1, to = -1;
        int pipes[2], status, err;
        pid_t pid;

        (void)fflush(stdout);
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        from = pipes[0];
        to = pipes[1];
        err = start_program(program, prompt, to, &pid);
        if (err) {
                fprintf(stderr, "cannot run %s (SSH_ASKPASS): %s\n", program, strerror(-err));
                return TA_E_CANCELLED;
        }
        ta_closep(&to);
        any_caught = 0;
        err = read_line(from, answer);
        ta_closep(&from);
        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                ta_wipe(answer->data, answer->cap);
                return TA_E_CANCELLED;
        }
        return err == TA_E_CANCELLED ? 0 : err; /* no output and status 0: an empty answer */
}

static bool is_set(const char *name) {
        const char *value = getenv(name);

        return value && *value;
}

/* The rules of ssh(1), SSH_ASKPASS_REQUIRE. */
static bool by_program(void) {
        const char *require = getenv("SSH_ASKPASS_REQUIRE");
        bool display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");

        if (require && strcasecmp(require, "force") == 0)
                return true;
        if (require && strcasecmp(require, "never") == 0)
                return false;
        if (require && strcasecmp(require, "prefer") == 0)
                return display;
        return display && !isatty(STDIN_FILENO);
}

int ask_passphrase(const char *prompt, TaSecret **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *answer = NULL;
        const char *program = is_set("SSH_ASKPASS") ? getenv("SSH_ASKPASS") : DEFAULT_ASKPASS;
        int err;

        runtime_hide();
        err = ta_secret_new(TA_PASSPHRASE_MAX + 1, &answer);
        if (err)
                return err;
        answer->len = 0;
        ta_registers_clear(); /* a person takes long, and a child starts with a copy of them */
        err = by_program() ? ask_program(program, prompt, answer) : ask_terminal(prompt, answer);
        if (err)
                return err;
        *ret = ta_steal(&answer);
        return 0;
}

int ask_new_passphrase(const char *prompt, const char *again, const char *differ, FILE *out,
                       bool retry, TaSecret **ret) {
        for (;;) {
                ta_cleanup(ta_secret_dropp) TaSecret *first = NULL;
                ta_cleanup(ta_secret_dropp) TaSecret *second = NULL;
                int err = ask_passphrase(prompt, &first);

                if (!err)
                        err = ask_passphrase(again, &second);
                if (err)
                        return err;
                if (ta_secret_equal(ta_secret_bytes(first), ta_secret_bytes(second))) {
                        *ret = ta_steal(&first);
                        return 0;
                }
                fprintf(out, "%s\n", differ);
                (void)fflush(out);
                if (!retry)
                        return TA_E_MISMATCH;
        }
}

bool ask_yes(const char *question) {
        char line[64];

        printf("%s", question);
        (void)fflush(stdout);
        return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}
