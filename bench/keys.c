/* SPDX-License-Identifier: ISC */
/*
 * Keys by libcrypto alone. The agent under test has other code for each of these formats: what it
 * gets wrong must not be wrong here in the same way, so nothing of it is used.
 */
#include "bench/keys.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/proto.h"

typedef struct KeyKind {
        const char *option;
        const char *name;      /* in the blob */
        const char *algorithm; /* in the signature */
        const char *curve;     /* ECDSA: as SSH and as libcrypto name it */
        const char *group;
        unsigned bits; /* RSA */
        const EVP_MD *(*digest)(void);
        uint32_t flags;
} KeyKind;

#define ECDSA_KIND(n, md)                                                                          \
        {                                                                                          \
                .option = "ecdsa-p" n, .name = "ecdsa-sha2-nistp" n,                               \
                .algorithm = "ecdsa-sha2-nistp" n, .curve = "nistp" n, .group = "P-" n,            \
                .digest = md                                                                       \
        }
#define RSA_KIND(n)                                                                                \
        {                                                                                          \
                .option = "rsa-" #n, .name = "ssh-rsa", .algorithm = "rsa-sha2-512", .bits = n,    \
                .digest = EVP_sha512, .flags = SSH_AGENT_RSA_SHA2_512                              \
        }

static const KeyKind kinds[] = {
        {.option = "ed25519", .name = "ssh-ed25519", .algorithm = "ssh-ed25519"},
        ECDSA_KIND("256", EVP_sha256),
        ECDSA_KIND("384", EVP_sha384),
        ECDSA_KIND("521", EVP_sha512),
        RSA_KIND(2048),
        RSA_KIND(3072),
        RSA_KIND(4096),
};

struct BenchKey {
        const KeyKind *kind;
        EVP_PKEY *pkey;
        uint8_t blob[1024];
        size_t blob_len;
};

static void write_number(TaWriter *w, const EVP_PKEY *pkey, const char *name) {
        uint8_t bytes[1024];
        BIGNUM *n = NULL;

        if (!EVP_PKEY_get_bn_param(pkey, name, &n) || BN_num_bytes(n) > (int)sizeof bytes) {
                w->err = w->err ? w->err : TA_E_CRYPTO;
        } else {
                BN_bn2bin(n, bytes);
                ta_write_mpint(w, (TaBytes){bytes, (size_t)BN_num_bytes(n)});
        }
        BN_free(n);
}

static void write_octets(TaWriter *w, const EVP_PKEY *pkey, const char *name) {
        uint8_t bytes[256];
        size_t len = 0;

        if (!EVP_PKEY_get_octet_string_param(pkey, name, bytes, sizeof bytes, &len))
                w->err = w->err ? w->err : TA_E_CRYPTO;
        else
                ta_write_string(w, (TaBytes){bytes, len});
}

static void write_public(const BenchKey *key, TaWriter *w) {
        const KeyKind *kind = key->kind;

        ta_write_cstring(w, kind->name);
        if (kind->bits) {
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_E);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_N);
        } else if (kind->curve) {
                ta_write_cstring(w, kind->curve);
                write_octets(w, key->pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
        } else {
                write_octets(w, key->pkey, OSSL_PKEY_PARAM_PUB_KEY);
        }
}

static EVP_PKEY *generate(const KeyKind *kind) {
        EVP_PKEY *pkey;

        if (kind->bits)
                return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kind->bits);
        if (!kind->curve)
                return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group);
        if (pkey)
                EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                               "uncompressed");
        return pkey;
}

int bench_key_new(const char *type, BenchKey **ret) {
        ta_cleanup(bench_key_freep) BenchKey *key = NULL;
        const KeyKind *kind = NULL;
        TaWriter w;

        for (size_t i = 0; i < TA_N_ELEMENTS(kinds) && !kind; i++)
                if (strcmp(kinds[i].option, type) == 0)
                        kind = &kinds[i];
        if (!kind)
                return TA_E_NOT_FOUND;
        key = calloc(1, sizeof *key);
        if (!key)
                return -ENOMEM;
        key->kind = kind;
        key->pkey = generate(kind);
        if (!key->pkey)
                return TA_E_CRYPTO;
        w = ta_writer(key->blob, sizeof key->blob);
        write_public(key, &w);
        if (w.err)
                return w.err;
        key->blob_len = w.len;
        *ret = ta_steal(&key);
        return 0;
}

void bench_key_free(BenchKey *key) {
        if (!key)
                return;
        EVP_PKEY_free(key->pkey);
        free(key);
}

void bench_key_freep(BenchKey **key) {
        bench_key_free(*key);
}

TaBytes bench_key_blob(const BenchKey *key) {
        return (TaBytes){key->blob, key->blob_len};
}

const char *bench_key_algorithm(const BenchKey *key) {
        return key->kind->algorithm;
}

uint32_t bench_key_flags(const BenchKey *key) {
        return key->kind->flags;
}

void bench_key_write_add(const BenchKey *key, const char *comment, bool confirm, TaWriter *w) {
        const KeyKind *kind = key->kind;

        ta_write_u8(w, confirm ? SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY);
        if (kind->bits) {
                ta_write_cstring(w, kind->name);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_N);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_E);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_D);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_FACTOR1);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_RSA_FACTOR2);
        } else if (kind->curve) {
                write_public(key, w);
                write_number(w, key->pkey, OSSL_PKEY_PARAM_PRIV_KEY);
        } else {
                uint8_t both[64];
                size_t len = 32, len2 = 32;

                if (!EVP_PKEY_get_raw_private_key(key->pkey, both, &len) ||
                    !EVP_PKEY_get_raw_public_key(key->pkey, both + 32, &len2))
                        w->err = w->err ? w->err : TA_E_CRYPTO;
                write_public(key, w);
                ta_write_string(w, (TaBytes){both, sizeof both});
        }
        ta_write_cstring(w, comment);
        if (confirm)
                ta_write_u8(w, SSH_AGENT_CONSTRAIN_CONFIRM);
}

/* RFC 5656 section 3.1.2 has two mpints where libcrypto has a DER sequence of the same two. */
static int ecdsa_to_der(TaBytes body, uint8_t *out, size_t cap, size_t *ret_len) {
        TaReader r = ta_reader(body);
        TaBytes a = ta_read_mpint(&r, 66), b = ta_read_mpint(&r, 66);
        ECDSA_SIG *sig = ECDSA_SIG_new();
        BIGNUM *x = BN_bin2bn(a.data, (int)a.len, NULL), *y = BN_bin2bn(b.data, (int)b.len, NULL);
        uint8_t *p = out;
        int len = 0, err = ta_read_end(&r);

        if (!sig || !x || !y || !ECDSA_SIG_set0(sig, x, y)) {
                BN_free(x);
                BN_free(y);
        } else if (!err && i2d_ECDSA_SIG(sig, NULL) <= (int)cap) {
                len = i2d_ECDSA_SIG(sig, &p);
        }
        ECDSA_SIG_free(sig);
        if (len <= 0)
                return TA_E_SIGNATURE;
        *ret_len = (size_t)len;
        return 0;
}

int bench_key_verify(const BenchKey *key, TaBytes data, TaBytes signature) {
        const KeyKind *kind = key->kind;
        TaReader r = ta_reader(signature);
        TaBytes algorithm = ta_read_string(&r), body = ta_read_string(&r);
        uint8_t der[160];
        EVP_MD_CTX *ctx;
        int ok;

        if (ta_read_end(&r) || !ta_bytes_is(algorithm, kind->algorithm))
                return TA_E_SIGNATURE;
        if (kind->curve) {
                size_t len;

                if (ecdsa_to_der(body, der, sizeof der, &len))
                        return TA_E_SIGNATURE;
                body = (TaBytes){der, len};
        }
        ctx = EVP_MD_CTX_new();
        ok = ctx &&
             EVP_DigestVerifyInit(ctx, NULL, kind->digest ? kind->digest() : NULL, NULL,
                                  key->pkey) == 1 &&
             EVP_DigestVerify(ctx, body.data, body.len, data.data, data.len) == 1;
        EVP_MD_CTX_free(ctx);
        return ok ? 0 : TA_E_SIGNATURE;
}
