/* SPDX-License-Identifier: ISC */
/*
 * An agent inside the test, with real keepers and a real socket, and clients that speak bytes: the
 * loop turns only while a client waits, so what happens in which order is the test's choice.
 */
#ifndef TA_TESTS_CONVERSATION_H
#define TA_TESTS_CONVERSATION_H

#include <glib.h>
#include <sys/types.h>

#include "agent/agent.h"
#include "lib/key.h"
#include "lib/message.h"

/* A message being written; roomy enough for any request. */
#define MESSAGE_ROOM (TA_MSG_MAX + 8)

/* Starts the agent, once per test; a test that hangs is ended by SIGALRM. */
Agent *conversation_begin(void);
void conversation_end(Agent *agent);

/* A connection that the agent has accepted. */
int client_new(void);
void client_close(int fd); /* and the agent has seen it */
void client_send(int fd, TaBytes message);
void client_send_raw(int fd, const void *bytes, size_t len); /* turns the loop while it blocks */
/* The next reply, without its length; of length 0 if the agent closed the connection. */
GBytes *client_reply(int fd);
/* Its first byte; 0: closed. */
uint8_t client_reply_type(int fd);
uint8_t client_ask(int fd, TaBytes message);
uint8_t client_ask_simple(int fd, uint8_t type); /* a message that is its type byte */
/* Whether a reply has come, after all that the agent had to do is done. */
bool client_has_reply(int fd);

/* Turns of the loop, until it has nothing to do now. */
void turn_loop(void);
/* One event, waited for. */
void turn_loop_once(void);

/* Requests of one kind each. */
uint8_t ask_add(int fd, const TaKey *key, const char *comment, const TaConstraints *constraints);
uint8_t ask_sign(int fd, const TaKey *key, TaBytes data);
uint8_t ask_lock(int fd, bool lock, const char *passphrase);
void send_lock(int fd, bool lock, const char *passphrase);
void send_sign(int fd, const TaKey *key, TaBytes data);
/* A session-bind by `host`, with `signature_ok` or a spoiled signature. */
uint8_t ask_bind(int fd, const TaKey *host, const char *session_id, bool forwarding,
                 bool signature_ok);
uint32_t count_listed(int fd);

TaKey *make_key(const char *option);

/* The agent's launcher, the warden, and the keepers in the order of their start (0: there are no
 * more); when a key was added they are all there. */
pid_t launcher_pid(void);
pid_t warden_pid(void);
pid_t keeper_pid(unsigned n);

#endif
