/* SPDX-License-Identifier: ISC */
/*
 * What the front and the launcher say to each other, over a SEQPACKET socket pair:
 *
 *   to the launcher     byte LAUNCH_KEEPERS, uint32 id                   with, for each keeper, the
 *                                                                       ends of its link and pipe
 *                       byte LAUNCH_ASK, uint32 id, string prompt
 *                       byte LAUNCH_UNLOCK, uint32 id, string path       with the end to read of the
 *                                                                       passphrase's pipe, and the
 *                                                                       end to write of the key's
 *                       byte LAUNCH_END, uint32 id                       ends an ASK or an UNLOCK
 *   from the launcher   byte LAUNCH_ENDED, uint32 id, uint32 status, string output
 *
 * `status` is that of waitpid(2), or LAUNCH_FAILED. `output` is what an ASK or UNLOCK wrote to its
 * standard output, at most LAUNCH_OUTPUT_MAX bytes. Keepers are started by a warden (agent/warden.h), whose end
 * is reported; its output is empty.
 *
 * An UNLOCK writes a key into its pipe, as the body of an ADD_IDENTITY message without its type byte
 * (what keepers_add() takes), or nothing, and its output is
 *
 *   uint32 status (0, or a code of lib/error.h as two's complement: TA_E_PASSPHRASE, -ENOENT, ...)
 *   uint32 length of what it has written into the pipe
 *
 * It reads the passphrase up to the end of a line or of the pipe. The pipe for the key has to have
 * room for a whole message, or somebody who reads meanwhile.
 */
#ifndef TA_AGENT_LAUNCH_H
#define TA_AGENT_LAUNCH_H

#include "lib/wire.h"

enum {
        LAUNCH_KEEPERS = 1,
        LAUNCH_ASK,
        LAUNCH_END,
        LAUNCH_ENDED,
        LAUNCH_UNLOCK,
};

#define LAUNCH_FAILED     UINT32_MAX
#define LAUNCH_OUTPUT_MAX 1024
#define LAUNCH_MAX        (16 * 1024) /* of a datagram, either way */

typedef struct LaunchRequest {
        uint8_t op;
        uint32_t id;
        TaBytes text; /* the prompt of an ASK, the path of an UNLOCK; holds no NUL */
} LaunchRequest;

typedef struct LaunchEnded {
        uint32_t id;
        uint32_t status;
        TaBytes output;
} LaunchEnded;

/* TA_E_PROTOCOL and the reader's codes: whoever said that is broken. Views into the datagram. */
ta_must_check int launch_request_read(TaBytes datagram, LaunchRequest *ret);
ta_must_check int launch_ended_read(TaBytes datagram, LaunchEnded *ret);

#define LAUNCH_UNLOCKED_LEN 8
void launch_unlocked_write(TaWriter *w, int status, uint32_t len);
ta_must_check int launch_unlocked_read(TaBytes output, int *ret_status, uint32_t *ret_len);

#endif
