/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_EXTENSION. What is not known gets plain failure, what is known and failed gets
 * EXTENSION_FAILURE, so that a client can tell the two apart (RFC 9987 section 5.9).
 */
#include "agent/dispatch.h"
#include "agent/log.h"
#include "lib/message.h"

/* The zero values refuse. */
struct extension {
        const char *name;
        int (*handle)(Session *session, TaBytes contents, TaWriter *w);
        bool when_locked;
        bool when_forwarded;
        bool unlisted; /* in the answer to query */
};

static int query(Session *session, TaBytes contents, TaWriter *w);

/* Recorded even while locked: a connection that was bound must never look local afterwards. */
static int session_bind(Session *session, TaBytes contents, TaWriter *w) {
        int err = bindings_add(&session->bindings, contents);

        if (!err)
                ta_write_u8(w, SSH_AGENT_SUCCESS);
        return err;
}

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
        {TA_EXT_INFO, info, .when_locked = true},
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
