/* SPDX-License-Identifier: ISC */
/*
 * Published answers: RFC 8032 for Ed25519 (here), and where Debian's python3-cryptography-vectors
 * puts them the thousand cases of the Ed25519 authors and NIST's for ECDSA and RSA. Everything goes
 * through the blobs of lib/key.h, as a signature of the agent does.
 */
#include <glib.h>

#include "lib/key.h"
#include "lib/secret.h"
#include "lib/wire.h"

#define FOLDER "/usr/lib/python3/dist-packages/cryptography_vectors/asymmetric"

static GBytes *unhex(const char *hex) {
        size_t len = strlen(hex) / 2;
        uint8_t *bytes = g_malloc(len + 1);

        for (size_t i = 0; i < len; i++) {
                int high = g_ascii_xdigit_value(hex[2 * i]),
                    low = g_ascii_xdigit_value(hex[2 * i + 1]);

                g_assert_cmpint(high, >=, 0);
                g_assert_cmpint(low, >=, 0);
                bytes[i] = (uint8_t)(high << 4 | low);
        }
        return g_bytes_new_take(bytes, len);
}

static TaBytes view(GBytes *bytes) {
        size_t len;
        const uint8_t *data = g_bytes_get_data(bytes, &len);

        return (TaBytes){data, len};
}

/* The lines of a file of the package; NULL and skipped without it. */
static char **lines_of(const char *name) {
        g_autofree char *path = g_build_filename(FOLDER, name, NULL), *text = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL)) {
                g_test_skip("python3-cryptography-vectors is not installed");
                return NULL;
        }
        return g_strsplit(text, "\n", -1);
}

/* ---- Ed25519 -------------------------------------------------------------------------------- */

static void check_ed25519(const char *seed, const char *public, const char *message,
                          const char *signature) {
        g_autoptr(GBytes) sk = unhex(seed), pk = unhex(public), m = unhex(message);
        g_autoptr(GBytes) want = unhex(signature);
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        uint8_t buf[256], blob[256];
        TaWriter w = ta_writer(buf, sizeof buf), s = ta_writer(blob, sizeof blob);
        TaReader r;
        size_t mark;

        ta_write_cstring(&w, "ssh-ed25519");
        ta_write_string(&w, view(pk));
        mark = ta_write_begin(&w);
        ta_write_raw(&w, (TaBytes){view(sk).data, 32});
        ta_write_raw(&w, view(pk));
        ta_write_finish(&w, mark);
        r = ta_reader(ta_written(&w));
        g_assert_cmpint(ta_key_read_private(&r, &key), ==, 0);
        g_assert_cmpint(ta_key_sign(key, view(m), 0, &s), ==, 0);
        r = ta_reader(ta_written(&s));
        g_assert_true(ta_bytes_is(ta_read_string(&r), "ssh-ed25519"));
        g_assert_true(ta_bytes_equal(ta_read_string(&r), view(want)));
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        g_assert_cmpint(ta_key_verify(key, view(m), ta_written(&s)), ==, 0);
        blob[s.len - 1] ^= 0x10;
        g_assert_cmpint(ta_key_verify(key, view(m), ta_written(&s)), ==, TA_E_SIGNATURE);
}

/* RFC 8032, section 7.1, but for the case of 1023 bytes, which the file below has too */
static void test_rfc8032(void) {
        static const struct {
                const char *seed, *public, *message, *signature;
        } rows[] = {
                {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc"
                 "61e3970"
                 "1cf9b46bd25bf5f0595bbe24655141438e7a100b"},
                {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e4"
                 "58f3613"
                 "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
                {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290a"
                 "e67f760"
                 "984dc6594a7c15e9716ed28dc027beceea1ec40a"},
                {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
                 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
                 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a83"
                 "6ba3c23"
                 "a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                 "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecf"
                 "dfbc7c6"
                 "6431e0303dca179c138ac17ad9bef1177331a704"},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                g_test_message("row %zu", i);
                check_ed25519(rows[i].seed, rows[i].public, rows[i].message, rows[i].signature);
        }
}

/* seed and public key, public key, message, signature and message, each with a colon behind */
static void test_ed25519_authors(void) {
        g_auto(GStrv) lines = lines_of("Ed25519/sign.input");
        size_t n = 0;

        for (; lines && lines[n] && *lines[n]; n++) {
                g_auto(GStrv) fields = g_strsplit(lines[n], ":", -1);

                g_assert_cmpuint(g_strv_length(fields), ==, 5);
                fields[0][64] = '\0';
                fields[3][128] = '\0';
                check_ed25519(fields[0], fields[1], fields[2], fields[3]);
        }
        g_assert_true(!lines || n == 1024);
}

/* ---- NIST's files: "name = value" ----------------------------------------------------------- */

typedef struct Case {
        const char *section; /* "[P-256,SHA-256]" */
        GHashTable *values;
} Case;

static GBytes *value(const Case *c, const char *name) {
        const char *hex = g_hash_table_lookup(c->values, name);
        g_autofree char *even = NULL;

        g_assert_nonnull(hex);
        even = g_strdup_printf("%s%s", strlen(hex) % 2 ? "0" : "", hex);
        return unhex(even);
}

/* The number without the zeros in front. */
static void write_number(TaWriter *w, const Case *c, const char *name) {
        g_autoptr(GBytes) bytes = value(c, name);
        TaBytes b = view(bytes);

        while (b.len > 0 && b.data[0] == 0)
                b = (TaBytes){b.data + 1, b.len - 1};
        ta_write_mpint(w, b);
}

/* Calls `work` each time a line named `last` completes a case. */
static void each_case(char **lines, const char *last, void (*work)(const Case *c)) {
        g_autoptr(GHashTable) values = g_hash_table_new(g_str_hash, g_str_equal);
        Case c = {"", values};

        for (; *lines; lines++) {
                char *line = g_strchomp(*lines), *equals = strstr(line, " = ");

                if (line[0] == '[')
                        c.section = line;
                if (line[0] == '[' || !equals)
                        continue;
                *equals = '\0';
                g_hash_table_insert(values, line, equals + 3);
                if (strcmp(line, last) == 0)
                        work(&c);
        }
}

static unsigned n_good, n_bad;

static void check(const Case *c, TaBytes public, TaBytes signature) {
        const char *result = g_hash_table_lookup(c->values, "Result");
        bool good = !result || result[0] == 'P';
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        g_autoptr(GBytes) message = value(c, "Msg");

        g_assert_cmpint(ta_key_read_public(public, &key), ==, 0);
        g_assert_cmpint(ta_key_verify(key, view(message), signature), ==,
                        good ? 0 : TA_E_SIGNATURE);
        n_good += good;
        n_bad += !good;
}

/* ---- ECDSA ---------------------------------------------------------------------------------- */

static const struct {
        const char *section, *wire, *curve;
        size_t len;
} curves[] = {
        {"[P-256,SHA-256]", "ecdsa-sha2-nistp256", "nistp256", 32},
        {"[P-384,SHA-384]", "ecdsa-sha2-nistp384", "nistp384", 48},
        {"[P-521,SHA-512]", "ecdsa-sha2-nistp521", "nistp521", 66},
};

static void write_coordinate(TaWriter *w, const Case *c, const char *name, size_t len) {
        g_autoptr(GBytes) bytes = value(c, name);
        TaBytes b = view(bytes);

        for (size_t n = b.len; n < len; n++)
                ta_write_u8(w, 0);
        ta_write_raw(w, (TaBytes){b.data + (b.len > len ? b.len - len : 0), MIN(b.len, len)});
}

static void ecdsa_case(const Case *c) {
        uint8_t public[512], signature[512];
        TaWriter p = ta_writer(public, sizeof public), s = ta_writer(signature, sizeof signature);
        size_t i = 0, mark;

        while (i < TA_N_ELEMENTS(curves) && strcmp(c->section, curves[i].section) != 0)
                i++;
        if (i == TA_N_ELEMENTS(curves))
                return; /* a pair of curve and hash that SSH does not have */
        ta_write_cstring(&p, curves[i].wire);
        ta_write_cstring(&p, curves[i].curve);
        mark = ta_write_begin(&p);
        ta_write_u8(&p, 4);
        write_coordinate(&p, c, "Qx", curves[i].len);
        write_coordinate(&p, c, "Qy", curves[i].len);
        ta_write_finish(&p, mark);
        ta_write_cstring(&s, curves[i].wire);
        mark = ta_write_begin(&s);
        write_number(&s, c, "R");
        write_number(&s, c, "S");
        ta_write_finish(&s, mark);
        g_assert_cmpint(p.err | s.err, ==, 0);
        check(c, ta_written(&p), ta_written(&s));
}

static void test_ecdsa_ver(void) {
        g_auto(GStrv) lines = lines_of("ECDSA/FIPS_186-3/SigVer.rsp");

        n_good = n_bad = 0;
        if (!lines)
                return;
        each_case(lines, "Result", ecdsa_case);
        g_assert_cmpuint(n_good + n_bad, ==, 45);
        g_assert_cmpuint(n_good, >, 0);
        g_assert_cmpuint(n_bad, >, 0);
}

static void test_ecdsa_gen(void) {
        g_auto(GStrv) lines = lines_of("ECDSA/FIPS_186-3/SigGen.txt");

        n_good = n_bad = 0;
        if (!lines)
                return;
        each_case(lines, "S", ecdsa_case);
        g_assert_cmpuint(n_good, ==, 45);
}

/* ---- RSA ------------------------------------------------------------------------------------ */

static void rsa_case(const Case *c) {
        static const struct {
                const char *hash, *wire;
        } schemes[] = {{"SHA1", "ssh-rsa"}, {"SHA256", "rsa-sha2-256"}, {"SHA512", "rsa-sha2-512"}};
        const char *hash = g_hash_table_lookup(c->values, "SHAAlg");
        g_autoptr(GBytes) number = value(c, "S");
        uint8_t public[2048], signature[2048];
        TaWriter p = ta_writer(public, sizeof public), s = ta_writer(signature, sizeof signature);

        for (size_t i = 0; i < TA_N_ELEMENTS(schemes); i++) {
                if (strcmp(hash, schemes[i].hash) != 0)
                        continue;
                ta_write_cstring(&p, "ssh-rsa");
                write_number(&p, c, "e");
                write_number(&p, c, "n");
                ta_write_cstring(&s, schemes[i].wire);
                ta_write_string(&s, view(number));
                g_assert_cmpint(p.err | s.err, ==, 0);
                check(c, ta_written(&p), ta_written(&s));
        }
}

static void test_rsa_ver(void) {
        g_auto(GStrv) lines = lines_of("RSA/FIPS_186-2/SigVer15_186-3.rsp");

        n_good = n_bad = 0;
        if (!lines)
                return;
        each_case(lines, "Result", rsa_case);
        g_assert_cmpuint(n_good, >, 0);
        g_assert_cmpuint(n_bad, >, 0);
        g_assert_cmpuint(n_good + n_bad, ==, 270);
}

static void test_rsa_gen(void) {
        g_auto(GStrv) lines = lines_of("RSA/FIPS_186-2/SigGen15_186-3.rsp");

        n_good = n_bad = 0;
        if (!lines)
                return;
        each_case(lines, "S", rsa_case);
        g_assert_cmpuint(n_good, ==, 150);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vectors/ed25519/rfc8032", test_rfc8032);
        g_test_add_func("/vectors/ed25519/authors", test_ed25519_authors);
        g_test_add_func("/vectors/ecdsa/verify", test_ecdsa_ver);
        g_test_add_func("/vectors/ecdsa/signed", test_ecdsa_gen);
        g_test_add_func("/vectors/rsa/verify", test_rsa_ver);
        g_test_add_func("/vectors/rsa/signed", test_rsa_gen);
        return g_test_run();
}
