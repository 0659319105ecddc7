/* SPDX-License-Identifier: ISC */
/*
 * The allocation sweep (F31): something is done again and again, and each time the next allocation
 * in it fails, once or for good, until it gets through without asking for so many.
 */
#ifndef TA_TESTS_SWEEP_H
#define TA_TESTS_SWEEP_H

#include <stdbool.h>

typedef struct Sweep {
        const char *name;
        void (*prepare)(void *data); /* may be NULL */
        void (*act)(void *data);     /* in here memory fails; it asserts nothing */
        void (*judge)(void *data);   /* asserts that what came of it is right, and takes it back */
        void *data;
        unsigned stride; /* of what costs much, without TA_LONG=1: every so manieth, others at each
                            run */
} Sweep;

/* Fails the test where `act` left blocks behind that `judge` did not find. */
void sweep(const Sweep *s);
/* Prints how many allocations failed in all sweeps. */
void sweep_report(void);

/* Whether everything was asked for (TA_LONG=1). */
bool sweep_long(void);

#endif
