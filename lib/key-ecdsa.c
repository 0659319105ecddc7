/* SPDX-License-Identifier: ISC */
/*
 * ECDSA on the NIST curves (RFC 5656), by libcrypto. The key object is kept: building it anew costs
 * as much as the signature. The EC_KEY functions are deprecated in OpenSSL 3 but give r and s
 * without DER between, where a success with a bad length has been seen.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#include "lib/evp.h"
#include "lib/key-ecdsa.h"
#include "lib/key.h"
#include "lib/secret.h"

#define SCALAR_MAX 66
#define POINT_MAX  (1 + 2 * SCALAR_MAX)

typedef struct Curve {
        const TaKeyType *type;
        int nid;
        const char *name;
        size_t scalar_len;
        unsigned char *(*hash)(const unsigned char *data, size_t len, unsigned char *out);
        size_t hash_len;
} Curve;

static const Curve curves[] = {
        {&ta_key_ecdsa_p256, NID_X9_62_prime256v1, "nistp256", 32, SHA256, 32},
        {&ta_key_ecdsa_p384, NID_secp384r1, "nistp384", 48, SHA384, 48},
        {&ta_key_ecdsa_p521, NID_secp521r1, "nistp521", 66, SHA512, 64},
};

static const Curve *curve_of(const TaKey *key) {
        for (size_t i = 0; i < TA_N_ELEMENTS(curves); i++)
                if (curves[i].type == key->type)
                        return &curves[i];
        abort();
}

/* One EC_KEY serves both halves; key->private only says that it has its scalar. */
static EC_KEY *ec(const TaKey *key) {
        return key->public;
}

static int read_public(TaReader *r, TaKey *key) {
        const Curve *curve = curve_of(key);
        TaBytes name = ta_read_string(r), point = ta_read_string(r);

        if (r->err)
                return r->err;
        if (!ta_bytes_is(name, curve->name))
                return TA_E_MISMATCH;
        if (point.len != 1 + 2 * curve->scalar_len || point.data[0] != 4)
                return TA_E_MALFORMED; /* compressed, infinity, or another curve's */
        key->public = EC_KEY_new_by_curve_name(curve->nid);
        if (!key->public)
                return TA_E_CRYPTO;
        /* This refuses what is not on the curve. EC_KEY_check_key() would multiply by the order too,
         * nearly a millisecond on P-384, and learn nothing: the cofactor of these curves is 1. */
        ERR_clear_error();
        if (EC_KEY_oct2key(ec(key), point.data, point.len, NULL) != 1)
                return ta_crypto_refused(TA_E_MALFORMED);
        return 0;
}

static void write_public(const TaKey *key, TaWriter *w) {
        const Curve *curve = curve_of(key);
        uint8_t point[POINT_MAX];
        size_t len = EC_POINT_point2oct(EC_KEY_get0_group(ec(key)), EC_KEY_get0_public_key(ec(key)),
                                        POINT_CONVERSION_UNCOMPRESSED, point, sizeof point, NULL);

        if (len != 1 + 2 * curve->scalar_len) {
                w->err = w->err ? w->err : TA_E_CRYPTO;
                return;
        }
        ta_write_cstring(w, curve->name);
        ta_write_string(w, (TaBytes){point, len});
}

/* Q == d*G: 1, 0, or -1 if libcrypto failed. */
static int halves_match(const EC_KEY *key) {
        const EC_GROUP *group = EC_KEY_get0_group(key);
        EC_POINT *q = EC_POINT_new(group);
        int good = -1;

        if (q && EC_POINT_mul(group, q, EC_KEY_get0_private_key(key), NULL, NULL, NULL) == 1) {
                int differ = EC_POINT_cmp(group, q, EC_KEY_get0_public_key(key), NULL);

                good = differ < 0 ? -1 : differ == 0;
        }
        EC_POINT_clear_free(q);
        return good;
}

static int read_private(TaReader *r, TaKey *key, bool with_public) {
        const Curve *curve = curve_of(key);
        BIGNUM *d = NULL;
        TaBytes scalar;
        int err = 0;

        if (with_public)
                err = read_public(r, key);
        if (err)
                return err;
        scalar = ta_read_mpint(r, curve->scalar_len);
        if (r->err)
                return r->err;
        d = BN_secure_new();
        if (!d || !BN_bin2bn(scalar.data, (int)scalar.len, d))
                err = TA_E_CRYPTO;
        else if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(EC_KEY_get0_group(ec(key)))) >= 0)
                err = TA_E_MALFORMED;
        else if (EC_KEY_set_private_key(ec(key), d) != 1)
                err = TA_E_CRYPTO;
        BN_clear_free(d);
        if (err)
                return err;
        switch (halves_match(ec(key))) {
        case 1:
                return 0;
        case 0:
                return TA_E_MISMATCH;
        default:
                return TA_E_CRYPTO;
        }
}

static void write_private(const TaKey *key, TaWriter *w, bool with_public) {
        uint8_t scalar[SCALAR_MAX];
        ta_wiped(scalar);
        int len = BN_bn2binpad(EC_KEY_get0_private_key(ec(key)), scalar, (int)curve_of(key)->scalar_len);

        if (with_public)
                write_public(key, w);
        if (len < 0)
                w->err = w->err ? w->err : TA_E_CRYPTO;
        else
                ta_write_mpint(w, (TaBytes){scalar, (size_t)len});
}

static int generate(TaKey *key, unsigned bits) {
        if (bits != 0 && bits != key->type->bits)
                return TA_E_LIMIT;
        key->public = EC_KEY_new_by_curve_name(curve_of(key)->nid);
        return key->public && EC_KEY_generate_key(ec(key)) == 1 ? 0 : TA_E_CRYPTO;
}

static void write_scalar(TaWriter *w, const BIGNUM *n, size_t len) {
        uint8_t bytes[SCALAR_MAX];

        if (BN_bn2binpad(n, bytes, (int)len) < 0)
                w->err = w->err ? w->err : TA_E_CRYPTO;
        else
                ta_write_mpint(w, (TaBytes){bytes, len});
}

static int sign(const TaKey *key, TaBytes data, uint32_t flags ta_unused, TaWriter *w) {
        const Curve *curve = curve_of(key);
        uint8_t hash[SHA512_DIGEST_LENGTH];
        ECDSA_SIG *sig;
        size_t mark;
        int good;

        if (!curve->hash(data.data, data.len, hash))
                return TA_E_CRYPTO;
        sig = ECDSA_do_sign(hash, (int)curve->hash_len, ec(key));
        if (!sig)
                return TA_E_CRYPTO;
        /* Not before it was verified: a scalar or a computation with a flipped bit would tell of
         * the key. */
        good = ECDSA_do_verify(hash, (int)curve->hash_len, sig, ec(key));
        if (good != 1) {
                ECDSA_SIG_free(sig);
                return good == 0 ? TA_E_FAULT : TA_E_CRYPTO;
        }
        ta_write_cstring(w, key->type->name);
        mark = ta_write_begin(w);
        write_scalar(w, ECDSA_SIG_get0_r(sig), curve->scalar_len);
        write_scalar(w, ECDSA_SIG_get0_s(sig), curve->scalar_len);
        ta_write_finish(w, mark);
        ECDSA_SIG_free(sig);
        return w->err;
}

int ta_ecdsa_verify(EC_KEY *ec_key, size_t scalar_len, TaBytes hash, TaBytes signature) {
        TaReader inner = ta_reader(signature);
        TaBytes r_bytes = ta_read_mpint(&inner, scalar_len);
        TaBytes s_bytes = ta_read_mpint(&inner, scalar_len);
        ECDSA_SIG *sig;
        BIGNUM *rn, *sn;
        int good = 0;

        if (ta_read_end(&inner))
                return TA_E_SIGNATURE;
        sig = ECDSA_SIG_new();
        rn = BN_bin2bn(r_bytes.data, (int)r_bytes.len, NULL);
        sn = BN_bin2bn(s_bytes.data, (int)s_bytes.len, NULL);
        if (sig && rn && sn && ECDSA_SIG_set0(sig, rn, sn) == 1) {
                good = ECDSA_do_verify(hash.data, (int)hash.len, sig, ec_key) == 1;
        } else {
                BN_free(rn);
                BN_free(sn);
        }
        ECDSA_SIG_free(sig);
        return good ? 0 : TA_E_SIGNATURE;
}

static int verify(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *r) {
        const Curve *curve = curve_of(key);
        uint8_t hash[SHA512_DIGEST_LENGTH];
        TaBytes signature = ta_read_string(r);

        if (r->err)
                return r->err;
        if (!ta_bytes_is(algorithm, key->type->name))
                return TA_E_SIGNATURE;
        if (!curve->hash(data.data, data.len, hash))
                return TA_E_CRYPTO;
        return ta_ecdsa_verify(ec(key), curve->scalar_len, (TaBytes){hash, curve->hash_len}, signature);
}

static void clear(TaKey *key) {
        EC_KEY_free(key->public); /* clears the scalar */
}

#define ROW(size, slow_)                                                                           \
        {                                                                                          \
                .name = "ecdsa-sha2-nistp" #size,                                                  \
                .cert_name = "ecdsa-sha2-nistp" #size "-cert-v01@openssh.com", .shown = "ECDSA",   \
                .option = "ecdsa", .bits = size, .slow = slow_, .read_public = read_public,        \
                .write_public = write_public, .read_private = read_private,                        \
                .write_private = write_private, .generate = generate, .sign = sign,                \
                .verify = verify, .clear = clear,                                                  \
        }

const TaKeyType ta_key_ecdsa_p256 = ROW(256, false);
const TaKeyType ta_key_ecdsa_p384 = ROW(384, false);
const TaKeyType ta_key_ecdsa_p521 = ROW(521, false);
