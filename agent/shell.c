/* SPDX-License-Identifier: ISC */
#include "agent/shell.h"

#include <errno.h>
#include <stdio.h>

static const struct {
        const char *suffix;
        const char *set;   /* name, value */
        const char *unset; /* name */
} shells[] = {
        [SHELL_SH] = {"", "%1$s=%2$s; export %1$s;\n", "unset %s;\n"},
        [SHELL_CSH] = {"csh", "setenv %1$s %2$s;\n", "unsetenv %s;\n"},
        [SHELL_FISH] = {"fish", "set -gx %1$s %2$s;\n", "set -e %s;\n"},
};

Shell shell_guess(void) {
        const char *shell = getenv("SHELL");
        size_t len = shell ? strlen(shell) : 0;

        for (Shell s = SHELL_CSH; s <= SHELL_FISH; s++) {
                size_t n = strlen(shells[s].suffix);

                if (len >= n && strcmp(shell + len - n, shells[s].suffix) == 0)
                        return s;
        }
        return SHELL_SH;
}

/* Plain words stay as they are, as OpenSSH prints them and scripts cut them out; anything else
 * stands in single quotes, which all three shells read alike but for a quote and fish's
 * backslash. */
static char *quote(Shell shell, const char *value) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "/._-+@%:,=";
        char *out, *p;

        if (value[strspn(value, plain)] == 0)
                return strdup(value);
        out = p = malloc(4 * strlen(value) + 3);
        if (!out)
                return NULL;
        *p++ = '\'';
        for (; *value; value++) {
                if (*value == '\'') {
                        memcpy(p, "'\\''", 4);
                        p += 4;
                } else if (*value == '\\' && shell == SHELL_FISH) {
                        *p++ = '\\';
                        *p++ = '\\';
                } else if (*value == '!' && shell == SHELL_CSH) {
                        *p++ = '\\';
                        *p++ = '!';
                } else {
                        *p++ = *value;
                }
        }
        *p++ = '\'';
        *p = 0;
        return out;
}

static int finish(void) {
        return fflush(stdout) != 0 || ferror(stdout) ? (errno ? -errno : -EIO) : 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are the rows above */
static void print_set(Shell shell, const char *name, const char *value) {
        ta_cleanup(ta_freep) char *quoted = quote(shell, value);

        printf(shells[shell].set, name, quoted ? quoted : "");
}

static void print_unset(Shell shell, const char *name) {
        printf(shells[shell].unset, name);
}
#pragma GCC diagnostic pop

int shell_print_agent(Shell shell, const char *path, pid_t pid, pid_t shown_pid) {
        char number[16];

        print_set(shell, "SSH_AUTH_SOCK", path);
        snprintf(number, sizeof number, "%d", (int)pid);
        if (pid)
                print_set(shell, "SSH_AGENT_PID", number);
        printf("echo Agent pid %d;\n", (int)shown_pid);
        return finish();
}

int shell_print_killed(Shell shell, pid_t pid) {
        print_unset(shell, "SSH_AUTH_SOCK");
        print_unset(shell, "SSH_AGENT_PID");
        printf("echo Agent pid %d killed;\n", (int)pid);
        return finish();
}
