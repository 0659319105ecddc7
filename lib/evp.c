/* SPDX-License-Identifier: ISC */
/*
 * The bridge to libcrypto's ASN.1. It carries public numbers across and checks their sizes; whether
 * they make a good key is not its question.
 */
#include "lib/evp.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include "lib/proto.h"

#define NUMBER_MAX  (TA_RSA_BITS_MAX / 8)
#define POINT_MAX   133 /* uncompressed, on the largest curve */
#define ED25519_LEN 32u

static const struct curve {
        const char *type, *ssh, *crypto;
        size_t len; /* bytes of a coordinate */
} curves[] = {
        {"ecdsa-sha2-nistp256", "nistp256", "prime256v1", 32},
        {"ecdsa-sha2-nistp384", "nistp384", "secp384r1", 48},
        {"ecdsa-sha2-nistp521", "nistp521", "secp521r1", 66},
};

static const struct curve *curve_of(TaBytes type) {
        for (size_t i = 0; i < TA_N_ELEMENTS(curves); i++) {
                if (ta_bytes_is(type, curves[i].type))
                        return &curves[i];
        }
        return NULL;
}

void ta_evp_freep(EVP_PKEY **pkey) {
        EVP_PKEY_free(*pkey);
        *pkey = NULL;
}

static void bn_freep(BIGNUM **bn) {
        BN_free(*bn);
}

static void ctx_freep(EVP_PKEY_CTX **ctx) {
        EVP_PKEY_CTX_free(*ctx);
}

static void build_freep(OSSL_PARAM_BLD **build) {
        OSSL_PARAM_BLD_free(*build);
}

int ta_crypto_refused(int because) {
        unsigned long error;
        bool memory = false;

        while ((error = ERR_get_error()))
                memory |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
        return memory ? TA_E_CRYPTO : because;
}

/* --- Into libcrypto --- */

static int make(const char *type, OSSL_PARAM_BLD *build, EVP_PKEY **ret) {
        ta_cleanup(ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        EVP_PKEY *pkey = NULL;
        int ok;

        ok = ctx && params && EVP_PKEY_fromdata_init(ctx) > 0 &&
             EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) > 0;
        OSSL_PARAM_free(params);
        if (!ok) {
                EVP_PKEY_free(pkey);
                return ta_crypto_refused(TA_E_MALFORMED);
        }
        *ret = pkey;
        return 0;
}

static int read_rsa(TaReader *r, EVP_PKEY **ret) {
        TaBytes e = ta_read_mpint(r, TA_RSA_E_MAX_BYTES), n = ta_read_mpint(r, NUMBER_MAX);
        ta_cleanup(build_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        ta_cleanup(bn_freep) BIGNUM *bn = BN_bin2bn(n.data, (int)n.len, NULL);
        ta_cleanup(bn_freep) BIGNUM *be = BN_bin2bn(e.data, (int)e.len, NULL);
        int err;

        err = ta_read_end(r);
        if (err)
                return err;
        if (!build || !bn || !be || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be))
                return TA_E_CRYPTO;
        return make("RSA", build, ret);
}

static int read_ecdsa(TaReader *r, const struct curve *curve, EVP_PKEY **ret) {
        ta_cleanup(build_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        TaBytes point;
        int err;

        ta_read_expect(r, curve->ssh);
        point = ta_read_string(r);
        err = ta_read_end(r);
        if (err)
                return err;
        if (point.len != 2 * curve->len + 1)
                return TA_E_MALFORMED;
        if (!build ||
            !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->crypto, 0) ||
            !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data,
                                              point.len))
                return TA_E_CRYPTO;
        return make("EC", build, ret);
}

static int read_ed25519(TaReader *r, EVP_PKEY **ret) {
        TaBytes public = ta_read_string(r);
        EVP_PKEY *pkey;
        int err;

        err = ta_read_end(r);
        if (err)
                return err;
        if (public.len != ED25519_LEN)
                return TA_E_MALFORMED;
        pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public.data, ED25519_LEN);
        if (!pkey)
                return TA_E_CRYPTO;
        *ret = pkey;
        return 0;
}

int ta_evp_read_public(TaBytes blob, EVP_PKEY **ret) {
        TaReader r = ta_reader(blob);
        TaBytes type = ta_read_string(&r);
        const struct curve *curve = curve_of(type);

        ERR_clear_error();
        if (r.err)
                return r.err;
        if (curve)
                return read_ecdsa(&r, curve, ret);
        if (ta_bytes_is(type, "ssh-rsa"))
                return read_rsa(&r, ret);
        if (ta_bytes_is(type, "ssh-ed25519"))
                return read_ed25519(&r, ret);
        return TA_E_ALGORITHM;
}

/* --- Out of it --- */

static void write_number(EVP_PKEY *pkey, const char *name, TaWriter *w) {
        ta_cleanup(bn_freep) BIGNUM *bn = NULL;
        uint8_t bytes[NUMBER_MAX];
        int len;

        if (w->err)
                return;
        if (!EVP_PKEY_get_bn_param(pkey, name, &bn)) {
                w->err = ta_crypto_refused(TA_E_MALFORMED);
                return;
        }
        len = BN_num_bytes(bn);
        if (len > NUMBER_MAX || BN_bn2binpad(bn, bytes, len) != len) {
                w->err = TA_E_LIMIT;
                return;
        }
        ta_write_mpint(w, (TaBytes){bytes, (size_t)len});
}

static int write_rsa(EVP_PKEY *pkey, TaWriter *w) {
        ta_write_cstring(w, "ssh-rsa");
        write_number(pkey, OSSL_PKEY_PARAM_RSA_E, w);
        write_number(pkey, OSSL_PKEY_PARAM_RSA_N, w);
        return w->err;
}

static int write_ecdsa(EVP_PKEY *pkey, TaWriter *w) {
        const struct curve *curve = NULL;
        uint8_t point[POINT_MAX];
        char group[64];
        size_t len = 0;

        /* A curve given by its numbers has no name, and is none of ours. */
        if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &len)) {
                for (size_t i = 0; i < TA_N_ELEMENTS(curves); i++) {
                        if (strcmp(group, curves[i].crypto) == 0)
                                curve = &curves[i];
                }
        }
        if (!curve)
                return ta_crypto_refused(TA_E_ALGORITHM);
        (void)EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                             "uncompressed");
        if (!EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                             &len))
                return ta_crypto_refused(TA_E_MALFORMED);
        ta_write_cstring(w, curve->type);
        ta_write_cstring(w, curve->ssh);
        ta_write_string(w, (TaBytes){point, len});
        return w->err;
}

static int write_ed25519(EVP_PKEY *pkey, TaWriter *w) {
        uint8_t public[ED25519_LEN];
        size_t len = sizeof public;

        if (EVP_PKEY_get_raw_public_key(pkey, public, &len) <= 0 || len != sizeof public)
                return ta_crypto_refused(TA_E_MALFORMED);
        ta_write_cstring(w, "ssh-ed25519");
        ta_write_string(w, (TaBytes){public, len});
        return w->err;
}

int ta_evp_write_public(EVP_PKEY *pkey, TaWriter *w) {
        ERR_clear_error();
        switch (EVP_PKEY_get_base_id(pkey)) {
        case EVP_PKEY_RSA:
                return write_rsa(pkey, w);
        case EVP_PKEY_EC:
                return write_ecdsa(pkey, w);
        case EVP_PKEY_ED25519:
                return write_ed25519(pkey, w);
        default:
                return TA_E_ALGORITHM;
        }
}

/* --- Starting --- */

/* The hash functions of all key types, and how their hash of "abc" begins (FIPS 180-4). libcrypto
 * gets one ready at its first use, and does not take it well when memory is short then. */
static const struct {
        unsigned char *(*hash)(const unsigned char *data, size_t len, unsigned char *out);
        uint8_t begins[8];
} hashes[] = {
        {SHA1, {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a}},
        {SHA256, {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea}},
        {SHA384, {0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b}},
        {SHA512, {0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba}},
};

static int init(uint64_t options) {
        options |= OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
        if (OPENSSL_init_crypto(options, NULL) != 1)
                return TA_E_CRYPTO;
        /* Of all that uses it, only this tells whether it could be made; the rest would crash. */
        return OSSL_LIB_CTX_get0_global_default() ? 0 : TA_E_CRYPTO;
}

int ta_crypto_start_tool(void) {
        return init(0);
}

int ta_crypto_start(void) {
        int err = init(OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS);

        if (err)
                return err;
        for (size_t i = 0; i < TA_N_ELEMENTS(hashes); i++) {
                uint8_t out[SHA512_DIGEST_LENGTH];

                if (!hashes[i].hash((const uint8_t *)"abc", 3, out) ||
                    memcmp(out, hashes[i].begins, sizeof hashes[i].begins) != 0)
                        return TA_E_CRYPTO;
        }
        return 0;
}
