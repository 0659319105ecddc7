/* SPDX-License-Identifier: ISC */
/*
 * The warden: the parent of the keepers, which traces them, so that nobody else can: a process has
 * one tracer at most. It looks at nothing, and when it dies, the kernel kills the keepers.
 */
#ifndef TA_AGENT_WARDEN_H
#define TA_AGENT_WARDEN_H

#include "lib/seccomp.h"

#define KEEPERS_MAX 5

/* What a keeper inherits. */
typedef struct KeeperEnds {
        int link;
        int body;
        bool slow; /* it gets the slow jobs: all but the first do */
} KeeperEnds;

/* Runs in a process of its own: starts `n` keepers, each through `start`, which executes it and never
 * returns, and ends when the last of them has. */
void __attribute__((noreturn)) warden_run(const KeeperEnds *keepers, unsigned n,
                                          void (*start)(const KeeperEnds *ends));

extern const TaSyscall warden_syscalls[];
extern const size_t warden_n_syscalls;

#endif
