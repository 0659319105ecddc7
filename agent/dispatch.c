/* SPDX-License-Identifier: ISC */
#include "agent/dispatch.h"

#include "agent/log.h"
#include "lib/message.h"

/* The zero value refuses: a row that forgets a column is safe. */
enum permission { REFUSE = 0, ALLOW, ANSWER_EMPTY, ASK_HANDLER };

struct request {
        const char *name;
        int (*handle)(Session *session, TaBytes message, TaWriter *w);
        enum permission when_locked;
        enum permission when_forwarded;
        bool secret;
};

static const struct request requests[] = {
        [SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES] = {"remove-all (protocol 1)", op_remove_all},
        [SSH_AGENTC_REQUEST_IDENTITIES] = {"list", op_identities, .when_locked = ANSWER_EMPTY,
                                           .when_forwarded = ALLOW},
        [SSH_AGENTC_SIGN_REQUEST] = {"sign", op_sign, .when_forwarded = ALLOW},
        [SSH_AGENTC_ADD_IDENTITY] = {"add", op_add, .secret = true},
        [SSH_AGENTC_REMOVE_IDENTITY] = {"remove", op_remove},
        [SSH_AGENTC_REMOVE_ALL_IDENTITIES] = {"remove-all", op_remove_all},
        [SSH_AGENTC_LOCK] = {"lock", op_lock, .secret = true},
        [SSH_AGENTC_UNLOCK] = {"unlock", op_unlock, .when_locked = ALLOW, .secret = true},
        [SSH_AGENTC_ADD_ID_CONSTRAINED] = {"add", op_add, .secret = true},
        [SSH_AGENTC_EXTENSION] = {"extension", op_extension, .when_locked = ASK_HANDLER,
                                  .when_forwarded = ALLOW},
};

static const struct request *find(uint8_t type) {
        if (type >= TA_N_ELEMENTS(requests) || !requests[type].handle)
                return NULL;
        return &requests[type];
}

bool dispatch_is_secret(uint8_t type) {
        const struct request *row = find(type);

        return row && row->secret;
}

static int refuse(const char *name, const char *why) {
        log_info("%s refused: %s", name, why);
        return TA_E_REFUSED;
}

static int judged(Session *session, const struct request *row, TaBytes message, TaWriter *w) {
        if (session->agent->locked && row->when_locked == REFUSE)
                return refuse(row->name, "the agent is locked");
        if (session->agent->locked && row->when_locked == ANSWER_EMPTY) {
                ta_identities_begin(w, 0);
                return 0;
        }
        if (bindings_forwarded(&session->bindings) && row->when_forwarded == REFUSE)
                return refuse(row->name, "not over a forwarded connection");
        return row->handle(session, message, w);
}

int dispatch(Session *session, TaBytes message, TaWriter *w) {
        const struct request *row = find(message.data[0]);
        int err;

        agent_expire(session->agent);
        if (row) {
                err = judged(session, row, message, w);
        } else {
                log_debug("request %u is not known", message.data[0]);
                err = TA_E_REFUSED;
        }
        if (err == DISPATCH_WAIT)
                return DISPATCH_WAIT;
        if (!err)
                err = w->err;
        if (err) {
                if (row && err != TA_E_REFUSED)
                        log_info("%s failed: %s", row->name, ta_strerror(err));
                w->len = 0;
                w->err = 0;
                ta_write_u8(w, SSH_AGENT_FAILURE);
        }
        return DISPATCH_REPLIED;
}

void dispatch_abandon(Session *session) {
        op_lock_abandon(session);
        if (session->adding) /* the keepers may hold it already, or will in a moment */
                keepers_drop(session->agent->keepers, session->adding);
        session->adding = 0;
}
