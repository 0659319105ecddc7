/* SPDX-License-Identifier: ISC */
/* SSH_AGENTC_REQUEST_IDENTITIES. */
#include "agent/dispatch.h"

int op_identities(Session *session, TaBytes message, TaWriter *w) {
        TaBytes answer;
        int err;

        if (message.len != 1)
                return TA_E_TRAILING;
        err = keyring_answer(session->agent->keyring, &answer);
        if (!err)
                ta_write_raw(w, answer);
        return err;
}
