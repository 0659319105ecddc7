/* SPDX-License-Identifier: ISC */
/* Every row of the table of key types: generate, write, read, sign, verify, and refuse what is off. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "lib/fingerprint.h"
#include "lib/key.h"
#include "lib/secret.h"

#define ROOM 65536

static const struct {
        const char *option;
        unsigned bits;
        unsigned expected;
} kinds[] = {
        {"ed25519", 0, 256}, {"ecdsa", 256, 256},  {"ecdsa", 384, 384},
        {"ecdsa", 521, 521}, {"rsa", 1024, 1024}, {"rsa", 2048, 2048},
};

static TaKey *make(size_t i) {
        const TaKeyType *type = ta_key_type_by_option(kinds[i].option, kinds[i].bits);
        TaKey *key = NULL;

        g_assert_nonnull(type);
        g_assert_cmpint(ta_key_generate(type, type->bits ? 0 : kinds[i].bits, &key), ==, 0);
        g_assert_cmpuint(ta_key_bits(key), ==, kinds[i].expected);
        return key;
}

static void test_roundtrip(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i), *again = NULL, *public = NULL;
                g_autofree uint8_t *one = g_malloc0(ROOM), *two = g_malloc0(ROOM);
                TaWriter v = ta_writer(one, ROOM), w = ta_writer(two, ROOM);
                TaReader r;

                ta_key_write_private(key, &v);
                r = ta_reader(ta_written(&v));
                g_assert_cmpint(ta_key_read_private(&r, &again), ==, 0);
                g_assert_cmpint(ta_read_end(&r), ==, 0);
                ta_key_write_private(again, &w);
                g_assert_cmpmem(one, v.len, two, w.len);
                g_assert_cmpmem(key->blob, key->blob_len, again->blob, again->blob_len);
                g_assert_cmpint(ta_key_read_public(ta_key_blob(key), &public), ==, 0);
                g_assert_false(public->has_private);
                g_assert_true(ta_key_same_plain(public, key));
                g_assert_cmpint(ta_key_sign(public, ta_str("x"), 0, &w), ==, TA_E_NO_PRIVATE);
        }
}

/* every prefix of a private key and of a public blob is refused */
static void test_truncated(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i);
                g_autofree uint8_t *buf = g_malloc0(ROOM);
                TaWriter w = ta_writer(buf, ROOM);

                ta_key_write_private(key, &w);
                for (size_t n = 0; n < w.len; n++) {
                        g_autofree uint8_t *exact = n ? g_memdup2(buf, n) : NULL;
                        TaReader r = ta_reader((TaBytes){exact, n});
                        TaKey *none = NULL;

                        g_assert_cmpint(ta_key_read_private(&r, &none), !=, 0);
                        g_assert_null(none);
                }
                for (size_t n = 0; n < key->blob_len; n++) {
                        g_autofree uint8_t *exact = n ? g_memdup2(key->blob, n) : NULL;
                        TaKey *none = NULL;

                        g_assert_cmpint(ta_key_read_public((TaBytes){exact, n}, &none), !=, 0);
                        g_assert_null(none);
                }
        }
}

static void test_sign(void) {
        static const uint32_t flags[] = {0, SSH_AGENT_RSA_SHA2_256, SSH_AGENT_RSA_SHA2_512, 6};

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i), *other = make(i);

                for (size_t f = 0; f < G_N_ELEMENTS(flags); f++) {
                        g_autofree uint8_t *sig = g_malloc0(ROOM);
                        TaWriter w = ta_writer(sig, ROOM);

                        g_assert_cmpint(ta_key_sign(key, ta_str("data"), flags[f], &w), ==, 0);
                        g_assert_cmpint(ta_key_verify(key, ta_str("data"), ta_written(&w)), ==, 0);
                        g_assert_cmpint(ta_key_verify(key, ta_str("date"), ta_written(&w)), !=, 0);
                        g_assert_cmpint(ta_key_verify(other, ta_str("data"), ta_written(&w)), !=, 0);
                        for (size_t n = 0; n < w.len; n++) {
                                for (unsigned bit = 1; bit < 256; bit <<= 1) {
                                        sig[n] ^= (uint8_t)bit;
                                        g_assert_cmpint(ta_key_verify(key, ta_str("data"), ta_written(&w)),
                                                        !=, 0);
                                        sig[n] ^= (uint8_t)bit;
                                }
                                g_assert_cmpint(ta_key_verify(key, ta_str("data"), (TaBytes){sig, n}), !=, 0);
                        }
                        if (!key->type->slow)
                                break; /* only RSA heeds flags */
                }
        }
}

/* F15: a public half that is not the seed's, in either of its places, or another seed */
static void test_ed25519_mismatch(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make(0);
        uint8_t buf[256];
        TaWriter w = ta_writer(buf, sizeof buf);
        TaKey *none = NULL;

        ta_key_write_private(key, &w);
        /* string "ssh-ed25519" (15), string pk (4 + 32), string sk (4 + 64) */
        static const size_t places[] = {15 + 4, 15 + 36 + 4 + 32, 15 + 36 + 4};
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                TaReader r;

                buf[places[i]] ^= 1;
                r = ta_reader(ta_written(&w));
                g_assert_cmpint(ta_key_read_private(&r, &none), ==, TA_E_MISMATCH);
                g_assert_null(none);
                buf[places[i]] ^= 1;
        }
}

static int read_whole(TaWriter *w) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaReader r = ta_reader(ta_written(w));
        int err = ta_key_read_private(&r, &key);

        g_assert_cmpint(w->err, ==, 0);
        return err ? err : ta_read_end(&r);
}

/* F15: halves of any other length, a byte less or more */
static void test_ed25519_lengths(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make(0);
        uint8_t pk[33] = {0}, sk[65] = {0};

        memcpy(pk, key->public, 32);
        memcpy(sk, key->private, 64);
        for (size_t a = 31; a <= 33; a++) {
                for (size_t b = 63; b <= 65; b++) {
                        uint8_t buf[256];
                        TaWriter w = ta_writer(buf, sizeof buf);

                        ta_write_cstring(&w, "ssh-ed25519");
                        ta_write_string(&w, (TaBytes){pk, a});
                        ta_write_string(&w, (TaBytes){sk, b});
                        g_assert_cmpint(read_whole(&w), ==,
                                        a == 32 && b == 64 ? 0 : TA_E_MALFORMED);
                }
        }
}

/* F16: scalars out of range, and points that are none of the curve's */
static void test_ec_numbers(void) {
        /* the order of P-256 */
        static const uint8_t order[32] = {
                0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
        ta_cleanup(ta_key_freep) TaKey *key = make(1), *big = make(2);
        /* blob: name (4 + 19), curve (4 + 8), point (4 + 65) */
        const uint8_t *good = key->blob + 39;
        uint8_t above[32], all[32], infinity[65] = {0}, off[65], compressed[65], one = 1;

        memcpy(above, order, sizeof above);
        above[31]++;
        memset(all, 0xff, sizeof all);
        memcpy(off, good, sizeof off);
        off[64] ^= 1;
        memcpy(compressed, good, sizeof compressed);
        compressed[0] = 2 + (good[64] & 1);
        const struct {
                TaBytes point, d;
                int err;
        } rows[] = {
                {{good, 65}, {NULL, 0}, TA_E_MALFORMED},
                {{good, 65}, {order, 32}, TA_E_MALFORMED},
                {{good, 65}, {above, 32}, TA_E_MALFORMED},
                {{good, 65}, {all, 32}, TA_E_MALFORMED},
                {{good, 65}, {&one, 1}, TA_E_MISMATCH},
                {{infinity, 1}, {&one, 1}, TA_E_MALFORMED},
                {{infinity, 65}, {&one, 1}, TA_E_MALFORMED},
                {{off, 65}, {&one, 1}, TA_E_MALFORMED},
                {{compressed, 33}, {&one, 1}, TA_E_MALFORMED},
                {{compressed, 65}, {&one, 1}, TA_E_MALFORMED},
                {{big->blob + 39, 97}, {&one, 1}, TA_E_MALFORMED},
                {{NULL, 0}, {&one, 1}, TA_E_MALFORMED},
        };
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                uint8_t buf[512];
                TaWriter w = ta_writer(buf, sizeof buf);

                ta_write_cstring(&w, "ecdsa-sha2-nistp256");
                ta_write_cstring(&w, "nistp256");
                ta_write_string(&w, rows[i].point);
                ta_write_mpint(&w, rows[i].d);
                g_assert_cmpint(read_whole(&w), ==, rows[i].err);
        }
}

/* What a token would sign: the application's hash, flags, counter, the data's hash. */
static void sk_signed(const char *data, uint8_t out[static 69]) {
        static const uint8_t flags_and_counter[5] = {1, 0, 0, 0, 7};

        (void)crypto_hash_sha256(out, (const uint8_t *)"ssh:", 4);
        memcpy(out + 32, flags_and_counter, 5);
        (void)crypto_hash_sha256(out + 37, (const uint8_t *)data, strlen(data));
}

/* The public blob of a token key with the numbers of an ordinary one, and a signature as the token
 * would make it with them. */
static void sk_make(const TaKey *key, const TaKeyType *type, TaWriter *blob, TaWriter *sig) {
        TaReader public = ta_reader(ta_key_blob(key)), made;
        uint8_t message[69], buf[512];
        TaWriter w = ta_writer(buf, sizeof buf);

        (void)ta_read_string(&public);
        ta_write_cstring(blob, type->name);
        ta_write_raw(blob, ta_read_rest(&public));
        ta_write_cstring(blob, "ssh:");
        sk_signed("data", message);
        g_assert_cmpint(ta_key_sign(key, (TaBytes){message, sizeof message}, 0, &w), ==, 0);
        made = ta_reader(ta_written(&w));
        (void)ta_read_string(&made);
        ta_write_cstring(sig, type->name);
        ta_write_string(sig, ta_read_string(&made));
        ta_write_u8(sig, 1);
        ta_write_u32(sig, 7);
}

/* token keys: what the token signed verifies, and nothing that differs in one bit does */
static void test_sk(void) {
        const TaKeyType *types[] = {&ta_key_sk_ed25519, &ta_key_sk_ecdsa};

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i), *sk = NULL;
                uint8_t blob[256], sig[512];
                TaWriter v = ta_writer(blob, sizeof blob), w = ta_writer(sig, sizeof sig);

                sk_make(key, types[i], &v, &w);
                g_assert_cmpint(ta_key_read_public(ta_written(&v), &sk), ==, 0);
                g_assert_true(sk->type == types[i]);
                g_assert_cmpint(ta_key_verify(sk, ta_str("data"), ta_written(&w)), ==, 0);
                g_assert_cmpint(ta_key_verify(sk, ta_str("Data"), ta_written(&w)), ==, TA_E_SIGNATURE);
                for (size_t n = 0; n < w.len * 8; n++) {
                        sig[n / 8] ^= (uint8_t)(1 << n % 8);
                        g_assert_cmpint(ta_key_verify(sk, ta_str("data"), ta_written(&w)), !=, 0);
                        sig[n / 8] ^= (uint8_t)(1 << n % 8);
                }
        }
}

/* F16: a token's point that is not on the curve is no key */
static void test_sk_off_curve(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make(1);
        uint8_t blob[256], sig[512];
        TaWriter v = ta_writer(blob, sizeof blob), w = ta_writer(sig, sizeof sig);
        TaKey *none = NULL;

        sk_make(key, &ta_key_sk_ecdsa, &v, &w);
        blob[v.len - 9] ^= 1; /* in the last byte of the point; the application follows */
        g_assert_cmpint(ta_key_read_public(ta_written(&v), &none), ==, TA_E_MALFORMED);
        g_assert_null(none);
}

/* The numbers that a private key in memory consists of, to be damaged. */
static BIGNUM *a_number(const TaKey *key, unsigned which) {
        const BIGNUM *n;

        if (strcmp(key->type->shown, "RSA") != 0) {
                n = EC_KEY_get0_private_key(key->public);
        } else {
                const RSA *rsa = key->public;
                const BIGNUM *all[] = {RSA_get0_d(rsa),    RSA_get0_p(rsa),    RSA_get0_q(rsa),
                                       RSA_get0_dmp1(rsa), RSA_get0_dmq1(rsa), RSA_get0_iqmp(rsa)};

                n = all[which % G_N_ELEMENTS(all)];
        }
        return (BIGNUM *)(uintptr_t)n;
}

static void flip_number(BIGNUM *n, unsigned i) {
        int bit = (int)(i * 7919u % (unsigned)BN_num_bits(n));

        g_assert_true(BN_is_bit_set(n, bit) ? BN_clear_bit(n, bit) : BN_set_bit(n, bit));
}

static void flip(TaKey *key, unsigned i) {
        if (key->private) { /* Ed25519: the key and its hash */
                ((uint8_t *)key->private)[i / 8 % 96] ^= (uint8_t)(1 << i % 8);
                return;
        }
        flip_number(a_number(key, 0), i);
        if (strcmp(key->type->shown, "RSA") == 0) /* libcrypto mends the others with a good d */
                flip_number(a_number(key, 1 + i % 5), i);
}

/* F50: with a flipped bit in a loaded key, no signature leaves that is not right */
static void test_flipped_keys(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *good = make(i);
                unsigned n_flips = i == 0 ? 96 * 8 : 60, n_refused = 0;
                uint8_t buf[4096], out[1024];
                TaWriter written = ta_writer(buf, sizeof buf);

                ta_key_write_private(good, &written);
                for (unsigned n = 0; n < n_flips; n++) {
                        ta_cleanup(ta_key_freep) TaKey *key = NULL;
                        TaReader r = ta_reader(ta_written(&written));
                        TaWriter w = ta_writer(out, sizeof out);
                        int err;

                        g_assert_cmpint(ta_key_read_private(&r, &key), ==, 0);
                        flip(key, n);
                        err = ta_key_sign(key, ta_str("data"), SSH_AGENT_RSA_SHA2_256, &w);
                        g_assert_true(err == 0 || err == TA_E_CRYPTO || err == TA_E_FAULT);
                        if (err)
                                g_assert_cmpuint(w.len, ==, 0);
                        else
                                g_assert_cmpint(ta_key_verify(good, ta_str("data"), ta_written(&w)),
                                                ==, 0);
                        n_refused += err != 0;
                }
                g_assert_cmpuint(n_refused, ==, n_flips);
        }
}

/* F14, F16: any flipped byte of the numbers of an RSA or ECDSA key is noticed */
static void test_private_numbers(void) {
        for (size_t i = 1; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i);
                g_autofree uint8_t *buf = g_malloc0(ROOM);
                TaWriter w = ta_writer(buf, ROOM);

                ta_key_write_private(key, &w);
                for (size_t n = 0; n < w.len; n += i > 3 ? 7 : 1) {
                        TaReader r;
                        TaKey *none = NULL;
                        int err;

                        buf[n] ^= 4;
                        r = ta_reader(ta_written(&w));
                        err = ta_key_read_private(&r, &none);
                        if (!err)
                                err = ta_read_end(&r);
                        g_assert_cmpint(err, !=, 0);
                        ta_key_free(none);
                        buf[n] ^= 4;
                }
        }
}

static int read_rsa(const char *n, size_t n_len, const char *e, size_t e_len) {
        g_autofree uint8_t *buf = g_malloc0(ROOM);
        TaWriter w = ta_writer(buf, ROOM);
        TaKey *key = NULL;
        int err;

        ta_write_cstring(&w, "ssh-rsa");
        ta_write_mpint(&w, (TaBytes){(const uint8_t *)e, e_len});
        ta_write_mpint(&w, (TaBytes){(const uint8_t *)n, n_len});
        err = ta_key_read_public(ta_written(&w), &key);
        ta_key_free(key);
        return err;
}

/* F13: decided by size and parity, before any arithmetic */
static void test_rsa_limits(void) {
        char n[2049];

        memset(n, 0xff, sizeof n);
        g_assert_cmpint(read_rsa(n, 128, "\3", 1), ==, 0);
        g_assert_cmpint(read_rsa(n, 127, "\3", 1), ==, TA_E_WEAK);
        g_assert_cmpint(read_rsa(n, 64, "\3", 1), ==, TA_E_WEAK);
        g_assert_cmpint(read_rsa(n, 2048, "\3", 1), ==, 0);
        g_assert_cmpint(read_rsa(n, 2049, "\3", 1), ==, TA_E_LIMIT);
        g_assert_cmpint(read_rsa(n, 128, "\1", 1), ==, TA_E_MALFORMED);
        g_assert_cmpint(read_rsa(n, 128, "\2", 1), ==, TA_E_MALFORMED);
        g_assert_cmpint(read_rsa(n, 128, "\0", 1), ==, TA_E_MALFORMED);
        g_assert_cmpint(read_rsa(n, 128, "\1\0\0\0\1", 5), ==, TA_E_LIMIT);
        n[127] = (char)0xfe;
        g_assert_cmpint(read_rsa(n, 128, "\3", 1), ==, TA_E_MALFORMED);
}

static void test_generate_limits(void) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(&ta_key_rsa, 1023, &key), ==, TA_E_WEAK);
        g_assert_cmpint(ta_key_generate(&ta_key_rsa, 16385, &key), ==, TA_E_LIMIT);
        g_assert_cmpint(ta_key_generate(&ta_key_sk_ed25519, 0, &key), ==, TA_E_ALGORITHM);
        g_assert_null(ta_key_type_by_option("dsa", 0));
        g_assert_null(ta_key_type_by_option("ecdsa", 255));
}

/* RFC 8032 section 7.1, test 2 */
static void test_rfc8032(void) {
        static const char seed_hex[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        static const char pk_hex[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        static const char sig_hex[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        uint8_t sk[64], expected[64], buf[256], sig[256];
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaWriter w = ta_writer(buf, sizeof buf);
        TaReader r;

        sodium_hex2bin(sk, 32, seed_hex, 64, NULL, NULL, NULL);
        sodium_hex2bin(sk + 32, 32, pk_hex, 64, NULL, NULL, NULL);
        sodium_hex2bin(expected, 64, sig_hex, 128, NULL, NULL, NULL);
        ta_write_cstring(&w, "ssh-ed25519");
        ta_write_string(&w, (TaBytes){sk + 32, 32});
        ta_write_string(&w, (TaBytes){sk, 64});
        r = ta_reader(ta_written(&w));
        g_assert_cmpint(ta_key_read_private(&r, &key), ==, 0);
        w = ta_writer(sig, sizeof sig);
        g_assert_cmpint(ta_key_sign(key, (TaBytes){(const uint8_t *)"\x72", 1}, 0, &w), ==, 0);
        g_assert_cmpmem(sig + w.len - 64, 64, expected, 64);
}

static char *output_of(const char *command) {
        g_autofree char *out = NULL;
        const char *argv[] = {"/bin/sh", "-c", command, NULL};
        int status = 0;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                                   NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        return g_steal_pointer(&out);
}

/* the same words as ssh-keygen for every kind of key */
static void test_fingerprints(void) {
        g_autofree char *keygen = g_find_program_in_path("ssh-keygen");
        g_autofree char *dir = g_dir_make_tmp("ta-key-XXXXXX", NULL);

        if (!keygen) {
                g_test_skip("no ssh-keygen");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = make(i);
                g_autofree char *base64 = g_base64_encode(key->blob, key->blob_len);
                g_autofree char *line = g_strdup_printf("%s %s c\n", ta_key_name(key), base64);
                g_autofree char *file = g_build_filename(dir, "k.pub", NULL);
                g_autofree char *sha = NULL, *md5 = NULL, *babble = NULL;
                char print[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], want[1024], shown[32];

                g_assert_true(g_file_set_contents(file, line, -1, NULL));
                g_autofree char *c1 = g_strdup_printf("ssh-keygen -lv -f %s", file);
                g_autofree char *c2 = g_strdup_printf("ssh-keygen -l -E md5 -f %s", file);
                g_autofree char *c3 = g_strdup_printf("ssh-keygen -B -f %s", file);
                sha = output_of(c1);
                md5 = output_of(c2);
                babble = output_of(c3);
                g_assert_cmpint(ta_fingerprint(key, TA_HASH_SHA256, print), ==, 0);
                g_assert_cmpint(ta_randomart(key, TA_HASH_SHA256, art), ==, 0);
                g_snprintf(want, sizeof want, "%u %s c (%s)\n%s\n", ta_key_bits(key), print,
                           ta_key_shown(key, shown), art);
                g_assert_cmpstr(sha, ==, want);
                g_assert_cmpint(ta_fingerprint(key, TA_HASH_MD5, print), ==, 0);
                g_assert_nonnull(strstr(md5, print));
                g_assert_cmpint(ta_bubblebabble(key, print), ==, 0);
                g_assert_nonnull(strstr(babble, print));
                (void)g_remove(file);
        }
        (void)g_rmdir(dir);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (sodium_init() < 0)
                return 1;
        g_test_add_func("/key/roundtrip", test_roundtrip);
        g_test_add_func("/key/truncated", test_truncated);
        g_test_add_func("/key/sign", test_sign);
        g_test_add_func("/key/f13-rsa-limits", test_rsa_limits);
        g_test_add_func("/key/f14-f16-private-numbers", test_private_numbers);
        g_test_add_func("/key/f15-ed25519-mismatch", test_ed25519_mismatch);
        g_test_add_func("/key/f15-ed25519-lengths", test_ed25519_lengths);
        g_test_add_func("/key/f16-ec-numbers", test_ec_numbers);
        g_test_add_func("/key/f50-flipped-keys", test_flipped_keys);
        g_test_add_func("/key/sk", test_sk);
        g_test_add_func("/key/f16-sk-off-curve", test_sk_off_curve);
        g_test_add_func("/key/generate-limits", test_generate_limits);
        g_test_add_func("/key/rfc8032", test_rfc8032);
        g_test_add_func("/key/fingerprints", test_fingerprints);
        return g_test_run();
}
