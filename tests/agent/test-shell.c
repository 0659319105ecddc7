/* SPDX-License-Identifier: ISC */
/* The lines that a shell evaluates, given to real shells: whatever the path is, it arrives as it
 * is, and nothing in it is run. */
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "agent/shell.h"

static const char *const paths[] = {
        "/run/user/1000/tagent/agent.sock",
        "/tmp/with blank",
        "/tmp/$(touch ran)",
        "/tmp/`touch ran`",
        "/tmp/; touch ran;",
        "/tmp/'quoted'",
        "/tmp/\"double\"",
        "/tmp/back\\slash",
        "/tmp/back\\\\\\two",
        "/tmp/end\\",
        "/tmp/quote and backslash \\'",
        "/tmp/$HOME/${HOME}",
        "/tmp/hist!ory !! !1",
        "/tmp/a!'b\\c",
        "/tmp/*?[a-z]{1,2}",
        "/tmp/~root",
        "/tmp/a&b|c<d>e#f",
        "/tmp/(group)",
        "/tmp/%s%n%1$s",
        "/tmp/tab\there",
        "/tmp/line\nbreak",
        "/tmp/caf\xc3\xa9",
        "/tmp/not utf-8 \xff",
};

static const struct {
        Shell shell;
        const char *argv[4]; /* the last one takes the script */
        const char *show;    /* what prints the variable as it is */
        bool line_break;     /* whether the shell takes one inside quotes */
} shells[] = {
        {SHELL_SH, {"sh", "-c"}, "printf %s \"$SSH_AUTH_SOCK\"", true},
        {SHELL_SH, {"bash", "--norc", "-c"}, "printf %s \"$SSH_AUTH_SOCK\"", true},
        {SHELL_SH, {"zsh", "-f", "-c"}, "printf %s \"$SSH_AUTH_SOCK\"", true},
        {SHELL_CSH, {"csh", "-f", "-c"}, "printenv SSH_AUTH_SOCK", false},
        {SHELL_CSH, {"tcsh", "-f", "-c"}, "printenv SSH_AUTH_SOCK", false},
        {SHELL_FISH, {"fish", "--no-config", "-c"}, "printf %s $SSH_AUTH_SOCK", true},
};

/* What shell_print_agent() writes to standard output. */
static char *printed(Shell shell, const char *path, pid_t pid) {
        g_autofree char *name = NULL;
        int saved = dup(STDOUT_FILENO), file = g_file_open_tmp("ta-shell-XXXXXX", &name, NULL);
        char *text;

        g_assert_cmpint(file, >=, 0);
        fflush(stdout);
        g_assert_cmpint(dup2(file, STDOUT_FILENO), >=, 0);
        g_assert_cmpint(shell_print_agent(shell, path, pid, 4711), ==, 0);
        g_assert_cmpint(dup2(saved, STDOUT_FILENO), >=, 0);
        close(saved);
        close(file);
        g_assert_true(g_file_get_contents(name, &text, NULL, NULL));
        g_unlink(name);
        return text;
}

static void test_words(void) {
        static const struct {
                Shell shell;
                pid_t pid;
                const char *text;
        } rows[] = {
                {SHELL_SH, 12, "SSH_AUTH_SOCK=/a/b; export SSH_AUTH_SOCK;\n"
                               "SSH_AGENT_PID=12; export SSH_AGENT_PID;\necho Agent pid 4711;\n"},
                {SHELL_SH, 0, "SSH_AUTH_SOCK=/a/b; export SSH_AUTH_SOCK;\necho Agent pid 4711;\n"},
                {SHELL_CSH, 12, "setenv SSH_AUTH_SOCK /a/b;\nsetenv SSH_AGENT_PID 12;\n"
                                "echo Agent pid 4711;\n"},
                {SHELL_FISH, 12, "set -gx SSH_AUTH_SOCK /a/b;\nset -gx SSH_AGENT_PID 12;\n"
                                 "echo Agent pid 4711;\n"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = printed(rows[i].shell, "/a/b", rows[i].pid);

                g_assert_cmpstr(text, ==, rows[i].text);
        }
}

static void test_guess(void) {
        static const struct {
                const char *shell;
                Shell expected;
        } rows[] = {
                {"/bin/sh", SHELL_SH},     {"/bin/bash", SHELL_SH},       {"/bin/csh", SHELL_CSH},
                {"/usr/bin/tcsh", SHELL_CSH}, {"/usr/bin/fish", SHELL_FISH}, {"", SHELL_SH},
                {"csh", SHELL_CSH},        {"/bin/cshell", SHELL_SH},     {NULL, SHELL_SH},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (rows[i].shell)
                        g_setenv("SHELL", rows[i].shell, TRUE);
                else
                        g_unsetenv("SHELL");
                g_assert_cmpint(shell_guess(), ==, rows[i].expected);
        }
}

static void test_hostile(gconstpointer data) {
        size_t i = (size_t)GPOINTER_TO_UINT(data);
        g_autofree char *program = g_find_program_in_path(shells[i].argv[0]);
        g_autofree char *folder = g_dir_make_tmp("ta-shell-XXXXXX", NULL);

        if (!program) {
                g_assert_null(g_getenv("CI")); /* nothing may be missing there */
                g_test_skip("it is not installed");
                g_rmdir(folder);
                return;
        }
        for (size_t p = 0; p < G_N_ELEMENTS(paths); p++) {
                g_autofree char *lines = printed(shells[i].shell, paths[p], 12);
                g_autofree char *script = g_strconcat(lines, shells[i].show, NULL);
                g_autofree char *expected = g_strconcat("Agent pid 4711\n", paths[p], NULL);
                g_autofree char *out = NULL, *err = NULL;
                const char *argv[6] = {NULL};
                int n = 0, status;

                if (strchr(paths[p], '\n') && !shells[i].line_break)
                        continue;
                for (; shells[i].argv[n]; n++)
                        argv[n] = shells[i].argv[n];
                argv[n] = script;
                g_assert_true(g_spawn_sync(folder, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                                           NULL, &out, &err, &status, NULL));
                if (shells[i].shell == SHELL_CSH)
                        g_strchomp(out);
                g_assert_cmpstr(err, ==, "");
                g_assert_cmpstr(out, ==, expected);
        }
        g_assert_cmpint(g_rmdir(folder), ==, 0); /* nothing was run: it is empty */
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shell/words", test_words);
        g_test_add_func("/shell/guess", test_guess);
        for (size_t i = 0; i < G_N_ELEMENTS(shells); i++) {
                g_autofree char *name = g_strconcat("/shell/hostile/", shells[i].argv[0], NULL);

                g_test_add_data_func(name, GUINT_TO_POINTER((unsigned)i), test_hostile);
        }
        return g_test_run();
}
