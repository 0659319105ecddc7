/* SPDX-License-Identifier: ISC */
/* bcrypt_pbkdf gives the published results, and in any batch what a plain one gives. */
#include <glib.h>

#include "lib/error.h"
#include "lib/kdf.h"
#include "lib/kdf-pi.h"
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

/* ---- a slow one to compare with: one block after the other, as the papers describe it ----------
 */

typedef struct Blowfish {
        uint32_t p[18], s[4][256];
} Blowfish;

static void sha512(const void *data, size_t len, uint8_t out[64]) {
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA512);
        gsize room = 64;

        g_checksum_update(sum, data, (gssize)len);
        g_checksum_get_digest(sum, out, &room);
}

/* The next word of `len` bytes that repeat without end. */
static uint32_t next_word(const uint8_t *data, size_t len, size_t *at) {
        uint32_t word = 0;

        for (unsigned i = 0; i < 4; i++)
                word = word << 8 | data[(*at)++ % len];
        return word;
}

static void slow_encipher(const Blowfish *b, uint32_t x[2]) {
        for (unsigned i = 0; i < 16; i++) {
                uint32_t l = x[0] ^ b->p[i];
                uint32_t f =
                        ((b->s[0][l >> 24] + b->s[1][(l >> 16) & 255]) ^ b->s[2][(l >> 8) & 255]) +
                        b->s[3][l & 255];

                x[0] = x[1] ^ f;
                x[1] = l;
        }
        uint32_t l = x[0];

        x[0] = x[1] ^ b->p[17];
        x[1] = l ^ b->p[16];
}

/* With the salt NULL: all zeros. */
static void slow_expand(Blowfish *b, const uint8_t *salt, const uint8_t *key) {
        uint32_t x[2] = {0, 0};
        size_t at = 0;

        for (unsigned i = 0; i < 18; i++)
                b->p[i] ^= next_word(key, 64, &at);
        at = 0;
        for (unsigned i = 0; i < 18 + 1024; i += 2) {
                uint32_t *to = i < 18 ? &b->p[i] : &b->s[(i - 18) / 256][(i - 18) % 256];

                for (unsigned k = 0; salt && k < 2; k++)
                        x[k] ^= next_word(salt, 64, &at);
                slow_encipher(b, x);
                to[0] = x[0];
                to[1] = x[1];
        }
}

static void slow_hash(const uint8_t *pass, const uint8_t *salt, uint8_t out[32]) {
        static const char magic[] = "OxychromaticBlowfishSwatDynamite";
        Blowfish b;
        size_t at = 0;

        memcpy(b.p, pi_words, sizeof b.p);
        memcpy(b.s, pi_words + 18, sizeof b.s);
        slow_expand(&b, salt, pass);
        for (unsigned i = 0; i < 64; i++) {
                slow_expand(&b, NULL, salt);
                slow_expand(&b, NULL, pass);
        }
        for (unsigned i = 0; i < 32; i += 8) {
                uint32_t x[2];

                x[0] = next_word((const uint8_t *)magic, 32, &at);
                x[1] = next_word((const uint8_t *)magic, 32, &at);
                for (unsigned k = 0; k < 64; k++)
                        slow_encipher(&b, x);
                for (unsigned k = 0; k < 8; k++)
                        out[i + k] = (uint8_t)(x[k / 4] >> (k % 4 * 8));
        }
}

/* Block `number`, from 1. */
static void slow_block(TaBytes pass, TaBytes salt, uint32_t rounds, uint8_t number,
                       uint8_t out[32]) {
        uint8_t pass_hash[64], salt_hash[64], hash[32], salted[64] = {0};

        memcpy(salted, salt.data, salt.len);
        salted[salt.len + 3] = number;
        sha512(pass.data, pass.len, pass_hash);
        sha512(salted, salt.len + 4, salt_hash);
        memset(out, 0, 32);
        for (uint32_t i = 0; i < rounds; i++) {
                slow_hash(pass_hash, salt_hash, hash);
                for (unsigned k = 0; k < 32; k++)
                        out[k] ^= hash[k];
                sha512(hash, sizeof hash, salt_hash);
        }
}

/* The bytes of a block go to every n-th place of the output, of n blocks. */
static void spread(uint8_t blocks[][32], uint8_t *out, size_t len) {
        size_t n = (len + 31) / 32;

        for (size_t i = 0; i < len; i++)
                out[i] = blocks[i % n][i / n];
}

static void test_every_length(void) {
        TaBytes pass = ta_str("every length"), salt = ta_str("a salt");
        uint8_t blocks[3][32], want[96], out[96];

        for (uint8_t i = 0; i < G_N_ELEMENTS(blocks); i++)
                slow_block(pass, salt, 2, (uint8_t)(i + 1), blocks[i]);
        for (size_t len = 1; len <= sizeof out; len++) {
                memset(want, 0x5a, sizeof want);
                memset(out, 0x5a, sizeof out);
                spread(blocks, want, len);
                derive(pass, salt, 2, out, len);
                g_assert_cmpmem(out, sizeof out, want, sizeof want);
        }
}

/* Any number of jobs of any shape at once: lanes start, end and take a next block at odd times. */
static void test_batch(void) {
        static const struct {
                const char *pass, *salt;
                uint32_t rounds;
                size_t len;
        } rows[] = {
                {"a", "a", 1, 48}, {"b", "salt", 4, 32},     {"c", "s", 2, 100},
                {"d", "dd", 1, 1}, {"eeeeeeee", "e", 3, 64}, {"f", "another", 5, 48},
                {"g", "g", 2, 33},
        };
        enum { N = G_N_ELEMENTS(rows) };
        uint8_t want[N][128] = {{0}}, all[N][128], blocks[4][32];
        TaBcryptJob jobs[N];

        for (size_t i = 0; i < N; i++) {
                jobs[i] = (TaBcryptJob){ta_str(rows[i].pass), ta_str(rows[i].salt), rows[i].rounds,
                                        all[i], rows[i].len};
                for (uint8_t k = 0; k < (rows[i].len + 31) / 32; k++)
                        slow_block(jobs[i].passphrase, jobs[i].salt, rows[i].rounds,
                                   (uint8_t)(k + 1), blocks[k]);
                spread(blocks, want[i], rows[i].len);
        }
        for (size_t first = 0; first < N; first++) {
                memset(all, 0, sizeof all);
                g_assert_cmpint(ta_bcrypt_pbkdf(jobs + first, N - first), ==, 0);
                g_assert_cmpmem(all[first], (N - first) * sizeof all[0], want[first],
                                (N - first) * sizeof want[0]);
        }
        g_assert_cmpint(ta_bcrypt_pbkdf(jobs, 0), ==, 0);
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
        g_test_add_func("/kdf/every-length", test_every_length);
        g_test_add_func("/kdf/batch", test_batch);
        g_test_add_func("/kdf/f23-limits", test_limits);
        return g_test_run();
}
