/* SPDX-License-Identifier: ISC */
/* Fingerprints, randomart and bubblebabble, compared with what ssh-keygen prints. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "lib/fingerprint.h"
#include "lib/keyfile.h"

static const struct {
        const char *option;
        unsigned bits;
} kinds[] = {
        {"ed25519", 0}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"rsa", 1024}, {"rsa", 2048},
};

static char *run(const char *a, const char *b, const char *c, const char *d) {
        const char *argv[] = {"ssh-keygen", a, b, c, d, NULL};
        char *out = NULL;
        int status = -1;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                                   NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        return out;
}

static void compare(const TaKey *key, const char *path) {
        static const TaHash all[] = {TA_HASH_SHA256, TA_HASH_SHA384, TA_HASH_SHA512, TA_HASH_SHA1,
                                     TA_HASH_MD5};
        char print[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], shown[32];

        for (size_t h = 0; h < G_N_ELEMENTS(all); h++) {
                g_autofree char *option = g_strconcat("-E", ta_hash_name(all[h]), NULL);
                g_autofree char *file = g_strconcat("-f", path, NULL);
                g_autofree char *theirs = run("-l", "-v", option, file);
                g_autofree char *ours = NULL;

                g_assert_cmpint(ta_fingerprint(key, all[h], print), ==, 0);
                g_assert_cmpint(ta_randomart(key, all[h], art), ==, 0);
                ours = g_strdup_printf("%u %s a comment (%s)\n%s\n", ta_key_bits(key), print,
                                       ta_key_shown(key, shown), art);
                g_assert_cmpstr(ours, ==, theirs);
        }
        g_autofree char *file = g_strconcat("-f", path, NULL);
        g_autofree char *theirs = run("-B", file, NULL, NULL);
        g_autofree char *ours = NULL;

        g_assert_cmpint(ta_bubblebabble(key, print), ==, 0);
        ours = g_strdup_printf("%u %s a comment (%s)\n", ta_key_bits(key), print,
                               ta_key_shown(key, shown));
        g_assert_cmpstr(ours, ==, theirs);
}

static void test_ssh_keygen(void) {
        g_autofree char *program = g_find_program_in_path("ssh-keygen");
        g_autofree char *dir = NULL, *path = NULL;

        if (!program) {
                g_test_skip("no ssh-keygen");
                return;
        }
        dir = g_dir_make_tmp("ta-fingerprint-XXXXXX", NULL);
        path = g_build_filename(dir, "key.pub", NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                const TaKeyType *type = ta_key_type_by_option(kinds[i].option, kinds[i].bits);

                /* several of each, for the walk's walls and corners */
                for (int n = 0; n < 3; n++) {
                        ta_cleanup(ta_key_freep) TaKey *key = NULL;
                        char line[8192];
                        TaWriter w = ta_writer(line, sizeof line);

                        g_assert_cmpint(ta_key_generate(type, kinds[i].bits, &key), ==, 0);
                        ta_publine_write(&w, key, ta_str("a comment"));
                        ta_write_u8(&w, '\n');
                        g_assert_cmpint(w.err, ==, 0);
                        g_assert_true(g_file_set_contents(path, line, (gssize)w.len, NULL));
                        compare(key, path);
                }
        }
        g_unlink(path);
        g_rmdir(dir);
}

static void test_names(void) {
        g_assert_cmpint(ta_hash_find("sha256"), ==, TA_HASH_SHA256);
        g_assert_cmpint(ta_hash_find("Md5"), ==, TA_HASH_MD5);
        g_assert_cmpint(ta_hash_find("sha"), ==, -1);
        g_assert_cmpint(ta_hash_find(""), ==, -1);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/fingerprint/names", test_names);
        g_test_add_func("/fingerprint/ssh-keygen", test_ssh_keygen);
        return g_test_run();
}
