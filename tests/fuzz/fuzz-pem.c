/* SPDX-License-Identifier: ISC */
/* PEM and PKCS#8 key files. Encrypted PKCS#8 is only parsed: its file says how long it takes. */
#include "lib/keyfile.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_key_freep) TaKey *public = NULL;
        TaBytes text = {data, len};
        int err = 1;

        if (ta_keyfile_parse(text, &file) || file->format == TA_FORMAT_OPENSSH ||
            memmem(data, len, "ENCRYPTED PRIVATE", strlen("ENCRYPTED PRIVATE")))
                return 0;
        ta_keyfile_unlock(&file, 1, ta_str("passphrase"), &err);
        must((err == 0) == (file->key != NULL));
        if (file->key)
                must(ta_key_read_public(ta_key_blob(file->key), &public) == 0);
        return 0;
}
