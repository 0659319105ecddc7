/* SPDX-License-Identifier: ISC */
/* Command lines as getopt(3) reads them, and what comes by itself. */
#include <glib.h>
#include <unistd.h>

#include "lib/cli.h"

enum { OPT_JSON = 256 };

static const TaOption options[] = {
        {'l', "list", NULL, "list the keys"},
        {'q', NULL, NULL, "say less"},
        {'t', "lifetime", "time", "forget after this long"},
        {OPT_JSON, "json", NULL, "list as JSON"},
        {'z', NULL, NULL, NULL},
        {0},
};

static const char *const synopsis[] = {"[-lq] [-t time] [file ...]", "-z", NULL};

static const TaCommand command = {
        .name = "toy",
        .purpose = "Plays.",
        .synopsis = synopsis,
        .options = options,
        .notes = "And that is all.",
};

static const TaCommand runner = {
        .name = "toy", .synopsis = synopsis, .options = options, .stop_at_operand = true};

/* "l" for an option, "t=VALUE" with its argument, "J" for --json, then " | " and the operands. */
static char *seen(const TaCommand *c, const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", 0);
        g_autoptr(GString) out = g_string_new(NULL);
        TaArgs args;
        int letter;

        ta_args_init(&args, c, (int)g_strv_length(words), words);
        while ((letter = ta_args_next(&args)) != 0) {
                if (out->len)
                        g_string_append_c(out, ' ');
                g_string_append_c(out, letter == OPT_JSON ? 'J' : (char)letter);
                if (args.value)
                        g_string_append_printf(out, "=%s", args.value);
        }
        g_string_append(out, " |");
        for (int i = 0; i < args.n_operands; i++)
                g_string_append_printf(out, " %s", args.operands[i]);
        g_assert_cmpint(ta_args_next(&args), ==, 0); /* the end stays the end */
        free(args.operands);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

static void test_forms(void) {
        static const struct {
                const char *line, *seen;
        } rows[] = {
                {"toy", " |"},
                {"toy -l", "l |"},
                {"toy -lq", "l q |"},
                {"toy -lt5 a", "l t=5 | a"},
                {"toy -lt 5 a", "l t=5 | a"},
                {"toy --lifetime=5 --lifetime 6", "t=5 t=6 |"},
                {"toy --lifetime= x", "t= | x"},
                {"toy --json --list", "J l |"},
                {"toy a -l b", "l | a b"},
                {"toy - -l", "l | -"},
                {"toy -l -- -q", "l | -q"},
                {"toy -t -- -l", "t=-- l |"},
                {"toy -z", "z |"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *found = seen(&command, rows[i].line);

                g_assert_cmpstr(found, ==, rows[i].seen);
        }
}

static void test_stop_at_operand(void) {
        g_autofree char *found = seen(&runner, "toy -l sh -c -q --json");
        g_autofree char *after = seen(&runner, "toy -- -l");

        g_assert_cmpstr(found, ==, "l | sh -c -q --json");
        g_assert_cmpstr(after, ==, " | -l");
}

static void test_mistakes(void) {
        static const struct {
                const char *line, *message;
        } rows[] = {
                {"toy -y", "toy: unknown option -y\nusage: toy *"},
                {"toy -ly", "toy: unknown option -y\nusage: toy *"},
                {"toy --nope=3", "toy: unknown option --nope\nusage: toy *"},
                {"toy --lis", "toy: unknown option --lis\nusage: toy *"},
                {"toy -t", "toy: option -t needs an argument: time\nusage: toy *"},
                {"toy --lifetime", "toy: option --lifetime needs an argument: time\n*"},
                {"toy --json=1", "toy: option --json takes no argument\n*"},
        };

        if (g_test_subprocess()) {
                g_free(seen(&command, g_getenv("TOY_LINE")));
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_setenv("TOY_LINE", rows[i].line, TRUE);
                g_test_trap_subprocess(NULL, 0, 0);
                g_test_trap_assert_failed();
                g_test_trap_assert_stderr(rows[i].message);
        }
}

static void test_help(void) {
        if (g_test_subprocess()) {
                g_free(seen(&command, g_getenv("TOY_LINE")));
                _exit(77); /* not reached */
        }
        g_setenv("TOY_LINE", "toy -l --help", TRUE);
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout("*usage: toy [-lq] *Plays.*-t, --lifetime time*forget after*"
                                  "      --json *And that is all.*");
        g_test_trap_assert_stdout_unmatched("*-z, *");
        g_setenv("TOY_LINE", "toy --version", TRUE);
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout("*toy (tagent) " PACKAGE_VERSION "\n*");
}

/* F53: a file opened by a program that was started without standard descriptors must not become
 * its standard output. */
static void test_closed_descriptors(void) {
        if (g_test_subprocess()) {
                int pipes[2];

                close(0);
                close(2);
                ta_start();
                g_assert_cmpint(pipe(pipes), ==, 0);
                _exit(pipes[0] > 2 && pipes[1] > 2 ? 0 : 1);
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/forms", test_forms);
        g_test_add_func("/cli/stop-at-operand", test_stop_at_operand);
        g_test_add_func("/cli/mistakes", test_mistakes);
        g_test_add_func("/cli/help", test_help);
        g_test_add_func("/cli/f53-closed-descriptors", test_closed_descriptors);
        return g_test_run();
}
