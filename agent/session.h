/* SPDX-License-Identifier: ISC */
/*
 * One connection: bytes in, one request at a time, bytes out. While a request waits (for a keeper,
 * for the person, for its turn to unlock) the session reads nothing more, and the loop goes on.
 */
#ifndef TA_AGENT_SESSION_H
#define TA_AGENT_SESSION_H

#include "agent/agent.h"
#include "agent/binding.h"
#include "agent/policy.h"
#include "agent/prompter.h"

typedef struct LockAttempt LockAttempt;

struct Session {
        Watch watch;
        Agent *agent;
        Session *prev, *next; /* server's list */

        bool parked;      /* a request waits for its answer */
        bool asked_all;   /* the client sends nothing more, but still takes answers */
        bool gone;        /* it takes none either */
        bool hung_up;     /* neither does it send anything: what it has sent is there */
        bool closed;      /* to be freed after this batch */
        uint8_t head[5];  /* of the frame that is coming in: length, type */
        size_t head_len;
        size_t seen;      /* bytes of the frame that are read and still in the socket */
        uint8_t *in;      /* the whole frame, when it comes in pieces */
        size_t in_len, in_cap;
        Body body;      /* of one that carries a secret, behind its type */
        bool holds_body;
        Session *body_prev, *body_next;
        Timer deadline; /* a half message must be whole by then */
        uint8_t *out;     /* what the client has not taken yet */
        size_t out_len, out_sent;

        Bindings bindings;
        /* The parked request, whatever it waits for: */
        bool extension; /* it is one, and fails as such */
        KeeperJob *job;
        Question *question;
        Answer answer;
        uint8_t *parked_message; /* runs again from the top */
        size_t parked_len;
        uint32_t adding;         /* number of the key being added; 0: none */
        uint32_t signing;        /* of the one that signs */
        LockAttempt *attempt;    /* op-lock.c's */
        Session *next_unlock;
};

/* Takes the descriptor. NULL if memory is short (then it is closed). */
Session *session_new(Agent *agent, int fd);
/* Closes it and forgets whatever waits; freed after the batch in progress. */
void session_close(Session *session);

/* For operations: keeps a copy of the message, to be run again by session_resume(), and its body.
 * -ENOMEM. */
ta_must_check int session_keep(Session *session, TaBytes message);
/* The kept message again from the top, with what has become of it meanwhile. */
void session_resume(Session *session);
/* The parked request's reply (without its length); the session goes on reading. */
void session_reply(Session *session, TaBytes reply);
void session_reply_status(Session *session, bool success);

#endif
