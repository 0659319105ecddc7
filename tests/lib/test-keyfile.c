/* SPDX-License-Identifier: ISC */
/* Private key files against ssh-keygen, which writes what we read and reads what we write. */
#include <glib.h>
#include <glib/gstdio.h>

#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/text.h"

#define PASS "a pass phrase"

static char *dir;

/* Runs a command given as words; its standard output, NULL if it fails. */
static char *run(const char *const *argv) {
        g_autofree char *err = NULL;
        char *out = NULL;
        int status = 0;

        if (!g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                          &status, NULL))
                return NULL;
        if (!g_spawn_check_wait_status(status, NULL)) {
                g_test_message("%s", err);
                g_free(out);
                return NULL;
        }
        return out;
}

static bool have_keygen(void) {
        g_autofree char *path = g_find_program_in_path("ssh-keygen");

        if (!path)
                g_test_skip("ssh-keygen is missing");
        return path != NULL;
}

/* A file of ssh-keygen's; `option` may be NULL. */
static TaSecret *make_file(const char *type, const char *pass, const char *option,
                           const char *value, char **ret_path) {
        static unsigned number;
        g_autofree char *path = g_strdup_printf("%s/key%u", dir, number++);
        const char *argv[] = {"ssh-keygen", "-q", "-t", type, "-N", pass, "-C", "the comment",
                              "-a", "1", "-f", path, option, value, NULL};
        g_autofree char *out = run(argv);
        TaSecret *text = NULL;

        g_assert_nonnull(out);
        g_assert_cmpint(ta_file_read(path, TA_KEYFILE_MAX, &text, NULL), ==, 0);
        if (ret_path)
                *ret_path = ta_steal(&path);
        return text;
}

static int unlock(TaKeyFile *file, const char *pass) {
        int err = 1;

        ta_keyfile_unlock(&file, 1, ta_str(pass), &err);
        return err;
}

/* The file's key is that of the .pub file beside it, and it signs. */
static void check_key(const TaKeyFile *file, const char *path) {
        g_autofree char *name = g_strconcat(path, ".pub", NULL);
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *public = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        uint8_t signature[4096];
        TaWriter w = ta_writer(signature, sizeof signature);

        g_assert_cmpint(ta_file_read(name, TA_KEYFILE_MAX, &text, NULL), ==, 0);
        g_assert_cmpint(ta_pubfile_read(ta_secret_bytes(text), &public, &comment), ==, 0);
        g_assert_true(file->key->has_private);
        g_assert_true(ta_bytes_equal(ta_key_blob(public), ta_key_blob(file->key)));
        g_assert_cmpint(ta_key_sign(file->key, ta_str("data"), SSH_AGENT_RSA_SHA2_256, &w), ==, 0);
        g_assert_cmpint(ta_key_verify(public, ta_str("data"), ta_written(&w)), ==, 0);
}

static void test_every_cipher(void) {
        if (!have_keygen())
                return;
        for (size_t i = 0; ta_keyfile_ciphers[i]; i++) {
                g_autofree char *path = NULL;
                ta_cleanup(ta_secret_dropp) TaSecret *text =
                        make_file("ed25519", PASS, "-Z", ta_keyfile_ciphers[i], &path);
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;

                g_test_message("%s", ta_keyfile_ciphers[i]);
                g_assert_cmpint(ta_keyfile_parse(ta_secret_bytes(text), &file), ==, 0);
                g_assert_cmpint(file->format, ==, TA_FORMAT_OPENSSH);
                g_assert_true(file->encrypted);
                g_assert_cmpstr(file->cipher, ==, ta_keyfile_ciphers[i]);
                g_assert_cmpuint(file->rounds, ==, 1);
                g_assert_nonnull(file->public);
                g_assert_cmpint(unlock(file, ""), ==, TA_E_NEED_PASSPHRASE);
                g_assert_cmpint(unlock(file, "wrong"), ==, TA_E_PASSPHRASE);
                g_assert_null(file->key);
                g_assert_cmpint(unlock(file, PASS), ==, 0);
                check_key(file, path);
                g_assert_true(ta_bytes_is(ta_secret_bytes(file->comment), "the comment"));
        }
}

/* None is missing: what OpenSSH lists, we have. */
static void test_cipher_list(void) {
        const char *argv[] = {"ssh", "-Q", "cipher", NULL};
        g_autofree char *out = run(argv);
        g_auto(GStrv) names = NULL;

        if (!out) {
                g_test_skip("ssh is missing");
                return;
        }
        names = g_strsplit(g_strchomp(out), "\n", -1);
        for (char **n = names; *n; n++)
                g_assert_true(g_strv_contains(ta_keyfile_ciphers, *n));
}

static void test_every_type(void) {
        static const struct {
                const char *type, *pass, *format;
                TaKeyFormat is;
        } rows[] = {
                {"ed25519", "", NULL, TA_FORMAT_OPENSSH}, {"ecdsa", "", NULL, TA_FORMAT_OPENSSH},
                {"rsa", "", NULL, TA_FORMAT_OPENSSH},     {"rsa", PASS, NULL, TA_FORMAT_OPENSSH},
                {"rsa", "", "PEM", TA_FORMAT_PEM},        {"rsa", PASS, "PEM", TA_FORMAT_PEM},
                {"ecdsa", "", "PEM", TA_FORMAT_PEM},      {"ecdsa", PASS, "PEM", TA_FORMAT_PEM},
                {"ecdsa", "", "PKCS8", TA_FORMAT_PKCS8},  {"ecdsa", PASS, "PKCS8", TA_FORMAT_PKCS8},
        };

        if (!have_keygen())
                return;
        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                g_autofree char *path = NULL;
                ta_cleanup(ta_secret_dropp) TaSecret *text =
                        make_file(rows[i].type, rows[i].pass, rows[i].format ? "-m" : NULL,
                                  rows[i].format, &path);
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;

                g_test_message("row %zu", i);
                g_assert_cmpint(ta_keyfile_parse(ta_secret_bytes(text), &file), ==, 0);
                g_assert_cmpint(file->format, ==, rows[i].is);
                g_assert_cmpint(file->encrypted, ==, *rows[i].pass != '\0');
                if (*rows[i].pass) {
                        g_assert_cmpint(unlock(file, ""), ==, TA_E_NEED_PASSPHRASE);
                        g_assert_cmpint(unlock(file, "wrong"), ==, TA_E_PASSPHRASE);
                }
                g_assert_cmpint(unlock(file, rows[i].pass), ==, 0);
                check_key(file, path);
        }
}

static TaKey *new_key(const TaKeyType *type, unsigned bits) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(type, bits, &key), ==, 0);
        return key;
}

/* What we write is read by us and, where there is one, by ssh-keygen. */
static void check_written(const TaKey *key, const char *pass, const TaKeyFileOptions *options) {
        g_autofree char *path = g_build_filename(dir, "written", NULL);
        g_autofree char *tool = g_find_program_in_path("ssh-keygen");
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;

        g_assert_cmpint(ta_keyfile_write(key, ta_str("mine"), ta_str(pass), options, &text), ==, 0);
        g_assert_cmpint(ta_keyfile_parse(ta_secret_bytes(text), &file), ==, 0);
        g_assert_cmpint(file->encrypted, ==, *pass != '\0');
        g_assert_cmpint(unlock(file, pass), ==, 0);
        g_assert_true(ta_bytes_equal(ta_key_blob(file->key), ta_key_blob(key)));
        g_assert_true(file->key->has_private);
        if (options->format == TA_FORMAT_OPENSSH)
                g_assert_true(ta_bytes_is(ta_secret_bytes(file->comment), "mine"));
        /* OpenSSH 9.2 does not read Ed25519 in PKCS#8. */
        if (tool && (options->format == TA_FORMAT_OPENSSH || key->type != &ta_key_ed25519)) {
                const char *argv[] = {"ssh-keygen", "-y", "-P", pass, "-f", path, NULL};
                g_autofree char *out = NULL;
                char line[8192];
                TaWriter w = ta_writer(line, sizeof line - 1);

                g_assert_cmpint(ta_file_write(path, ta_secret_bytes(text), 0600, true), ==, 0);
                out = run(argv);
                g_assert_nonnull(out);
                ta_publine_write(&w, key, ta_str(""));
                line[w.len] = '\0';
                g_assert_true(g_str_has_prefix(out, line));
        }
}

static void test_written(void) {
        static const struct {
                const TaKeyType *type;
                unsigned bits;
        } rows[] = {
                {&ta_key_ed25519, 0},    {&ta_key_ecdsa_p256, 0}, {&ta_key_ecdsa_p384, 0},
                {&ta_key_ecdsa_p521, 0}, {&ta_key_rsa, 2048},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = new_key(rows[i].type, rows[i].bits);

                for (TaKeyFormat f = TA_FORMAT_OPENSSH; f <= TA_FORMAT_PKCS8; f++) {
                        TaKeyFileOptions options = {.format = f, .rounds = 1};
                        TaSecret *none = NULL;

                        g_test_message("%s, format %d", rows[i].type->name, (int)f);
                        if (f == TA_FORMAT_PEM && rows[i].type == &ta_key_ed25519) {
                                g_assert_cmpint(ta_keyfile_write(key, ta_str(""), ta_str(""),
                                                                 &options, &none),
                                                ==, TA_E_ALGORITHM);
                                g_assert_null(none);
                                continue;
                        }
                        check_written(key, "", &options);
                        check_written(key, PASS, &options);
                        if (f == TA_FORMAT_OPENSSH)
                                continue;
                        g_assert_cmpint(
                                ta_keyfile_write(key, ta_str(""), ta_str("1234"), &options, &none),
                                ==, TA_E_LIMIT);
                        g_assert_null(none);
                }
        }
}

static void test_written_ciphers(void) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        ta_cleanup(ta_key_freep) TaKey *public = NULL;
        TaKeyFileOptions odd = {.cipher = "rot13", .rounds = 1};
        TaSecret *none = NULL;

        for (size_t i = 0; ta_keyfile_ciphers[i]; i++)
                check_written(key, PASS,
                              &(TaKeyFileOptions){.cipher = ta_keyfile_ciphers[i], .rounds = 1});
        g_assert_cmpint(ta_keyfile_write(key, ta_str(""), ta_str(PASS), &odd, &none), ==,
                        TA_E_CIPHER);
        g_assert_cmpint(ta_key_plain(key, &public), ==, 0);
        odd.cipher = NULL;
        g_assert_cmpint(ta_keyfile_write(public, ta_str(""), ta_str(PASS), &odd, &none), ==,
                        TA_E_NO_PRIVATE);
        g_assert_null(none);
}

/* Many files, one passphrase: those it fits open, the others say why not. */
static void test_several(void) {
        enum { N = 10 };
        TaKeyFile *files[N];
        int errs[N];

        for (size_t i = 0; i < N; i++) {
                ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
                ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;

                g_assert_cmpint(ta_keyfile_write(key, ta_str(""), ta_str(i % 3 ? PASS : "other"),
                                                 &(TaKeyFileOptions){.rounds = 1 + (uint32_t)i % 2},
                                                 &text),
                                ==, 0);
                g_assert_cmpint(ta_keyfile_parse(ta_secret_bytes(text), &files[i]), ==, 0);
        }
        ta_keyfile_unlock(files, N, ta_str(PASS), errs);
        for (size_t i = 0; i < N; i++) {
                g_assert_cmpint(errs[i], ==, i % 3 ? 0 : TA_E_PASSPHRASE);
                g_assert_cmpint(files[i]->key != NULL, ==, i % 3 != 0);
        }
        ta_keyfile_unlock(files, N, ta_str("other"), errs);
        for (size_t i = 0; i < N; i++) {
                g_assert_cmpint(errs[i], ==, 0);
                ta_keyfile_free(files[i]);
        }
}

/* What comes of an openssh-key-v1 body. */
static int try_body(TaBytes body) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        g_autofree char *text = g_malloc(body.len * 2 + 256);
        TaWriter w = ta_writer(text, body.len * 2 + 256);
        int err;

        ta_armour_write(&w, "OPENSSH PRIVATE KEY", body, 70);
        err = ta_keyfile_parse(ta_written(&w), &file);
        if (!err)
                err = unlock(file, PASS);
        return err;
}

static void check_damage(const char *cipher, const char *pass) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        g_autofree uint8_t *body = NULL;
        size_t len, accepted = 0;

        g_assert_cmpint(ta_keyfile_write(key, ta_str(""), ta_str(pass),
                                         &(TaKeyFileOptions){.cipher = cipher, .rounds = 1}, &text),
                        ==, 0);
        g_assert_cmpint(ta_keyfile_parse(ta_secret_bytes(text), &file), ==, 0);
        len = file->body->len;
        body = g_malloc0(len + 1);
        memcpy(body, file->body->data, len);
        g_assert_cmpint(try_body((TaBytes){body, len}), ==, 0);
        g_assert_cmpint(try_body((TaBytes){body, len + 1}), !=, 0);
        for (size_t i = 0; i < len; i++)
                g_assert_cmpint(try_body((TaBytes){body, i}), !=, 0);
        for (size_t i = 0; i < len; i += *pass ? 3 : 1) {
                body[i] ^= 0x01;
                accepted += try_body((TaBytes){body, len}) == 0;
                body[i] ^= 0x01;
        }
        g_assert_cmpuint(accepted, ==, 0);
}

static void test_damage(void) {
        check_damage("aes256-gcm@openssh.com", PASS);
        check_damage("chacha20-poly1305@openssh.com", PASS);
        check_damage(NULL, "");
}

static void test_refused(void) {
        static const struct {
                const char *text;
                int err;
        } rows[] = {
                {"", TA_E_NOT_FOUND},
                {"ssh-ed25519 AAAA", TA_E_NOT_FOUND},
                {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", TA_E_TRUNCATED},
                {"-----BEGIN OPENSSH PRIVATE KEY-----\n*\n-----END OPENSSH PRIVATE KEY-----\n",
                 TA_E_MALFORMED},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                TaKeyFile *file = NULL;

                g_test_message("%s", rows[i].text);
                g_assert_cmpint(ta_keyfile_parse(ta_str(rows[i].text), &file), ==, rows[i].err);
                g_assert_null(file);
        }
}

static void clean_up(void) {
        GDir *d = g_dir_open(dir, 0, NULL);
        const char *name;

        while (d && (name = g_dir_read_name(d))) {
                g_autofree char *path = g_build_filename(dir, name, NULL);

                (void)g_unlink(path);
        }
        if (d)
                g_dir_close(d);
        (void)g_rmdir(dir);
        g_free(dir);
}

int main(int argc, char **argv) {
        int failed;

        g_test_init(&argc, &argv, NULL);
        dir = g_dir_make_tmp("test-keyfile-XXXXXX", NULL);
        g_assert_nonnull(dir);
        g_test_add_func("/keyfile/every-cipher", test_every_cipher);
        g_test_add_func("/keyfile/cipher-list", test_cipher_list);
        g_test_add_func("/keyfile/every-type", test_every_type);
        g_test_add_func("/keyfile/written", test_written);
        g_test_add_func("/keyfile/written-ciphers", test_written_ciphers);
        g_test_add_func("/keyfile/several", test_several);
        g_test_add_func("/keyfile/damage", test_damage);
        g_test_add_func("/keyfile/refused", test_refused);
        failed = g_test_run();
        clean_up();
        return failed;
}
