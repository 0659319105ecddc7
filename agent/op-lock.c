/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_LOCK and _UNLOCK. The keepers know the passphrase and refuse to sign; the front lists
 * nothing. Guesses are slowed down by answering a wrong one late, 0.1 s for each failure up to
 * 10 s, one attempt at a time: who guesses waits, and nobody else does.
 */
#include "agent/dispatch.h"
#include "agent/log.h"

#define DELAY_STEP_MS 100
#define DELAYS_MAX    100

static void locked(void *data, int status, TaBytes contents ta_unused) {
        Session *session = data;

        session->job = NULL;
        if (!status) {
                session->agent->locked = true;
                log_info("locked");
        }
        session_reply_status(session, status == 0);
}

/* The contents behind the type byte: one string, checked by the keeper. */
int op_lock(Session *session, TaBytes message, TaWriter *w ta_unused) {
        session->job = keepers_lock(session->agent->keepers, true,
                                    (TaBytes){message.data + 1, message.len - 1}, locked, session);
        return session->job ? DISPATCH_WAIT : TA_E_FULL;
}

static void next_in_line(Agent *agent) {
        Session *next = agent->unlock.waiting;

        agent->unlock.first = NULL;
        if (!next)
                return;
        agent->unlock.waiting = next->next_unlock;
        next->next_unlock = NULL;
        session_resume(next);
}

static void refuse_late(void *data) {
        Session *session = data;
        Agent *agent = session->agent;

        session_reply_status(session, false);
        next_in_line(agent);
}

static void unlocked(void *data, int status, TaBytes contents ta_unused) {
        Session *session = data;
        Agent *agent = session->agent;

        session->job = NULL;
        if (status == TA_E_PASSPHRASE) {
                if (agent->unlock.failures < DELAYS_MAX)
                        agent->unlock.failures++;
                log_info("unlock refused: %s", ta_strerror(status));
                session->delay = (Timer){.fire = refuse_late, .data = session};
                loop_after(agent->loop, &session->delay, agent->unlock.failures * DELAY_STEP_MS);
                return;
        }
        if (!status) {
                agent->locked = false;
                agent->unlock.failures = 0;
                log_info("unlocked");
        }
        session_reply_status(session, status == 0);
        next_in_line(agent);
}

int op_unlock(Session *session, TaBytes message, TaWriter *w ta_unused) {
        Agent *agent = session->agent;
        int err;

        if (!agent->locked)
                return TA_E_NOT_FOUND;
        if (agent->unlock.first && agent->unlock.first != session) {
                Session **at = &agent->unlock.waiting;

                err = session_keep(session, message);
                if (err)
                        return err;
                while (*at)
                        at = &(*at)->next_unlock;
                *at = session;
                return DISPATCH_WAIT;
        }
        session->job = keepers_lock(agent->keepers, false,
                                    (TaBytes){message.data + 1, message.len - 1}, unlocked, session);
        if (!session->job)
                return TA_E_FULL;
        agent->unlock.first = session;
        return DISPATCH_WAIT;
}

void op_unlock_abandon(Session *session) {
        Agent *agent = session->agent;

        for (Session **at = &agent->unlock.waiting; *at; at = &(*at)->next_unlock) {
                if (*at == session) {
                        *at = session->next_unlock;
                        session->next_unlock = NULL;
                        break;
                }
        }
        if (agent->unlock.first == session)
                next_in_line(agent);
}
