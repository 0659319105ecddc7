/* SPDX-License-Identifier: ISC */
/*
 * F52: where the kernel gives no random numbers, and no device does, nothing that needs them is
 * made of something else: it fails, or the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sodium.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/selftest-keys.h"
#include "agent/keeper/vault.h"
#include "lib/evp.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "tests/support/strike.h"

#define BYTES(array) ((TaBytes){(array), sizeof(array)})

/* What needs randomness; 0 if it says that it has been done. */

static int generate(const TaKeyType *type, unsigned bits) {
        TaKey *key;

        return ta_key_generate(type, bits, &key);
}

static int generate_ed25519(void) {
        return generate(&ta_key_ed25519, 0);
}

static int generate_ecdsa(void) {
        return generate(&ta_key_ecdsa_p256, 0);
}

static int generate_rsa(void) {
        return generate(&ta_key_rsa, 1024);
}

/* A nonce that can be guessed gives the key away. */
static int sign_ecdsa(void) {
        uint8_t out[512];
        TaWriter w = ta_writer(out, sizeof out);
        TaReader r = ta_reader(BYTES(p256_key));
        TaKey *key;

        return ta_key_read_private(&r, &key) || ta_key_sign(key, ta_str("x"), 0, &w);
}

/* The salt. */
static int seal_file(void) {
        TaReader r = ta_reader(BYTES(ed25519_key));
        TaSecret *text;
        TaKey *key;

        return ta_key_read_private(&r, &key) ||
               ta_keyfile_write(key, ta_str(""), ta_str("secret"), &(TaKeyFileOptions){.rounds = 1},
                                &text);
}

/* The key to which others seal. */
static int make_vault(void) {
        Vault *vault;

        return vault_new(&vault);
}

static int name_temporary_file(void) {
        return ta_file_write("file", ta_str("x"), 0600, false);
}

static const struct {
        const char *name;
        int (*act)(void);
} acts[] = {
        {"generate-ed25519", generate_ed25519},
        {"generate-ecdsa", generate_ecdsa},
        {"generate-rsa", generate_rsa},
        {"sign-ecdsa", sign_ecdsa},
        {"seal-file", seal_file},
        {"make-vault", make_vault},
        {"name-temporary-file", name_temporary_file},
};

/* getrandom(2) fails from now on, and no file can be opened. */
static int take_away(unsigned error) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof code / sizeof code[0], code};

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
                       ? -1
                       : 0;
}

enum { FAILED, DONE, UNTRIED };

/* In a process that has not asked for any before, whose filter lets it have some or not. */
static int act_apart(int (*act)(void), unsigned error) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                (void)alarm(20);
                (void)prctl(PR_SET_DUMPABLE, 0);
                if (ta_crypto_start() || sodium_init() < 0 || (error && take_away(error) < 0))
                        _exit(UNTRIED);
                _exit(act() == 0 ? DONE : FAILED);
        }
        g_assert_cmpint(pid, >, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (WIFSIGNALED(status)) { /* libsodium gives up like this */
                g_assert_cmpint(WTERMSIG(status), ==, SIGABRT);
                return FAILED;
        }
        return WEXITSTATUS(status);
}

static void test_act(const void *data) {
        static const unsigned errors[] = {ENOSYS, EPERM, EIO};
        int (*act)(void) = acts[GPOINTER_TO_SIZE(data)].act;

        g_assert_cmpint(act_apart(act, 0), ==, DONE);
        (void)unlink("file");
        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
                g_assert_cmpint(act_apart(act, errors[i]), ==, FAILED);
        g_assert_cmpint(access("file", F_OK), <, 0);
}

/* ---- tkeygen ------------------------------------------------------------------------------ */

static int words = -1;

static void tkeygen(void *data) {
        const char *const *args = data;
        int null = open("/dev/null", O_RDWR);

        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(words, STDERR_FILENO);
        (void)execv(g_getenv("TKEYGEN"), (char *const *)(uintptr_t)args);
}

static void test_tkeygen(void) {
        static const char *const types[] = {"ed25519", "ecdsa", "rsa"};
        static Struck struck;

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                const char *const args[] = {"tkeygen", "-q", "-t", types[i], "-N",
                                            "",        "-f", "k",  NULL};
                char said[256] = "";

                g_assert_true(ftruncate(words, 0) == 0 && lseek(words, 0, SEEK_SET) == 0);
                if (strike(tkeygen, (void *)(uintptr_t)args, &(Strike){.no_random = true},
                           &struck) < 0) {
                        g_test_skip("processes cannot be traced here");
                        return;
                }
                g_assert_true(WIFEXITED(struck.status));
                g_assert_cmpint(WEXITSTATUS(struck.status), !=, 0);
                g_assert_cmpint(pread(words, said, sizeof said - 1, 0), >, 0);
                g_test_message("%s: %s", types[i], g_strchomp(said));
                g_assert_cmpint(access("k", F_OK), <, 0);
                g_assert_cmpint(access("k.pub", F_OK), <, 0);
        }
}

int main(int argc, char **argv) {
        const char *build = g_getenv("TA_BUILDDIR");
        g_autofree char *program = g_build_filename(build ? build : ".", "tkeygen", NULL);
        g_autofree char *folder = NULL;
        int status;

        g_test_init(&argc, &argv, NULL);
        folder = g_dir_make_tmp("ta-random-XXXXXX", NULL);
        g_assert_nonnull(folder);
        words = memfd_create("words", MFD_CLOEXEC);
        g_assert_true(g_setenv("TKEYGEN", program, false) && g_setenv("HOME", folder, true));
        /* Leaks cannot be looked for in what is traced already. */
        g_assert_true(g_setenv("ASAN_OPTIONS", "detect_leaks=0", true));
        g_assert_true(words >= 0 && chdir(folder) == 0);
        for (size_t i = 0; i < G_N_ELEMENTS(acts); i++) {
                g_autofree char *path = g_strdup_printf("/random/f52-%s", acts[i].name);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_act);
        }
        g_test_add_func("/random/f52-tkeygen", test_tkeygen);
        status = g_test_run();
        g_assert_cmpint(chdir("/"), ==, 0);
        (void)g_rmdir(folder);
        return status;
}
