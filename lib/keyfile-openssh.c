/* SPDX-License-Identifier: ISC */
/*
 * openssh-key-v1 (OpenSSH PROTOCOL.key): the envelope, its ciphers, and the private part. Strict:
 * one key, no byte unaccounted for, and every number within its cap before any work is done. The
 * key inside is the business of lib/key.h.
 */
#include <openssl/evp.h>
#include <sodium.h>

#include "lib/keyfile-format.h"
#include "lib/text.h"

#define MAGIC       "openssh-key-v1" /* with its NUL */
#define LABEL       "OPENSSH PRIVATE KEY"
#define LINE_WIDTH  70
#define SALT_LEN    16
#define NAME_LEN    64
#define FIELDS_ROOM 1024 /* lengths, names, check numbers, padding */

typedef struct Cipher {
        const char *name;
        const char *evp; /* NULL: chacha20-poly1305@openssh.com, made from libsodium's parts */
        size_t key_len, iv_len, block, tag_len;
} Cipher;

static const Cipher ciphers[] = {
        {"3des-cbc", "DES-EDE3-CBC", 24, 8, 8, 0},
        {"aes128-cbc", "AES-128-CBC", 16, 16, 16, 0},
        {"aes192-cbc", "AES-192-CBC", 24, 16, 16, 0},
        {"aes256-cbc", "AES-256-CBC", 32, 16, 16, 0},
        {"aes128-ctr", "AES-128-CTR", 16, 16, 16, 0},
        {"aes192-ctr", "AES-192-CTR", 24, 16, 16, 0},
        {"aes256-ctr", "AES-256-CTR", 32, 16, 16, 0},
        {"aes128-gcm@openssh.com", "AES-128-GCM", 16, 12, 16, 16},
        {"aes256-gcm@openssh.com", "AES-256-GCM", 32, 12, 16, 16},
        {"chacha20-poly1305@openssh.com", NULL, 64, 0, 8, 16},
};

const char *const ta_keyfile_ciphers[] = {
        "3des-cbc",   "aes128-cbc", "aes192-cbc",
        "aes256-cbc", "aes128-ctr", "aes192-ctr",
        "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com", NULL,
};

static const Cipher *cipher_find(TaBytes name) {
        for (size_t i = 0; i < TA_N_ELEMENTS(ciphers); i++) {
                if (ta_bytes_is(name, ciphers[i].name))
                        return &ciphers[i];
        }
        return NULL;
}

typedef struct Envelope {
        const Cipher *cipher; /* NULL: none */
        TaBytes salt;
        uint32_t rounds;
        TaBytes public;
        TaBytes sealed;
        TaBytes tag;
} Envelope;

static int read_kdf(TaBytes options, Envelope *e) {
        TaReader r = ta_reader(options);
        int err;

        e->salt = ta_read_string(&r);
        e->rounds = ta_read_u32(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (e->salt.len == 0 || e->rounds == 0)
                return TA_E_MALFORMED;
        if (e->salt.len > TA_BCRYPT_SALT_MAX)
                return TA_E_LIMIT;
        if (e->rounds > TA_BCRYPT_ROUNDS_MAX)
                return TA_E_COST;
        return 0;
}

static int read_envelope(TaBytes body, Envelope *e) {
        TaReader r = ta_reader(body);
        TaBytes magic, cipher, kdf, options;
        uint32_t n_keys;
        bool encrypted;
        size_t block;
        int err;

        *e = (Envelope){0};
        magic = ta_read_raw(&r, sizeof MAGIC);
        if (!r.err && memcmp(magic.data, MAGIC, sizeof MAGIC) != 0)
                return TA_E_MALFORMED;
        cipher = ta_read_text(&r, NAME_LEN);
        kdf = ta_read_text(&r, NAME_LEN);
        options = ta_read_string(&r);
        n_keys = ta_read_u32(&r);
        if (r.err)
                return r.err;
        encrypted = !ta_bytes_is(cipher, "none");
        if (encrypted) {
                e->cipher = cipher_find(cipher);
                if (!e->cipher)
                        return TA_E_CIPHER;
        }
        if (!ta_bytes_is(kdf, "none") && !ta_bytes_is(kdf, "bcrypt"))
                return TA_E_CIPHER;
        if (encrypted != ta_bytes_is(kdf, "bcrypt") || (!encrypted && options.len > 0))
                return TA_E_MALFORMED;
        if (encrypted) {
                err = read_kdf(options, e);
                if (err)
                        return err;
        }
        if (n_keys != 1)
                return TA_E_MALFORMED;

        e->public = ta_read_string(&r);
        e->sealed = ta_read_string(&r);
        if (encrypted)
                e->tag = ta_read_raw(&r, e->cipher->tag_len);
        err = ta_read_end(&r);
        if (err)
                return err;
        block = encrypted ? e->cipher->block : 8;
        if (e->sealed.len < block || e->sealed.len % block != 0)
                return TA_E_MALFORMED;
        return 0;
}

static void ctx_freep(EVP_CIPHER_CTX **ctx) {
        EVP_CIPHER_CTX_free(*ctx);
}

static void cipher_freep(EVP_CIPHER **cipher) {
        EVP_CIPHER_free(*cipher);
}

/* OpenSSH's composition with sequence number 0: the first block of the key stream keys Poly1305,
 * the text follows from the second on; the second half of the key is for packet lengths. */
static int crypt_chacha(bool encrypt, const uint8_t *key, TaBytes in, uint8_t *out, uint8_t *tag) {
        static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
        uint8_t poly[crypto_onetimeauth_KEYBYTES];
        ta_wiped(poly);

        (void)crypto_stream_chacha20(poly, sizeof poly, nonce, key);
        if (!encrypt && crypto_onetimeauth_verify(tag, in.data, in.len, poly) != 0)
                return TA_E_PASSPHRASE;
        (void)crypto_stream_chacha20_xor_ic(out, in.data, in.len, nonce, 1, key);
        if (encrypt)
                (void)crypto_onetimeauth(tag, out, in.len, poly);
        return 0;
}

/* `in` and `out` have the same length; `tag` is read or written. */
static int crypt_sealed(const Cipher *c, bool encrypt, const uint8_t *derived, TaBytes in,
                        uint8_t *out, uint8_t *tag) {
        ta_cleanup(cipher_freep) EVP_CIPHER *evp = NULL;
        ta_cleanup(ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
        int len = 0, last = 0;

        if (!c->evp)
                return crypt_chacha(encrypt, derived, in, out, tag);
        evp = EVP_CIPHER_fetch(NULL, c->evp, NULL);
        ctx = EVP_CIPHER_CTX_new();
        if (!evp || !ctx)
                return TA_E_CRYPTO;
        if (!EVP_CipherInit_ex2(ctx, evp, derived, derived + c->key_len, encrypt, NULL) ||
            !EVP_CIPHER_CTX_set_padding(ctx, 0))
                return TA_E_CRYPTO;
        if (c->tag_len && !encrypt &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)c->tag_len, tag) <= 0)
                return TA_E_CRYPTO;
        if (!EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len))
                return TA_E_CRYPTO;
        if (EVP_CipherFinal_ex(ctx, out + len, &last) <= 0)
                return c->tag_len && !encrypt ? TA_E_PASSPHRASE : TA_E_CRYPTO;
        if ((size_t)len + (size_t)last != in.len)
                return TA_E_CRYPTO;
        if (c->tag_len && encrypt &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)c->tag_len, tag) <= 0)
                return TA_E_CRYPTO;
        return 0;
}

int ta_keyfile_openssh_parse(TaKeyFile *file) {
        Envelope e;
        int err;

        err = read_envelope(ta_secret_bytes(file->body), &e);
        if (err)
                return err;
        err = ta_key_read_public(e.public, &file->public);
        if (err)
                return err;
        file->format = TA_FORMAT_OPENSSH;
        file->encrypted = e.cipher != NULL;
        file->cipher = e.cipher ? e.cipher->name : NULL;
        file->rounds = e.rounds;
        return 0;
}

int ta_keyfile_openssh_job(const TaKeyFile *file, TaBcryptJob *ret_job) {
        Envelope e;
        int err;

        err = read_envelope(ta_secret_bytes(file->body), &e);
        if (err)
                return err;
        *ret_job = (TaBcryptJob){
                .salt = e.salt,
                .rounds = e.rounds,
                .out_len = e.cipher ? e.cipher->key_len + e.cipher->iv_len : 0,
        };
        return 0;
}

static int read_private(TaBytes plain, TaKeyFile *file) {
        ta_cleanup(ta_secret_dropp) TaSecret *comment = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaReader r = ta_reader(plain);
        TaBytes text, padding;
        uint32_t check;
        int err;

        check = ta_read_u32(&r);
        if (check != ta_read_u32(&r))
                return file->encrypted ? TA_E_PASSPHRASE : TA_E_MALFORMED;
        err = ta_key_read_private(&r, &key);
        if (err)
                return err;
        text = ta_read_text(&r, TA_COMMENT_MAX);
        padding = ta_read_rest(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        for (size_t i = 0; i < padding.len; i++) {
                if (padding.data[i] != ((i + 1) & 0xff))
                        return TA_E_MALFORMED;
        }
        if (!ta_key_same_plain(file->public, key))
                return TA_E_MISMATCH;
        err = ta_secret_dup(text, &comment);
        if (err)
                return err;
        file->key = ta_steal(&key);
        file->comment = ta_steal(&comment);
        return 0;
}

int ta_keyfile_openssh_unlock(TaKeyFile *file, const uint8_t *derived) {
        ta_cleanup(ta_secret_dropp) TaSecret *plain = NULL;
        uint8_t tag[16] = {0};
        Envelope e;
        int err;

        err = read_envelope(ta_secret_bytes(file->body), &e);
        if (err)
                return err;
        if (!e.cipher)
                return read_private(e.sealed, file);
        err = ta_secret_new(e.sealed.len, &plain);
        if (err)
                return err;
        if (e.tag.len > 0)
                memcpy(tag, e.tag.data, e.tag.len);
        err = crypt_sealed(e.cipher, false, derived, e.sealed, plain->data, tag);
        if (err)
                return err;
        plain->len = e.sealed.len;
        return read_private(ta_secret_bytes(plain), file);
}

static int write_plain(const TaKey *key, TaBytes comment, size_t block, TaSecret **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
        uint32_t check = randombytes_random();
        TaWriter w;
        int err;

        /* No private half is larger than five times its public one (RSA: d, iqmp, p, q). */
        err = ta_secret_new(key->blob_len * 6 + comment.len + FIELDS_ROOM, &s);
        if (err)
                return err;
        w = ta_writer(s->data, s->cap);
        ta_write_u32(&w, check);
        ta_write_u32(&w, check);
        ta_key_write_private(key, &w);
        ta_write_string(&w, comment);
        for (uint8_t pad = 1; !w.err && w.len % block != 0; pad++)
                ta_write_u8(&w, pad);
        if (w.err)
                return w.err;
        s->len = w.len;
        *ret = ta_steal(&s);
        return 0;
}

static int seal(const Cipher *c, TaBytes passphrase, TaBytes salt, uint32_t rounds, TaBytes plain,
                TaWriter *w) {
        uint8_t derived[TA_KEYFILE_DERIVED_MAX];
        ta_wiped(derived);
        uint8_t tag[16] = {0};
        TaBcryptJob job = {passphrase, salt, rounds, derived, c->key_len + c->iv_len};
        uint8_t *out;
        int err;

        err = ta_bcrypt_pbkdf(&job, 1);
        if (err)
                return err;
        ta_write_u32(w, (uint32_t)plain.len);
        out = ta_write_space(w, plain.len);
        if (!out)
                return w->err;
        err = crypt_sealed(c, true, derived, plain, out, tag);
        if (err)
                return err;
        ta_write_raw(w, (TaBytes){tag, c->tag_len});
        return w->err;
}

int ta_keyfile_openssh_write(const TaKey *key, TaBytes comment, TaBytes passphrase,
                             const TaKeyFileOptions *options, TaSecret **ret_text) {
        ta_cleanup(ta_secret_dropp) TaSecret *plain = NULL, *body = NULL, *text = NULL;
        const Cipher *c = NULL;
        uint32_t rounds = options->rounds ? options->rounds : TA_BCRYPT_ROUNDS_DEFAULT;
        uint8_t salt[SALT_LEN];
        TaWriter w;
        size_t mark;
        int err;

        if (!key->has_private)
                return TA_E_NO_PRIVATE;
        if (comment.len > TA_COMMENT_MAX)
                return TA_E_LIMIT;
        if (passphrase.len > 0) {
                c = cipher_find(ta_str(options->cipher ? options->cipher : "aes256-ctr"));
                if (!c)
                        return TA_E_CIPHER;
        }
        randombytes_buf(salt, sizeof salt);
        err = write_plain(key, comment, c ? c->block : 8, &plain);
        if (err)
                return err;
        err = ta_secret_new(plain->len + key->blob_len + FIELDS_ROOM, &body);
        if (err)
                return err;

        w = ta_writer(body->data, body->cap);
        ta_write_raw(&w, (TaBytes){(const uint8_t *)MAGIC, sizeof MAGIC});
        ta_write_cstring(&w, c ? c->name : "none");
        ta_write_cstring(&w, c ? "bcrypt" : "none");
        mark = ta_write_begin(&w);
        if (c) {
                ta_write_string(&w, (TaBytes){salt, sizeof salt});
                ta_write_u32(&w, rounds);
        }
        ta_write_finish(&w, mark);
        ta_write_u32(&w, 1);
        ta_write_string(&w, ta_key_blob(key));
        if (c) {
                err = seal(c, passphrase, (TaBytes){salt, sizeof salt}, rounds,
                           ta_secret_bytes(plain), &w);
                if (err)
                        return err;
        } else {
                ta_write_string(&w, ta_secret_bytes(plain));
        }
        if (w.err)
                return w.err;
        body->len = w.len;

        err = ta_secret_new(body->len * 3 / 2 + FIELDS_ROOM, &text);
        if (err)
                return err;
        w = ta_writer(text->data, text->cap);
        ta_armour_write(&w, LABEL, ta_secret_bytes(body), LINE_WIDTH);
        if (w.err)
                return w.err;
        text->len = w.len;
        *ret_text = ta_steal(&text);
        return 0;
}
