/* SPDX-License-Identifier: ISC */
/* Public key files and lines: every format there and back, dress, and what is no key. */
#include <glib.h>

#include "lib/keyfile.h"
#include "lib/text.h"

static TaKey *new_key(const TaKeyType *type, unsigned bits) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(type, bits, &key), ==, 0);
        return key;
}

static char *line_of(const TaKey *key, const char *comment) {
        static char text[8192];
        TaWriter w = ta_writer(text, sizeof text - 1);

        ta_publine_write(&w, key, ta_str(comment));
        g_assert_cmpint(w.err, ==, 0);
        text[w.len] = '\0';
        return text;
}

static void test_line(void) {
        static const struct {
                const char *before, *after, *prefix, *comment;
        } rows[] = {
                {"", "", "", ""},
                {"  ", " a comment  \r\n", "", "a comment"},
                {"command=\"say \\\"a b\\\"\",no-pty ", " c", "command=\"say \\\"a b\\\"\",no-pty", "c"},
                {"@cert-authority *.example.org,[h]:22\t", " ca", "@cert-authority *.example.org,[h]:22",
                 "ca"},
        };
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                ta_cleanup(ta_key_freep) TaKey *got = NULL;
                g_autofree char *text =
                        g_strconcat(rows[i].before, line_of(key, ""), rows[i].after, NULL);
                TaBytes comment, prefix;

                g_assert_cmpint(ta_publine_read(ta_str(text), &got, &comment, &prefix), ==, 0);
                g_assert_true(ta_bytes_equal(ta_key_blob(got), ta_key_blob(key)));
                g_assert_true(ta_bytes_is(comment, rows[i].comment));
                g_assert_true(ta_bytes_is(prefix, rows[i].prefix));
        }
}

static void test_line_refused(void) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        g_autofree char *good = g_strdup(line_of(key, ""));
        g_autofree char *other = g_strconcat("ssh-rsa ", strchr(good, ' ') + 1, NULL);
        g_autofree char *cut = g_strndup(good, strlen(good) - 4);
        g_autofree char *deep = g_strconcat("a b c ", good, NULL);
        const struct {
                const char *text;
                int err;
        } rows[] = {
                {"", TA_E_NOT_FOUND},
                {"   \r\n", TA_E_NOT_FOUND},
                {"# ssh-ed25519 AAAA", TA_E_NOT_FOUND},
                {"ssh-ed25519", TA_E_TRUNCATED},
                {"ssh-ed25519 !!!!", TA_E_MALFORMED},
                {"ssh-dss AAAAB3NzaC1kc3MAAAAA", TA_E_ALGORITHM},
                {"some words and nothing else", TA_E_MALFORMED},
                {other, TA_E_MALFORMED},
                {cut, TA_E_TRUNCATED},
                {deep, TA_E_MALFORMED},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                TaKey *got = NULL;
                TaBytes comment;

                g_test_message("%s", rows[i].text);
                g_assert_cmpint(ta_publine_read(ta_str(rows[i].text), &got, &comment, NULL), ==,
                                rows[i].err);
                g_assert_null(got);
        }
}

/* A comment cannot begin a line of its own. */
static void test_line_end_in_comment(void) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        const char *text = line_of(key, "a\nssh-rsa b\r");

        g_assert_null(strpbrk(text, "\r\n"));
        g_assert_true(g_str_has_suffix(text, " a ssh-rsa b "));
}

static void check_file(const char *text, const TaKey *key, const char *comment) {
        ta_cleanup(ta_key_freep) TaKey *got = NULL;
        ta_cleanup(ta_freep) char *got_comment = NULL;

        g_assert_cmpint(ta_pubfile_read(ta_str(text), &got, &got_comment), ==, 0);
        g_assert_true(ta_bytes_equal(ta_key_blob(got), ta_key_blob(key)));
        g_assert_false(got->has_private);
        g_assert_cmpstr(got_comment, ==, comment);
}

static void test_there_and_back(void) {
        static const struct {
                const TaKeyType *type;
                unsigned bits;
                bool pem;
        } rows[] = {
                {&ta_key_rsa, 2048, true},      {&ta_key_ecdsa_p256, 0, true},
                {&ta_key_ecdsa_p384, 0, true},  {&ta_key_ecdsa_p521, 0, true},
                {&ta_key_ed25519, 0, false},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = new_key(rows[i].type, rows[i].bits);

                for (TaKeyFormat f = TA_FORMAT_OPENSSH; f <= TA_FORMAT_PKCS8; f++) {
                        ta_cleanup(ta_freep) char *text = NULL;
                        bool can = f != TA_FORMAT_PEM || rows[i].pem;

                        g_assert_cmpint(ta_pubfile_write(key, ta_str("to \"me\""), f, &text), ==,
                                        can ? 0 : TA_E_ALGORITHM);
                        if (!can)
                                continue;
                        check_file(text, key, f == TA_FORMAT_OPENSSH ? "to \"me\"" : "");
                        for (size_t cut = strlen(text) - 40; cut < strlen(text) - 10; cut++) {
                                g_autofree char *part = g_strndup(text, cut);
                                TaKey *got = NULL;
                                char *comment = NULL;

                                g_assert_cmpint(ta_pubfile_read(ta_str(part), &got, &comment), !=,
                                                0);
                                g_assert_null(got);
                        }
                }
        }
}

static void test_dress(void) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        g_autofree char *line = g_strdup(line_of(key, "me@host"));
        g_autofree char *base64 = g_strndup(strchr(line, ' ') + 1, 68);
        g_autofree char *listed = g_strconcat("\xef\xbb\xbf# keys\r\n\r\nnonsense\r\n", line, "\r\n", NULL);
        g_autofree char *folded =
                g_strconcat("---- BEGIN SSH2 PUBLIC KEY ----\r\nSubject: x\r\nComment: \"me\\\r\n@host\"\r\n",
                            base64, "\r\n---- END SSH2 PUBLIC KEY ----\r\n", NULL);

        check_file(listed, key, "me@host");
        check_file(folded, key, "me@host");
}

static void test_envelope(void) {
        ta_cleanup(ta_key_freep) TaKey *key = new_key(&ta_key_ed25519, 0);
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        g_autofree char *copy = NULL;

        g_assert_cmpint(ta_keyfile_write(key, ta_str("hidden"), ta_str("pass"),
                                         &(TaKeyFileOptions){.rounds = 1}, &text),
                        ==, 0);
        copy = g_strndup((const char *)text->data, text->len);
        check_file(copy, key, "");
}

static void test_nothing_there(void) {
        static const struct {
                const char *text;
                int err;
        } rows[] = {
                {"", TA_E_NOT_FOUND},
                {"# only a comment\n\n", TA_E_NOT_FOUND},
                {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", TA_E_NOT_FOUND},
                {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", TA_E_MALFORMED},
                {"-----BEGIN PUBLIC KEY-----\nAAAA\n", TA_E_TRUNCATED},
                {"---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\\", TA_E_TRUNCATED},
                {"---- BEGIN SSH2 PUBLIC KEY ----\n---- END SSH2 PUBLIC KEY ----\n", TA_E_TRUNCATED},
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(rows); i++) {
                TaKey *got = NULL;
                char *comment = NULL;

                g_test_message("%s", rows[i].text);
                g_assert_cmpint(ta_pubfile_read(ta_str(rows[i].text), &got, &comment), ==,
                                rows[i].err);
                g_assert_null(got);
                g_assert_null(comment);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pubfile/line", test_line);
        g_test_add_func("/pubfile/line-refused", test_line_refused);
        g_test_add_func("/pubfile/line-end-in-comment", test_line_end_in_comment);
        g_test_add_func("/pubfile/there-and-back", test_there_and_back);
        g_test_add_func("/pubfile/dress", test_dress);
        g_test_add_func("/pubfile/envelope", test_envelope);
        g_test_add_func("/pubfile/nothing-there", test_nothing_there);
        return g_test_run();
}
