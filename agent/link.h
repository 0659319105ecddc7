/* SPDX-License-Identifier: ISC */
/*
 * What the front and a keeper say to each other, over a SEQPACKET socket pair: one datagram, one
 * job or one reply; a keeper answers in the order it was asked.
 *
 *   job    byte op, uint32 job, uint32 key, contents
 *   reply  uint32 job, uint32 status (0, or a code of lib/error.h as two's complement), contents
 *
 *   op        key  contents                         reply's contents
 *   ADD       id   an ADD_IDENTITY message without  string public blob, string comment, byte slow,
 *                  its type byte                    constraints, undecoded, to the end
 *   COMMIT    id   uint64 deadline (ms, BOOTTIME;   no reply
 *                  0: none)
 *   DROP      id   -                                no reply
 *   DROP_ALL  0    -                                no reply
 *   SIGN      id   uint32 flags, data to the end    signature blob, to the end
 *   LOCK      0    string passphrase                -
 *   UNLOCK    0    string passphrase                -
 *
 * A key that was added signs only after COMMIT: the front decides on its constraints first. When a
 * keeper is ready it sends a reply to job 0 with its protection level as a byte.
 */
#ifndef TA_AGENT_LINK_H
#define TA_AGENT_LINK_H

#include "lib/proto.h"
#include "lib/wire.h"

enum {
        LINK_ADD = 1,
        LINK_COMMIT,
        LINK_DROP,
        LINK_DROP_ALL,
        LINK_SIGN,
        LINK_LOCK,
        LINK_UNLOCK,
};

#define LINK_JOB_HEADER   9
#define LINK_REPLY_HEADER 8
#define LINK_MAX          (TA_MSG_MAX + 64) /* of a datagram, either way */

typedef struct LinkJob {
        uint8_t op;
        uint32_t job;
        uint32_t key;
        TaBytes contents;
} LinkJob;

typedef struct LinkReply {
        uint32_t job;
        int status;
        TaBytes contents;
} LinkReply;

ta_must_check int link_job_read(TaBytes datagram, LinkJob *ret);
void link_job_header(uint8_t out[static LINK_JOB_HEADER], uint8_t op, uint32_t job, uint32_t key);
ta_must_check int link_reply_read(TaBytes datagram, LinkReply *ret);
void link_reply_header(TaWriter *w, uint32_t job, int status);

#endif
