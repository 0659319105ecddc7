/* SPDX-License-Identifier: ISC */
/* The listening socket: accepts in batches, lets in only this user and root, keeps the list. */
#ifndef TA_AGENT_SERVER_H
#define TA_AGENT_SERVER_H

#include "agent/agent.h"

/* Takes the listening descriptor. */
ta_must_check int server_new(Agent *agent, int listener, Server **ret);
void server_free(Server *server); /* closes every connection */
void server_forget(Server *server, Session *session);

#endif
