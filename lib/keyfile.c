/* SPDX-License-Identifier: ISC */
/*
 * Which format a private key file has, and its life from text to key. The formats themselves are
 * lib/keyfile-openssh.c and lib/keyfile-pem.c; what this file adds is that the slow derivations of
 * several openssh-key-v1 files run in one pass.
 */
#include "lib/keyfile.h"

#include <errno.h>

#include "lib/keyfile-format.h"
#include "lib/text.h"

#define BATCH 8 /* files that are derived in one pass */

void ta_keyfile_free(TaKeyFile *file) {
        if (!file)
                return;
        ta_key_free(file->public);
        ta_key_free(file->key);
        ta_secret_drop(file->body);
        ta_secret_drop(file->comment);
        free(file);
}

void ta_keyfile_freep(TaKeyFile **file) {
        ta_keyfile_free(*file);
        *file = NULL;
}

static int parse_openssh(TaBytes text, TaKeyFile *file) {
        TaBytes armoured;
        TaWriter w;
        int err;

        err = ta_armour_find(text, "OPENSSH PRIVATE KEY", &armoured);
        if (err)
                return err;
        err = ta_secret_new(armoured.len / 4 * 3 + 3, &file->body);
        if (err)
                return err;
        w = ta_writer(file->body->data, file->body->cap);
        err = ta_base64_read(armoured, &w);
        if (err)
                return err;
        file->body->len = w.len;
        return ta_keyfile_openssh_parse(file);
}

int ta_keyfile_parse(TaBytes text, TaKeyFile **ret) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        int err;

        if (text.len > TA_KEYFILE_MAX)
                return TA_E_LIMIT;
        file = calloc(1, sizeof *file);
        if (!file)
                return -ENOMEM;
        err = parse_openssh(text, file);
        if (err == TA_E_NOT_FOUND)
                err = ta_keyfile_pem_parse(text, file);
        if (err)
                return err;
        *ret = ta_steal(&file);
        return 0;
}

/* The openssh-key-v1 files among a few: one derivation for all that need one. */
static void unlock_some(TaKeyFile *const *files, size_t n, TaBytes passphrase, int *ret_errs) {
        uint8_t derived[BATCH][TA_KEYFILE_DERIVED_MAX];
        ta_wiped(derived);
        TaBcryptJob jobs[BATCH];
        size_t n_jobs = 0;
        int err = 0;

        for (size_t i = 0; i < n; i++) {
                ret_errs[i] = 0;
                if (files[i]->key || files[i]->format != TA_FORMAT_OPENSSH || !files[i]->encrypted)
                        continue;
                if (passphrase.len == 0) {
                        ret_errs[i] = TA_E_NEED_PASSPHRASE;
                        continue;
                }
                ret_errs[i] = ta_keyfile_openssh_job(files[i], &jobs[n_jobs]);
                if (ret_errs[i])
                        continue;
                jobs[n_jobs].passphrase = passphrase;
                jobs[n_jobs].out = derived[i];
                n_jobs++;
        }
        if (n_jobs > 0)
                err = ta_bcrypt_pbkdf(jobs, n_jobs);
        for (size_t i = 0; i < n; i++) {
                if (files[i]->key || ret_errs[i])
                        continue;
                if (files[i]->format != TA_FORMAT_OPENSSH)
                        ret_errs[i] = ta_keyfile_pem_unlock(files[i], passphrase);
                else if (files[i]->encrypted && err)
                        ret_errs[i] = err;
                else
                        ret_errs[i] = ta_keyfile_openssh_unlock(files[i], derived[i]);
        }
}

void ta_keyfile_unlock(TaKeyFile *const *files, size_t n, TaBytes passphrase, int *ret_errs) {
        for (size_t i = 0; i < n; i += BATCH)
                unlock_some(files + i, n - i < BATCH ? n - i : BATCH, passphrase, ret_errs + i);
}

int ta_keyfile_write(const TaKey *key, TaBytes comment, TaBytes passphrase,
                     const TaKeyFileOptions *options, TaSecret **ret_text) {
        if (!key->has_private)
                return TA_E_NO_PRIVATE;
        if (options->format == TA_FORMAT_OPENSSH)
                return ta_keyfile_openssh_write(key, comment, passphrase, options, ret_text);
        return ta_keyfile_pem_write(key, passphrase, options->format, ret_text);
}
