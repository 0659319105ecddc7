/* SPDX-License-Identifier: ISC */
/*
 * PEM ("RSA PRIVATE KEY", "EC PRIVATE KEY", with the old encryption too) and PKCS#8, both through
 * libcrypto. Between libcrypto's key and ours stands the agent's private encoding in secret memory,
 * so that all checks of lib/key.h apply. Never asks for a passphrase itself: libcrypto's prompt is
 * kept away by a callback.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "lib/keyfile-format.h"
#include "lib/text.h"

#define PASSPHRASE_MIN 5 /* as ssh-keygen asks for in these formats */
#define NUMBER_MAX     (TA_RSA_BITS_MAX / 8)

static const struct {
        const char *label;
        TaKeyFormat format;
        bool encrypted;
} labels[] = {
        {"RSA PRIVATE KEY", TA_FORMAT_PEM, false},
        {"EC PRIVATE KEY", TA_FORMAT_PEM, false},
        {"PRIVATE KEY", TA_FORMAT_PKCS8, false},
        {"ENCRYPTED PRIVATE KEY", TA_FORMAT_PKCS8, true},
};

static const struct {
        const char *wire, *curve, *group; /* the key's name, SSH's and libcrypto's of the curve */
} curves[] = {
        {"ecdsa-sha2-nistp256", "nistp256", "prime256v1"},
        {"ecdsa-sha2-nistp384", "nistp384", "secp384r1"},
        {"ecdsa-sha2-nistp521", "nistp521", "secp521r1"},
};

static void bio_freep(BIO **bio) {
        BIO_free(*bio);
}

static void pkey_freep(EVP_PKEY **pkey) {
        EVP_PKEY_free(*pkey);
}

static void bn_freep(BIGNUM **bn) {
        BN_clear_free(*bn);
}

int ta_keyfile_pem_parse(TaBytes text, TaKeyFile *file) {
        static const char old_encryption[] = "Proc-Type: 4,ENCRYPTED";

        for (size_t i = 0; i < TA_N_ELEMENTS(labels); i++) {
                TaBytes body;
                int err = ta_armour_find(text, labels[i].label, &body);

                if (err == TA_E_NOT_FOUND)
                        continue;
                if (err)
                        return err;
                file->format = labels[i].format;
                file->encrypted = labels[i].encrypted ||
                                  memmem(body.data, body.len, old_encryption,
                                         sizeof old_encryption - 1) != NULL;
                if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
                        text.data += 3;
                        text.len -= 3;
                }
                return ta_secret_dup(text, &file->body);
        }
        return TA_E_NOT_FOUND;
}

static int give_passphrase(char *buf, int size, int writing ta_unused, void *data) {
        const TaBytes *passphrase = data;

        if (passphrase->len == 0 || passphrase->len > (size_t)size)
                return -1;
        memcpy(buf, passphrase->data, passphrase->len);
        return (int)passphrase->len;
}

/* A number of the key as an mpint. */
static int copy_number(const EVP_PKEY *pkey, const char *name, TaWriter *w) {
        ta_cleanup(bn_freep) BIGNUM *bn = BN_secure_new();
        uint8_t bytes[NUMBER_MAX];
        ta_wiped(bytes);
        int len;

        if (!bn || !EVP_PKEY_get_bn_param(pkey, name, &bn))
                return TA_E_MALFORMED;
        len = BN_num_bytes(bn);
        if (len > NUMBER_MAX)
                return TA_E_LIMIT;
        (void)BN_bn2bin(bn, bytes);
        ta_write_mpint(w, (TaBytes){bytes, (size_t)len});
        return w->err;
}

static int copy_rsa(const EVP_PKEY *pkey, TaWriter *w) {
        static const char *const names[] = {
                OSSL_PKEY_PARAM_RSA_N,            OSSL_PKEY_PARAM_RSA_E,
                OSSL_PKEY_PARAM_RSA_D,            OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
                OSSL_PKEY_PARAM_RSA_FACTOR1,      OSSL_PKEY_PARAM_RSA_FACTOR2,
        };
        int err;

        ta_write_cstring(w, "ssh-rsa");
        for (size_t i = 0; i < TA_N_ELEMENTS(names); i++) {
                err = copy_number(pkey, names[i], w);
                if (err)
                        return err;
        }
        return 0;
}

static int copy_ec(EVP_PKEY *pkey, TaWriter *w) {
        uint8_t point[160];
        char group[32];
        size_t len;

        if (!EVP_PKEY_get_group_name(pkey, group, sizeof group, &len))
                return TA_E_ALGORITHM;
        for (size_t i = 0; i < TA_N_ELEMENTS(curves); i++) {
                if (strcmp(group, curves[i].group) != 0)
                        continue;
                if (!EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                    "uncompressed") ||
                    !EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     sizeof point, &len))
                        return TA_E_MALFORMED;
                ta_write_cstring(w, curves[i].wire);
                ta_write_cstring(w, curves[i].curve);
                ta_write_string(w, (TaBytes){point, len});
                return copy_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, w);
        }
        return TA_E_ALGORITHM;
}

static int copy_ed25519(const EVP_PKEY *pkey, TaWriter *w) {
        uint8_t key[64];
        ta_wiped(key);
        size_t seed = 32, public = 32;

        if (!EVP_PKEY_get_raw_private_key(pkey, key, &seed) ||
            !EVP_PKEY_get_raw_public_key(pkey, key + 32, &public) || seed != 32 || public != 32)
                return TA_E_MALFORMED;
        ta_write_cstring(w, "ssh-ed25519");
        ta_write_string(w, (TaBytes){key + 32, 32});
        ta_write_string(w, (TaBytes){key, sizeof key});
        return w->err;
}

static int to_key(EVP_PKEY *pkey, TaKey **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
        TaReader r;
        TaWriter w;
        int err;

        err = ta_secret_new(6 * NUMBER_MAX, &s);
        if (err)
                return err;
        w = ta_writer(s->data, s->cap);
        switch (EVP_PKEY_get_base_id(pkey)) {
        case EVP_PKEY_RSA:
                err = copy_rsa(pkey, &w);
                break;
        case EVP_PKEY_EC:
                err = copy_ec(pkey, &w);
                break;
        case EVP_PKEY_ED25519:
                err = copy_ed25519(pkey, &w);
                break;
        default:
                err = TA_E_ALGORITHM;
        }
        if (err)
                return err;
        r = ta_reader(ta_written(&w));
        return ta_key_read_private(&r, ret);
}

/* What libcrypto's last failure means. Behind a wrong passphrase the padding may look right by
 * chance, and the garbage then fails as ASN.1; only the armour itself tells of damage. */
static int read_failure(bool encrypted) {
        unsigned long e = ERR_peek_last_error();

        ERR_clear_error();
        if (!encrypted || (ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) != PEM_R_BAD_DECRYPT &&
                           ERR_GET_REASON(e) != PEM_R_BAD_PASSWORD_READ))
                return TA_E_MALFORMED;
        return TA_E_PASSPHRASE;
}

int ta_keyfile_pem_unlock(TaKeyFile *file, TaBytes passphrase) {
        ta_cleanup(ta_secret_dropp) TaSecret *comment = NULL;
        ta_cleanup(pkey_freep) EVP_PKEY *pkey = NULL;
        ta_cleanup(bio_freep) BIO *bio = NULL;
        int err;

        if (file->encrypted && passphrase.len == 0)
                return TA_E_NEED_PASSPHRASE;
        err = ta_secret_new(0, &comment);
        if (err)
                return err;
        bio = BIO_new_mem_buf(file->body->data, (int)file->body->len);
        if (!bio)
                return TA_E_CRYPTO;
        ERR_clear_error();
        pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &passphrase);
        if (!pkey)
                return read_failure(file->encrypted);
        err = to_key(pkey, &file->key);
        ERR_clear_error();
        if (err)
                return err;
        file->comment = ta_steal(&comment);
        return 0;
}

/* --- Writing --- */

struct numbers {
        BIGNUM *n[8];
};

static void numbers_clear(struct numbers *m) {
        for (size_t i = 0; i < TA_N_ELEMENTS(m->n); i++)
                BN_clear_free(m->n[i]);
}

static void build_freep(OSSL_PARAM_BLD **build) {
        OSSL_PARAM_BLD_free(*build);
}

static void params_freep(OSSL_PARAM **params) {
        OSSL_PARAM_free(*params);
}

static void pctx_freep(EVP_PKEY_CTX **ctx) {
        EVP_PKEY_CTX_free(*ctx);
}

static BIGNUM *number(TaBytes bytes) {
        BIGNUM *bn = BN_secure_new();

        if (bn && !BN_bin2bn(bytes.data, (int)bytes.len, bn)) {
                BN_clear_free(bn);
                return NULL;
        }
        return bn;
}

static int from_build(const char *type, OSSL_PARAM_BLD *build, EVP_PKEY **ret) {
        ta_cleanup(params_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        ta_cleanup(pctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

        if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
            EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEYPAIR, params) <= 0)
                return TA_E_CRYPTO;
        return 0;
}

/* n, e, d, iqmp, p, q; the two exponents of the CRT are computed. */
static int rsa_from(TaReader *r, EVP_PKEY **ret) {
        static const char *const names[] = {
                OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
                OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
                OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
                OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        };
        ta_cleanup(build_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        ta_cleanup(numbers_clear) struct numbers m = {0};
        BN_CTX *ctx;
        bool good = true;

        for (size_t i = 0; i < 6; i++)
                m.n[i] = number(ta_read_mpint(r, NUMBER_MAX));
        m.n[6] = BN_secure_new();
        m.n[7] = BN_secure_new();
        ctx = BN_CTX_secure_new();
        for (size_t i = 0; i < TA_N_ELEMENTS(names); i++)
                good = good && m.n[i];
        for (size_t i = 6; i < 8 && good && ctx; i++) {
                good = BN_sub(m.n[i], m.n[i - 2], BN_value_one()) &&
                       BN_mod(m.n[i], m.n[2], m.n[i], ctx);
                BN_set_flags(m.n[i], BN_FLG_CONSTTIME);
        }
        good = good && ctx && build && !r->err;
        BN_CTX_free(ctx);
        for (size_t i = 0; i < TA_N_ELEMENTS(names) && good; i++)
                good = OSSL_PARAM_BLD_push_BN(build, names[i], m.n[i]);
        return good ? from_build("RSA", build, ret) : TA_E_CRYPTO;
}

static int ec_from(TaReader *r, EVP_PKEY **ret) {
        ta_cleanup(build_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        ta_cleanup(bn_freep) BIGNUM *d = NULL;
        TaBytes curve = ta_read_string(r), point = ta_read_string(r);

        d = number(ta_read_mpint(r, 66));
        if (r->err || !d || !build)
                return TA_E_CRYPTO;
        for (size_t i = 0; i < TA_N_ELEMENTS(curves); i++) {
                if (!ta_bytes_is(curve, curves[i].curve))
                        continue;
                if (!OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                                     curves[i].group, 0) ||
                    !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data,
                                                      point.len) ||
                    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d))
                        return TA_E_CRYPTO;
                return from_build("EC", build, ret);
        }
        return TA_E_ALGORITHM;
}

static int from_key(const TaKey *key, EVP_PKEY **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
        TaBytes name, private;
        TaReader r;
        TaWriter w;
        int err;

        err = ta_secret_new(6 * NUMBER_MAX, &s);
        if (err)
                return err;
        w = ta_writer(s->data, s->cap);
        ta_key_write_private(key, &w);
        if (w.err)
                return w.err;
        r = ta_reader(ta_written(&w));
        name = ta_read_string(&r);
        if (ta_bytes_is(name, "ssh-rsa"))
                return rsa_from(&r, ret);
        if (!ta_bytes_is(name, "ssh-ed25519"))
                return ec_from(&r, ret);
        (void)ta_read_string(&r);
        private = ta_read_string(&r);
        if (private.len != 64)
                return TA_E_CRYPTO;
        *ret = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private.data, 32);
        return *ret ? 0 : TA_E_CRYPTO;
}

int ta_keyfile_pem_write(const TaKey *key, TaBytes passphrase, TaKeyFormat format,
                         TaSecret **ret_text) {
        const EVP_CIPHER *cipher = passphrase.len > 0 ? EVP_aes_128_cbc() : NULL;
        ta_cleanup(pkey_freep) EVP_PKEY *pkey = NULL;
        ta_cleanup(bio_freep) BIO *bio = NULL;
        bool ed25519 = strcmp(key->type->name, "ssh-ed25519") == 0;
        char *text = NULL;
        long len;
        int err, done;

        if (key->cert || !key->type->read_private || (format == TA_FORMAT_PEM && ed25519))
                return TA_E_ALGORITHM;
        if (passphrase.len > 0 &&
            (passphrase.len < PASSPHRASE_MIN || passphrase.len > TA_PASSPHRASE_MAX))
                return TA_E_LIMIT;
        err = from_key(key, &pkey);
        if (err)
                return err;
        bio = BIO_new(BIO_s_mem()); /* from the arena, where libcrypto was adopted */
        if (!bio)
                return TA_E_CRYPTO;
        if (format == TA_FORMAT_PEM)
                done = PEM_write_bio_PrivateKey_traditional(bio, pkey, cipher, NULL, 0,
                                                            give_passphrase, &passphrase);
        else
                done = PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, NULL, 0, give_passphrase,
                                                     &passphrase);
        ERR_clear_error();
        if (!done)
                return TA_E_CRYPTO;
        len = BIO_get_mem_data(bio, &text);
        err = ta_secret_dup((TaBytes){(uint8_t *)text, (size_t)len}, ret_text);
        ta_wipe(text, (size_t)len);
        return err;
}
