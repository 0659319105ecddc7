/* SPDX-License-Identifier: ISC */
/*
 * The identities: public blob, comment, constraints, and the number under which the keepers hold
 * the private half. Kept in the order in which they were added, found by blob through a hash, and
 * answered to a list request from a reply that is built once per change.
 */
#ifndef TA_AGENT_KEYRING_H
#define TA_AGENT_KEYRING_H

#include "lib/constraint.h"
#include "lib/wire.h"

typedef struct Identity {
        uint32_t id; /* with the keepers; never used again */
        uint8_t *blob;
        size_t blob_len;
        uint8_t *comment;
        size_t comment_len;
        TaConstraints constraints;
        uint64_t deadline_ms; /* CLOCK_BOOTTIME; 0: none */
        bool slow;
        struct Identity *prev, *next; /* in the order of the list */
        struct Identity *chain;       /* in the hash */
} Identity;

typedef struct Keyring Keyring;

ta_must_check int keyring_new(Keyring **ret);
void keyring_free(Keyring *keyring);

/* Borrowed; NULL if there is none. */
Identity *keyring_find(Keyring *keyring, TaBytes blob);
Identity *keyring_find_id(Keyring *keyring, uint32_t id); /* looks at all of them */

/* Adds, or replaces as a whole what has the same blob, which keeps its place in the list;
 * `ret_replaced` is then the number that the old one had, 0 else. Copies its arguments. -ENOMEM. */
ta_must_check int keyring_put(Keyring *keyring, const Identity *identity, uint32_t *ret_replaced);

void keyring_remove(Keyring *keyring, Identity *identity);
void keyring_clear(Keyring *keyring);
size_t keyring_size(const Keyring *keyring);

/* Removes what is past its deadline; returns the next deadline, or 0. */
uint64_t keyring_expire(Keyring *keyring, uint64_t now_ms);

/* The whole SSH_AGENT_IDENTITIES_ANSWER, without its length. Where the keys are more than OpenSSH's
 * clients take (TA_LIST_MAX, TA_MSG_MAX), the first ones that they do take. Lives until the next
 * change. -ENOMEM. */
ta_must_check int keyring_answer(Keyring *keyring, TaBytes *ret);

#endif
