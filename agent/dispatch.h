/* SPDX-License-Identifier: ISC */
/* The table of requests: who answers which number, when locked, over a forwarded connection. */
#ifndef TA_AGENT_DISPATCH_H
#define TA_AGENT_DISPATCH_H

#include "agent/session.h"

enum {
        DISPATCH_REPLIED,
        DISPATCH_WAIT, /* the session is parked; session_reply() or session_resume() comes later */
};

/* Answers `message` into `w` (empty, TA_MSG_MAX of room). */
int dispatch(Session *session, TaBytes message, TaWriter *w);

/* Whether messages of this type carry secrets. */
bool dispatch_is_secret(uint8_t type);

/* The session is closing: forget what its parked request holds elsewhere. */
void dispatch_abandon(Session *session);

/* One file each. 0: the reply is in `w`. DISPATCH_WAIT. Negative: failure is replied, and the
 * code is logged. */
int op_identities(Session *session, TaBytes message, TaWriter *w);
int op_sign(Session *session, TaBytes message, TaWriter *w);
int op_add(Session *session, TaBytes message, TaWriter *w);
int op_add_sealed(Session *session, TaBytes contents, TaWriter *w); /* an extension: no type */
int op_remove(Session *session, TaBytes message, TaWriter *w);
int op_remove_all(Session *session, TaBytes message, TaWriter *w);
int op_lock(Session *session, TaBytes message, TaWriter *w);
int op_unlock(Session *session, TaBytes message, TaWriter *w);
int op_extension(Session *session, TaBytes message, TaWriter *w);

/* op-lock.c: the session leaves the line of those who want to unlock; what it has begun goes on. */
void op_lock_abandon(Session *session);

#endif
