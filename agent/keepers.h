/* SPDX-License-Identifier: ISC */
/*
 * The front's side of the keepers: starts them through the launcher, hands out jobs, passes the
 * answers on, and says when they are gone. Every keeper holds every key. Adding, locking and
 * dropping goes to all of them; a signature goes to the one with the least to do, and a slow one
 * (RSA) never to the first keeper.
 */
#ifndef TA_AGENT_KEEPERS_H
#define TA_AGENT_KEEPERS_H

#include "agent/body.h"
#include "agent/loop.h"
#include "lib/wire.h"

typedef struct Keepers Keepers;
typedef struct KeeperJob KeeperJob;

/* What a job came to: 0 and the contents of link.h's table, or a code of lib/error.h. */
typedef void (*KeeperDone)(void *data, int status, TaBytes contents);

/* `n` keepers (1 to KEEPERS_MAX; 0: one for each of at most four processors, and one more, since one
 * never gets slow jobs). Waits until one is ready; TA_E_* or -errno if none starts. The
 * others are not waited for: what is asked of them is done when all are ready, or fails if they do not
 * come. `lost` is called when one died or did not come: every key is gone, jobs under way have failed,
 * and new keepers are on their way, which are not waited for either. */
ta_must_check int keepers_new(Loop *loop, int launcher, unsigned n, void (*lost)(void *),
                              void *data, Keepers **ret);
void keepers_free(Keepers *keepers);

/* Each returns a job, for keepers_forget(), or NULL if memory is short or no keeper could be started
 * again (then `done` is not called).
 * Bytes are copied or sent before it returns; a body is the keepers' then. */
KeeperJob *keepers_add(Keepers *keepers, Body *body, KeeperDone done, void *data, uint32_t *ret_id);
/* One box for each keeper, in the order of keepers_public_key(). */
KeeperJob *keepers_add_sealed(Keepers *keepers, const TaBytes *boxes, KeeperDone done, void *data,
                              uint32_t *ret_id);
KeeperJob *keepers_sign(Keepers *keepers, uint32_t id, bool slow, uint32_t flags, TaBytes data,
                        KeeperDone done, void *arg);
KeeperJob *keepers_lock(Keepers *keepers, bool lock, Body *passphrase, KeeperDone done, void *data);

/* Why it was NULL. */
int keepers_refusal(const Keepers *keepers);

/* The key signs from now on, until the deadline (0: for good). */
void keepers_commit(Keepers *keepers, uint32_t id, uint64_t deadline_ms);
void keepers_drop(Keepers *keepers, uint32_t id);
void keepers_drop_all(Keepers *keepers);

/* Whoever waited for this job does not any more; `done` will not be called. */
void keepers_forget(KeeperJob *job);

/* Whether some are not ready yet, and a job that is done when all are. */
bool keepers_starting(const Keepers *keepers);
KeeperJob *keepers_when_ready(Keepers *keepers, KeeperDone done, void *data);

/* The lowest protection level that a keeper reported (TaSecretLevel), and how many they are; 0 and 0
 * while there are none that are ready. */
unsigned keepers_level(const Keepers *keepers);
unsigned keepers_count(const Keepers *keepers);
/* For a level above 0, waits for all to be ready; TA_E_WEAK if they are below it. New ones that are get
 * no keys. */
ta_must_check int keepers_require(Keepers *keepers, unsigned level);
/* LINK_KEY bytes: what is sealed to it (crypto_box_seal) only that keeper can open. */
const uint8_t *keepers_public_key(const Keepers *keepers, unsigned i);

#endif
