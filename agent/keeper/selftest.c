/* SPDX-License-Identifier: ISC */
#include "agent/keeper/selftest.h"

#include "agent/keeper/selftest-keys.h"
#include "lib/key.h"

#define BYTES(array) ((TaBytes){(array), sizeof(array)})

/* The other curves go through the same code as P-256, and every signature is checked anyway. */
static const struct {
        TaBytes key, signature;
        const char *data;
        uint32_t flags;
        bool same_each_time;
} cases[] = {
        {BYTES(ed25519_key), BYTES(ed25519_signature), "r", 0, true},
        {BYTES(p256_key), BYTES(p256_signature), "sample", 0, false},
        {BYTES(rsa_key), BYTES(rsa_signature), "sample", SSH_AGENT_RSA_SHA2_256, true},
};

int selftest(void) {
        for (size_t i = 0; i < TA_N_ELEMENTS(cases); i++) {
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                TaReader r = ta_reader(cases[i].key);
                TaBytes data = ta_str(cases[i].data), made;
                uint8_t out[512];
                TaWriter w = ta_writer(out, sizeof out);

                if (ta_key_read_private(&r, &key) || ta_key_sign(key, data, cases[i].flags, &w))
                        return TA_E_CRYPTO;
                made = ta_written(&w);
                if (ta_key_verify(key, data, made) || ta_key_verify(key, data, cases[i].signature) ||
                    ta_bytes_equal(made, cases[i].signature) != cases[i].same_each_time)
                        return TA_E_CRYPTO;
        }
        return 0;
}
