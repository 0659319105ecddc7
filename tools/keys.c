/* SPDX-License-Identifier: ISC */
/* The sentences are OpenSSH's where it has one; the advice is ours. */
#include "tools/keys.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cli.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tools/runtime.h"

#define SHOWN_MAX 4096

bool keys_private(TaBytes text) {
        static const char mark[] = "PRIVATE KEY-----"; /* of all formats */

        return text.len > 0 && memmem(text.data, text.len, mark, sizeof mark - 1) != NULL;
}

int keys_read(const char *path, TaSecret **ret, struct stat *ret_stat) {
        int err = path ? ta_file_read(path, TA_KEYFILE_MAX, ret, ret_stat)
                       : ta_file_read_fd(STDIN_FILENO, TA_KEYFILE_MAX, ret);

        if (!err && keys_private(ta_secret_bytes(*ret)))
                runtime_hide();
        return err;
}

/* `ret_private` (may be NULL): whether it is the file of a private key. */
static int read_public(const char *path, TaKey **ret, char **ret_comment, bool *ret_private) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        int err = keys_read(path, &text, NULL);

        if (err)
                return err;
        if (ret_private)
                *ret_private = keys_private(ta_secret_bytes(text));
        return ta_pubfile_read(ta_secret_bytes(text), ret, ret_comment);
}

int keys_public(const char *path, TaKey **ret, char **ret_comment) {
        ta_cleanup(ta_freep) char *pub = NULL, *comment = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        bool private = false;
        int err = read_public(path, &key, &comment, &private);

        if (err || private) {
                if (asprintf(&pub, "%s.pub", path) < 0)
                        return -ENOMEM;
                if (read_public(pub, ret, ret_comment, NULL) == 0)
                        return 0;
        }
        if (err)
                return err;
        *ret = ta_steal(&key);
        *ret_comment = ta_steal(&comment);
        return 0;
}

bool keys_mode_ok(const char *path, const struct stat *st) {
        if (!ta_file_private_mode(st, getuid()))
                return true;
        fprintf(stderr,
                "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
                "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n"
                "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
                "Permissions 0%3.3o for '%s' are too open.\n"
                "It is required that your private key files are NOT accessible by others.\n"
                "This private key will be ignored.\n"
                "To repair it: chmod 600 '%s'\n",
                (unsigned)st->st_mode & 0777, path, path);
        return false;
}

#define DAMAGED "The file is damaged; take it from a backup, or copy it here again"

static const struct {
        int err;
        const char *advice, *command; /* the command is followed by the file's name */
} repairs[] = {
        {TA_E_NOT_FOUND, "There is no private key in it; of a pair, it is the file without .pub",
         NULL},
        {TA_E_TRUNCATED, DAMAGED, NULL},
        {TA_E_TRAILING, DAMAGED, NULL},
        {TA_E_LIMIT, DAMAGED, NULL},
        {TA_E_MALFORMED, DAMAGED, NULL},
        {TA_E_MISMATCH, DAMAGED, NULL},
        {TA_E_CIPHER, "Convert it with a program that knows it", "ssh-keygen -p -f"},
        {TA_E_COST, "If the file is yours and not damaged, write it anew",
         "ssh-keygen -p -a 24 -f"},
        {TA_E_ALGORITHM,
         "Known are ed25519, ecdsa and rsa; of others and of security keys, use "
         "ssh-add and ssh-keygen",
         NULL},
        {TA_E_WEAK, "RSA keys have 1024 bits at least; make a new key", "tkeygen -f"},
        {-EACCES, "See whose it is", "ls -l"},
        {-EFBIG, "A key file has at most 1 MiB", NULL},
};

void keys_complain(const char *what, const char *path, int err) {
        const char *words = ta_strerror(err);

        if (err == -EINVAL)
                words = "not a regular file";
        else if (err == TA_E_NOT_FOUND)
                words = ta_strerror(TA_E_MALFORMED);
        (void)fflush(stdout);
        fprintf(stderr, "%s: %s\n", what, words);
        for (size_t i = 0; i < TA_N_ELEMENTS(repairs); i++) {
                if (repairs[i].err != err)
                        continue;
                fprintf(stderr, "%s", repairs[i].advice);
                if (repairs[i].command)
                        fprintf(stderr, ": %s '%s'", repairs[i].command, path);
                fprintf(stderr, ".\n");
        }
}

static void *not_null(void *block) {
        if (!block) {
                ta_complain("out of memory");
                exit(255);
        }
        return block;
}

void *keys_alloc(size_t len) {
        return not_null(malloc(len));
}

char *keys_shown(TaBytes untrusted) {
        return not_null(ta_display(untrusted, SHOWN_MAX));
}
