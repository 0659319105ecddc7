/* SPDX-License-Identifier: ISC */
/*
 * Every message of lib/message.h: written and read again, cut at every byte, with every bit
 * flipped, and with every length set to what an attacker would set it to. What a reader takes, its
 * writer gives back byte for byte; so a change that is not refused is one that was understood.
 */
#include <glib.h>
#include <sodium.h>

#include "lib/message.h"

#define ROOM 4096

static TaKey *keys[2];

static const TaBytes blob = {(const uint8_t *)"a public key", 12};
static const TaBytes data = {(const uint8_t *)"what is to be signed", 20};

static void write_sign_request(TaWriter *w) {
        ta_sign_request_write(w, &(TaSignRequest){blob, data, SSH_AGENT_RSA_SHA2_512});
}

static int again_sign_request(TaBytes message, TaWriter *w) {
        TaSignRequest request;
        int err = ta_sign_request_read(message, &request);

        if (!err)
                ta_sign_request_write(w, &request);
        return err;
}

static void write_sign_response(TaWriter *w) {
        ta_sign_response_write(w, data);
}

static int again_sign_response(TaBytes message, TaWriter *w) {
        TaBytes signature;
        int err = ta_sign_response_read(message, &signature);

        if (!err)
                ta_sign_response_write(w, signature);
        return err;
}

static void write_remove(TaWriter *w) {
        ta_remove_write(w, blob);
}

static int again_remove(TaBytes message, TaWriter *w) {
        TaBytes key;
        int err = ta_remove_read(message, &key);

        if (!err)
                ta_remove_write(w, key);
        return err;
}

static void write_lock(TaWriter *w) {
        ta_lock_write(w, true, data);
}

static void write_unlock(TaWriter *w) {
        ta_lock_write(w, false, data);
}

static int again_lock(TaBytes message, TaWriter *w) {
        TaBytes passphrase;
        int err = ta_lock_read(message, &passphrase);

        if (!err)
                ta_lock_write(w, message.data[0] == SSH_AGENTC_LOCK, passphrase);
        return err;
}

static void write_add_ed25519(TaWriter *w) {
        ta_add_write(w, keys[0], ta_str("a comment"), NULL);
}

static void write_add_ecdsa(TaWriter *w) {
        ta_add_write(w, keys[1], ta_str("a comment"),
                     &(TaConstraints){.has_lifetime = true, .lifetime = 60, .confirm = true});
}

static int again_add(TaBytes message, TaWriter *w) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaBytes comment, rest;
        TaConstraints constraints;
        TaReader r;
        int err = ta_add_read(message, &key, &comment, &rest);

        if (err)
                return err;
        r = ta_reader(rest);
        err = ta_constraints_read(&r, &constraints);
        if (err)
                return err;
        ta_add_write(w, key, comment,
                     message.data[0] == SSH_AGENTC_ADD_IDENTITY ? NULL : &constraints);
        if (w->len < message.len) /* constraints may stand behind either type */
                ta_constraints_write(w, &constraints);
        return 0;
}

static void write_identities(TaWriter *w) {
        ta_identities_begin(w, 2);
        ta_identities_write(w, (TaIdentity){blob, data});
        ta_identities_write(w, (TaIdentity){data, {NULL, 0}});
}

static int again_identities(TaBytes message, TaWriter *w) {
        TaReader r;
        uint32_t n;
        int err = ta_identities_read(message, &r, &n);

        if (err)
                return err;
        g_assert_cmpuint(n, <=, message.len / 8);
        ta_identities_begin(w, n);
        while (n-- > 0 && !r.err)
                ta_identities_write(w, ta_identities_next(&r));
        return ta_read_end(&r);
}

static void write_extension(TaWriter *w) {
        ta_extension_begin(w, TA_EXT_SESSION_BIND);
        ta_write_raw(w, data);
}

static int again_extension(TaBytes message, TaWriter *w) {
        TaExtension found;
        int err = ta_extension_read(message, &found);

        if (!err) {
                g_autofree char *name = g_strndup((const char *)found.name.data, found.name.len);

                ta_extension_begin(w, name);
                ta_write_raw(w, found.contents);
        }
        return err;
}

static void write_session_bind(TaWriter *w) {
        ta_session_bind_write(w, &(TaSessionBind){blob, data, blob, true});
}

static int again_session_bind(TaBytes message, TaWriter *w) {
        TaSessionBind bind;
        int err = ta_session_bind_read(message, &bind);

        if (!err)
                ta_session_bind_write(w, &bind);
        return err;
}

static void write_query_response(TaWriter *w) {
        ta_query_response_begin(w);
        ta_write_cstring(w, "one@example.com");
        ta_write_cstring(w, "");
}

static int again_query_response(TaBytes message, TaWriter *w) {
        TaReader names;
        int err = ta_query_response_read(message, &names);

        if (err)
                return err;
        ta_query_response_begin(w);
        while (names.len > 0 && !names.err)
                ta_write_string(w, ta_read_text(&names, TA_MSG_MAX));
        return names.err;
}

static void write_info(TaWriter *w) {
        static const uint8_t one[TA_SEAL_KEY_LEN] = {1}, two[TA_SEAL_KEY_LEN] = {2};

        ta_info_write(w, &(TaInfo){.version = ta_str("1.2.3"), .level = 3, .locked = true,
                                   .launcher = true, .n_identities = 7, .n_seal_keys = 2,
                                   .seal_keys = {{one, sizeof one}, {two, sizeof two}}});
}

static int again_info(TaBytes message, TaWriter *w) {
        TaInfo info;
        int err = ta_info_read(message, &info);

        if (!err)
                ta_info_write(w, &info);
        return err;
}

static void write_add_sealed(TaWriter *w) {
        ta_write_u32(w, 2);
        ta_write_cstring(w, "a box");
        ta_write_cstring(w, "another");
}

static int again_add_sealed(TaBytes message, TaWriter *w) {
        TaAddSealed add;
        int err = ta_add_sealed_read(message, &add);

        if (err)
                return err;
        ta_write_u32(w, add.n);
        for (uint32_t i = 0; i < add.n; i++)
                ta_write_string(w, add.boxes[i]);
        return 0;
}

/* The kinds of message. `answer`: types that say no are told apart from nonsense. `open`: it ends
 * with what others read, so that bytes behind it are not refused. */
static const struct kind {
        const char *name;
        void (*write)(TaWriter *w);
        int (*again)(TaBytes message, TaWriter *w);
        bool answer, open;
        uint8_t type; /* 0: the contents of an extension */
} kinds[] = {
        {"sign request", write_sign_request, again_sign_request, false, false,
         SSH_AGENTC_SIGN_REQUEST},
        {"sign response", write_sign_response, again_sign_response, true, false,
         SSH_AGENT_SIGN_RESPONSE},
        {"remove", write_remove, again_remove, false, false, SSH_AGENTC_REMOVE_IDENTITY},
        {"lock", write_lock, again_lock, false, false, SSH_AGENTC_LOCK},
        {"unlock", write_unlock, again_lock, false, false, SSH_AGENTC_UNLOCK},
        {"add ed25519", write_add_ed25519, again_add, false, true, SSH_AGENTC_ADD_IDENTITY},
        {"add ecdsa", write_add_ecdsa, again_add, false, true, SSH_AGENTC_ADD_ID_CONSTRAINED},
        {"identities", write_identities, again_identities, true, false,
         SSH_AGENT_IDENTITIES_ANSWER},
        {"extension", write_extension, again_extension, false, true, SSH_AGENTC_EXTENSION},
        {"session bind", write_session_bind, again_session_bind, false, false, 0},
        {"query response", write_query_response, again_query_response, true, true,
         SSH_AGENT_EXTENSION_RESPONSE},
        {"info", write_info, again_info, true, false, SSH_AGENT_EXTENSION_RESPONSE},
        {"add sealed", write_add_sealed, again_add_sealed, false, false, 0},
};

/* What is sealed to a keeper only it can open, each box is another's, and none is seen through. */
static void test_sealing(void) {
        uint8_t pk[2][TA_SEAL_KEY_LEN], sk[2][crypto_box_SECRETKEYBYTES], out[ROOM], open[64];
        TaInfo info = {.n_seal_keys = 2};
        TaBytes body = ta_str("a key, a comment, constraints");
        TaWriter w = ta_writer(out, sizeof out);
        TaExtension extension;
        TaAddSealed add;

        for (size_t i = 0; i < 2; i++) {
                crypto_box_keypair(pk[i], sk[i]);
                info.seal_keys[i] = (TaBytes){pk[i], TA_SEAL_KEY_LEN};
        }
        ta_add_sealed_write(&w, body, &info);
        g_assert_null(memmem(out, w.len, body.data, body.len));
        g_assert_cmpint(ta_extension_read(ta_written(&w), &extension), ==, 0);
        g_assert_true(ta_bytes_is(extension.name, TA_EXT_ADD_SEALED));
        g_assert_cmpint(ta_add_sealed_read(extension.contents, &add), ==, 0);
        g_assert_cmpuint(add.n, ==, 2);
        for (size_t box = 0; box < 2; box++) {
                for (size_t key = 0; key < 2; key++)
                        g_assert_cmpint(crypto_box_seal_open(open, add.boxes[box].data,
                                                             add.boxes[box].len, pk[key], sk[key]),
                                        ==, box == key ? 0 : -1);
                g_assert_cmpuint(add.boxes[box].len, ==, body.len + crypto_box_SEALBYTES);
        }
}

/* More boxes or keys than there can be keepers, and keys that are none. */
static void test_sealing_limits(void) {
        uint8_t out[ROOM];
        TaWriter w = ta_writer(out, sizeof out);
        TaAddSealed add;
        TaInfo info;

        ta_write_u32(&w, TA_SEAL_KEYS_MAX + 1);
        for (unsigned i = 0; i <= TA_SEAL_KEYS_MAX; i++)
                ta_write_cstring(&w, "box");
        g_assert_cmpint(ta_add_sealed_read(ta_written(&w), &add), ==, TA_E_LIMIT);
        w = ta_writer(out, sizeof out);
        ta_info_write(&w, &(TaInfo){.version = ta_str("1"), .n_seal_keys = 1,
                                    .seal_keys = {ta_str("too short to be a key")}});
        g_assert_cmpint(ta_info_read(ta_written(&w), &info), ==, TA_E_MALFORMED);
}

static size_t good(const struct kind *kind, uint8_t out[static ROOM]) {
        TaWriter w = ta_writer(out, ROOM);

        kind->write(&w);
        g_assert_cmpint(w.err, ==, 0);
        return w.len;
}

/* Reads a copy that ends where its block does, so that valgrind and sanitizers see the edge. */
static int read_again(const struct kind *kind, const uint8_t *bytes, size_t len) {
        g_autofree uint8_t *copy = g_malloc(len ? len : 1);
        uint8_t back[ROOM];
        TaWriter w = ta_writer(back, sizeof back);
        int err;

        memcpy(copy, bytes, len);
        err = kind->again((TaBytes){copy, len}, &w);
        if (!err) {
                g_assert_cmpint(w.err, ==, 0);
                g_assert_cmpmem(copy, len, back, w.len);
        }
        return err;
}

static void test_written_and_read(void) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
                uint8_t message[ROOM];
                size_t len = good(&kinds[k], message);

                g_test_message("%s", kinds[k].name);
                if (kinds[k].type)
                        g_assert_cmpuint(message[0], ==, kinds[k].type);
                g_assert_cmpint(read_again(&kinds[k], message, len), ==, 0);
        }
}

/* F3, F7 */
static void test_cut_and_lengthened(void) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
                uint8_t message[ROOM];
                size_t len = good(&kinds[k], message);

                for (size_t cut = 0; cut < len; cut++) {
                        int err = read_again(&kinds[k], message, cut);

                        if (err != 0)
                                continue;
                        g_test_message("%s, cut to %zu bytes", kinds[k].name, cut);
                        g_assert_true(kinds[k].open);
                }
                g_assert_cmpint(read_again(&kinds[k], message, 0), ==, TA_E_TRUNCATED);
                memset(message + len, 0, 1);
                if (!kinds[k].open)
                        g_assert_cmpint(read_again(&kinds[k], message, len + 1), ==, TA_E_TRAILING);
        }
}

static void test_every_bit(void) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
                uint8_t message[ROOM];
                size_t len = good(&kinds[k], message);

                for (size_t bit = 0; bit < 8 * len; bit++) {
                        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        (void)read_again(&kinds[k], message, len); /* asserts what it takes */
                        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
        }
}

/* F6: at every place where a length may stand */
static void test_every_length(void) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
                uint8_t message[ROOM], changed[ROOM];
                size_t len = good(&kinds[k], message);

                for (size_t at = 0; at + 4 <= len; at++) {
                        const uint32_t values[] = {
                                0,
                                1,
                                (uint32_t)(len - at - 5),
                                (uint32_t)(len - at - 4),
                                (uint32_t)(len - at - 3),
                                (uint32_t)len,
                                TA_MSG_MAX,
                                TA_MSG_MAX + 1,
                                INT32_MAX,
                                0x80000000,
                                UINT32_MAX - 4,
                                UINT32_MAX,
                        };

                        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                                TaWriter w = ta_writer(changed + at, 4);

                                memcpy(changed, message, len);
                                ta_write_u32(&w, values[i]);
                                (void)read_again(&kinds[k], changed, len);
                        }
                }
        }
}

/* Every other type is refused, and those that say no are known as such. */
static void test_types(void) {
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
                uint8_t message[ROOM];
                size_t len = good(&kinds[k], message);

                for (unsigned type = 0; type < 256 && kinds[k].type; type++) {
                        bool no = type == SSH_AGENT_FAILURE ||
                                  type == SSH_AGENT_EXTENSION_FAILURE ||
                                  type == SSH2_AGENT_FAILURE || type == SSH_COM_AGENT2_FAILURE;
                        int err;

                        message[0] = (uint8_t)type;
                        err = read_again(&kinds[k], message, len);
                        if (err != 0)
                                g_assert_cmpint(err, ==,
                                                kinds[k].answer && no ? TA_E_REFUSED
                                                                      : TA_E_PROTOCOL);
                        else if (kinds[k].again != again_lock && kinds[k].again != again_add)
                                g_assert_cmpuint(type, ==, kinds[k].type);
                }
        }
}

static void test_status(void) {
        for (unsigned type = 0; type < 256; type++) {
                uint8_t answer[2] = {(uint8_t)type, 0};
                int one = ta_status_read((TaBytes){answer, 1}),
                    two = ta_status_read((TaBytes){answer, 2});

                switch (type) {
                case SSH_AGENT_SUCCESS:
                        g_assert_cmpint(one, ==, 0);
                        g_assert_cmpint(two, ==, TA_E_PROTOCOL);
                        break;
                case SSH_AGENT_FAILURE:
                case SSH_AGENT_EXTENSION_FAILURE:
                case SSH2_AGENT_FAILURE:
                case SSH_COM_AGENT2_FAILURE:
                        g_assert_cmpint(one, ==, TA_E_REFUSED);
                        g_assert_cmpint(two, ==, TA_E_REFUSED); /* a reason may follow */
                        break;
                default:
                        g_assert_cmpint(one, ==, TA_E_PROTOCOL);
                        g_assert_cmpint(two, ==, TA_E_PROTOCOL);
                }
        }
        g_assert_cmpint(ta_status_read((TaBytes){NULL, 0}), ==, TA_E_PROTOCOL);
}

/* A count is bounded by what has arrived before anybody asks for memory by it. */
static void test_identities_count(void) {
        uint8_t message[5 + 16] = {0};
        TaWriter w = ta_writer(message, sizeof message);
        uint32_t n = 7;
        TaReader r;

        ta_identities_begin(&w, 2);
        g_assert_cmpint(ta_identities_read((TaBytes){message, sizeof message}, &r, &n), ==, 0);
        g_assert_cmpuint(n, ==, 2);
        w.len = 0;
        ta_identities_begin(&w, 3);
        g_assert_cmpint(ta_identities_read((TaBytes){message, sizeof message}, &r, &n), ==,
                        TA_E_TRUNCATED);
        w.len = 0;
        ta_identities_begin(&w, UINT32_MAX);
        g_assert_cmpint(ta_identities_read((TaBytes){message, sizeof message}, &r, &n), ==,
                        TA_E_LIMIT);
        g_assert_cmpuint(n, ==, 2); /* untouched by failures */
}

static void test_names(void) {
        static const uint8_t empty[] = {SSH_AGENTC_EXTENSION, 0, 0, 0, 0};
        static const uint8_t nul[] = {SSH_AGENTC_EXTENSION, 0, 0, 0, 3, 'a', 0, 'b'};
        TaExtension found;

        g_assert_cmpint(ta_extension_read((TaBytes){empty, sizeof empty}, &found), ==,
                        TA_E_MALFORMED);
        g_assert_cmpint(ta_extension_read((TaBytes){nul, sizeof nul}, &found), ==, TA_E_MALFORMED);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &keys[0]), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ecdsa_p256, 0, &keys[1]), ==, 0);
        g_test_add_func("/message/written-and-read", test_written_and_read);
        g_test_add_func("/message/f3-f7-cut-and-lengthened", test_cut_and_lengthened);
        g_test_add_func("/message/every-bit", test_every_bit);
        g_test_add_func("/message/f6-every-length", test_every_length);
        g_test_add_func("/message/types", test_types);
        g_test_add_func("/message/status", test_status);
        g_test_add_func("/message/identities-count", test_identities_count);
        g_test_add_func("/message/names", test_names);
        g_test_add_func("/message/sealing", test_sealing);
        g_test_add_func("/message/sealing-limits", test_sealing_limits);
        status = g_test_run();
        ta_key_free(keys[0]);
        ta_key_free(keys[1]);
        return status;
}
