/* SPDX-License-Identifier: ISC */
/* Certificates that ssh-keygen made: fields, the CA's signature, the private half, what is refused. */
#include <glib.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/keyfile.h"

#define ROOM 65536

static const struct {
        const char *option;
        unsigned bits;
} kinds[] = {
        {"ed25519", 0}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"rsa", 2048},
};

static char *program;

static TaKey *generate(size_t i) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option(kinds[i].option, kinds[i].bits),
                                        kinds[i].bits, &key), ==, 0);
        return key;
}

static void keygen(const char *dir, const char *arguments) {
        g_autofree char *line = g_strconcat(program, " ", arguments, NULL);
        g_auto(GStrv) argv = NULL;
        int status = -1;

        g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
        g_assert_true(g_spawn_sync(dir, argv, NULL,
                                   G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                                   NULL, NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
}

/* A certificate for `key` by a new CA of row i. */
static TaKey *certificate(const TaKey *key, size_t i, const char *options) {
        g_autofree char *dir = g_dir_make_tmp("ta-cert-XXXXXX", NULL), *text = NULL;
        g_autofree char *pub = g_build_filename(dir, "key.pub", NULL);
        g_autofree char *crt = g_build_filename(dir, "key-cert.pub", NULL);
        g_autofree char *make = g_strdup_printf("-q -t %s -b %u -N '' -f ca", kinds[i].option,
                                                kinds[i].bits ? kinds[i].bits : 256);
        g_autofree char *sign = g_strdup_printf("-q -s ca %s key.pub", options);
        static const char *const names[] = {"key.pub", "key-cert.pub", "ca", "ca.pub"};
        char line[8192];
        TaWriter w = ta_writer(line, sizeof line);
        TaBytes comment, prefix;
        TaKey *cert = NULL;

        ta_publine_write(&w, key, ta_str("c"));
        ta_write_u8(&w, '\n');
        g_assert_true(g_file_set_contents(pub, line, (gssize)w.len, NULL));
        keygen(dir, make);
        keygen(dir, sign);
        g_assert_true(g_file_get_contents(crt, &text, NULL, NULL));
        g_assert_cmpint(ta_publine_read(ta_str(g_strchomp(text)), &cert, &comment, &prefix), ==, 0);
        for (size_t n = 0; n < G_N_ELEMENTS(names); n++) {
                g_autofree char *path = g_build_filename(dir, names[n], NULL);

                g_unlink(path);
        }
        g_rmdir(dir);
        return cert;
}

static bool skipped(void) {
        if (!program)
                g_test_skip("no ssh-keygen");
        return !program;
}

static void test_fields(void) {
        if (skipped())
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = generate(i);
                ta_cleanup(ta_key_freep) TaKey *cert = certificate(
                        key, i, "-I some-id -n alice,bob -z 77 -V 20200101000000Z:20210101000000Z");
                const TaCert *c = cert->cert;

                g_assert_nonnull(c);
                g_assert_true(ta_key_same_plain(key, cert));
                g_assert_cmpstr(ta_key_name(cert), ==, key->type->cert_name);
                g_assert_cmpuint(c->serial, ==, 77);
                g_assert_cmpuint(c->type, ==, TA_CERT_USER);
                g_assert_true(ta_bytes_is(c->key_id, "some-id"));
                g_assert_cmpuint(c->n_principals, ==, 2);
                g_assert_cmpuint(c->critical.len, ==, 0);
                g_assert_cmpuint(c->extensions.len, >, 0);
                g_assert_cmpint(ta_cert_valid_at(c, c->valid_after - 1), ==, TA_E_REFUSED);
                g_assert_cmpint(ta_cert_valid_at(c, c->valid_after), ==, 0);
                g_assert_cmpint(ta_cert_valid_at(c, c->valid_before - 1), ==, 0);
                g_assert_cmpint(ta_cert_valid_at(c, c->valid_before), ==, TA_E_EXPIRED);
        }
}

/* every prefix is refused; so is a byte more, or a changed one, which the CA has not signed */
static void test_refused(void) {
        if (skipped())
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = generate(i);
                ta_cleanup(ta_key_freep) TaKey *cert = certificate(key, i, "-I id -n alice");
                g_autofree uint8_t *more = g_malloc0(cert->blob_len + 1);
                TaKey *none = NULL;

                for (size_t n = 0; n < cert->blob_len; n++) {
                        g_autofree uint8_t *exact = n ? g_memdup2(cert->blob, n) : NULL;

                        g_assert_cmpint(ta_key_read_public((TaBytes){exact, n}, &none), !=, 0);
                        g_assert_null(none);
                }
                memcpy(more, cert->blob, cert->blob_len);
                g_assert_cmpint(ta_key_read_public((TaBytes){more, cert->blob_len + 1}, &none), ==,
                                TA_E_TRAILING);
                for (size_t n = 0; n < cert->blob_len; n += 3) {
                        more[n] ^= 1;
                        g_assert_cmpint(ta_key_read_public((TaBytes){more, cert->blob_len}, &none),
                                        !=, 0);
                        g_assert_null(none);
                        more[n] ^= 1;
                }
        }
}

/* F17: the private half must be the certificate's; no principals and host type are kept as such */
static void test_private(void) {
        if (skipped())
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = generate(i), *other = generate(i);
                ta_cleanup(ta_key_freep) TaKey *cert = certificate(key, 0, "-h -I id");
                ta_cleanup(ta_key_freep) TaKey *both = NULL, *again = NULL, *none = NULL;
                g_autofree uint8_t *buf = g_malloc0(ROOM), *sig = g_malloc0(ROOM);
                TaWriter w = ta_writer(buf, ROOM), s = ta_writer(sig, ROOM);
                TaReader r;

                g_assert_cmpuint(cert->cert->type, ==, TA_CERT_HOST);
                g_assert_cmpuint(cert->cert->n_principals, ==, 0);
                g_assert_cmpint(ta_key_certify(other, cert, &none), ==, TA_E_MISMATCH);
                g_assert_cmpint(ta_key_certify(key, cert, &both), ==, 0);
                ta_key_write_private(both, &w);
                r = ta_reader(ta_written(&w));
                g_assert_cmpint(ta_key_read_private(&r, &again), ==, 0);
                g_assert_cmpint(ta_read_end(&r), ==, 0);
                g_assert_true(ta_bytes_equal(ta_key_blob(again), ta_key_blob(cert)));
                g_assert_cmpint(ta_key_sign(again, ta_str("data"), SSH_AGENT_RSA_SHA2_256, &s), ==, 0);
                g_assert_cmpint(ta_key_verify(key, ta_str("data"), ta_written(&s)), ==, 0);

                /* the certificate of one key with the private half of another */
                w = ta_writer(buf, ROOM);
                ta_write_cstring(&w, key->type->cert_name);
                ta_write_string(&w, ta_key_blob(cert));
                other->type->write_private(other, &w, false);
                r = ta_reader(ta_written(&w));
                g_assert_cmpint(ta_key_read_private(&r, &none), ==, TA_E_MISMATCH);
                g_assert_null(none);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (sodium_init() < 0)
                return 1;
        program = g_find_program_in_path("ssh-keygen");
        g_test_add_func("/cert/fields", test_fields);
        g_test_add_func("/cert/refused", test_refused);
        g_test_add_func("/cert/f17-private", test_private);
        return g_test_run();
}
