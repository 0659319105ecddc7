/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_ADD_IDENTITY and _ADD_ID_CONSTRAINED, and add-sealed@tagent: the keepers parse the key,
 * which never is in this process, and say what it is; its constraints are judged here; only then may
 * it sign. Both types are treated alike.
 */
#include <errno.h>

#include "agent/dispatch.h"
#include "agent/log.h"
#include "lib/message.h"

static int take(Session *session, TaBytes contents) {
        Agent *agent = session->agent;
        Identity identity = {.id = session->adding};
        TaReader r = ta_reader(contents);
        TaBytes blob = ta_read_string(&r);
        TaBytes comment = ta_read_string(&r);
        uint32_t replaced;
        int err;

        identity.slow = ta_read_bool(&r);
        if (r.err)
                return r.err;
        err = ta_constraints_read(&r, &identity.constraints);
        if (err)
                return err;
        if (!identity.constraints.has_lifetime && agent->default_lifetime) {
                identity.constraints.has_lifetime = true;
                identity.constraints.lifetime = agent->default_lifetime;
        }
        if (identity.constraints.has_lifetime)
                identity.deadline_ms = loop_now_ms() + (uint64_t)identity.constraints.lifetime * 1000;
        identity.blob = (uint8_t *)(uintptr_t)blob.data;
        identity.blob_len = blob.len;
        identity.comment = (uint8_t *)(uintptr_t)comment.data;
        identity.comment_len = comment.len;
        err = keyring_put(agent->keyring, &identity, &replaced);
        if (err)
                return err;
        if (replaced)
                keepers_drop(agent->keepers, replaced);
        keepers_commit(agent->keepers, identity.id, identity.deadline_ms);
        agent_expire(agent); /* sets the timer */
        return 0;
}

static void added(void *data, int status, TaBytes contents) {
        Session *session = data;

        session->job = NULL;
        if (!status && session->agent->locked) /* locked while the keepers were at it */
                status = TA_E_LOCKED;
        if (!status)
                status = take(session, contents);
        if (status) {
                keepers_drop(session->agent->keepers, session->adding);
                log_info("add failed: %s", ta_strerror(status));
        }
        session->adding = 0;
        session_reply_status(session, status == 0);
}

int op_add(Session *session, TaBytes message ta_unused, TaWriter *w ta_unused) {
        session->job = keepers_add(session->agent->keepers, &session->body, added, session,
                                   &session->adding);
        return session->job ? DISPATCH_WAIT : keepers_refusal(session->agent->keepers);
}

int op_add_sealed(Session *session, TaBytes contents, TaWriter *w ta_unused) {
        Keepers *keepers = session->agent->keepers;
        TaAddSealed add;
        int err;

        err = ta_add_sealed_read(contents, &add);
        if (err)
                return err;
        if (add.n != keepers_count(keepers))
                return TA_E_MISMATCH;
        session->job = keepers_add_sealed(keepers, add.boxes, added, session, &session->adding);
        return session->job ? DISPATCH_WAIT : keepers_refusal(keepers);
}
