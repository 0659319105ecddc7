/* SPDX-License-Identifier: ISC */
/*
 * Strikes a process at one of its system calls: kills it there, makes the call fail, or sends a
 * signal. A stop is the entry or the exit of a call, so that a process is caught both before and
 * after each change that it makes.
 */
#ifndef TA_TESTS_STRIKE_H
#define TA_TESTS_STRIKE_H

#include <stdbool.h>
#include <stdint.h>

#define STRIKE_CALLS_MAX 8192

typedef enum StrikeKind {
        STRIKE_NOTHING, /* only look */
        STRIKE_KILL,    /* SIGKILL at stop `at` */
        STRIKE_FAIL,    /* call `at` is not made, and fails with `error` */
        STRIKE_SIGNAL,  /* stop `at`, with signal `error` */
} StrikeKind;

typedef struct Strike {
        StrikeKind kind;
        unsigned long at; /* counted from 0 */
        int error;
        bool for_good;      /* all later calls of that name fail too, but on standard error */
        unsigned write_max; /* bytes that a write takes at once, if it is not to one of 0 to 2; 0:
                               all */
        bool no_random;     /* there is no getrandom(2), and no device in its place */
        bool no_sync;       /* fsync(2) succeeds without being made: nobody pulls the plug here */
} Strike;

typedef struct Struck {
        int status; /* as of waitpid(2) */
        bool hit;   /* it lived until `at` */
        unsigned long n_calls;
        struct {
                uint64_t number;
                uint64_t first; /* its first argument */
        } calls[STRIKE_CALLS_MAX];
} Struck;

/* Runs `victim` in a child, which ends by exec or _exit. 0, or -errno: processes cannot be traced
 * here. */
int strike(void (*victim)(void *data), void *data, const Strike *plan, Struck *ret);

#endif
