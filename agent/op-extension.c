/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_EXTENSION. What is not known gets plain failure, what is known and failed gets
 * EXTENSION_FAILURE, so that a client can tell the two apart (RFC 9987 section 5.9).
 */
#include <errno.h>

#include "agent/dispatch.h"
#include "agent/log.h"
#include "agent/warden.h"
#include "lib/message.h"

/* The zero values refuse. */
struct extension {
        const char *name;
        int (*handle)(Session *session, TaBytes contents, TaWriter *w);
        bool when_locked;
        bool when_forwarded;
        bool unlisted; /* in the answer to query */
        bool awaits_keepers;
};

static int query(Session *session, TaBytes contents, TaWriter *w);

/* Recorded even while locked: a connection that was bound must never look local afterwards. */
static int session_bind(Session *session, TaBytes contents, TaWriter *w) {
        int err = bindings_add(&session->bindings, contents);

        if (!err)
                ta_write_u8(w, SSH_AGENT_SUCCESS);
        return err;
}

_Static_assert(KEEPERS_MAX <= TA_SEAL_KEYS_MAX, "a key can be sealed to each");

static int info(Session *session, TaBytes contents, TaWriter *w) {
        const Agent *agent = session->agent;
        TaInfo told = {
                .version = ta_str(PACKAGE_VERSION),
                .level = (uint8_t)keepers_level(agent->keepers),
                .locked = agent->locked,
                .launcher = prompter_can_ask(agent->prompter),
                .n_identities = agent->locked ? 0 : (uint32_t)keyring_size(agent->keyring),
                .n_seal_keys = keepers_count(agent->keepers),
        };

        if (contents.len > 0)
                return TA_E_TRAILING;
        for (uint32_t i = 0; i < told.n_seal_keys; i++)
                told.seal_keys[i] = (TaBytes){keepers_public_key(agent->keepers, i), TA_SEAL_KEY_LEN};
        ta_info_write(w, &told);
        return 0;
}

static const struct extension extensions[] = {
        {TA_EXT_QUERY, query, .when_forwarded = true, .unlisted = true},
        {TA_EXT_SESSION_BIND, session_bind, .when_locked = true, .when_forwarded = true},
        {TA_EXT_INFO, info, .when_locked = true, .awaits_keepers = true},
        {TA_EXT_ADD_SEALED, op_add_sealed, .when_locked = false},
};

static bool may(const Session *session, const struct extension *e) {
        return e->when_forwarded || !bindings_forwarded(&session->bindings);
}

static int query(Session *session, TaBytes contents, TaWriter *w) {
        if (contents.len > 0)
                return TA_E_TRAILING;
        ta_query_response_begin(w);
        for (size_t i = 0; i < TA_N_ELEMENTS(extensions); i++)
                if (!extensions[i].unlisted && may(session, &extensions[i]))
                        ta_write_cstring(w, extensions[i].name);
        return 0;
}

static void keepers_are_ready(void *data, int status, TaBytes contents ta_unused) {
        Session *session = data;

        session->job = NULL;
        if (status)
                session_reply_status(session, false);
        else
                session_resume(session);
}

/* For the moment that passes between the agent's start and that of its last keeper. */
static int await_keepers(Session *session, TaBytes message) {
        int err = session_keep(session, message);

        if (err)
                return err;
        session->extension = true;
        session->job = keepers_when_ready(session->agent->keepers, keepers_are_ready, session);
        return session->job ? DISPATCH_WAIT : -ENOMEM;
}

int op_extension(Session *session, TaBytes message, TaWriter *w) {
        TaExtension request;
        int err;

        err = ta_extension_read(message, &request);
        if (err)
                return err;
        for (size_t i = 0; i < TA_N_ELEMENTS(extensions); i++) {
                const struct extension *e = &extensions[i];

                if (!ta_bytes_is(request.name, e->name) || !may(session, e))
                        continue;
                if (session->agent->locked && !e->when_locked)
                        return TA_E_LOCKED;
                if (e->awaits_keepers && keepers_starting(session->agent->keepers))
                        return await_keepers(session, message);
                err = e->handle(session, request.contents, w);
                if (err == DISPATCH_WAIT) {
                        session->extension = true;
                        return err;
                }
                if (err) {
                        log_info("%s failed: %s", e->name, ta_strerror(err));
                        w->len = 0;
                        w->err = 0;
                        ta_write_u8(w, SSH_AGENT_EXTENSION_FAILURE);
                }
                return 0;
        }
        return TA_E_REFUSED;
}
