/* SPDX-License-Identifier: ISC */
/*
 * F31 in what reads and writes keys: every allocation fails. Either it is done, and then rightly,
 * or it is refused for want of memory, and for nothing that would send somebody looking elsewhere.
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/client.h"
#include "lib/fingerprint.h"
#include "lib/keyfile.h"
#include "tests/support/failing.h"
#include "tests/support/sweep.h"

#define COMMENT "a comment"
#define DATA    "what is signed"

static enum { ED25519, P256, P384, P521, RSA_1024, N_KEYS } kind;
static TaKey *keys[N_KEYS];
static int err; /* of what was done */

/* libcrypto's readers of ASN.1 do not always say that it was for memory. */
static bool asn1;

static void assert_short(const char *what) {
        if (err != TA_E_FULL && err != TA_E_CRYPTO && err != -ENOMEM &&
            !(asn1 && (err == TA_E_MALFORMED || err == TA_E_PASSPHRASE)))
                g_error("%s: memory was short, and that is called: %s", what, ta_strerror(err));
}

/* ---- private key files -------------------------------------------------------------------- */

typedef struct Format {
        const char *name;
        TaKeyFormat format;
        const char *passphrase, *cipher;
        unsigned stride;
} Format;

static const Format formats[] = {
        {"openssh", TA_FORMAT_OPENSSH, "", NULL, 0},
        {"openssh, aes256-ctr", TA_FORMAT_OPENSSH, "secret", "aes256-ctr", 7},
        {"openssh, aes256-gcm", TA_FORMAT_OPENSSH, "secret", "aes256-gcm@openssh.com", 7},
        {"openssh, chacha20", TA_FORMAT_OPENSSH, "secret", "chacha20-poly1305@openssh.com", 7},
        {"openssh, 3des-cbc", TA_FORMAT_OPENSSH, "secret", "3des-cbc", 7},
        {"PEM", TA_FORMAT_PEM, "", NULL, 29},
        {"PEM, sealed", TA_FORMAT_PEM, "secret", NULL, 29},
        {"PKCS#8", TA_FORMAT_PKCS8, "", NULL, 53},
        {"PKCS#8, sealed", TA_FORMAT_PKCS8, "secret", NULL, 1999}, /* eight a round of PBKDF2 */
};
static const Format *format;
static const char *passphrase;
static TaSecret *text;
static TaKeyFile *file;

static int write_file(void) {
        TaKeyFileOptions options = {format->format, format->cipher, 1};

        return ta_keyfile_write(keys[kind], ta_str(COMMENT), ta_str(format->passphrase), &options,
                                &text);
}

static void act_write(void *data ta_unused) {
        err = write_file();
}

static int read_file(void) {
        int failure = ta_keyfile_parse(ta_secret_bytes(text), &file);

        if (!failure)
                ta_keyfile_unlock(&file, 1, ta_str(passphrase), &failure);
        return failure;
}

static void act_read(void *data ta_unused) {
        err = read_file();
}

static void judge_file(const char *how) {
        g_autofree char *what = g_strdup_printf("%s: %s of kind %u", how, format->name, kind);

        if (err) {
                assert_short(what);
                return;
        }
        g_assert_true(ta_key_same_plain(file->key, keys[kind]));
        g_assert_true(ta_bytes_is(ta_secret_bytes(file->comment),
                                  format->format == TA_FORMAT_OPENSSH ? COMMENT : ""));
}

static void drop_file(void) {
        ta_keyfile_free(ta_steal(&file));
}

static void judge_read(void *data ta_unused) {
        judge_file("read");
        drop_file();
}

static void judge_wrong_passphrase(void *data ta_unused) {
        g_assert_cmpint(err, !=, 0);
        if (err != TA_E_PASSPHRASE)
                assert_short("a wrong passphrase");
        drop_file();
}

static void judge_write(void *data ta_unused) {
        if (err)
                assert_short(format->name);
        else
                g_assert_cmpint(read_file(), ==, 0);
        judge_file("written");
        drop_file();
        ta_secret_drop(ta_steal(&text));
}

static void test_files(const void *data) {
        bool long_run = sweep_long();

        format = data;
        for (kind = 0; kind < N_KEYS; kind++) {
                if ((kind == ED25519 && format->format == TA_FORMAT_PEM) ||
                    (!long_run && (kind == P384 || kind == P521)))
                        continue;
                asn1 = format->format != TA_FORMAT_OPENSSH;
                passphrase = format->passphrase;
                sweep(&(Sweep){.name = "write",
                               .act = act_write,
                               .judge = judge_write,
                               .stride = format->stride});
                g_assert_cmpint(write_file(), ==, 0);
                sweep(&(Sweep){.name = "read",
                               .act = act_read,
                               .judge = judge_read,
                               .stride = format->stride});
                passphrase = "wrong";
                if (*format->passphrase)
                        sweep(&(Sweep){.name = "wrong passphrase",
                                       .act = act_read,
                                       .judge = judge_wrong_passphrase,
                                       .stride = format->stride});
                ta_secret_drop(ta_steal(&text));
        }
}

/* ---- public keys -------------------------------------------------------------------------- */

static const char *const public_files[] = {
        "authorized",      "known-hosts", "envelope", "ed25519-cert", "p256-cert", "rsa-cert",
        "ed25519-rfc4716", "p256-pkcs8",  "p256",     "rsa-pem",      "rsa-pkcs8", "rsa-rfc4716",
};
static TaBytes public_text;
static TaKey *found, *expected;
static char *comment, *expected_comment;

static void act_public(void *data ta_unused) {
        err = ta_pubfile_read(public_text, &found, &comment);
}

static void judge_public(void *data) {
        if (err) {
                assert_short(data);
        } else {
                g_assert_true(ta_bytes_equal(ta_key_blob(found), ta_key_blob(expected)));
                g_assert_cmpstr(comment, ==, expected_comment);
        }
        ta_key_free(ta_steal(&found));
        free(ta_steal(&comment));
}

static void test_public_files(void) {
        asn1 = true;
        for (size_t i = 0; i < G_N_ELEMENTS(public_files); i++) {
                g_autofree char *path = g_test_build_filename(G_TEST_DIST, "fuzz/corpus/pubfile",
                                                              public_files[i], NULL);
                g_autofree char *content = NULL;
                size_t len;

                g_assert_true(g_file_get_contents(path, &content, &len, NULL));
                public_text = (TaBytes){(const uint8_t *)content, len};
                g_assert_cmpint(ta_pubfile_read(public_text, &expected, &expected_comment), ==, 0);
                sweep(&(Sweep){.name = public_files[i],
                               .act = act_public,
                               .judge = judge_public,
                               .data = (void *)(uintptr_t)public_files[i]});
                ta_key_free(ta_steal(&expected));
                free(ta_steal(&expected_comment));
        }
}

static void act_write_public(void *data ta_unused) {
        err = ta_pubfile_write(keys[kind], ta_str(COMMENT), format->format, &comment);
}

static void judge_write_public(void *data ta_unused) {
        if (err)
                assert_short("write public");
        else
                g_assert_cmpstr(comment, ==, expected_comment);
        free(ta_steal(&comment));
}

/* The first key of several is meant, or none. */
static void test_several_lines(void) {
        char lines[4096];
        TaWriter w = ta_writer(lines, sizeof lines);

        asn1 = false;
        for (size_t i = P256; i < N_KEYS; i++) {
                ta_publine_write(&w, keys[i], ta_str(COMMENT));
                ta_write_u8(&w, '\n');
        }
        g_assert_cmpint(w.err, ==, 0);
        public_text = ta_written(&w);
        expected = keys[P256];
        expected_comment = g_strdup(COMMENT);
        sweep(&(Sweep){.name = "several lines",
                       .act = act_public,
                       .judge = judge_public,
                       .data = (void *)(uintptr_t) "several lines"});
        expected = NULL;
        g_free(ta_steal(&expected_comment));
}

static void test_write_public(void) {
        static const TaKeyFormat public_formats[] = {TA_FORMAT_OPENSSH, TA_FORMAT_PKCS8};

        asn1 = true;
        for (size_t i = 0; i < G_N_ELEMENTS(public_formats); i++)
                for (kind = 0; kind < N_KEYS; kind++) {
                        format = &(Format){.format = public_formats[i]};
                        g_assert_cmpint(ta_pubfile_write(keys[kind], ta_str(COMMENT),
                                                         public_formats[i], &expected_comment),
                                        ==, 0);
                        sweep(&(Sweep){.name = "write public",
                                       .act = act_write_public,
                                       .judge = judge_write_public});
                        free(ta_steal(&expected_comment));
                }
}

/* ---- what is told of a key ---------------------------------------------------------------- */

static char told[TA_RANDOMART_MAX], expected_words[TA_RANDOMART_MAX];
static TaHash hash;

static int fingerprint(void) {
        return ta_fingerprint(keys[kind], hash, told);
}

static int randomart(void) {
        return ta_randomart(keys[kind], hash, told);
}

static int bubblebabble(void) {
        return ta_bubblebabble(keys[kind], told);
}

static int (*tell)(void);

static void act_tell(void *data ta_unused) {
        err = tell();
}

static void judge_tell(void *data ta_unused) {
        if (err)
                assert_short("fingerprint");
        else
                g_assert_cmpstr(told, ==, expected_words);
}

static void test_fingerprints(void) {
        static int (*const ways[])(void) = {fingerprint, randomart, bubblebabble};

        asn1 = false;
        kind = P256;
        for (hash = TA_HASH_SHA256; hash <= TA_HASH_MD5; hash++)
                for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                        tell = ways[i];
                        g_assert_cmpint(tell(), ==, 0);
                        g_strlcpy(expected_words, told, sizeof expected_words);
                        sweep(&(Sweep){
                                .name = "fingerprint", .act = act_tell, .judge = judge_tell});
                }
}

/* ---- verifying ---------------------------------------------------------------------------- */

static uint8_t signature[1024];
static size_t signature_len;

static void act_verify(void *data ta_unused) {
        err = ta_key_verify(keys[kind], ta_str(DATA), (TaBytes){signature, signature_len});
}

static void judge_good(void *data ta_unused) {
        if (err && err != TA_E_SIGNATURE) /* a refusal, which is what counts */
                assert_short("a good signature");
}

static void judge_bad(void *data ta_unused) {
        g_assert_cmpint(err, !=, 0);
}

static void test_verify(void) {
        asn1 = false;
        for (kind = 0; kind < N_KEYS; kind++) {
                TaWriter w = ta_writer(signature, sizeof signature);

                g_assert_cmpint(ta_key_sign(keys[kind], ta_str(DATA), SSH_AGENT_RSA_SHA2_512, &w),
                                ==, 0);
                signature_len = w.len;
                sweep(&(Sweep){.name = "verify", .act = act_verify, .judge = judge_good});
                signature[w.len - 1] ^= 1;
                sweep(&(Sweep){
                        .name = "verify what is bad", .act = act_verify, .judge = judge_bad});
        }
}

/* ---- the client --------------------------------------------------------------------------- */

static char socket_path[64];
static pid_t agent;

/* An agent with one key, in a process of its own: it answers what it is asked. */
static void serve(int fd) {
        static uint8_t message[TA_MSG_MAX], out[TA_MSG_MAX + 4];
        uint32_t be;

        while (recv(fd, &be, 4, MSG_WAITALL) == 4) {
                size_t len = GUINT32_FROM_BE(be), mark;
                TaWriter w = ta_writer(out, sizeof out);

                if (len > sizeof message || recv(fd, message, len, MSG_WAITALL) != (ssize_t)len)
                        return;
                mark = ta_write_begin(&w);
                switch (message[0]) {
                case SSH_AGENTC_REQUEST_IDENTITIES:
                        ta_identities_begin(&w, 1);
                        ta_identities_write(&w,
                                            (TaIdentity){ta_key_blob(keys[P256]), ta_str(COMMENT)});
                        break;
                case SSH_AGENTC_SIGN_REQUEST:
                        ta_sign_response_write(&w, (TaBytes){signature, signature_len});
                        break;
                case SSH_AGENTC_EXTENSION:
                        ta_write_u8(&w, SSH_AGENT_FAILURE);
                        break;
                default:
                        ta_write_u8(&w, SSH_AGENT_SUCCESS);
                }
                ta_write_finish(&w, mark);
                if (send(fd, out, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
                        return;
        }
}

static void start_agent(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_snprintf(socket_path, sizeof socket_path, "%s/ta-sweep-%d", g_get_tmp_dir(),
                   (int)getpid());
        g_strlcpy(address.sun_path, socket_path, sizeof address.sun_path);
        (void)unlink(socket_path);
        g_assert_true(listener >= 0 &&
                      bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                      listen(listener, 8) == 0);
        agent = fork();
        if (agent == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail */
                for (;;) {
                        int fd = accept(listener, NULL, NULL);

                        if (fd < 0)
                                _exit(0);
                        serve(fd);
                        close(fd);
                }
        }
        g_assert_cmpint(agent, >, 0);
        close(listener);
}

static struct {
        size_t n_listed;
        bool listed_right, signed_right, added;
} client_got;

static void act_client(void *data ta_unused) {
        ta_cleanup(ta_client_freep) TaClient *client = NULL;
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        TaBytes made;

        memset(&client_got, 0, sizeof client_got);
        err = ta_client_connect(socket_path, &client);
        if (!err)
                err = ta_client_list(client, &list, &client_got.n_listed);
        if (!err && client_got.n_listed == 1)
                client_got.listed_right = ta_bytes_equal(list[0].key, ta_key_blob(keys[P256]));
        if (!err)
                err = ta_client_sign(client, ta_key_blob(keys[P256]), ta_str(DATA), 0, &made);
        if (!err)
                client_got.signed_right = ta_bytes_equal(made, (TaBytes){signature, signature_len});
        if (!err)
                err = ta_client_add(client, keys[P256], ta_str(COMMENT), NULL);
        client_got.added = !err;
        if (!err)
                err = ta_client_lock(client, true, ta_str("p"));
}

static void judge_client(void *data ta_unused) {
        if (err)
                assert_short("client");
        else
                g_assert_true(client_got.listed_right && client_got.signed_right &&
                              client_got.added);
}

static void test_client(void) {
        TaWriter w = ta_writer(signature, sizeof signature);

        asn1 = false;
        g_assert_cmpint(ta_key_sign(keys[P256], ta_str(DATA), 0, &w), ==, 0);
        signature_len = w.len;
        start_agent();
        sweep(&(Sweep){.name = "client", .act = act_client, .judge = judge_client});
        g_assert_cmpint(kill(agent, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(agent, NULL, 0), ==, agent);
        (void)unlink(socket_path);
}

int main(int argc, char **argv) {
        static const struct {
                const char *option;
                unsigned bits;
        } made[N_KEYS] = {
                {"ed25519", 0}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"rsa", 1024}};
        int status;

        failing_adopt_libcrypto();
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        for (size_t i = 0; i < N_KEYS; i++)
                g_assert_cmpint(ta_key_generate(ta_key_type_by_option(made[i].option, made[i].bits),
                                                made[i].bits, &keys[i]),
                                ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
                g_autofree char *path = g_strdup_printf("/sweep/lib/f31-%s", formats[i].name);

                g_test_add_data_func(path, &formats[i], test_files);
        }
        g_test_add_func("/sweep/lib/f31-public-files", test_public_files);
        g_test_add_func("/sweep/lib/f31-several-lines", test_several_lines);
        g_test_add_func("/sweep/lib/f31-write-public", test_write_public);
        g_test_add_func("/sweep/lib/f31-fingerprints", test_fingerprints);
        g_test_add_func("/sweep/lib/f31-verify", test_verify);
        g_test_add_func("/sweep/lib/f31-client", test_client);
        status = g_test_run();
        sweep_report();
        for (size_t i = 0; i < N_KEYS; i++)
                ta_key_free(keys[i]);
        return status;
}
