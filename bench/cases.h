/* SPDX-License-Identifier: ISC */
/*
 * The cases: what is done to an agent, and what is told of it. Each is a row of a table.
 */
#ifndef TA_BENCH_CASES_H
#define TA_BENCH_CASES_H

#include "bench/clients.h"

typedef struct Bench {
        const char *socket;
        char **command; /* of the case `start`; NULL: none */
        double seconds;
        pid_t pid;
        bool json;
        bool any_bad;
} Bench;

typedef struct Case Case;

/* What a case tells. Figures that stay 0 are not shown. */
typedef struct Result {
        char name[64];
        Latencies latencies, quiet;
        Samples samples;
        Tally tally;
        double rate;         /* per second */
        double wall_ms;      /* median of the rounds */
        double cpu_us;       /* of the agent, per operation */
        double ratio;        /* median beside the disturbance through the median without */
        size_t checked, bad; /* signatures */
        char note[96];
} Result;

/* The arguments of a case behind its verb. */
typedef struct CaseArgs {
        char type[32];
        unsigned n;
} CaseArgs;

struct Case {
        const char *verb;
        const char *form;
        const char *help;
        const char *type; /* the key type where the name has none */
        bool counted;     /* the name must have a number */
        bool makes_agent; /* there is no agent before */
        int (*run)(const Bench *b, const CaseArgs *args, Result *result);
};

/* The last row has no verb. */
extern const Case cases[];
/* "verb:type:n" or, where the row knows the type, "verb:n"; NULL if it is none. */
const Case *case_parse(const char *name, CaseArgs *ret);

/* Returns when the agent has answered a list, thus has seen all that was sent before. */
ta_must_check int agent_settle(const Bench *b);

#endif
