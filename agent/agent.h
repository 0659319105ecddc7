/* SPDX-License-Identifier: ISC */
/* What the whole front shares. main.c owns it; everybody else borrows. */
#ifndef TA_AGENT_AGENT_H
#define TA_AGENT_AGENT_H

#include "agent/keepers.h"
#include "agent/keyring.h"
#include "agent/loop.h"
#include "lib/fingerprint.h"

typedef struct Prompter Prompter;
typedef struct Server Server;
typedef struct Session Session;

typedef struct Agent {
        Loop *loop;
        Keyring *keyring;
        Keepers *keepers;
        Prompter *prompter;
        Server *server;
        int launcher;
        TaHash hash;               /* for prompts */
        uint32_t default_lifetime; /* seconds; 0: none */
        bool locked;
        struct {
                unsigned failures; /* wrong unlocks in a row */
                bool busy;         /* one is being tried, or its refusal is held back */
                Session *refused;  /* who is to hear of that refusal; NULL: it has left */
                Timer delay;       /* until then */
                Session *waiting;  /* the next ones, linked by Session.next_unlock */
        } unlock;
        Timer expiry;
} Agent;

/* Makes all parts and listens; the caller has set `hash` and
 * `default_lifetime`, and blocked the signals it wants to read. Forks first of all, so no thread
 * may run. Takes the listener. TA_E_*, -errno. */
ta_must_check int agent_start(Agent *agent, int listener);
void agent_stop(Agent *agent); /* after a successful start only */

/* Frees keys whose time has come, and sets the timer for the next. Before each request. */
void agent_expire(Agent *agent);
void agent_forget_all(Agent *agent);

#endif
