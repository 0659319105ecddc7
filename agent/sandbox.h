/* SPDX-License-Identifier: ISC */
/*
 * The walls around the front: it has its sockets, its memory and its log, and nothing else. No
 * program is started from here (the launcher was forked before), no file opened, no memory made
 * executable.
 */
#ifndef TA_AGENT_SANDBOX_H
#define TA_AGENT_SANDBOX_H

#include "lib/seccomp.h"

/* Before the first client is served. `socket_path` may be removed at the end, with its folder where
 * `with_folder` says so; NULL: nothing is. What the system refuses is done without. */
void sandbox_enter(const char *socket_path, bool with_folder);

extern const TaSyscall sandbox_syscalls[];
extern const size_t sandbox_n_syscalls;

#endif
