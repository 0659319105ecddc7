/* SPDX-License-Identifier: ISC */
/*
 * The launcher: a small process, forked by the agent before it does anything else, that starts
 * programs for it (keepers, askpass) and reports how they ended. So the front itself neither forks
 * nor executes, and waits for nobody. What is said between them is agent/launch.h.
 */
#ifndef TA_AGENT_LAUNCHER_H
#define TA_AGENT_LAUNCHER_H

#include "agent/launch.h"

/* Forks the launcher; the caller's end of its socket, or -errno. The child never returns. */
ta_must_check int launcher_start(void);

/* Sends one request from the front; `fd` is attached unless -1. 0 or -errno. */
ta_must_check int launcher_send(int launcher, TaBytes request, int fd);

#endif
