/* SPDX-License-Identifier: ISC */
/*
 * The launcher: a small process, forked by the agent before it does anything else, that starts
 * programs for it (keepers by way of a warden, askpass, unlockers) and reports how they ended. So the front itself neither forks
 * nor executes, and waits for nobody. What is said between them is agent/launch.h.
 */
#ifndef TA_AGENT_LAUNCHER_H
#define TA_AGENT_LAUNCHER_H

#include "agent/launch.h"
#include "agent/warden.h"

/* Forks the launcher; the caller's end of its socket, or -errno. The child never returns. */
ta_must_check int launcher_start(void);

#define LAUNCH_FDS_MAX (2 * KEEPERS_MAX)

/* Sends one request from the front, with `n_fds` descriptors attached. 0 or -errno. */
ta_must_check int launcher_send(int launcher, TaBytes request, const int *fds, size_t n_fds);

#endif
