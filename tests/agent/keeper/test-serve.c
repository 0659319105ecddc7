/* SPDX-License-Identifier: ISC */
/* One job in, one reply out. F49: a datagram that is no job ends the keeper, anything inside a job
 * that makes no sense is a reply with its reason. */
#include <glib.h>
#include <sodium.h>

#include "agent/keeper/serve.h"
#include "lib/message.h"

static uint8_t in[LINK_MAX], out[LINK_MAX];

typedef struct Got {
        int err; /* of serve() */
        bool replied;
        LinkReply reply;
} Got;

static Got do_job(Vault *vault, uint8_t op, uint32_t key, TaBytes contents) {
        TaWriter w = ta_writer(out, sizeof out);
        g_autofree uint8_t *exact = g_malloc(LINK_JOB_HEADER + contents.len);
        Got got = {0};

        link_job_header(exact, op, 99, key);
        if (contents.len > 0)
                memcpy(exact + LINK_JOB_HEADER, contents.data, contents.len);
        got.err = serve(vault, (TaBytes){exact, LINK_JOB_HEADER + contents.len}, &w);
        g_assert_cmpint(w.err, ==, 0);
        got.replied = w.len > 0;
        if (got.replied) {
                g_assert_cmpint(link_reply_read(ta_written(&w), &got.reply), ==, 0);
                g_assert_cmpuint(got.reply.job, ==, 99);
                if (got.reply.status)
                        g_assert_cmpuint(got.reply.contents.len, ==, 0); /* a reason, and only that */
        }
        return got;
}

/* For operations that are answered: the status. */
static int status_of(Vault *vault, uint8_t op, uint32_t key, TaBytes contents) {
        Got got = do_job(vault, op, key, contents);

        g_assert_cmpint(got.err, ==, 0);
        g_assert_true(got.replied);
        return got.reply.status;
}

static void tell(Vault *vault, uint8_t op, uint32_t key, TaBytes contents) {
        Got got = do_job(vault, op, key, contents);

        g_assert_cmpint(got.err, ==, 0);
        g_assert_false(got.replied);
}

static void commit(Vault *vault, uint32_t key, uint64_t deadline) {
        uint8_t buf[8];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_u64(&w, deadline);
        tell(vault, LINK_COMMIT, key, ta_written(&w));
}

static TaBytes add_contents(const TaKey *key, TaBytes comment, const char *constraints) {
        TaWriter w = ta_writer(in, sizeof in);

        ta_key_write_private(key, &w);
        ta_write_string(&w, comment);
        ta_write_raw(&w, ta_str(constraints));
        g_assert_cmpint(w.err, ==, 0);
        return ta_written(&w);
}

static TaBytes passphrase(const char *text) {
        TaWriter w = ta_writer(in, sizeof in);

        ta_write_cstring(&w, text);
        return ta_written(&w);
}

static TaBytes sign_contents(uint32_t flags, const char *data) {
        TaWriter w = ta_writer(in, sizeof in);

        ta_write_u32(&w, flags);
        ta_write_raw(&w, ta_str(data));
        return ta_written(&w);
}

static TaKey *ed25519(void) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &key), ==, 0);
        return key;
}

static void test_life_of_a_key(void) {
        static const char *const types[] = {"ed25519", "ecdsa", "rsa"};
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        for (uint32_t id = 1; id <= G_N_ELEMENTS(types); id++) {
                const TaKeyType *type = ta_key_type_by_option(types[id - 1], 0);
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                TaBytes blob, comment;
                TaReader r;
                Got got;

                g_assert_cmpint(ta_key_generate(type, type->bits ? 0 : 2048, &key), ==, 0);
                got = do_job(v, LINK_ADD, id, add_contents(key, ta_str("a comment"), "\2\1"));
                g_assert_cmpint(got.reply.status, ==, 0);
                r = ta_reader(got.reply.contents);
                blob = ta_read_string(&r);
                comment = ta_read_string(&r);
                g_assert_true(ta_bytes_equal(blob, ta_key_blob(key)));
                g_assert_true(ta_bytes_is(comment, "a comment"));
                g_assert_cmpint(ta_read_bool(&r), ==, type->slow);
                g_assert_true(ta_bytes_is(ta_read_rest(&r), "\2\1")); /* for the front to judge */

                g_assert_cmpint(status_of(v, LINK_SIGN, id, sign_contents(2, "x")), ==, TA_E_NOT_FOUND);
                commit(v, id, 0);
                got = do_job(v, LINK_SIGN, id, sign_contents(2, "x"));
                g_assert_cmpint(got.reply.status, ==, 0);
                g_assert_cmpint(ta_key_verify(key, ta_str("x"), got.reply.contents), ==, 0);
                tell(v, LINK_DROP, id, (TaBytes){0});
                g_assert_cmpint(status_of(v, LINK_SIGN, id, sign_contents(2, "x")), ==, TA_E_NOT_FOUND);
        }
        vault_free(v);
}

static void test_lock(void) {
        ta_cleanup(ta_key_freep) TaKey *key = ed25519();
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        g_assert_cmpint(status_of(v, LINK_ADD, 1, add_contents(key, ta_str(""), "")), ==, 0);
        commit(v, 1, 0);
        g_assert_cmpint(status_of(v, LINK_LOCK, 0, passphrase("")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(status_of(v, LINK_LOCK, 0, passphrase("p")), ==, 0);
        g_assert_cmpint(status_of(v, LINK_SIGN, 1, sign_contents(0, "x")), ==, TA_E_LOCKED);
        g_assert_cmpint(status_of(v, LINK_UNLOCK, 0, passphrase("q")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(status_of(v, LINK_UNLOCK, 0, passphrase("p")), ==, 0);
        g_assert_cmpint(status_of(v, LINK_SIGN, 1, sign_contents(0, "x")), ==, 0);
        tell(v, LINK_DROP_ALL, 0, (TaBytes){0});
        g_assert_cmpint(status_of(v, LINK_SIGN, 1, sign_contents(0, "x")), ==, TA_E_NOT_FOUND);
        vault_free(v);
}

static void test_same_number(void) {
        ta_cleanup(ta_key_freep) TaKey *key = ed25519();
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        g_assert_cmpint(status_of(v, LINK_ADD, 1, add_contents(key, ta_str(""), "")), ==, 0);
        g_assert_cmpint(status_of(v, LINK_ADD, 1, add_contents(key, ta_str(""), "")), ==, TA_E_EXISTS);
        g_assert_cmpint(status_of(v, LINK_ADD, 0, add_contents(key, ta_str(""), "")), ==, TA_E_PROTOCOL);
        vault_free(v);
}

/* every prefix of what a job carries is refused, and nothing is kept of it */
static void test_cut_contents(void) {
        ta_cleanup(ta_key_freep) TaKey *key = ed25519();
        size_t before, len;
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        before = ta_secret_in_use();
        len = add_contents(key, ta_str("c"), "").len;
        for (size_t n = 0; n < len; n++) {
                int status = status_of(v, LINK_ADD, 1,
                                       (TaBytes){add_contents(key, ta_str("c"), "").data, n});

                g_assert_cmpint(status, <, 0);
                g_assert_cmpuint(ta_secret_in_use(), ==, before);
        }
        for (size_t n = 0; n < 4; n++)
                g_assert_cmpint(status_of(v, LINK_SIGN, 1, (TaBytes){in, n}), ==, TA_E_TRUNCATED);
        for (size_t n = 0; n < 5; n++) {
                g_assert_cmpint(status_of(v, LINK_LOCK, 0, (TaBytes){passphrase("p").data, n}), ==,
                                TA_E_TRUNCATED);
                g_assert_cmpint(status_of(v, LINK_UNLOCK, 0, (TaBytes){passphrase("p").data, n}), ==,
                                TA_E_TRUNCATED);
        }
        passphrase("p");
        in[5] = 0;
        g_assert_cmpint(status_of(v, LINK_LOCK, 0, (TaBytes){in, 6}), ==, TA_E_TRAILING);
        /* a comment with a NUL is none */
        g_assert_cmpint(status_of(v, LINK_ADD, 1,
                                  add_contents(key, (TaBytes){(const uint8_t *)"a\0b", 3}, "")),
                        ==, TA_E_MALFORMED);
        vault_free(v);
}

/* F49: what is no job at all */
static void test_no_job(void) {
        TaWriter w = ta_writer(out, sizeof out);
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        for (unsigned op = 0; op < 256; op++)
                if (op < LINK_ADD || op > LINK_UNLOCK)
                        g_assert_cmpint(do_job(v, (uint8_t)op, 1, (TaBytes){0}).err, ==, TA_E_PROTOCOL);
        for (size_t n = 0; n < LINK_JOB_HEADER; n++)
                g_assert_cmpint(serve(v, (TaBytes){in, n}, &w), ==, TA_E_TRUNCATED);
        vault_free(v);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_secret_init(0), ==, 0);
        g_test_add_func("/serve/life-of-a-key", test_life_of_a_key);
        g_test_add_func("/serve/lock", test_lock);
        g_test_add_func("/serve/same-number", test_same_number);
        g_test_add_func("/serve/cut-contents", test_cut_contents);
        g_test_add_func("/serve/F49-no-job", test_no_job);
        return g_test_run();
}
