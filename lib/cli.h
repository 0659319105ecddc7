/* SPDX-License-Identifier: ISC */
/*
 * Command lines from a table: one row holds an option's letter, long name, argument and help text,
 * so that parser, --help, manual-page check and completions cannot drift apart. Short options
 * behave as in getopt(3) (bundling, `--` ends them). --help and --version come by themselves.
 */
#ifndef TA_LIB_CLI_H
#define TA_LIB_CLI_H

#include "lib/base.h"

typedef struct TaOption {
        int letter;           /* 'a', or a number from 256 up for an option without a letter */
        const char *name;     /* "json" for --json; NULL: only the letter */
        const char *argument; /* how help names it ("file"); NULL: none */
        const char *help;     /* one line; NULL: accepted, not shown (compatibility) */
} TaOption;

typedef struct TaCommand {
        const char *name;              /* "tadd" */
        const char *purpose;           /* one line under the synopsis */
        const char *const *synopsis;   /* lines without the name, NULL at the end */
        const TaOption *options;       /* {0} at the end */
        const char *notes;             /* printed after the options; may be NULL */
        bool stop_at_operand;          /* options end at the first operand (a command follows) */
} TaCommand;

typedef struct TaArgs {
        const TaCommand *command;
        int argc;
        char **argv;
        int index; /* next in argv */
        int at;    /* next letter within a bundle */
        const char *value; /* the argument of the option just returned */
        int operands_from; /* where the operands start, after the end */
        /* Rest: private. */
        char **operands;
        int n_operands;
} TaArgs;

/* Returns the next option's letter, 0 at the end. --help and --version print and exit 0; a mistake
 * prints one line naming it, then the usage, on standard error, and exits with status 1. Operands
 * may stand between options; after the end they are args.operands[0 .. n_operands-1]. */
int ta_args_next(TaArgs *args);
void ta_args_init(TaArgs *args, const TaCommand *command, int argc, char **argv);
/* The usage text. `to_stderr`: short form for a mistake. */
void ta_args_usage(const TaArgs *args, bool to_stderr);

/* Before anything else in main: descriptors 0, 1, 2 are open (on /dev/null if they were closed),
 * no core file, SIGPIPE as given. Exits if even that fails. */
void ta_start(void);

/* "name: message\n" on standard error; the name is that given to ta_args_init(). */
void ta_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
