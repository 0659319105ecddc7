/* SPDX-License-Identifier: ISC */
/*
 * What a connection is known to be bound to: the records of session-bind@openssh.com (OpenSSH
 * PROTOCOL.agent section 1), each proven by the host key's signature over the session identifier.
 */
#ifndef TA_AGENT_BINDING_H
#define TA_AGENT_BINDING_H

#include "lib/message.h"

typedef struct Binding {
        uint8_t *host_key;
        size_t host_key_len;
        uint8_t session_id[TA_SESSION_ID_MAX];
        size_t session_id_len;
        bool forwarding;
} Binding;

typedef struct Bindings {
        bool failed; /* ever: such a connection is never again a local one */
        unsigned n_verified; /* signatures that were looked at, good and bad */
        size_t n;
        Binding *list; /* at most TA_SESSION_BINDS_MAX */
} Bindings;

/* Verifies and records. TA_E_SIGNATURE, TA_E_LIMIT (17th bind, session id over 128 bytes, 65th
 * signature), TA_E_MISMATCH (a known session with another host key), TA_E_REFUSED (already bound for a login).
 * What was recorded before stays as it is. */
ta_must_check int bindings_add(Bindings *bindings, TaBytes contents);
void bindings_clear(Bindings *bindings);

/* Whether requests come from another host, or may do: bound as forwarding, or a bind that failed. */
bool bindings_forwarded(const Bindings *bindings);

#endif
