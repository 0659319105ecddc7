/* SPDX-License-Identifier: ISC */
/*
 * What the front and the launcher say to each other, over a SEQPACKET socket pair:
 *
 *   to the launcher     byte LAUNCH_KEEPERS, uint32 id                   with, for each keeper, the
 *                                                                       ends of its link and pipe
 *                       byte LAUNCH_ASK, uint32 id, string prompt
 *                       byte LAUNCH_END, uint32 id                       ends an ASK
 *   from the launcher   byte LAUNCH_ENDED, uint32 id, uint32 status, string output
 *
 * `status` is that of waitpid(2), or LAUNCH_FAILED. `output` is what an ASK wrote to its standard
 * output, at most LAUNCH_OUTPUT_MAX bytes. Keepers are started by a warden (agent/warden.h), whose end
 * is reported; its output is empty.
 */
#ifndef TA_AGENT_LAUNCH_H
#define TA_AGENT_LAUNCH_H

#include "lib/wire.h"

enum {
        LAUNCH_KEEPERS = 1,
        LAUNCH_ASK,
        LAUNCH_END,
        LAUNCH_ENDED,
};

#define LAUNCH_FAILED     UINT32_MAX
#define LAUNCH_OUTPUT_MAX 1024
#define LAUNCH_MAX        (16 * 1024) /* of a datagram, either way */

typedef struct LaunchRequest {
        uint8_t op;
        uint32_t id;
        TaBytes prompt; /* of an ASK; holds no NUL */
} LaunchRequest;

typedef struct LaunchEnded {
        uint32_t id;
        uint32_t status;
        TaBytes output;
} LaunchEnded;

/* TA_E_PROTOCOL and the reader's codes: whoever said that is broken. Views into the datagram. */
ta_must_check int launch_request_read(TaBytes datagram, LaunchRequest *ret);
ta_must_check int launch_ended_read(TaBytes datagram, LaunchEnded *ret);

#endif
