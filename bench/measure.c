/* SPDX-License-Identifier: ISC */
/* Knows nothing of sockets and of agents, except that an agent may be more than one process. */
#include "bench/measure.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

#define LATENCIES_MAX (4u << 20)

uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool latencies_add(Latencies *l, uint64_t ns) {
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 1u << 16;
                uint64_t *more = cap > LATENCIES_MAX ? NULL : realloc(l->ns, cap * sizeof *more);

                if (!more)
                        return false;
                l->ns = more;
                l->cap = cap;
        }
        l->ns[l->n++] = ns;
        l->sorted = false;
        return true;
}

static int compare_ns(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

double latencies_us(Latencies *l, double part) {
        if (!l->n)
                return 0;
        if (!l->sorted)
                qsort(l->ns, l->n, sizeof *l->ns, compare_ns);
        l->sorted = true;
        return (double)l->ns[(size_t)(part * (double)(l->n - 1))] / 1000;
}

void latencies_clear(Latencies *l) {
        free(l->ns);
        *l = (Latencies){0};
}

struct Sample {
        const BenchKey *key;
        size_t data_len, signature_len;
        uint8_t data[1200];
        uint8_t signature[800];
};

static uint64_t samples_random(Samples *s) {
        s->state = s->state * 6364136223846793005u + 1442695040888963407u;
        return s->state >> 33;
}

/* Reservoir sampling: the k-th signature takes a place with probability SAMPLES_MAX / k. */
void samples_offer(Samples *s, const BenchKey *key, TaBytes data, TaBytes signature) {
        Sample *sample;
        uint64_t place;

        if (!s->at)
                s->at = calloc(SAMPLES_MAX, sizeof *s->at);
        if (!s->at)
                return;
        place = s->seen < SAMPLES_MAX ? s->seen : samples_random(s) % (s->seen + 1);
        s->seen++;
        if (place >= SAMPLES_MAX)
                return;
        if (place >= s->n)
                s->n = place + 1;
        sample = &s->at[place];
        ta_bug_on(data.len > sizeof sample->data);
        /* A signature too long for any key of ours is kept as an empty, thus wrong, one. */
        if (signature.len > sizeof sample->signature)
                signature.len = 0;
        sample->key = key;
        sample->data_len = data.len;
        memcpy(sample->data, data.data, data.len);
        sample->signature_len = signature.len;
        if (signature.len)
                memcpy(sample->signature, signature.data, signature.len);
}

size_t samples_verify(const Samples *s) {
        size_t bad = 0;

        for (size_t i = 0; i < s->n; i++) {
                const Sample *sample = &s->at[i];

                bad += bench_key_verify(sample->key, (TaBytes){sample->data, sample->data_len},
                                        (TaBytes){sample->signature, sample->signature_len}) != 0;
        }
        return bad;
}

void samples_clear(Samples *s) {
        free(s->at);
        *s = (Samples){0};
}

#define PROCESSES_MAX 32768
typedef struct Process {
        pid_t pid, parent, group;
        bool counted;
} Process;

static size_t processes_read(Process *all) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        size_t n = 0;

        while (proc && n < PROCESSES_MAX && (entry = readdir(proc))) {
                char path[64], line[512];
                int pid = atoi(entry->d_name), parent, group;
                FILE *f;
                const char *rest;

                if (pid <= 0)
                        continue;
                snprintf(path, sizeof path, "/proc/%d/stat", pid);
                f = fopen(path, "re");
                if (!f)
                        continue;
                /* The name in parentheses may hold anything; the last one ends it. */
                rest = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
                fclose(f);
                if (rest && sscanf(rest, ") %*c %d %d", &parent, &group) == 2)
                        all[n++] = (Process){pid, parent, group, false};
        }
        if (proc)
                closedir(proc);
        return n;
}

static uint64_t process_ns(pid_t pid) {
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
                return 0;
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t cpu_ns(pid_t pid) {
        ta_cleanup(ta_freep) Process *all = NULL;
        uint64_t sum = 0;
        size_t n;
        bool more = true;

        if (pid <= 0)
                return 0;
        all = calloc(PROCESSES_MAX, sizeof *all);
        if (!all)
                return 0;
        n = processes_read(all);
        for (size_t i = 0; i < n; i++)
                all[i].counted = all[i].pid == pid || all[i].group == pid;
        while (more) {
                more = false;
                for (size_t i = 0; i < n; i++)
                        for (size_t j = 0; j < n && !all[i].counted; j++)
                                if (all[j].counted && all[i].parent == all[j].pid)
                                        more = all[i].counted = true;
        }
        for (size_t i = 0; i < n; i++)
                if (all[i].counted)
                        sum += process_ns(all[i].pid);
        return sum;
}
