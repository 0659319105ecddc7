/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_LOCK and _UNLOCK. The keepers know the passphrase and refuse to sign; the front lists
 * nothing. What the keepers answer counts even if the client has left meanwhile: front and keepers
 * must never disagree on whether the agent is locked.
 *
 * Guesses are slowed down by answering a wrong one late, 0.1 s for each failure up to 10 s, one
 * attempt at a time: who guesses waits, and nobody else does. Leaving does not shorten the wait of
 * the next in line.
 */
#include "agent/dispatch.h"
#include "agent/log.h"
#include "lib/proto.h"

#define DELAY_STEP_MS 100
#define DELAYS_MAX    100

/* One that the keepers are at. */
struct LockAttempt {
        Agent *agent;
        Session *session; /* NULL: it has left */
};

/* The body, one string, is checked by the keeper. */
static int attempt(Session *session, bool lock, KeeperDone done) {
        LockAttempt *made;

        if (session->body.len > 4 + TA_LOCK_PASSPHRASE_MAX)
                return TA_E_LIMIT;
        made = malloc(sizeof *made);
        if (!made)
                return TA_E_FULL;
        *made = (LockAttempt){session->agent, session};
        if (!keepers_lock(session->agent->keepers, lock, &session->body, done, made)) {
                free(made);
                return keepers_refusal(session->agent->keepers);
        }
        session->attempt = made;
        return DISPATCH_WAIT;
}

/* Frees it; the session that waits for the answer, or NULL. */
static Session *attempt_end(LockAttempt *ended) {
        Session *session = ended->session;

        if (session)
                session->attempt = NULL;
        free(ended);
        return session;
}

static void locked(void *data, int status, TaBytes contents ta_unused) {
        Agent *agent = ((LockAttempt *)data)->agent;
        Session *session = attempt_end(data);

        if (!status) {
                agent->locked = true;
                log_info("locked");
        }
        if (session)
                session_reply_status(session, status == 0);
}

int op_lock(Session *session, TaBytes message ta_unused, TaWriter *w ta_unused) {
        return attempt(session, true, locked);
}

/* Until one of them keeps the keepers busy: the others are answered at once. */
static void next_in_line(Agent *agent) {
        agent->unlock.busy = false;
        while (agent->unlock.waiting && !agent->unlock.busy) {
                Session *next = agent->unlock.waiting;

                agent->unlock.waiting = next->next_unlock;
                next->next_unlock = NULL;
                session_resume(next);
        }
}

static void refuse_late(void *data) {
        Agent *agent = data;
        Session *session = ta_steal(&agent->unlock.refused);

        if (session)
                session_reply_status(session, false);
        next_in_line(agent);
}

static void unlocked(void *data, int status, TaBytes contents ta_unused) {
        Agent *agent = ((LockAttempt *)data)->agent;
        Session *session = attempt_end(data);

        if (status == TA_E_PASSPHRASE) {
                if (agent->unlock.failures < DELAYS_MAX)
                        agent->unlock.failures++;
                log_info("unlock refused: %s", ta_strerror(status));
                agent->unlock.refused = session;
                agent->unlock.delay = (Timer){.fire = refuse_late, .data = agent};
                loop_after(agent->loop, &agent->unlock.delay, agent->unlock.failures * DELAY_STEP_MS);
                return;
        }
        if (!status) {
                agent->locked = false;
                agent->unlock.failures = 0;
                log_info("unlocked");
        }
        if (session)
                session_reply_status(session, status == 0);
        next_in_line(agent);
}

int op_unlock(Session *session, TaBytes message, TaWriter *w ta_unused) {
        Agent *agent = session->agent;
        int err;

        if (!agent->locked)
                return TA_E_NOT_FOUND;
        if (agent->unlock.busy) {
                Session **at = &agent->unlock.waiting;

                err = session_keep(session, message);
                if (err)
                        return err;
                while (*at)
                        at = &(*at)->next_unlock;
                *at = session;
                return DISPATCH_WAIT;
        }
        err = attempt(session, false, unlocked);
        agent->unlock.busy = err == DISPATCH_WAIT;
        return err;
}

void op_lock_abandon(Session *session) {
        Agent *agent = session->agent;

        if (session->attempt)
                session->attempt->session = NULL;
        session->attempt = NULL;
        if (agent->unlock.refused == session)
                agent->unlock.refused = NULL;
        for (Session **at = &agent->unlock.waiting; *at; at = &(*at)->next_unlock) {
                if (*at == session) {
                        *at = session->next_unlock;
                        session->next_unlock = NULL;
                        break;
                }
        }
}
