/* SPDX-License-Identifier: ISC */
/* Every reader of lib/message.h: what it takes, its writer gives back byte for byte. */
#include "lib/message.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[TA_MSG_MAX];

static void same(TaBytes message, const TaWriter *w) {
        must(!w->err && ta_bytes_equal(message, ta_written(w)));
}

static void sign_request(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaSignRequest request;

        if (ta_sign_request_read(message, &request))
                return;
        ta_sign_request_write(&w, &request);
        same(message, &w);
}

static void one_string(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaBytes found;

        if (ta_sign_response_read(message, &found) == 0)
                ta_sign_response_write(&w, found);
        else if (ta_remove_read(message, &found) == 0)
                ta_remove_write(&w, found);
        else if (ta_lock_read(message, &found) == 0)
                ta_lock_write(&w, message.data[0] == SSH_AGENTC_LOCK, found);
        else
                return;
        same(message, &w);
}

static void add(TaBytes message) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaWriter w = ta_writer(buf, sizeof buf);
        TaBytes comment, constraints;

        if (ta_add_read(message, &key, &comment, &constraints))
                return;
        ta_add_write(&w, key, comment, NULL);
        ta_write_raw(&w, constraints);
        buf[0] = message.data[0]; /* two types, read alike */
        same(message, &w);
}

static void identities(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        uint32_t count;
        TaReader r;

        if (ta_identities_read(message, &r, &count))
                return;
        must(count <= message.len / 8);
        ta_identities_begin(&w, count);
        for (uint32_t i = 0; i < count && !r.err; i++)
                ta_identities_write(&w, ta_identities_next(&r));
        if (ta_read_end(&r) == 0)
                same(message, &w);
}

static void extension(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaExtension found;
        char name[256];

        if (ta_extension_read(message, &found) || found.name.len >= sizeof name)
                return;
        memcpy(name, found.name.data, found.name.len);
        name[found.name.len] = 0;
        ta_extension_begin(&w, name);
        ta_write_raw(&w, found.contents);
        same(message, &w);
}

static void session_bind(TaBytes contents) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaSessionBind bind;

        if (ta_session_bind_read(contents, &bind))
                return;
        ta_session_bind_write(&w, &bind);
        same(contents, &w);
}

static void query(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaReader names;

        if (ta_query_response_read(message, &names))
                return;
        ta_query_response_begin(&w);
        while (names.len > 0 && !names.err)
                ta_write_string(&w, ta_read_text(&names, TA_MSG_MAX));
        same(message, &w);
}

static void info(TaBytes message) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaInfo found;

        if (ta_info_read(message, &found))
                return;
        must(found.n_seal_keys <= TA_SEAL_KEYS_MAX);
        for (uint32_t i = 0; i < found.n_seal_keys; i++)
                must(found.seal_keys[i].len == TA_SEAL_KEY_LEN);
        ta_info_write(&w, &found);
        same(message, &w);
}

static void add_sealed(TaBytes contents) {
        TaWriter w = ta_writer(buf, sizeof buf);
        TaAddSealed found;

        if (ta_add_sealed_read(contents, &found))
                return;
        must(found.n <= TA_SEAL_KEYS_MAX);
        ta_write_u32(&w, found.n);
        for (uint32_t i = 0; i < found.n; i++)
                ta_write_string(&w, found.boxes[i]);
        same(contents, &w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaBytes message = {data, len};

        if (len > TA_MSG_MAX)
                return 0;
        sign_request(message);
        one_string(message);
        add(message);
        identities(message);
        extension(message);
        session_bind(message);
        query(message);
        info(message);
        add_sealed(message);
        must(ta_status_read(message) != 0 || (len == 1 && data[0] == SSH_AGENT_SUCCESS));
        return 0;
}
