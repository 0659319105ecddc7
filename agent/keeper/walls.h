/* SPDX-License-Identifier: ISC */
/*
 * The walls around a keeper, in the order in which they go up. Each one that the system refuses is
 * done without: what protects the keys is reported as a level, never hoped for.
 */
#ifndef TA_KEEPER_WALLS_H
#define TA_KEEPER_WALLS_H

#include "lib/seccomp.h"

#define LINK_FD 3 /* jobs and replies: agent/link.h */
#define BODY_FD 4 /* a pipe: the bodies of messages that the front does not read */

/* First thing in main: nobody of the same user can look in, a crash leaves no core, terminals' signals
 * are for the agent to judge. */
void walls_begin(void);

/* Whether the warden, who is its parent, traces this process, so that nobody else can. */
bool walls_traced(void);

/* When everything is in place and before the first secret: no more memory that could be executed, no
 * files, no children, and the system calls of `walls_syscalls` alone. Returns whether the filter is
 * up. */
bool walls_close(void);

extern const TaSyscall walls_syscalls[];
extern const size_t walls_n_syscalls;

#endif
