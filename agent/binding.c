/* SPDX-License-Identifier: ISC */
#include "agent/binding.h"

#include <errno.h>

/* ssh binds a connection once for each hop; the rest is somebody who wants to keep us busy. */
#define VERIFIED_MAX 64

static int verify(const TaSessionBind *bind) {
        ta_cleanup(ta_key_freep) TaKey *host = NULL;
        int err = ta_key_read_public(bind->host_key, &host);

        return err ? err : ta_key_verify(host, bind->session_id, bind->signature);
}

static int add(Bindings *bindings, TaBytes contents) {
        TaSessionBind bind;
        Binding *made, *list;
        int err;

        err = ta_session_bind_read(contents, &bind);
        if (err)
                return err;
        if (bind.session_id.len == 0 || bind.session_id.len > TA_SESSION_ID_MAX)
                return TA_E_LIMIT;
        if (bindings->n_verified >= VERIFIED_MAX)
                return TA_E_LIMIT;
        bindings->n_verified++;
        err = verify(&bind);
        if (err)
                return err;

        for (size_t i = 0; i < bindings->n; i++) {
                const Binding *b = &bindings->list[i];

                if (!b->forwarding)
                        return TA_E_REFUSED;
                if (!ta_bytes_equal((TaBytes){b->session_id, b->session_id_len}, bind.session_id))
                        continue;
                if (!ta_bytes_equal((TaBytes){b->host_key, b->host_key_len}, bind.host_key))
                        return TA_E_MISMATCH;
                return 0; /* known already */
        }
        if (bindings->n >= TA_SESSION_BINDS_MAX)
                return TA_E_LIMIT;

        list = realloc(bindings->list, (bindings->n + 1) * sizeof *list);
        if (!list)
                return -ENOMEM;
        bindings->list = list;
        made = &list[bindings->n];
        *made = (Binding){.session_id_len = bind.session_id.len, .forwarding = bind.is_forwarding};
        memcpy(made->session_id, bind.session_id.data, bind.session_id.len);
        made->host_key = malloc(bind.host_key.len);
        if (!made->host_key)
                return -ENOMEM;
        memcpy(made->host_key, bind.host_key.data, bind.host_key.len);
        made->host_key_len = bind.host_key.len;
        bindings->n++;
        return 0;
}

/* A failure sticks: whoever sits at the far end of a connection that ssh could not bind as
 * forwarding might bind it himself, with a host key of his own, as a local one. */
int bindings_add(Bindings *bindings, TaBytes contents) {
        int err = add(bindings, contents);

        if (err)
                bindings->failed = true;
        return err;
}

void bindings_clear(Bindings *bindings) {
        for (size_t i = 0; i < bindings->n; i++)
                free(bindings->list[i].host_key);
        free(bindings->list);
        *bindings = (Bindings){0};
}

bool bindings_forwarded(const Bindings *bindings) {
        if (bindings->failed)
                return true;
        for (size_t i = 0; i < bindings->n; i++)
                if (bindings->list[i].forwarding)
                        return true;
        return false;
}
