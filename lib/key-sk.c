/* SPDX-License-Identifier: ISC */
/*
 * Keys on FIDO tokens (OpenSSH PROTOCOL.u2f): public halves only, to be read, named, listed, and to
 * verify what a token signed, be it a certificate or a host's binding.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <sodium.h>

#include "lib/key-ecdsa.h"
#include "lib/key.h"

#define ED25519_LEN 32u
#define POINT_LEN   65u
#define SCALAR_LEN  32u

/* The fields after the type name, kept as they stand, with views into them. */
typedef struct Fields {
        TaBytes public;      /* Ed25519: 32 bytes; ECDSA: an uncompressed point */
        TaBytes application; /* "ssh:" and the like */
        size_t len;
        uint8_t bytes[];
} Fields;

static int keep(TaKey *key, const uint8_t *from, const uint8_t *to, TaBytes public,
                TaBytes application) {
        size_t len = (size_t)(to - from);
        Fields *fields = malloc(sizeof *fields + len);

        if (!fields)
                return -ENOMEM;
        memcpy(fields->bytes, from, len);
        fields->len = len;
        fields->public = (TaBytes){fields->bytes + (public.data - from), public.len};
        fields->application = (TaBytes){fields->bytes + (application.data - from), application.len};
        key->public = fields;
        return 0;
}

/* string public key (32), string application */
static int read_ed25519(TaReader *r, TaKey *key) {
        const uint8_t *from = r->data;
        TaBytes public = ta_read_string(r), application = ta_read_string(r);

        if (r->err)
                return r->err;
        if (public.len != ED25519_LEN)
                return TA_E_MALFORMED;
        return keep(key, from, r->data, public, application);
}

/* NULL if the point is not on the curve. */
static EC_KEY *ec_key(TaBytes point) {
        EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);

        if (ec && EC_KEY_oct2key(ec, point.data, point.len, NULL) == 1)
                return ec;
        EC_KEY_free(ec);
        return NULL;
}

/* string curve, string point (65), string application */
static int read_ecdsa(TaReader *r, TaKey *key) {
        const uint8_t *from = r->data;
        TaBytes public, application;
        EC_KEY *ec;

        ta_read_expect(r, "nistp256");
        public = ta_read_string(r);
        application = ta_read_string(r);
        if (r->err)
                return r->err;
        if (public.len != POINT_LEN || public.data[0] != 4)
                return TA_E_MALFORMED;
        ec = ec_key(public);
        if (!ec)
                return TA_E_MALFORMED;
        EC_KEY_free(ec);
        return keep(key, from, r->data, public, application);
}

static void write_public(const TaKey *key, TaWriter *w) {
        const Fields *fields = key->public;

        ta_write_raw(w, (TaBytes){fields->bytes, fields->len});
}

/* What a token signs: the application's hash, byte flags, uint32 counter, the data's hash. */
typedef struct Signed {
        uint8_t bytes[2 * crypto_hash_sha256_BYTES + 5];
} Signed;

/* Behind the signature stand flags and counter. */
static int read_signed(const Fields *fields, TaBytes data, TaReader *r, Signed *ret) {
        uint8_t *at = ret->bytes;
        TaBytes tail;

        tail = (TaBytes){r->data, 5};
        (void)ta_read_u8(r);
        (void)ta_read_u32(r);
        if (r->err)
                return r->err;
        (void)crypto_hash_sha256(at, fields->application.data, fields->application.len);
        memcpy(at + crypto_hash_sha256_BYTES, tail.data, tail.len);
        (void)crypto_hash_sha256(at + crypto_hash_sha256_BYTES + tail.len, data.data, data.len);
        return 0;
}

static int verify_ed25519(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *r) {
        const Fields *fields = key->public;
        TaBytes sig = ta_read_string(r);
        Signed signed_data;
        int err;

        err = r->err ? r->err : read_signed(fields, data, r, &signed_data);
        if (err)
                return err;
        if (!ta_bytes_is(algorithm, key->type->name) || sig.len != crypto_sign_BYTES)
                return TA_E_SIGNATURE;
        return crypto_sign_verify_detached(sig.data, signed_data.bytes, sizeof signed_data.bytes,
                                           fields->public.data) == 0
                       ? 0
                       : TA_E_SIGNATURE;
}

static int verify_ecdsa(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *r) {
        const Fields *fields = key->public;
        TaBytes sig = ta_read_string(r);
        uint8_t hash[crypto_hash_sha256_BYTES];
        Signed signed_data;
        EC_KEY *ec;
        int err;

        err = r->err ? r->err : read_signed(fields, data, r, &signed_data);
        if (err)
                return err;
        if (!ta_bytes_is(algorithm, key->type->name))
                return TA_E_SIGNATURE;
        (void)crypto_hash_sha256(hash, signed_data.bytes, sizeof signed_data.bytes);
        ec = ec_key(fields->public);
        err = ec ? ta_ecdsa_verify(ec, SCALAR_LEN, (TaBytes){hash, sizeof hash}, sig) : TA_E_CRYPTO;
        EC_KEY_free(ec);
        return err;
}

static void clear(TaKey *key) {
        free(key->public);
}

const TaKeyType ta_key_sk_ed25519 = {
        .name = "sk-ssh-ed25519@openssh.com",
        .cert_name = "sk-ssh-ed25519-cert-v01@openssh.com",
        .shown = "ED25519-SK",
        .bits = 256,
        .read_public = read_ed25519,
        .write_public = write_public,
        .verify = verify_ed25519,
        .clear = clear,
};

const TaKeyType ta_key_sk_ecdsa = {
        .name = "sk-ecdsa-sha2-nistp256@openssh.com",
        .cert_name = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        .shown = "ECDSA-SK",
        .bits = 256,
        .read_public = read_ecdsa,
        .write_public = write_public,
        .verify = verify_ecdsa,
        .clear = clear,
};
