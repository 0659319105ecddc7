/* SPDX-License-Identifier: ISC */
/* One job in, one reply out: no descriptors, so tests and fuzzers can call it. */
#ifndef TA_KEEPER_SERVE_H
#define TA_KEEPER_SERVE_H

#include "agent/keeper/vault.h"
#include "agent/link.h"

/* Does one job, whose contents all stand in the datagram, those from the pipe too; the reply (if the job has one) is appended to `w`, which is empty and holds
 * LINK_MAX. 0, or TA_E_* if the datagram is no job: the front is broken, and the keeper ends. */
ta_must_check int serve(Vault *vault, TaBytes datagram, TaWriter *w);

#endif
