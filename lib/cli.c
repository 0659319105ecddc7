/* SPDX-License-Identifier: ISC */
/*
 * The table is searched anew for each option: a command line is short, and nothing has to be kept
 * in step. This is the one file of lib/ that prints and exits, and it owns the program's name.
 */
#include "lib/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define HELP_COLUMN 26

static const char *program = "tagent";

void ta_complain(const char *format, ...) {
        va_list ap;
        char *text = NULL;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        (void)fflush(stdout); /* so that a listing and its complaint keep their order */
        fprintf(stderr, "%s: %s\n", program, text ? text : format);
        free(text);
}

/* What makes libsodium give up, and would abort without a word. */
static void no_random_numbers(void) {
        ta_complain("the system gives no random numbers");
        _exit(255);
}

void ta_start(void) {
        struct rlimit none = {0};

        /* In order, so that open() returns the very descriptor that is missing. */
        for (int fd = 0; fd <= 2; fd++) {
                if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
                        continue;
                if (open("/dev/null", O_RDWR) != fd)
                        _exit(255);
        }
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)sodium_set_misuse_handler(no_random_numbers);
}

void ta_args_init(TaArgs *args, const TaCommand *command, int argc, char **argv) {
        *args = (TaArgs){.command = command, .argc = argc, .argv = argv, .index = argc > 0 ? 1 : 0};
        args->operands_from = argc;
        /* Each argument is an operand at most once, so this never runs out. */
        args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
        program = command->name;
        if (!args->operands) {
                ta_complain("out of memory");
                exit(255);
        }
}

static void print_synopsis(const TaCommand *command, FILE *out) {
        const char *lead = "usage:";

        for (const char *const *line = command->synopsis; line && *line; line++) {
                fprintf(out, "%-6s %s%s%s\n", lead, command->name, **line ? " " : "", *line);
                lead = "";
        }
}

static void print_option(const TaOption *o, FILE *out) {
        char letter[8] = "    ";
        char left[256];
        int used;

        if (o->letter < 256)
                (void)snprintf(letter, sizeof letter, "  -%c", o->letter);
        used = snprintf(left, sizeof left, "%s%s%s%s%s%s", letter,
                        !o->name          ? ""
                        : o->letter < 256 ? ", "
                                          : "  ",
                        o->name ? "--" : "", o->name ? o->name : "", o->argument ? " " : "",
                        o->argument ? o->argument : "");
        if (used >= HELP_COLUMN - 1)
                fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", o->help);
        else
                fprintf(out, "%-*s%s\n", HELP_COLUMN, left, o->help);
}

void ta_args_usage(const TaArgs *args, bool to_stderr) {
        const TaCommand *command = args->command;
        FILE *out = to_stderr ? stderr : stdout;

        print_synopsis(command, out);
        if (to_stderr) {
                fprintf(out, "%6s %s --help\n", "", command->name);
                return;
        }
        if (command->purpose)
                fprintf(out, "\n%s\n", command->purpose);
        fputc('\n', out);
        for (const TaOption *o = command->options; o->letter; o++) {
                if (o->help)
                        print_option(o, out);
        }
        fprintf(out, "%-*s%s\n", HELP_COLUMN, "      --help", "print this and exit");
        fprintf(out, "%-*s%s\n", HELP_COLUMN, "      --version", "print the version and exit");
        if (command->notes)
                fprintf(out, "\n%s\n", command->notes);
}

static _Noreturn void mistake(const TaArgs *args) {
        ta_args_usage(args, true);
        exit(1);
}

/* Ends with what the user asked to read, and says so in the status if it could not be printed. */
static _Noreturn void told(void) {
        exit(fflush(stdout) != 0 || ferror(stdout) ? 1 : 0);
}

static const TaOption *by_letter(const TaCommand *command, int letter) {
        for (const TaOption *o = command->options; o->letter; o++) {
                if (o->letter == letter)
                        return o;
        }
        return NULL;
}

static const TaOption *by_name(const TaCommand *command, const char *name, size_t len) {
        for (const TaOption *o = command->options; o->letter; o++) {
                if (o->name && strlen(o->name) == len && strncmp(o->name, name, len) == 0)
                        return o;
        }
        return NULL;
}

static int take_long(TaArgs *args, const char *word) {
        const char *equals = strchr(word, '=');
        size_t len = equals ? (size_t)(equals - word) : strlen(word);
        const TaOption *o = by_name(args->command, word, len);

        if (!o && strcmp(word, "help") == 0) {
                ta_args_usage(args, false);
                told();
        }
        if (!o && strcmp(word, "version") == 0) {
                printf("%s (%s) %s\n", args->command->name, PACKAGE_NAME, PACKAGE_VERSION);
                told();
        }
        if (!o) {
                ta_complain("unknown option --%.*s", (int)len, word);
                mistake(args);
        }
        if (equals && !o->argument) {
                ta_complain("option --%s takes no argument", o->name);
                mistake(args);
        }
        if (equals) {
                args->value = equals + 1;
        } else if (o->argument) {
                if (args->index >= args->argc) {
                        ta_complain("option --%s needs an argument: %s", o->name, o->argument);
                        mistake(args);
                }
                args->value = args->argv[args->index++];
        }
        return o->letter;
}

/* args->at stands on a letter within argv[index]. */
static int take_short(TaArgs *args) {
        const char *word = args->argv[args->index];
        unsigned char letter = (unsigned char)word[args->at++];
        const TaOption *o = by_letter(args->command, letter);

        if (!o) {
                if (letter > ' ' && letter < 127)
                        ta_complain("unknown option -%c", letter);
                else
                        ta_complain("unknown option -\\x%02x", letter);
                mistake(args);
        }
        if (!o->argument) {
                if (!word[args->at]) {
                        args->index++;
                        args->at = 0;
                }
                return o->letter;
        }
        args->index++;
        if (word[args->at]) {
                args->value = word + args->at;
        } else if (args->index < args->argc) {
                args->value = args->argv[args->index++];
        } else {
                ta_complain("option -%c needs an argument: %s", o->letter, o->argument);
                mistake(args);
        }
        args->at = 0;
        return o->letter;
}

int ta_args_next(TaArgs *args) {
        args->value = NULL;
        if (args->at > 0)
                return take_short(args);

        while (args->index < args->argc) {
                char *word = args->argv[args->index];

                if (word[0] == '-' && word[1] == '-' && word[2]) {
                        args->index++;
                        return take_long(args, word + 2);
                }
                if (word[0] == '-' && word[1] == '-') {
                        args->index++;
                        break;
                }
                if (word[0] == '-' && word[1]) {
                        args->at = 1;
                        return take_short(args);
                }
                if (args->command->stop_at_operand)
                        break;
                args->operands[args->n_operands++] = word;
                args->index++;
        }
        args->operands_from = args->index;
        while (args->index < args->argc)
                args->operands[args->n_operands++] = args->argv[args->index++];
        return 0;
}
