/* SPDX-License-Identifier: ISC */
/*
 * The launcher: a small process, forked by the agent before it does anything else, that starts
 * programs for it (keepers, askpass) and reports how they ended. So the front itself neither forks
 * nor executes, and waits for nobody.
 *
 *   to the launcher     byte LAUNCH_KEEPER, uint32 id                    with the link's end attached
 *                       byte LAUNCH_ASK, uint32 id, string prompt
 *                       byte LAUNCH_END, uint32 id                       ends an ASK
 *   from the launcher   byte LAUNCH_ENDED, uint32 id, uint32 status, string output
 *
 * `status` is that of waitpid(2), or LAUNCH_FAILED. `output` is what an ASK wrote to its standard
 * output, at most LAUNCH_OUTPUT_MAX bytes; a keeper's is empty.
 */
#ifndef TA_AGENT_LAUNCHER_H
#define TA_AGENT_LAUNCHER_H

#include "lib/base.h"
#include "lib/wire.h"

enum {
        LAUNCH_KEEPER = 1,
        LAUNCH_ASK,
        LAUNCH_END,
        LAUNCH_ENDED,
};

#define LAUNCH_FAILED     UINT32_MAX
#define LAUNCH_OUTPUT_MAX 1024
#define LAUNCH_MAX        (16 * 1024) /* of a datagram, either way */

/* Forks the launcher; the caller's end of its socket, or -errno. The child never returns. */
ta_must_check int launcher_start(void);

/* Sends one request from the front; `fd` is attached unless -1. 0 or -errno. */
ta_must_check int launcher_send(int launcher, TaBytes request, int fd);

#endif
