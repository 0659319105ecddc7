/* SPDX-License-Identifier: ISC */
/*
 * Ed25519 (RFC 8032, RFC 8709), by libsodium.
 *
 * A faulty signature can give the key away, since the nonce depends on key and message alone. So
 * each is made twice from a key whose hash is compared before: a bit that flips in the key is found
 * by the hash, one that flips on the way by the comparison. To verify instead would find the same
 * and take half as long again as both signatures together.
 */
#include <sodium.h>

#include "lib/key.h"
#include "lib/secret.h"

#define PUBLIC_LEN 32
#define SECRET_LEN 64 /* seed and public half */

typedef struct Private {
        uint8_t sk[SECRET_LEN];
        uint8_t hash[crypto_generichash_BYTES]; /* of sk, since it was made */
} Private;

static void hash_of(const Private *private, uint8_t out[static crypto_generichash_BYTES]) {
        (void)crypto_generichash(out, crypto_generichash_BYTES, private->sk, sizeof private->sk,
                                 NULL, 0);
}

static int set_private(TaKey *key, uint8_t derived[static PUBLIC_LEN], const uint8_t *seed) {
        Private *private = key->private = ta_secret_alloc(sizeof *private);

        if (!private)
                return TA_E_FULL;
        (void)crypto_sign_seed_keypair(derived, private->sk, seed);
        hash_of(private, private->hash);
        return 0;
}

static int set_public(TaKey *key, const uint8_t *bytes) {
        key->public = malloc(PUBLIC_LEN);
        if (!key->public)
                return TA_E_FULL;
        memcpy(key->public, bytes, PUBLIC_LEN);
        return 0;
}

static int read_public(TaReader *r, TaKey *key) {
        TaBytes pk = ta_read_string(r);

        if (r->err)
                return r->err;
        return pk.len != PUBLIC_LEN ? TA_E_MALFORMED : set_public(key, pk.data);
}

static void write_public(const TaKey *key, TaWriter *w) {
        ta_write_string(w, (TaBytes){key->public, PUBLIC_LEN});
}

/* The public half stands in it twice, and both must be the one that the seed gives: signing with a
 * foreign one would give the key away. */
static int read_private(TaReader *r, TaKey *key, bool with_public) {
        TaBytes pk = ta_read_string(r), sk = ta_read_string(r);
        uint8_t derived[PUBLIC_LEN];
        int err;

        if (r->err)
                return r->err;
        if (pk.len != PUBLIC_LEN || sk.len != SECRET_LEN)
                return TA_E_MALFORMED;
        err = set_private(key, derived, sk.data);
        if (err)
                return err;
        if (memcmp(derived, pk.data, PUBLIC_LEN) != 0 ||
            memcmp(derived, sk.data + 32, PUBLIC_LEN) != 0)
                return TA_E_MISMATCH;
        if (with_public)
                return set_public(key, derived);
        return memcmp(key->public, derived, PUBLIC_LEN) != 0 ? TA_E_MISMATCH : 0;
}

static void write_private(const TaKey *key, TaWriter *w, bool with_public ta_unused) {
        const Private *private = key->private;

        ta_write_string(w, (TaBytes){key->public, PUBLIC_LEN});
        ta_write_string(w, (TaBytes){private->sk, sizeof private->sk});
}

static int generate(TaKey *key, unsigned bits) {
        uint8_t pk[PUBLIC_LEN], seed[crypto_sign_SEEDBYTES];
        ta_wiped(seed);
        int err;

        if (bits != 0 && bits != 256)
                return TA_E_LIMIT;
        if (sodium_init() < 0)
                return TA_E_CRYPTO;
        randombytes_buf(seed, sizeof seed);
        err = set_private(key, pk, seed);
        return err ? err : set_public(key, pk);
}

static int sign(const TaKey *key, TaBytes data, uint32_t flags ta_unused, TaWriter *w) {
        const Private *private = key->private;
        uint8_t hash[crypto_generichash_BYTES], again[crypto_sign_BYTES], *out;

        hash_of(private, hash);
        if (sodium_memcmp(hash, private->hash, sizeof hash) != 0)
                return TA_E_FAULT;
        ta_write_cstring(w, key->type->name);
        ta_write_u32(w, crypto_sign_BYTES);
        out = ta_write_space(w, crypto_sign_BYTES);
        if (!out)
                return w->err;
        again[0] = (uint8_t)~out[0]; /* to write nothing twice is not to write the same */
        if (crypto_sign_detached(again, NULL, data.data, data.len, private->sk) != 0 ||
            crypto_sign_detached(out, NULL, data.data, data.len, private->sk) != 0)
                return TA_E_CRYPTO;
        return memcmp(again, out, sizeof again) == 0 ? 0 : TA_E_FAULT;
}

static int verify(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *r) {
        TaBytes sig = ta_read_string(r);

        if (r->err)
                return r->err;
        if (!ta_bytes_is(algorithm, key->type->name) || sig.len != crypto_sign_BYTES)
                return TA_E_SIGNATURE;
        return crypto_sign_verify_detached(sig.data, data.data, data.len, key->public) == 0
                       ? 0
                       : TA_E_SIGNATURE;
}

static void clear(TaKey *key) {
        free(key->public);
        ta_secret_free(key->private);
}

const TaKeyType ta_key_ed25519 = {
        .name = "ssh-ed25519",
        .cert_name = "ssh-ed25519-cert-v01@openssh.com",
        .shown = "ED25519",
        .option = "ed25519",
        .bits = 256,
        .read_public = read_public,
        .write_public = write_public,
        .read_private = read_private,
        .write_private = write_private,
        .generate = generate,
        .sign = sign,
        .verify = verify,
        .clear = clear,
};
