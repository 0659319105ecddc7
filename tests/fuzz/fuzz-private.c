/* SPDX-License-Identifier: ISC */
/* Private encodings: what is taken is written back byte for byte, and its signatures verify. */
#include "lib/key.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        static uint8_t buf[2 * TA_KEY_BLOB_MAX];
        ta_cleanup(ta_key_freep) TaKey *key = NULL, *public = NULL;
        TaReader r = ta_reader((TaBytes){data, len});
        TaWriter w = ta_writer(buf, sizeof buf);

        if (ta_key_read_private(&r, &key))
                return 0;
        must(!r.err && key->has_private);
        ta_key_write_private(key, &w);
        must(!w.err && ta_bytes_equal(ta_written(&w), (TaBytes){data, len - r.len}));
        must(ta_key_read_public(ta_key_blob(key), &public) == 0);
        if (key->type->slow)
                return 0; /* RSA refuses to give a signature of numbers that are no primes */
        w.len = 0;
        must(ta_key_sign(key, ta_str("data"), 0, &w) == 0);
        must(ta_key_verify(public, ta_str("data"), ta_written(&w)) == 0);
        return 0;
}
