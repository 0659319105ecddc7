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
#include <openssl/pemerr.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>
#include <openssl/x509.h>

#include "lib/keyfile-format.h"
#include "lib/text.h"

#define PASSPHRASE_MIN 5 /* as ssh-keygen asks for in these formats */
#define NUMBER_MAX     (TA_RSA_BITS_MAX / 8)
#define LABEL_ROOM     64        /* a marker line */
#define ITERATIONS_MAX 10000000  /* of PBKDF2 and its elders: seconds; ssh-keygen writes 2048 */
#define SCRYPT_MAX     (1 << 24) /* N * r * p: seconds; openssl writes 2^17. libcrypto caps memory */

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

static void pbe_freep(PBEPARAM **p) {
        PBEPARAM_free(*p);
}

static void pbe2_freep(PBE2PARAM **p) {
        PBE2PARAM_free(*p);
}

static void pbkdf2_freep(PBKDF2PARAM **p) {
        PBKDF2PARAM_free(*p);
}

static void scrypt_freep(SCRYPT_PARAMS **p) {
        SCRYPT_PARAMS_free(*p);
}

static void sig_freep(X509_SIG **sig) {
        X509_SIG_free(*sig);
}

static void info_freep(PKCS8_PRIV_KEY_INFO **info) {
        PKCS8_PRIV_KEY_INFO_free(*info);
}

static bool is_unsupported(unsigned long e) {
        return ERR_GET_REASON(e) == ERR_R_UNSUPPORTED ||
               (ERR_GET_LIB(e) == ERR_LIB_EVP &&
                (ERR_GET_REASON(e) == EVP_R_UNKNOWN_PBE_ALGORITHM ||
                 ERR_GET_REASON(e) == EVP_R_UNSUPPORTED_ALGORITHM ||
                 ERR_GET_REASON(e) == EVP_R_UNSUPPORTED_CIPHER ||
                 ERR_GET_REASON(e) == EVP_R_UNSUPPORTED_PRF));
}

static bool is_passphrase(unsigned long e) {
        return (ERR_GET_LIB(e) == ERR_LIB_PKCS12 &&
                ERR_GET_REASON(e) == PKCS12_R_PKCS12_CIPHERFINAL_ERROR) ||
               (ERR_GET_LIB(e) == ERR_LIB_PEM && (ERR_GET_REASON(e) == PEM_R_BAD_DECRYPT ||
                                                  ERR_GET_REASON(e) == PEM_R_BAD_PASSWORD_READ));
}

/* Our reason for a failure, unless libcrypto's queue of errors, which is emptied, has a better one:
 * where memory was short nothing is wrong with the file, and nobody need type a passphrase again of
 * which it does not say that it did not fit. */
static int reason(int err) {
        bool memory = false, unsupported = false, passphrase = false;
        unsigned long e;

        while ((e = ERR_get_error())) {
                memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
                unsupported |= is_unsupported(e);
                passphrase |= is_passphrase(e);
        }
        if (err && memory)
                return TA_E_CRYPTO;
        if (err != TA_E_PASSPHRASE)
                return err;
        return unsupported ? TA_E_CIPHER : passphrase ? TA_E_PASSPHRASE : TA_E_CRYPTO;
}

/* --- The armour --- */

static void write_marker(TaWriter *w, const char *what, const char *label) {
        ta_write_raw(w, ta_str("-----"));
        ta_write_raw(w, ta_str(what));
        ta_write_u8(w, ' ');
        ta_write_raw(w, ta_str(label));
        ta_write_raw(w, ta_str("-----\n"));
}

/* One PEM block. Its data may be a private key in the clear: from the arena where libcrypto was
 * adopted, and wiped in any case. */
typedef struct Block {
        char *name, *header;
        unsigned char *data;
        long len, cap;
} Block;

static void block_clear(Block *b) {
        OPENSSL_free(b->name);
        OPENSSL_free(b->header);
        OPENSSL_clear_free(b->data, (size_t)b->cap);
}

static int block_read(const TaKeyFile *file, Block *b) {
        ta_cleanup(bio_freep) BIO *bio = BIO_new_mem_buf(file->body->data, (int)file->body->len);
        int done;

        if (!bio)
                return TA_E_CRYPTO;
        done = PEM_read_bio(bio, &b->name, &b->header, &b->data, &b->len);
        b->cap = done ? b->len : 0;
        return done ? 0 : TA_E_MALFORMED;
}

/* --- What a passphrase would cost --- */

static bool over(const ASN1_INTEGER *number, uint64_t max) {
        uint64_t n;

        return ASN1_INTEGER_get_uint64(&n, number) != 1 || n > max;
}

static int scrypt_cost(const ASN1_TYPE *parameter) {
        ta_cleanup(scrypt_freep) SCRYPT_PARAMS *p =
                ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
        uint64_t n, r, parallel;

        if (!p || ASN1_INTEGER_get_uint64(&n, p->costParameter) != 1 ||
            ASN1_INTEGER_get_uint64(&r, p->blockSize) != 1 ||
            ASN1_INTEGER_get_uint64(&parallel, p->parallelizationParameter) != 1)
                return TA_E_MALFORMED;
        if (n > SCRYPT_MAX || r > SCRYPT_MAX || parallel > SCRYPT_MAX || n * r > SCRYPT_MAX ||
            n * r * parallel > SCRYPT_MAX)
                return TA_E_COST;
        return 0;
}

static int pbes2_cost(const ASN1_TYPE *parameter) {
        ta_cleanup(pbe2_freep) PBE2PARAM *p =
                ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
        ta_cleanup(pbkdf2_freep) PBKDF2PARAM *kdf = NULL;

        if (!p)
                return TA_E_MALFORMED;
        switch (OBJ_obj2nid(p->keyfunc->algorithm)) {
        case NID_id_pbkdf2:
                kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), p->keyfunc->parameter);
                if (!kdf)
                        return TA_E_MALFORMED;
                return over(kdf->iter, ITERATIONS_MAX) ? TA_E_COST : 0;
        case NID_id_scrypt:
                return scrypt_cost(p->keyfunc->parameter);
        default:
                return TA_E_CIPHER;
        }
}

/* Before anybody is asked for a passphrase and before any work is done. */
static int pkcs8_cost(const Block *b) {
        const unsigned char *at = b->data;
        ta_cleanup(sig_freep) X509_SIG *sig = d2i_X509_SIG(NULL, &at, b->len);
        ta_cleanup(pbe_freep) PBEPARAM *pbe = NULL;
        const X509_ALGOR *algorithm;
        const ASN1_OBJECT *object;
        const void *parameter;
        int kind;

        if (!sig)
                return TA_E_MALFORMED;
        if (at != b->data + b->len)
                return TA_E_TRAILING;
        X509_SIG_get0(sig, &algorithm, NULL);
        X509_ALGOR_get0(&object, &kind, &parameter, algorithm);
        if (OBJ_obj2nid(object) == NID_pbes2)
                return pbes2_cost(algorithm->parameter);
        if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, OBJ_obj2nid(object), NULL, NULL, NULL))
                return TA_E_CIPHER;
        pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
        if (!pbe)
                return TA_E_MALFORMED;
        return over(pbe->iter, ITERATIONS_MAX) ? TA_E_COST : 0;
}

static int pem_look(TaKeyFile *file, bool sealed) {
        ta_cleanup(block_clear) Block b = {0};
        EVP_CIPHER_INFO cipher;
        int err;

        ERR_clear_error();
        err = block_read(file, &b);
        if (err)
                return reason(err);
        if (!PEM_get_EVP_CIPHER_INFO(b.header, &cipher))
                err = TA_E_CIPHER;
        else if (sealed)
                err = pkcs8_cost(&b);
        file->encrypted = sealed || cipher.cipher;
        return reason(err);
}

/* The first block of a kind that we know, alone in a body of its own: what else is in the file
 * (EC PARAMETERS, a certificate, another key) must not be taken for it. */
int ta_keyfile_pem_parse(TaBytes text, TaKeyFile *file) {
        ta_cleanup(ta_secret_dropp) TaSecret *block = NULL;
        TaBytes first = {0};
        size_t row = 0;
        int err = TA_E_NOT_FOUND;
        TaWriter w;

        for (size_t i = 0; i < TA_N_ELEMENTS(labels); i++) {
                TaBytes body;
                int found = ta_armour_find(text, labels[i].label, &body);

                if (found == TA_E_NOT_FOUND)
                        continue;
                if (found) {
                        err = err == TA_E_NOT_FOUND ? found : err;
                } else if (!first.data || body.data < first.data) {
                        first = body;
                        row = i;
                }
        }
        if (!first.data)
                return err;
        err = ta_secret_new(first.len + 2 * LABEL_ROOM, &block);
        if (err)
                return err;
        w = ta_writer(block->data, block->cap);
        write_marker(&w, "BEGIN", labels[row].label);
        ta_write_raw(&w, first);
        write_marker(&w, "END", labels[row].label);
        if (w.err)
                return w.err;
        block->len = w.len;
        file->body = ta_steal(&block);
        file->format = labels[row].format;
        return pem_look(file, labels[row].encrypted);
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

/* --- Reading --- */

/* The two kinds: the key by itself ... */
static int read_traditional(const Block *b, EVP_PKEY **ret) {
        int type = strcmp(b->name, "EC PRIVATE KEY") == 0 ? EVP_PKEY_EC : EVP_PKEY_RSA;
        const unsigned char *at = b->data;

        *ret = d2i_PrivateKey(type, NULL, &at, b->len);
        if (!*ret)
                return TA_E_MALFORMED;
        return at != b->data + b->len ? TA_E_TRAILING : 0;
}

/* ... and PKCS#8, which has it in a string. Nothing may follow it, in there neither. */
static int read_pkcs8(const unsigned char *data, long len, EVP_PKEY **ret) {
        ta_cleanup(info_freep) PKCS8_PRIV_KEY_INFO *info = NULL;
        const unsigned char *at = data, *inner;
        int tag, class, inner_len;
        long value_len;

        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
        if (!info || !PKCS8_pkey_get0(NULL, &inner, &inner_len, NULL, info))
                return TA_E_MALFORMED;
        if (at != data + len)
                return TA_E_TRAILING;
        at = inner;
        if (ASN1_get_object(&at, &value_len, &tag, &class, inner_len) & 0x80)
                return TA_E_MALFORMED;
        if (at + value_len != inner + inner_len)
                return TA_E_TRAILING;
        *ret = EVP_PKCS82PKEY(info);
        return *ret ? 0 : TA_E_MALFORMED;
}

static int read_sealed(const Block *b, TaBytes passphrase, EVP_PKEY **ret) {
        const unsigned char *at = b->data;
        ta_cleanup(sig_freep) X509_SIG *sig = d2i_X509_SIG(NULL, &at, b->len);
        const X509_ALGOR *algorithm;
        const ASN1_OCTET_STRING *text;
        unsigned char *plain = NULL;
        int len = 0, err;

        if (!sig)
                return TA_E_MALFORMED;
        X509_SIG_get0(sig, &algorithm, &text);
        if (!PKCS12_pbe_crypt(algorithm, (const char *)passphrase.data, (int)passphrase.len,
                              ASN1_STRING_get0_data(text), ASN1_STRING_length(text), &plain, &len,
                              0))
                return TA_E_PASSPHRASE;
        err = read_pkcs8(plain, len, ret);
        OPENSSL_clear_free(plain, (size_t)len);
        return err;
}

/* The old encryption, in place. */
static int decrypt_traditional(Block *b, TaBytes *passphrase) {
        EVP_CIPHER_INFO cipher;

        if (!PEM_get_EVP_CIPHER_INFO(b->header, &cipher))
                return TA_E_CIPHER;
        if (!PEM_do_header(&cipher, b->data, &b->len, give_passphrase, passphrase))
                return TA_E_PASSPHRASE;
        return 0;
}

static int read_block(Block *b, TaBytes passphrase, EVP_PKEY **ret) {
        int err;

        if (strcmp(b->name, "ENCRYPTED PRIVATE KEY") == 0)
                return read_sealed(b, passphrase, ret);
        err = decrypt_traditional(b, &passphrase);
        if (err)
                return err;
        if (strcmp(b->name, "PRIVATE KEY") == 0)
                return read_pkcs8(b->data, b->len, ret);
        return read_traditional(b, ret);
}

int ta_keyfile_pem_unlock(TaKeyFile *file, TaBytes passphrase) {
        ta_cleanup(ta_secret_dropp) TaSecret *comment = NULL;
        ta_cleanup(pkey_freep) EVP_PKEY *pkey = NULL;
        ta_cleanup(block_clear) Block b = {0};
        int err;

        if (file->encrypted && passphrase.len == 0)
                return TA_E_NEED_PASSPHRASE;
        err = ta_secret_new(0, &comment);
        if (err)
                return err;
        ERR_clear_error();
        err = block_read(file, &b);
        if (!err)
                err = read_block(&b, passphrase, &pkey);
        err = reason(err);
        /* Behind a wrong passphrase the padding may look right by chance. */
        if (err == TA_E_MALFORMED && file->encrypted)
                err = TA_E_PASSPHRASE;
        if (!err)
                err = reason(to_key(pkey, &file->key));
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

/* What was written is the key, and opens. libcrypto has said that all was well when memory had been
 * short and the passphrase was not the file's; such a file must not replace a good one. */
static int read_back(TaBytes text, TaBytes passphrase, const TaKey *key) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = calloc(1, sizeof *file);
        int err;

        if (!file)
                return TA_E_FULL;
        err = ta_keyfile_pem_parse(text, file);
        if (!err)
                err = ta_keyfile_pem_unlock(file, passphrase);
        return err || !ta_key_same_plain(file->key, key) ? TA_E_CRYPTO : 0;
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
        err = read_back((TaBytes){(uint8_t *)text, (size_t)len}, passphrase, key);
        if (!err)
                err = ta_secret_dup((TaBytes){(uint8_t *)text, (size_t)len}, ret_text);
        ta_wipe(text, (size_t)len);
        return err;
}
