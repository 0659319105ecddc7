/* SPDX-License-Identifier: ISC */
/* openssh-key-v1 bodies put together by hand, each with one fault. Row F22 and F23. */
#include <glib.h>

#include "lib/keyfile.h"
#include "lib/text.h"

#define PASS "a pass phrase"
#define ROOM (4 * 1024 * 1024)

/* What a good file says, and what a row of the table says instead. */
typedef struct Shape {
        const char *name;
        int err; /* what it must come to */
        const char *cipher, *kdf;
        bool no_options; /* of the key derivation; "none" has none anyway */
        size_t salt_len;
        uint32_t rounds, n_keys;
        uint32_t check_differs;
        unsigned padding; /* its first byte */
        size_t padding_more, trailing;
        bool other_public;
        bool with_nul; /* in the comment */
        size_t cut_sealed;
} Shape;

static TaKey *key, *other;

static const char none[] = "none", bcrypt[] = "bcrypt";

static void write_plain(TaWriter *w, const Shape *s) {
        ta_write_u32(w, 0x01020304);
        ta_write_u32(w, 0x01020304 + s->check_differs);
        ta_key_write_private(key, w);
        ta_write_string(w, (TaBytes){(const uint8_t *)"ab\0c", s->with_nul ? 4 : 2});
        for (unsigned i = 0; w->len % 16 != 0 || i == 0; i++)
                ta_write_u8(w, (uint8_t)(s->padding + i));
        for (size_t i = 0; i < s->padding_more; i++)
                ta_write_u8(w, 0xff);
}

/* What comes of a file of this shape. Encrypted ones only get as far as their passphrase. */
static int try_shape(const Shape *s) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        g_autofree uint8_t *body = g_malloc(ROOM), *salt = g_malloc0(s->salt_len + 1);
        g_autofree char *text = g_malloc(ROOM);
        uint8_t plain[1024];
        TaWriter w = ta_writer(body, ROOM), p = ta_writer(plain, sizeof plain), t;
        size_t mark;
        int err;

        write_plain(&p, s);
        g_assert_cmpint(p.err, ==, 0);
        ta_write_raw(&w, (TaBytes){(const uint8_t *)"openssh-key-v1", 15});
        ta_write_cstring(&w, s->cipher);
        ta_write_cstring(&w, s->kdf);
        mark = ta_write_begin(&w);
        if (s->kdf != none && !s->no_options) {
                ta_write_string(&w, (TaBytes){salt, s->salt_len});
                ta_write_u32(&w, s->rounds);
        }
        ta_write_finish(&w, mark);
        ta_write_u32(&w, s->n_keys);
        for (uint32_t i = 0; i < s->n_keys; i++)
                ta_write_string(&w, ta_key_blob(s->other_public ? other : key));
        ta_write_string(&w, (TaBytes){plain, p.len - s->cut_sealed});
        for (size_t i = 0; i < s->trailing; i++)
                ta_write_u8(&w, 0);
        g_assert_cmpint(w.err, ==, 0);
        t = ta_writer(text, ROOM);
        ta_armour_write(&t, "OPENSSH PRIVATE KEY", ta_written(&w), 70);
        g_assert_cmpint(t.err, ==, 0);
        err = ta_keyfile_parse(ta_written(&t), &file);
        if (!err)
                ta_keyfile_unlock(&file, 1, ta_str(PASS), &err);
        g_assert_true(err || file->key);
        return err;
}

#define GOOD .cipher = none, .kdf = none, .n_keys = 1, .padding = 1
#define SEALED                                                                                     \
        .cipher = "aes256-ctr", .kdf = bcrypt, .salt_len = 16, .rounds = 1, .n_keys = 1,           \
        .padding = 1

/* A row names what differs from GOOD or SEALED. */
#pragma GCC diagnostic ignored "-Woverride-init"

static const Shape shapes[] = {
        {"good", 0, GOOD},
        {"F22 check ints differ", TA_E_MALFORMED, GOOD, .check_differs = 1},
        {"F22 padding begins with 0", TA_E_MALFORMED, GOOD, .padding = 0},
        {"F22 padding begins with 2", TA_E_MALFORMED, GOOD, .padding = 2},
        {"F22 padding goes wrong", TA_E_MALFORMED, GOOD, .padding_more = 8},
        {"F22 no whole block", TA_E_MALFORMED, GOOD, .cut_sealed = 1},
        {"F22 nothing sealed", TA_E_MALFORMED, GOOD, .cut_sealed = 0, .n_keys = 0},
        {"F22 a byte behind the end", TA_E_TRAILING, GOOD, .trailing = 1},
        {"F22 64 KiB behind the end", TA_E_TRAILING, GOOD, .trailing = 65536},
        {"F22 no key", TA_E_MALFORMED, GOOD, .n_keys = 0},
        {"F22 two keys", TA_E_MALFORMED, GOOD, .n_keys = 2},
        {"F22 2000 keys", TA_E_MALFORMED, GOOD, .n_keys = 2000},
        {"F22 another public half", TA_E_MISMATCH, GOOD, .other_public = true},
        {"F22 cipher none, kdf bcrypt", TA_E_MALFORMED, GOOD, .kdf = bcrypt, .salt_len = 16,
         .rounds = 1},
        {"F22 kdf none, cipher aes256-ctr", TA_E_MALFORMED, GOOD, .cipher = "aes256-ctr"},
        {"F22 a cipher nobody has", TA_E_CIPHER, SEALED, .cipher = "rot13"},
        {"F22 a kdf nobody has", TA_E_CIPHER, SEALED, .kdf = "argon2id"},
        {"F22 no cipher name", TA_E_CIPHER, SEALED, .cipher = ""},
        {"F59 NUL in the comment", TA_E_MALFORMED, GOOD, .with_nul = true},
        {"sealed with something else", TA_E_PASSPHRASE, SEALED},
        {"F23 rounds 0", TA_E_MALFORMED, SEALED, .rounds = 0},
        {"F23 rounds 65537", TA_E_COST, SEALED, .rounds = 65537},
        {"F23 rounds 1e9", TA_E_COST, SEALED, .rounds = 1000000000},
        {"F23 rounds 2^32 - 1", TA_E_COST, SEALED, .rounds = UINT32_MAX},
        {"F23 no salt", TA_E_MALFORMED, SEALED, .salt_len = 0},
        {"F23 salt of 1024 bytes", TA_E_PASSPHRASE, SEALED, .salt_len = 1024},
        {"F23 salt of 1025 bytes", TA_E_LIMIT, SEALED, .salt_len = 1025},
        {"F23 salt of 1 MiB", TA_E_LIMIT, SEALED, .salt_len = 1024 * 1024},
        {"F23 kdf without options", TA_E_TRUNCATED, SEALED, .no_options = true},
};

static void test_shape(const void *data) {
        const Shape *s = data;

        g_assert_cmpint(try_shape(s), ==, s->err);
}

/* Every prefix, every changed byte (one in seven where each costs a derivation), of the text as it
 * lies on the disk, armour included. */
static void test_text(const void *data) {
        const char *pass = data;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        TaKeyFileOptions options = {.rounds = 1, .cipher = "aes256-gcm@openssh.com"};

        g_assert_cmpint(ta_keyfile_write(key, ta_str("the comment"), ta_str(pass), &options, &text),
                        ==, 0);
        /* The last line end may be missing, and nothing else. */
        for (size_t n = 0; n < text->len; n++) {
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
                int err = ta_keyfile_parse((TaBytes){text->data, n}, &file);

                g_assert_cmpint(err == 0, ==, n == text->len - 1);
        }
        for (size_t n = 0; n < text->len; n += *pass ? 7 : 1) {
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
                int err;

                text->data[n] ^= 0x08;
                err = ta_keyfile_parse(ta_secret_bytes(text), &file);
                text->data[n] ^= 0x08;
                if (!err && file->rounds > 16)
                        continue; /* the changed byte is of their number; it only takes time */
                if (!err)
                        ta_keyfile_unlock(&file, 1, ta_str(pass), &err);
                if (!err) {
                        /* The comment is covered by nothing but the cipher; the two check numbers
                         * and the key are. */
                        g_assert_true(!*pass);
                        g_assert_true(ta_key_same_plain(key, file->key));
                }
        }
}

int main(int argc, char **argv) {
        int failed;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &other), ==, 0);
        for (size_t i = 0; i < TA_N_ELEMENTS(shapes); i++) {
                g_autofree char *path = g_strconcat("/keyfile-openssh/", shapes[i].name, NULL);

                g_test_add_data_func(g_strdelimit(path, " ", '-'), &shapes[i], test_shape);
        }
        g_test_add_data_func("/keyfile-openssh/F22-text-plain", "", test_text);
        g_test_add_data_func("/keyfile-openssh/F22-text-sealed", PASS, test_text);
        failed = g_test_run();
        ta_key_free(key);
        ta_key_free(other);
        return failed;
}
