/* SPDX-License-Identifier: ISC */
/* session-bind@openssh.com with real host keys: what is recorded, what is refused, and that a
 * connection which is not known to be local never looks so. F10, F11. */
#include <glib.h>

#include "agent/binding.h"
#include "lib/key.h"

typedef struct Request {
        const TaKey *host, *signer;
        TaBytes session_id, signed_id;
        bool forwarding;
        bool spoil;
        size_t cut; /* bytes left out at the end */
} Request;

static TaKey *host, *other;

static int add(Bindings *bindings, const Request *q) {
        const TaKey *signer = q->signer ? q->signer : q->host;
        TaBytes signed_id = q->signed_id.data ? q->signed_id : q->session_id;
        uint8_t signature[2048], buf[8192];
        TaWriter s = ta_writer(signature, sizeof signature), w = ta_writer(buf, sizeof buf);
        g_autofree uint8_t *exact = NULL;

        g_assert_cmpint(ta_key_sign(signer, signed_id, SSH_AGENT_RSA_SHA2_256, &s), ==, 0);
        if (q->spoil)
                signature[s.len - 1] ^= 1;
        ta_session_bind_write(&w, &(TaSessionBind){ta_key_blob(q->host), q->session_id,
                                                   ta_written(&s), q->forwarding});
        g_assert_cmpint(w.err, ==, 0);
        exact = g_memdup2(buf, w.len - q->cut);
        return bindings_add(bindings, (TaBytes){exact, w.len - q->cut});
}

static int add_simple(Bindings *bindings, const char *session_id, bool forwarding) {
        return add(bindings, &(Request){.host = host, .session_id = ta_str(session_id),
                                        .forwarding = forwarding});
}

static void test_every_key_type(void) {
        static const char *const types[] = {"ed25519", "ecdsa", "rsa"};

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                const TaKeyType *type = ta_key_type_by_option(types[i], 0);
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                Bindings b = {0};

                g_assert_cmpint(ta_key_generate(type, 0, &key), ==, 0);
                g_assert_cmpint(add(&b, &(Request){.host = key, .session_id = ta_str("s")}), ==, 0);
                g_assert_cmpuint(b.n, ==, 1);
                g_assert_cmpmem(b.list[0].host_key, b.list[0].host_key_len, key->blob, key->blob_len);
                g_assert_cmpmem(b.list[0].session_id, b.list[0].session_id_len, "s", 1);
                bindings_clear(&b);
                g_assert_cmpuint(b.n, ==, 0);
        }
}

static void test_local_or_not(void) {
        Bindings b = {0};

        g_assert_false(bindings_forwarded(&b)); /* nothing was said */
        g_assert_cmpint(add_simple(&b, "login", false), ==, 0);
        g_assert_false(bindings_forwarded(&b));
        bindings_clear(&b);

        g_assert_cmpint(add_simple(&b, "hop", true), ==, 0);
        g_assert_true(bindings_forwarded(&b));
        g_assert_cmpint(add_simple(&b, "login over there", false), ==, 0);
        g_assert_true(bindings_forwarded(&b)); /* F11: forwarded, then not: never local again */
        g_assert_cmpuint(b.n, ==, 2);
        g_assert_cmpint(add_simple(&b, "third", true), ==, TA_E_REFUSED);
        g_assert_cmpuint(b.n, ==, 2);
        g_assert_true(bindings_forwarded(&b));
        bindings_clear(&b);
}

/* F11: a bind that is refused for any reason makes the connection one from elsewhere, and leaves
 * what was recorded; also where the connection was bound for a login before */
static void test_refused(void) {
        static const uint8_t long_id[TA_SESSION_ID_MAX + 1] = {1};
        const struct {
                Request request;
                int err;
        } rows[] = {
                {{.host = host, .session_id = ta_str("s"), .spoil = true}, TA_E_SIGNATURE},
                {{.host = host, .session_id = ta_str("s"), .signer = other}, TA_E_SIGNATURE},
                {{.host = host, .session_id = ta_str("s"), .signed_id = ta_str("t")}, TA_E_SIGNATURE},
                {{.host = host, .session_id = {long_id, sizeof long_id}}, TA_E_LIMIT},
                {{.host = host, .session_id = {long_id, 0}}, TA_E_LIMIT},
                {{.host = host, .session_id = ta_str("s"), .cut = 1}, TA_E_TRUNCATED},
                {{.host = host, .session_id = ta_str("s"), .cut = 20}, TA_E_TRUNCATED},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                for (int before = 0; before < 2; before++) {
                        Bindings b = {0};

                        if (before)
                                g_assert_cmpint(add_simple(&b, "before", false), ==, 0);
                        g_assert_cmpint(add(&b, &rows[i].request), ==, rows[i].err);
                        g_assert_cmpuint(b.n, ==, (unsigned)before);
                        g_assert_true(bindings_forwarded(&b));
                        bindings_clear(&b);
                }
}

/* F10: sixteen are recorded, the seventeenth is not; 128 bytes of session id are, 129 are not */
static void test_limits(void) {
        static const uint8_t longest[TA_SESSION_ID_MAX] = {1};
        Bindings b = {0};
        char id[8];

        for (int i = 0; i < TA_SESSION_BINDS_MAX; i++) {
                g_snprintf(id, sizeof id, "s%d", i);
                g_assert_cmpint(add_simple(&b, id, true), ==, 0);
        }
        g_assert_cmpint(add_simple(&b, "one more", true), ==, TA_E_LIMIT);
        g_assert_cmpuint(b.n, ==, TA_SESSION_BINDS_MAX);
        for (int i = 0; i < TA_SESSION_BINDS_MAX; i++) {
                g_snprintf(id, sizeof id, "s%d", i);
                g_assert_cmpmem(b.list[i].session_id, b.list[i].session_id_len, id, strlen(id));
        }
        bindings_clear(&b);

        g_assert_cmpint(add(&b, &(Request){.host = host, .session_id = {longest, sizeof longest}}), ==, 0);
        g_assert_cmpuint(b.list[0].session_id_len, ==, sizeof longest);
        bindings_clear(&b);
}

/* a client that binds again and again costs a signature check each time, but not for ever */
static void test_again_and_again(void) {
        const Request kinds[] = {
                {.host = host, .session_id = ta_str("s"), .spoil = true},
                {.host = host, .session_id = ta_str("s"), .forwarding = true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                Bindings b = {0};
                int last = 0;
                unsigned n = 0;

                while (n < 1000 && (last = add(&b, &kinds[i])) != TA_E_LIMIT)
                        n++;
                g_assert_cmpint(last, ==, TA_E_LIMIT);
                g_assert_cmpuint(n, ==, 64);
                g_assert_cmpint(add_simple(&b, "t", false), ==, TA_E_LIMIT); /* nor a good one */
                g_assert_cmpuint(b.n, ==, kinds[i].spoil ? 0 : 1);
                g_assert_true(bindings_forwarded(&b));
                bindings_clear(&b);
        }
}

static void test_known_session(void) {
        Bindings b = {0};

        g_assert_cmpint(add_simple(&b, "s", true), ==, 0);
        g_assert_cmpint(add_simple(&b, "s", true), ==, 0); /* said again: nothing new */
        g_assert_cmpuint(b.n, ==, 1);
        g_assert_cmpint(add(&b, &(Request){.host = other, .session_id = ta_str("s"), .forwarding = true}),
                        ==, TA_E_MISMATCH);
        g_assert_cmpuint(b.n, ==, 1);
        /* another session of the same host is another binding */
        g_assert_cmpint(add_simple(&b, "t", true), ==, 0);
        g_assert_cmpuint(b.n, ==, 2);
        bindings_clear(&b);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &host), ==, 0);
        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &other), ==, 0);
        g_test_add_func("/binding/every-key-type", test_every_key_type);
        g_test_add_func("/binding/F11-local-or-not", test_local_or_not);
        g_test_add_func("/binding/F11-refused", test_refused);
        g_test_add_func("/binding/F10-limits", test_limits);
        g_test_add_func("/binding/F10-again-and-again", test_again_and_again);
        g_test_add_func("/binding/known-session", test_known_session);
        status = g_test_run();
        ta_key_free(host);
        ta_key_free(other);
        return status;
}
