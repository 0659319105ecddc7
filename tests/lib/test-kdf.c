/* SPDX-License-Identifier: ISC */
/* bcrypt_pbkdf gives the published results, and the same in a batch as one by one. */
#include <glib.h>

#include "lib/error.h"
#include "lib/kdf.h"
#include "lib/secret.h"

static void derive(TaBytes pass, TaBytes salt, uint32_t rounds, uint8_t *out, size_t len) {
        TaBcryptJob job = {pass, salt, rounds, out, len};

        g_assert_cmpint(ta_bcrypt_pbkdf(&job, 1), ==, 0);
}

static void test_vectors(void) {
        static const struct {
                uint32_t rounds;
                const char *pass, *salt;
                size_t pass_len, salt_len;
                const char *hex;
        } rows[] = {
                {12, "password", "salt", 8, 4,
                 "1ae42c05d487bc02f64921a4ebe4ea93bcacfe135fda99974c06b7b01fae149a"},
                {3, "passwordy\0PASSWORD", "salty\0SALT", 19, 11,
                 "7f310bd3e78c3280c59ce4595211a2928e8d4ec744c1ed2efc9f764e3388e0ad"},
                {8, "секретное слово", "посолить немножко", 29, 33,
                 "8df43fc6fe131fc47f0c9e39224bd94c70b6fcc8ee8135faddf61156e6cb2733ea765f31"
                 "5a3e1e4afc35bf8687d189254c1e05a6fe80c0617f9183d67260d6a115c6c94e3603e230"
                 "3fbb43a76a64523ffda686b1d4518543"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                size_t len = strlen(rows[i].hex) / 2;
                uint8_t out[128];

                derive((TaBytes){(const uint8_t *)rows[i].pass, rows[i].pass_len},
                       (TaBytes){(const uint8_t *)rows[i].salt, rows[i].salt_len}, rows[i].rounds,
                       out, len);
                for (size_t k = 0; k < len; k++) {
                        g_autofree char *byte = g_strdup_printf("%02x", out[k]);

                        g_assert_cmpmem(byte, 2, rows[i].hex + 2 * k, 2);
                }
        }
}

/* Jobs of other lengths and rounds share a wave; none disturbs another. */
static void test_batch(void) {
        static const size_t lens[] = {48, 32, 100, 1, 64, 48, 33};
        uint8_t one[7][128] = {{0}}, all[7][128] = {{0}};
        TaBcryptJob jobs[7];

        for (size_t n = 1; n <= G_N_ELEMENTS(lens); n++) {
                for (size_t i = 0; i < n; i++) {
                        jobs[i] = (TaBcryptJob){ta_str("secret"),
                                                (TaBytes){(const uint8_t *)"abcdefgh" + i, 1},
                                                (uint32_t)(1 + i % 3), all[i], lens[i]};
                        derive(jobs[i].passphrase, jobs[i].salt, jobs[i].rounds, one[i], lens[i]);
                }
                memset(all, 0, sizeof all);
                g_assert_cmpint(ta_bcrypt_pbkdf(jobs, n), ==, 0);
                g_assert_cmpmem(all, sizeof all, one, sizeof one);
        }
        g_assert_cmpuint(ta_secret_in_use(), ==, 0);
}

/* F23 */
static void test_limits(void) {
        static const uint8_t zeros[TA_BCRYPT_OUT_MAX + 1];
        uint8_t out[48] = {0};
        const TaBcryptJob good = {ta_str("p"), ta_str("s"), 1, out, sizeof out};
        TaBcryptJob jobs[2] = {good, good};

        jobs[1].rounds = 0;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        jobs[1].rounds = 1000000000;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        jobs[1] = good;
        jobs[1].salt.len = 0;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        jobs[1].salt.len = 1 << 20;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        jobs[1] = good;
        jobs[1].passphrase.len = 0;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        jobs[1] = good;
        jobs[1].out_len = TA_BCRYPT_OUT_MAX + 1;
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 2), ==, TA_E_LIMIT);
        g_assert_cmpmem(out, sizeof out, zeros, sizeof out);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kdf/vectors", test_vectors);
        g_test_add_func("/kdf/batch", test_batch);
        g_test_add_func("/kdf/f23-limits", test_limits);
        return g_test_run();
}
