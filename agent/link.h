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
 *   SEALED    id   the same, sealed to the keeper's the same
 *                  public key
 *   COMMIT    id   uint64 deadline (ms, BOOTTIME;   no reply
 *                  0: none)
 *   DROP      id   -                                no reply
 *   DROP_ALL  0    -                                no reply
 *   SIGN      id   uint32 flags, data to the end    signature blob, to the end
 *   LOCK      0    string passphrase                -
 *   UNLOCK    0    string passphrase                -
 *
 * The contents of ADD, LOCK and UNLOCK are not in the datagram, which has their length (uint32)
 * instead: they come through a pipe, into which the front has moved them unread before.
 *
 * A key that was added signs only after COMMIT: the front decides on its constraints first. When a
 * keeper is ready it sends a reply to job 0: its protection level as a byte, and LINK_KEY bytes of
 * public key, to which libsodium's crypto_box_seal() seals what only this keeper can open.
 */
#ifndef TA_AGENT_LINK_H
#define TA_AGENT_LINK_H

#include "lib/proto.h"
#include "lib/wire.h"

enum {
        LINK_ADD = 1,
        LINK_SEALED,
        LINK_COMMIT,
        LINK_DROP,
        LINK_DROP_ALL,
        LINK_SIGN,
        LINK_LOCK,
        LINK_UNLOCK,
};

#define LINK_JOB_HEADER   9
#define LINK_REPLY_HEADER 8
#define LINK_KEY          32 /* crypto_box_PUBLICKEYBYTES */
#define LINK_HELLO        (LINK_REPLY_HEADER + 1 + LINK_KEY)
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
/* Of a datagram whose contents come through the pipe: true and their length, at most TA_MSG_MAX. */
bool link_job_has_body(TaBytes datagram, size_t *ret_len);
void link_job_header(uint8_t out[static LINK_JOB_HEADER], uint8_t op, uint32_t job, uint32_t key);
ta_must_check int link_reply_read(TaBytes datagram, LinkReply *ret);
void link_reply_header(TaWriter *w, uint32_t job, int status);

#endif
