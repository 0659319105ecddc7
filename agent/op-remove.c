/* SPDX-License-Identifier: ISC */
/* SSH_AGENTC_REMOVE_IDENTITY, _REMOVE_ALL_IDENTITIES and its namesake of protocol 1. */
#include "agent/dispatch.h"
#include "lib/message.h"

int op_remove(Session *session, TaBytes message, TaWriter *w) {
        Agent *agent = session->agent;
        Identity *identity;
        TaBytes blob;
        int err;

        err = ta_remove_read(message, &blob);
        if (err)
                return err;
        identity = keyring_find(agent->keyring, blob);
        if (!identity)
                return TA_E_NOT_FOUND;
        keepers_drop(agent->keepers, identity->id);
        keyring_remove(agent->keyring, identity);
        ta_write_u8(w, SSH_AGENT_SUCCESS);
        return 0;
}

int op_remove_all(Session *session, TaBytes message, TaWriter *w) {
        if (message.len != 1)
                return TA_E_TRAILING;
        agent_forget_all(session->agent);
        ta_write_u8(w, SSH_AGENT_SUCCESS);
        return 0;
}
