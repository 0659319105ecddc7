/* SPDX-License-Identifier: ISC */
/*
 * Clocks and counts: latencies with their percentiles, a fair sample of signatures to be verified
 * after the timed part, and the processor time of an agent with all its processes.
 */
#ifndef TA_BENCH_MEASURE_H
#define TA_BENCH_MEASURE_H

#include <sys/types.h>

#include "bench/keys.h"

uint64_t now_ns(void);

/* Latencies in nanoseconds. Zeroed memory is an empty one. */
typedef struct Latencies {
        uint64_t *ns;
        size_t n, cap;
        bool sorted;
} Latencies;

bool latencies_add(Latencies *l, uint64_t ns);  /* false: no room for more */
double latencies_us(Latencies *l, double part); /* 0.5: the median; 0 if there are none */
void latencies_clear(Latencies *l);

/* Up to SAMPLES_MAX signatures, each one of a run with the same probability. */
#define SAMPLES_MAX 256
typedef struct Sample Sample;
typedef struct Samples {
        Sample *at;
        size_t n;
        uint64_t seen, state;
} Samples;

void samples_offer(Samples *s, const BenchKey *key, TaBytes data, TaBytes signature);
/* Returns how many of the samples are not what they should be. */
size_t samples_verify(const Samples *s);
void samples_clear(Samples *s);

/* Processor time of the process, its descendants and its process group in nanoseconds; 0 if the
 * process cannot be seen. */
uint64_t cpu_ns(pid_t pid);

#endif
