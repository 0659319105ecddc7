/* SPDX-License-Identifier: ISC */
/*
 * One message after the other, in the order of the header. Each reader names the type it expects,
 * takes the fields in order, and lets ta_read_end() judge: what is short or goes on too long is
 * refused, whatever the field.
 */
#include "lib/message.h"

#include <sodium.h>

/* A request: the type must be the one expected. */
static TaReader request(TaBytes message, uint8_t type) {
        TaReader r = ta_reader(message);

        if (ta_read_u8(&r) != type)
                ta_read_fail(&r, TA_E_PROTOCOL);
        return r;
}

static bool is_failure(uint8_t type) {
        return type == SSH_AGENT_FAILURE || type == SSH_AGENT_EXTENSION_FAILURE ||
               type == SSH2_AGENT_FAILURE || type == SSH_COM_AGENT2_FAILURE;
}

/* An answer: the type expected, or one of those that say no. */
static TaReader answer(TaBytes message, uint8_t type) {
        TaReader r = ta_reader(message);
        uint8_t found = ta_read_u8(&r);

        if (is_failure(found))
                ta_read_fail(&r, TA_E_REFUSED);
        else if (found != type)
                ta_read_fail(&r, TA_E_PROTOCOL);
        return r;
}

int ta_sign_request_read(TaBytes message, TaSignRequest *ret) {
        TaReader r = request(message, SSH_AGENTC_SIGN_REQUEST);
        TaSignRequest found;
        int err;

        found.key = ta_read_string(&r);
        found.data = ta_read_string(&r);
        found.flags = ta_read_u32(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = found;
        return 0;
}

void ta_sign_request_write(TaWriter *w, const TaSignRequest *sign) {
        ta_write_u8(w, SSH_AGENTC_SIGN_REQUEST);
        ta_write_string(w, sign->key);
        ta_write_string(w, sign->data);
        ta_write_u32(w, sign->flags);
}

int ta_sign_response_read(TaBytes message, TaBytes *ret_signature) {
        TaReader r = answer(message, SSH_AGENT_SIGN_RESPONSE);
        TaBytes signature = ta_read_string(&r);
        int err = ta_read_end(&r);

        if (err)
                return err;
        *ret_signature = signature;
        return 0;
}

void ta_sign_response_write(TaWriter *w, TaBytes signature) {
        ta_write_u8(w, SSH_AGENT_SIGN_RESPONSE);
        ta_write_string(w, signature);
}

int ta_remove_read(TaBytes message, TaBytes *ret_key) {
        TaReader r = request(message, SSH_AGENTC_REMOVE_IDENTITY);
        TaBytes key = ta_read_string(&r);
        int err = ta_read_end(&r);

        if (err)
                return err;
        *ret_key = key;
        return 0;
}

void ta_remove_write(TaWriter *w, TaBytes key) {
        ta_write_u8(w, SSH_AGENTC_REMOVE_IDENTITY);
        ta_write_string(w, key);
}

int ta_lock_read(TaBytes message, TaBytes *ret_passphrase) {
        TaReader r = ta_reader(message);
        uint8_t type = ta_read_u8(&r);
        TaBytes passphrase;
        int err;

        if (type != SSH_AGENTC_LOCK && type != SSH_AGENTC_UNLOCK)
                ta_read_fail(&r, TA_E_PROTOCOL);
        passphrase = ta_read_string(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret_passphrase = passphrase;
        return 0;
}

void ta_lock_write(TaWriter *w, bool lock, TaBytes passphrase) {
        ta_write_u8(w, lock ? SSH_AGENTC_LOCK : SSH_AGENTC_UNLOCK);
        ta_write_string(w, passphrase);
}

int ta_add_read(TaBytes message, TaKey **ret_key, TaBytes *ret_comment, TaBytes *ret_constraints) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaReader r = ta_reader(message);
        uint8_t type = ta_read_u8(&r);
        TaBytes comment, constraints;
        int err;

        if (type != SSH_AGENTC_ADD_IDENTITY && type != SSH_AGENTC_ADD_ID_CONSTRAINED)
                ta_read_fail(&r, TA_E_PROTOCOL);
        if (r.err)
                return r.err;
        err = ta_key_read_private(&r, &key);
        if (err)
                return err;
        comment = ta_read_text(&r, TA_COMMENT_MAX);
        constraints = ta_read_rest(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret_key = ta_steal(&key);
        *ret_comment = comment;
        *ret_constraints = constraints;
        return 0;
}

void ta_add_write(TaWriter *w, const TaKey *key, TaBytes comment,
                  const TaConstraints *constraints) {
        ta_write_u8(w, constraints ? SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY);
        ta_key_write_private(key, w);
        ta_write_string(w, comment);
        if (constraints)
                ta_constraints_write(w, constraints);
}

int ta_identities_read(TaBytes message, TaReader *ret_reader, uint32_t *ret_count) {
        TaReader r = answer(message, SSH_AGENT_IDENTITIES_ANSWER);
        uint32_t count = ta_read_u32(&r);

        /* Each identity has two lengths of four bytes, so a count is bounded by what arrived, and
         * a caller may allocate by it. */
        if (count > TA_MSG_MAX / 8)
                ta_read_fail(&r, TA_E_LIMIT);
        else if (count > r.len / 8)
                ta_read_fail(&r, TA_E_TRUNCATED);
        if (r.err)
                return r.err;
        *ret_reader = r;
        *ret_count = count;
        return 0;
}

TaIdentity ta_identities_next(TaReader *r) {
        TaIdentity identity;

        identity.key = ta_read_string(r);
        identity.comment = ta_read_string(r);
        return r->err ? (TaIdentity){0} : identity;
}

void ta_identities_begin(TaWriter *w, uint32_t count) {
        ta_write_u8(w, SSH_AGENT_IDENTITIES_ANSWER);
        ta_write_u32(w, count);
}

void ta_identities_write(TaWriter *w, TaIdentity identity) {
        ta_write_string(w, identity.key);
        ta_write_string(w, identity.comment);
}

int ta_extension_read(TaBytes message, TaExtension *ret) {
        TaReader r = request(message, SSH_AGENTC_EXTENSION);
        TaExtension found;
        int err;

        found.name = ta_read_text(&r, TA_MSG_MAX);
        if (found.name.len == 0)
                ta_read_fail(&r, TA_E_MALFORMED);
        found.contents = ta_read_rest(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = found;
        return 0;
}

void ta_extension_begin(TaWriter *w, const char *name) {
        ta_write_u8(w, SSH_AGENTC_EXTENSION);
        ta_write_cstring(w, name);
}

int ta_session_bind_read(TaBytes contents, TaSessionBind *ret) {
        TaReader r = ta_reader(contents);
        TaSessionBind found;
        int err;

        found.host_key = ta_read_string(&r);
        found.session_id = ta_read_string(&r);
        found.signature = ta_read_string(&r);
        found.is_forwarding = ta_read_bool(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = found;
        return 0;
}

void ta_session_bind_write(TaWriter *w, const TaSessionBind *bind) {
        ta_write_string(w, bind->host_key);
        ta_write_string(w, bind->session_id);
        ta_write_string(w, bind->signature);
        ta_write_u8(w, bind->is_forwarding);
}

int ta_query_response_read(TaBytes message, TaReader *ret_names) {
        TaReader r = answer(message, SSH_AGENT_EXTENSION_RESPONSE);
        TaReader names;

        ta_read_expect(&r, TA_EXT_QUERY);
        if (r.err)
                return r.err;
        names = r;
        while (!r.err && r.len > 0)
                (void)ta_read_text(&r, TA_MSG_MAX);
        if (r.err)
                return r.err;
        *ret_names = names;
        return 0;
}

void ta_query_response_begin(TaWriter *w) {
        ta_write_u8(w, SSH_AGENT_EXTENSION_RESPONSE);
        ta_write_cstring(w, TA_EXT_QUERY);
}

int ta_info_read(TaBytes message, TaInfo *ret) {
        TaReader r = answer(message, SSH_AGENT_EXTENSION_RESPONSE);
        TaInfo info = {0};
        int err;

        ta_read_expect(&r, TA_EXT_INFO);
        info.version = ta_read_text(&r, TA_COMMENT_MAX);
        info.level = ta_read_u8(&r);
        info.locked = ta_read_bool(&r);
        info.launcher = ta_read_bool(&r);
        info.n_identities = ta_read_u32(&r);
        info.n_seal_keys = ta_read_u32(&r);
        if (info.n_seal_keys > TA_SEAL_KEYS_MAX)
                ta_read_fail(&r, TA_E_LIMIT);
        for (uint32_t i = 0; i < info.n_seal_keys && !r.err; i++) {
                info.seal_keys[i] = ta_read_string(&r);
                if (!r.err && info.seal_keys[i].len != TA_SEAL_KEY_LEN)
                        ta_read_fail(&r, TA_E_MALFORMED);
        }
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = info;
        return 0;
}

void ta_info_write(TaWriter *w, const TaInfo *info) {
        ta_write_u8(w, SSH_AGENT_EXTENSION_RESPONSE);
        ta_write_cstring(w, TA_EXT_INFO);
        ta_write_string(w, info->version);
        ta_write_u8(w, info->level);
        ta_write_u8(w, info->locked);
        ta_write_u8(w, info->launcher);
        ta_write_u32(w, info->n_identities);
        ta_write_u32(w, info->n_seal_keys);
        for (uint32_t i = 0; i < info->n_seal_keys; i++)
                ta_write_string(w, info->seal_keys[i]);
}

int ta_add_sealed_read(TaBytes contents, TaAddSealed *ret) {
        TaReader r = ta_reader(contents);
        TaAddSealed add = {0};
        int err;

        add.n = ta_read_u32(&r);
        if (add.n > TA_SEAL_KEYS_MAX)
                ta_read_fail(&r, TA_E_LIMIT);
        for (uint32_t i = 0; i < add.n && !r.err; i++)
                add.boxes[i] = ta_read_string(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = add;
        return 0;
}

void ta_add_sealed_write(TaWriter *w, TaBytes body, const TaInfo *info) {
        ta_extension_begin(w, TA_EXT_ADD_SEALED);
        ta_write_u32(w, info->n_seal_keys);
        for (uint32_t i = 0; i < info->n_seal_keys; i++) {
                uint8_t *box;

                ta_write_u32(w, (uint32_t)(body.len + crypto_box_SEALBYTES));
                box = ta_write_space(w, body.len + crypto_box_SEALBYTES);
                if (!box)
                        return;
                if (crypto_box_seal(box, body.data, body.len, info->seal_keys[i].data) != 0) {
                        w->err = TA_E_CRYPTO; /* a public key that is none */
                        return;
                }
        }
}

int ta_status_read(TaBytes message) {
        if (message.len == 1 && message.data[0] == SSH_AGENT_SUCCESS)
                return 0;
        /* Old agents send a reason behind their failure number. */
        if (message.len > 0 && is_failure(message.data[0]))
                return TA_E_REFUSED;
        return TA_E_PROTOCOL;
}
