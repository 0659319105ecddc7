/* SPDX-License-Identifier: ISC */
/*
 * openssh-key-v1 files. The first byte says whether the rest is a file's text, or the contents of
 * its armour, so that changes need not get through base64. The key derivation, which would take all
 * the time, is replaced by one that gives zeros; what is read is sealed again with one of the
 * ciphers and opened, so that they run too.
 */
#include "lib/kdf.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

int ta_bcrypt_pbkdf(const TaBcryptJob *jobs, size_t n_jobs) {
        for (size_t i = 0; i < n_jobs; i++) {
                must(jobs[i].passphrase.len > 0 && jobs[i].salt.len > 0 && jobs[i].rounds > 0);
                must(jobs[i].salt.len <= TA_BCRYPT_SALT_MAX &&
                     jobs[i].rounds <= TA_BCRYPT_ROUNDS_MAX);
                memset(jobs[i].out, 0, jobs[i].out_len);
        }
        return 0;
}

static size_t n_ciphers(void) {
        size_t n = 0;

        while (ta_keyfile_ciphers[n])
                n++;
        return n;
}

static int unlock(TaKeyFile *file) {
        int err = 1;

        ta_keyfile_unlock(&file, 1, file->encrypted ? ta_str("passphrase") : ta_str(""), &err);
        must((err == 0) == (file->key != NULL));
        return err;
}

static void try(TaBytes text) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL, *back = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *written = NULL;
        TaKeyFileOptions options = {0};

        if (ta_keyfile_parse(text, &file) || file->format != TA_FORMAT_OPENSSH)
                return;
        must(file->public != NULL);
        if (unlock(file))
                return;
        options.cipher = ta_keyfile_ciphers[text.len % n_ciphers()];
        must(ta_keyfile_write(file->key, ta_secret_bytes(file->comment), ta_str("passphrase"),
                              &options, &written) == 0);
        must(ta_keyfile_parse(ta_secret_bytes(written), &back) == 0 && unlock(back) == 0);
        must(ta_bytes_equal(ta_key_blob(back->key), ta_key_blob(file->key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        static uint8_t text[2 * 64 * 1024];
        TaWriter w = ta_writer(text, sizeof text);

        if (len == 0)
                return 0;
        if (data[0] == 't') {
                try((TaBytes){data + 1, len - 1});
                return 0;
        }
        ta_armour_write(&w, "OPENSSH PRIVATE KEY", (TaBytes){data + 1, len - 1}, 70);
        if (!w.err)
                try(ta_written(&w));
        return 0;
}
