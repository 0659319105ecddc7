/* SPDX-License-Identifier: ISC */
/*
 * The walls around a keeper, and around an unlocker, in the order in which they go up. Each one that the system refuses is
 * done without: what protects the keys is reported as a level, never hoped for.
 */
#ifndef TA_KEEPER_WALLS_H
#define TA_KEEPER_WALLS_H

#include "lib/seccomp.h"

#define LINK_FD 3 /* jobs and replies: agent/link.h */
#define BODY_FD 4 /* a pipe: the bodies of messages that the front does not read */

/* An unlocker's: agent/launch.h. */
#define UNLOCK_FILE_FD       0
#define UNLOCK_REPORT_FD     1
#define UNLOCK_PASSPHRASE_FD 3
#define UNLOCK_KEY_FD        4

/* First thing in main: nobody of the same user can look in, a crash leaves no core, terminals' signals
 * are for the agent to judge. */
void walls_begin(void);

/* Whether the warden, who is its parent, traces this process, so that nobody else can. */
bool walls_traced(void);

/* When everything is in place and before the first secret: no more memory that could be executed, no
 * files, no children, and the system calls of the list alone. Returns whether the filter is up. */
bool walls_close(const TaSyscall *allowed, size_t n);

/* A keeper's. */
extern const TaSyscall walls_syscalls[];
extern const size_t walls_n_syscalls;

extern const TaSyscall walls_unlocker_syscalls[];
extern const size_t walls_n_unlocker_syscalls;

#endif
