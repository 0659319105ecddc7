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

#define FRONT_KEEPERS 5 /* at most; as many as an agent would have here */

Agent *front_new(void);
void front_free(void);

/* The client's end of a new connection, accepted in the next turn. */
int front_connect(void);

/* A client says this, as far as it is taken while the front turns. */
void front_say(int fd, TaBytes message);
/* The type of the reply that is there; 0: none is, or the connection is closed. */
uint8_t front_reply(int fd);

/* Every watch that is ready gets its turn, once. Whether there was any. */
bool front_turn(void);
/* A keeper does one job, if one is there. */
bool front_keeper_work(unsigned keeper);
/* Both until nothing is left to be done. Timers and questions are left alone. */
void front_settle(void);

/* New keepers say nothing and do nothing until they are told to; which level they report. */
void front_hold_hellos(bool hold);
void front_set_level(unsigned level);
void front_keeper_hello(unsigned keeper);

/* A keeper says what it likes; it ends. */
void front_keeper_say(unsigned keeper, TaBytes datagram);
void front_keeper_end(unsigned keeper);

/* A bit flips in the private half of an Ed25519 key that a keeper holds. */
void front_flip(unsigned keeper, uint32_t id);

/* How many keys a keeper holds, also those that were not committed: they are now. */
unsigned front_held(unsigned keeper);
/* Whether the front and every keeper have the same idea of being locked. */
bool front_agrees(void);

/* The question that is shown is answered (status as of waitpid(2)). false: there is none. */
bool front_answer(uint32_t status, const char *output);

/* Counts the lines of the log with these words from now on. */
void front_await_words(const char *words);
unsigned front_times_said(void);

/* The launcher says what it likes. */
void front_launcher_say(TaBytes datagram);

/* Time goes on; timers that are due fire. Whether any did. */
bool front_wait(uint64_t milliseconds);

#endif
