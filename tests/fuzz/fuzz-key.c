/* SPDX-License-Identifier: ISC */
/* Public blobs, certificates among them: what is taken can be named, shown, and made plain. */
#include "lib/cert.h"
#include "lib/fingerprint.h"
#include "tests/fuzz/fuzz.h"

static void show(const TaKey *key) {
        char fingerprint[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], shown[32];

        for (int hash = TA_HASH_SHA256; hash <= TA_HASH_MD5; hash++)
                must(ta_fingerprint(key, (TaHash)hash, fingerprint) == 0);
        must(ta_bubblebabble(key, fingerprint) == 0);
        must(ta_randomart(key, TA_HASH_SHA256, art) == 0);
        must(strlen(ta_key_shown(key, shown)) > 0 && ta_key_bits(key) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL, *plain = NULL, *again = NULL;
        TaBytes blob = {data, len};

        if (ta_key_read_public(blob, &key))
                return 0;
        must(ta_bytes_equal(ta_key_blob(key), blob) && !key->has_private);
        must(ta_key_plain(key, &plain) == 0 && !plain->cert && ta_key_same_plain(key, plain));
        must(ta_key_read_public(ta_key_blob(plain), &again) == 0);
        must(key->cert || ta_bytes_equal(ta_key_blob(plain), blob));
        show(key);
        if (key->cert) {
                must(key->cert->n_principals <= TA_CERT_PRINCIPALS_MAX);
                (void)!ta_cert_valid_at(key->cert, key->cert->valid_after);
        }
        return 0;
}
