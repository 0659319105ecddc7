/* SPDX-License-Identifier: ISC */
/*
 * The whole front of the agent in one process, for tests and fuzz targets: everything of agent/ but
 * the loop and the launcher, whose place this takes. Keepers are vaults in this process behind
 * their real links. Nothing happens unless it is told to, and time stands still until it is moved:
 * so any order of events can be had, and the same one again.
 */
#ifndef TA_TESTS_FRONT_H
#define TA_TESTS_FRONT_H

#include "agent/agent.h"
#include "agent/session.h"

#define FRONT_KEEPERS 4 /* at most; as many as an agent would have here */

Agent *front_new(void);
void front_free(void);

/* The client's end of a new connection, accepted in the next turn. */
int front_connect(void);

/* Every watch that is ready gets its turn, once. Whether there was any. */
bool front_turn(void);
/* A keeper does one job, if one is there. */
bool front_keeper_work(unsigned keeper);
/* Both until nothing is left to be done. Timers and questions are left alone. */
void front_settle(void);

/* A keeper says what it likes; it ends. */
void front_keeper_say(unsigned keeper, TaBytes datagram);
void front_keeper_end(unsigned keeper);

/* Whether the front and every keeper have the same idea of being locked. */
bool front_agrees(void);

/* The question that is shown is answered (status as of waitpid(2)). false: there is none. */
bool front_answer(uint32_t status, const char *output);

/* Time goes on; timers that are due fire. Whether any did. */
bool front_wait(uint64_t milliseconds);

#endif
