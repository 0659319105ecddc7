/* SPDX-License-Identifier: ISC */
/*
 * PEM and PKCS#8 files that something is wrong with: what they would cost, what stands behind the
 * key, what else is in the file, each byte of them changed. Made with libcrypto here, so that each
 * has exactly one fault.
 */
#include <glib.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "lib/keyfile.h"
#include "lib/text.h"

#define PASS "a pass phrase"

static int unlock(TaKeyFile *file, const char *pass) {
        int err = 1;

        ta_keyfile_unlock(&file, 1, ta_str(pass), &err);
        return err;
}

/* What comes of the text of a file. */
static int try_text(TaBytes text, const char *pass) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        int err = ta_keyfile_parse(text, &file);

        if (err) {
                g_assert_null(file);
                return err;
        }
        err = unlock(file, pass);
        g_assert_cmpint(file->key != NULL, ==, err == 0);
        return err;
}

static int try_der(const char *label, TaBytes der, const char *pass) {
        g_autofree char *text = g_malloc(der.len * 2 + 256);
        TaWriter w = ta_writer(text, der.len * 2 + 256);

        ta_armour_write(&w, label, der, 64);
        return try_text(ta_written(&w), pass);
}

static GBytes *der_of(const char *text) {
        BIO *bio = BIO_new_mem_buf(text, -1);
        char *name, *header;
        unsigned char *data;
        GBytes *bytes;
        long len;

        g_assert_cmpint(PEM_read_bio(bio, &name, &header, &data, &len), ==, 1);
        bytes = g_bytes_new(data, (gsize)len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
        BIO_free(bio);
        return bytes;
}

static char *file_of(const TaKeyType *type, unsigned bits, TaKeyFormat format, const char *pass) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;

        g_assert_cmpint(ta_key_generate(type, bits, &key), ==, 0);
        g_assert_cmpint(ta_keyfile_write(key, ta_str(""), ta_str(pass),
                                         &(TaKeyFileOptions){.format = format}, &text),
                        ==, 0);
        return g_strndup((const char *)text->data, text->len);
}

/* --- what a passphrase would cost --- */

/* A PKCS#8 file of the given algorithm with nothing sensible inside. */
static int try_algorithm(X509_ALGOR *algorithm) {
        X509_SIG *sig = X509_SIG_new();
        unsigned char *der = NULL;
        ASN1_OCTET_STRING *text;
        X509_ALGOR *place;
        int len, err;

        g_assert_nonnull(algorithm);
        X509_SIG_getm(sig, &place, &text);
        g_assert_cmpint(X509_ALGOR_copy(place, algorithm), ==, 1);
        g_assert_cmpint(ASN1_OCTET_STRING_set(text, (const uint8_t *)"0123456789abcdef", 16), ==,
                        1);
        len = i2d_X509_SIG(sig, &der);
        g_assert_cmpint(len, >, 0);
        err = try_der("ENCRYPTED PRIVATE KEY", (TaBytes){der, (size_t)len}, PASS);
        OPENSSL_free(der);
        X509_SIG_free(sig);
        X509_ALGOR_free(algorithm);
        return err;
}

static X509_ALGOR *scrypt(uint64_t n, uint64_t r, uint64_t p) {
        return PKCS5_pbe2_set_scrypt(EVP_aes_128_cbc(), NULL, 0, NULL, n, r, p);
}

/* With an iteration count that libcrypto's own functions would not write. */
static int try_iterations(X509_ALGOR *algorithm, uint64_t iterations) {
        ASN1_TYPE **where = &algorithm->parameter;
        PBE2PARAM *pbes2 = NULL;
        PBKDF2PARAM *kdf = NULL;
        PBEPARAM *pbe = NULL;
        int err;

        if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
                pbes2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), *where);
                kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM),
                                                pbes2->keyfunc->parameter);
                g_assert_cmpint(ASN1_INTEGER_set_uint64(kdf->iter, iterations), ==, 1);
                ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf,
                                        &pbes2->keyfunc->parameter);
                ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), pbes2, where);
        } else {
                pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), *where);
                g_assert_cmpint(ASN1_INTEGER_set_uint64(pbe->iter, iterations), ==, 1);
                ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBEPARAM), pbe, where);
        }
        err = try_algorithm(algorithm);
        PBE2PARAM_free(pbes2);
        PBKDF2PARAM_free(kdf);
        PBEPARAM_free(pbe);
        return err;
}

/* F23: seconds are waited for a passphrase, hours are not. */
static void test_cost(void) {
        static const uint64_t too_many[] = {10000001, INT32_MAX, UINT32_MAX, UINT64_MAX};
        static const struct {
                uint64_t n, r, p;
                int err;
        } rows[] = {
                {16384, 8, 1, TA_E_PASSPHRASE}, /* what "openssl pkcs8 -scrypt" writes */
                {32768, 1, 65536, TA_E_COST},
                {2, 1, 131072, TA_E_PASSPHRASE},
                {16384, 8, 256, TA_E_COST},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(too_many); i++) {
                g_test_message("%" PRIu64, too_many[i]);
                g_assert_cmpint(try_iterations(PKCS5_pbe2_set(EVP_aes_128_cbc(), 2048, NULL, 0),
                                               too_many[i]),
                                ==, TA_E_COST);
                g_assert_cmpint(try_iterations(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
                                                             2048, NULL, 0),
                                               too_many[i]),
                                ==, TA_E_COST);
        }
        g_assert_cmpint(try_iterations(PKCS5_pbe2_set(EVP_aes_128_cbc(), 2048, NULL, 0), 100000),
                        ==, TA_E_PASSPHRASE);
        g_assert_cmpint(
                try_iterations(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 2048, NULL, 0),
                               5000),
                ==, TA_E_PASSPHRASE);
        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                g_test_message("scrypt row %zu", i);
                g_assert_cmpint(try_algorithm(scrypt(rows[i].n, rows[i].r, rows[i].p)), ==,
                                rows[i].err);
        }
}

/* An algorithm that libcrypto has not got is not the passphrase's fault. */
static void test_algorithm(void) {
        g_assert_cmpint(try_algorithm(PKCS5_pbe_set(NID_pbeWithMD5AndDES_CBC, 2048, NULL, 0)), ==,
                        TA_E_CIPHER);
}

/* --- bytes that do not belong --- */

static const struct {
        const TaKeyType *type;
        unsigned bits;
        TaKeyFormat format;
        const char *label;
} kinds[] = {
        {&ta_key_rsa, 1024, TA_FORMAT_PEM, "RSA PRIVATE KEY"},
        {&ta_key_ecdsa_p256, 0, TA_FORMAT_PEM, "EC PRIVATE KEY"},
        {&ta_key_rsa, 1024, TA_FORMAT_PKCS8, "PRIVATE KEY"},
        {&ta_key_ecdsa_p256, 0, TA_FORMAT_PKCS8, "PRIVATE KEY"},
        {&ta_key_ed25519, 0, TA_FORMAT_PKCS8, "PRIVATE KEY"},
};

static void test_trailing(void) {
        for (size_t i = 0; i < TA_N_ELEMENTS(kinds); i++) {
                g_autofree char *text = file_of(kinds[i].type, kinds[i].bits, kinds[i].format, "");
                g_autoptr(GBytes) der = der_of(text);
                size_t len = g_bytes_get_size(der);
                g_autofree uint8_t *longer = g_malloc0(len + 1);

                g_test_message("%s of %s", kinds[i].label, kinds[i].type->name);
                memcpy(longer, g_bytes_get_data(der, NULL), len);
                g_assert_cmpint(try_der(kinds[i].label, (TaBytes){longer, len}, ""), ==, 0);
                g_assert_cmpint(try_der(kinds[i].label, (TaBytes){longer, len + 1}, ""), ==,
                                TA_E_TRAILING);
        }
}

/* The same behind an encryption, which authenticates nothing. */
static void test_trailing_sealed(void) {
        g_autofree char *text = file_of(&ta_key_ed25519, 0, TA_FORMAT_PKCS8, "");
        g_autoptr(GBytes) der = der_of(text);
        size_t len = g_bytes_get_size(der);
        g_autofree uint8_t *longer = g_malloc0(len + 1);

        memcpy(longer, g_bytes_get_data(der, NULL), len);
        for (size_t more = 0; more < 2; more++) {
                X509_ALGOR *algorithm = PKCS5_pbe2_set(EVP_aes_128_cbc(), 100, NULL, 0);
                X509_SIG *sig = X509_SIG_new();
                unsigned char *sealed = NULL, *out = NULL;
                ASN1_OCTET_STRING *place;
                X509_ALGOR *name;
                int sealed_len, out_len;

                g_assert_nonnull(PKCS12_pbe_crypt(algorithm, PASS, strlen(PASS), longer,
                                                  (int)(len + more), &sealed, &sealed_len, 1));
                X509_SIG_getm(sig, &name, &place);
                X509_ALGOR_copy(name, algorithm);
                ASN1_STRING_set0(place, sealed, sealed_len);
                out_len = i2d_X509_SIG(sig, &out);
                g_assert_cmpint(
                        try_der("ENCRYPTED PRIVATE KEY", (TaBytes){out, (size_t)out_len}, PASS), ==,
                        more ? TA_E_TRAILING : 0);
                OPENSSL_free(out);
                X509_SIG_free(sig);
                X509_ALGOR_free(algorithm);
        }
}

/* And within PKCS#8, behind the key in its string. */
static void test_trailing_inside(void) {
        g_autofree char *text = file_of(&ta_key_ecdsa_p256, 0, TA_FORMAT_PKCS8, "");
        g_autoptr(GBytes) der = der_of(text);
        const unsigned char *at = g_bytes_get_data(der, NULL), *inner;
        PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)g_bytes_get_size(der));
        const X509_ALGOR *algorithm;
        unsigned char *longer, *out = NULL;
        int len, out_len;

        g_assert_cmpint(PKCS8_pkey_get0(NULL, &inner, &len, &algorithm, info), ==, 1);
        longer = OPENSSL_zalloc((size_t)len + 1);
        memcpy(longer, inner, (size_t)len);
        g_assert_cmpint(PKCS8_pkey_set0(info, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), 0,
                                        V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), longer,
                                        len + 1),
                        ==, 1);
        out_len = i2d_PKCS8_PRIV_KEY_INFO(info, &out);
        g_assert_cmpint(try_der("PRIVATE KEY", (TaBytes){out, (size_t)out_len}, ""), ==,
                        TA_E_TRAILING);
        OPENSSL_free(out);
        PKCS8_PRIV_KEY_INFO_free(info);
}

/* --- more than one block --- */

static void test_blocks(void) {
        g_autofree char *rsa = file_of(&ta_key_rsa, 1024, TA_FORMAT_PEM, "");
        g_autofree char *ec = file_of(&ta_key_ecdsa_p256, 0, TA_FORMAT_PEM, "");
        g_autofree char *sealed = file_of(&ta_key_ecdsa_p256, 0, TA_FORMAT_PKCS8, PASS);
        static const char parameters[] = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                         "-----END EC PARAMETERS-----\n";
        const struct {
                const char *first, *second;
                const TaKeyType *type;
                const char *pass;
        } rows[] = {
                {parameters, ec, &ta_key_ecdsa_p256, ""}, /* "openssl ecparam -genkey" */
                {"some words\n", rsa, &ta_key_rsa, ""},   {rsa, ec, &ta_key_rsa, ""},
                {ec, rsa, &ta_key_ecdsa_p256, ""},        {sealed, rsa, &ta_key_ecdsa_p256, PASS},
                {rsa, sealed, &ta_key_rsa, ""},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                g_autofree char *both = g_strconcat(rows[i].first, rows[i].second, NULL);
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;

                g_test_message("row %zu", i);
                g_assert_cmpint(ta_keyfile_parse(ta_str(both), &file), ==, 0);
                g_assert_cmpint(file->encrypted, ==, *rows[i].pass != '\0');
                g_assert_cmpint(unlock(file, rows[i].pass), ==, 0);
                g_assert_true(file->key->type == rows[i].type);
        }
}

/* --- F22: cut and changed --- */

static void test_cut(void) {
        for (size_t i = 0; i < TA_N_ELEMENTS(kinds); i++) {
                for (unsigned sealed = 0; sealed < 2; sealed++) {
                        const char *pass = sealed ? PASS : "";
                        g_autofree char *text =
                                file_of(kinds[i].type, kinds[i].bits, kinds[i].format, pass);
                        size_t len = strlen(text), step = sealed ? 7 : 1;

                        g_test_message("%s of %s, passphrase \"%s\"", kinds[i].label,
                                       kinds[i].type->name, pass);
                        g_assert_cmpint(try_text(ta_str(text), pass), ==, 0);
                        /* The last line end may be missing. */
                        g_assert_cmpint(try_text((TaBytes){(uint8_t *)text, len - 1}, pass), ==, 0);
                        for (size_t n = 0; n < len - 1; n += step)
                                g_assert_cmpint(try_text((TaBytes){(uint8_t *)text, n}, pass), !=,
                                                0);
                }
        }
}

/* A changed byte of the key is noticed: the halves no longer belong together. What is not: bits
 * that do not say anything (a version), and RSA's exponents of the CRT, which are computed anew. */
static void test_changed(void) {
        for (size_t i = 0; i < TA_N_ELEMENTS(kinds); i++) {
                g_autofree char *text = file_of(kinds[i].type, kinds[i].bits, kinds[i].format, "");
                ta_cleanup(ta_keyfile_freep) TaKeyFile *good = NULL;
                g_autoptr(GBytes) der = der_of(text);
                size_t len = g_bytes_get_size(der);
                g_autofree uint8_t *body = g_memdup2(g_bytes_get_data(der, NULL), len);

                g_test_message("%s of %s", kinds[i].label, kinds[i].type->name);
                g_assert_cmpint(ta_keyfile_parse(ta_str(text), &good), ==, 0);
                g_assert_cmpint(unlock(good, ""), ==, 0);
                for (size_t n = 0; n < len; n++) {
                        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
                        g_autofree char *changed = g_malloc(len * 2 + 256);
                        TaWriter w = ta_writer(changed, len * 2 + 256);

                        body[n] ^= 0x01;
                        ta_armour_write(&w, kinds[i].label, (TaBytes){body, len}, 64);
                        body[n] ^= 0x01;
                        if (ta_keyfile_parse(ta_written(&w), &file) || unlock(file, ""))
                                continue;
                        /* Of an Ed25519 seed there is no second half to compare with. */
                        if (kinds[i].type == &ta_key_ed25519 && n >= len - 32)
                                continue;
                        g_assert_true(ta_key_same_plain(good->key, file->key));
                }
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/keyfile-pem/F23-cost", test_cost);
        g_test_add_func("/keyfile-pem/algorithm", test_algorithm);
        g_test_add_func("/keyfile-pem/F22-trailing", test_trailing);
        g_test_add_func("/keyfile-pem/F22-trailing-sealed", test_trailing_sealed);
        g_test_add_func("/keyfile-pem/F22-trailing-inside", test_trailing_inside);
        g_test_add_func("/keyfile-pem/F22-two-keys", test_blocks);
        g_test_add_func("/keyfile-pem/F22-cut", test_cut);
        g_test_add_func("/keyfile-pem/F22-changed", test_changed);
        return g_test_run();
}
