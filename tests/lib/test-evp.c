/* SPDX-License-Identifier: ISC */
/* Public keys to libcrypto and back: the same blob, and nothing that is off gets across. */
#include <glib.h>
#include <sodium.h>

#include "lib/evp.h"
#include "lib/key.h"

#define ROOM 8192

static const struct {
        const TaKeyType *type;
        unsigned bits;
} kinds[] = {
        {&ta_key_ed25519, 0},    {&ta_key_ecdsa_p256, 0}, {&ta_key_ecdsa_p384, 0},
        {&ta_key_ecdsa_p521, 0}, {&ta_key_rsa, 1024},
};

static TaKey *keys[G_N_ELEMENTS(kinds)];

static void test_there_and_back(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_evp_freep) EVP_PKEY *pkey = NULL;
                uint8_t back[ROOM];
                TaWriter w = ta_writer(back, sizeof back);

                g_assert_cmpint(ta_evp_read_public(ta_key_blob(keys[i]), &pkey), ==, 0);
                g_assert_cmpint(ta_evp_write_public(pkey, &w), ==, 0);
                g_assert_cmpmem(back, w.len, keys[i]->blob, keys[i]->blob_len);
                w = ta_writer(back, keys[i]->blob_len - 1);
                g_assert_cmpint(ta_evp_write_public(pkey, &w), ==, TA_E_LIMIT);
        }
}

/* F3, F7: cut anywhere, and with a byte too many */
static void test_cut(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                EVP_PKEY *pkey = NULL;
                uint8_t longer[ROOM] = {0};

                for (size_t len = 0; len < keys[i]->blob_len; len++) {
                        g_assert_cmpint(ta_evp_read_public((TaBytes){keys[i]->blob, len}, &pkey), <,
                                        0);
                        g_assert_null(pkey);
                }
                memcpy(longer, keys[i]->blob, keys[i]->blob_len);
                g_assert_cmpint(ta_evp_read_public((TaBytes){longer, keys[i]->blob_len + 1}, &pkey),
                                ==, TA_E_TRAILING);
                g_assert_null(pkey);
        }
}

/* F16: a point that is not on the curve, or in another form */
static void test_points(void) {
        EVP_PKEY *pkey = NULL;

        for (size_t i = 1; i <= 3; i++) {
                g_autofree uint8_t *blob = g_memdup2(keys[i]->blob, keys[i]->blob_len);
                TaBytes bytes = {blob, keys[i]->blob_len};
                size_t point = bytes.len - 2 * ((kinds[i].type->bits + 7) / 8) - 1;

                blob[bytes.len - 1] ^= 1;
                g_assert_cmpint(ta_evp_read_public(bytes, &pkey), ==, TA_E_MALFORMED);
                blob[bytes.len - 1] ^= 1;
                g_assert_cmpuint(blob[point], ==, 4);
                blob[point] = 2;
                g_assert_cmpint(ta_evp_read_public(bytes, &pkey), ==, TA_E_MALFORMED);
                g_assert_null(pkey);
        }
}

static void test_other_types(void) {
        static const char *const names[] = {"ssh-dss", "sk-ssh-ed25519@openssh.com", "",
                                            "ssh-ed25519-cert-v01@openssh.com"};
        ta_cleanup(ta_evp_freep) EVP_PKEY *x25519 = EVP_PKEY_new_raw_private_key(
                EVP_PKEY_X25519, NULL, (const uint8_t *)"01234567890123456789012345678901", 32);
        EVP_PKEY *pkey = NULL;
        uint8_t buf[ROOM];
        TaWriter w = ta_writer(buf, sizeof buf);

        g_assert_nonnull(x25519);
        g_assert_cmpint(ta_evp_write_public(x25519, &w), ==, TA_E_ALGORITHM);
        g_assert_cmpuint(w.len, ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                w = ta_writer(buf, sizeof buf);
                ta_write_cstring(&w, names[i]);
                g_assert_cmpint(ta_evp_read_public(ta_written(&w), &pkey), ==, TA_E_ALGORITHM);
        }
        g_assert_null(pkey);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                g_assert_cmpint(ta_key_generate(kinds[i].type, kinds[i].bits, &keys[i]), ==, 0);
        g_test_add_func("/evp/there-and-back", test_there_and_back);
        g_test_add_func("/evp/f3-f7-cut", test_cut);
        g_test_add_func("/evp/f16-points", test_points);
        g_test_add_func("/evp/other-types", test_other_types);
        status = g_test_run();
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                ta_key_free(keys[i]);
        return status;
}
