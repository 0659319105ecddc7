/* SPDX-License-Identifier: ISC */
/*
 * F32: whoever adds keys until no more fit does not take from libcrypto the memory that it needs to
 * sign with those that were there before.
 */
#include <glib.h>
#include <sodium.h>

#include "agent/keeper/vault.h"

static const TaKeyType *const kinds[] = {&ta_key_rsa, &ta_key_ecdsa_p521, &ta_key_ed25519};

static const TaKeyType *const fillers[] = {&ta_key_ecdsa_p256, &ta_key_ed25519};

static void sign_with_each(Vault *vault) {
        static uint8_t buf[4096];

        for (uint32_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                TaWriter w = ta_writer(buf, sizeof buf);
                const TaKey *key;

                g_test_message("%s", kinds[i]->name);
                g_assert_cmpint(vault_find(vault, i + 1, &key), ==, 0);
                g_assert_cmpint(ta_key_sign(key, ta_str("data"), SSH_AGENT_RSA_SHA2_256, &w), ==,
                                0);
        }
}

static int add(Vault *vault, uint32_t id, const TaKeyType *type, unsigned bits) {
        TaKey *key = NULL;
        int err = ta_key_generate(type, bits, &key);

        if (!err) {
                err = vault_add(vault, id, key);
                if (err)
                        ta_key_free(key);
                else
                        vault_commit(vault, id, 0);
        }
        return err;
}

static void test_full_vault(void) {
        Vault *vault;
        uint32_t id;

#ifdef TA_SANITIZED
        g_test_skip("needs the arena, which sanitizers do without");
        return;
#endif
        g_assert_cmpint(vault_new(&vault), ==, 0);
        for (id = 1; id <= G_N_ELEMENTS(kinds); id++)
                g_assert_cmpint(
                        add(vault, id, kinds[id - 1], kinds[id - 1] == &ta_key_rsa ? 2048 : 0), ==,
                        0);
        sign_with_each(vault);
        for (size_t i = 0; i < G_N_ELEMENTS(fillers); i++)
                while (add(vault, id, fillers[i], 0) == 0)
                        id++;
        g_test_message("full after %u keys, %zu of %zu bytes in use", id, ta_secret_in_use(),
                       ta_secret_capacity());
        g_assert_cmpuint(id, >, 100);
        g_assert_cmpint(add(vault, id, &ta_key_ed25519, 0), ==, TA_E_FULL);
        sign_with_each(vault);
        for (unsigned i = 1; i <= 50; i++)
                vault_drop(vault, id - i);
        g_assert_cmpint(add(vault, id, &ta_key_ed25519, 0), ==, 0); /* there is room again */
        vault_free(vault);
}

/* the same key under many numbers: what a vault has of them is not shared */
static void test_packed(void) {
#ifdef TA_SANITIZED
        g_test_skip("needs the arena, which sanitizers do without");
        return;
#endif
        enum { MANY = 800 }; /* of which 320 would fit as libcrypto has them */
        static uint8_t bytes[8192], out[4096];
        TaWriter private = ta_writer(bytes, sizeof bytes);
        const TaKey *found;
        Vault *vault;
        TaKey *key;

        g_assert_cmpint(ta_key_generate(&ta_key_rsa, 2048, &key), ==, 0);
        ta_key_write_private(key, &private);
        g_assert_cmpint(vault_new(&vault), ==, 0);
        for (uint32_t id = 1; id <= MANY; id++) {
                TaReader r = ta_reader(ta_written(&private));
                TaKey *copy;

                g_assert_cmpint(ta_key_read_private(&r, &copy), ==, 0);
                g_assert_cmpint(vault_add(vault, id, copy), ==, 0);
                vault_commit(vault, id, id == 7 ? 1000 : 0);
        }
        for (uint32_t id = 1; id <= 2 * MANY; id++) {
                TaWriter w = ta_writer(out, sizeof out);
                uint32_t of = id <= MANY ? id : 1 + id * 7919 % MANY;

                g_assert_cmpint(vault_find(vault, of, &found), ==, 0);
                g_assert_cmpint(ta_key_sign(found, ta_str("data"), SSH_AGENT_RSA_SHA2_256, &w), ==, 0);
                g_assert_cmpint(ta_key_verify(key, ta_str("data"), ta_written(&w)), ==, 0);
        }
        vault_drop(vault, 8);
        g_assert_cmpint(vault_find(vault, 8, &found), ==, TA_E_NOT_FOUND);
        g_assert_cmpuint(vault_expire(vault, 1000), ==, 0);
        g_assert_cmpint(vault_find(vault, 7, &found), ==, TA_E_NOT_FOUND);
        for (uint32_t id = 9; id <= MANY; id++)
                vault_drop(vault, id);
        for (uint32_t id = 1; id < 7; id++)
                g_assert_cmpint(vault_find(vault, id, &found), ==, 0);
        vault_free(vault);
        ta_key_free(key);
}

int main(int argc, char **argv) {
        if (ta_secret_adopt_libcrypto() < 0 || sodium_init() < 0)
                return 1;
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/F32/full-vault", test_full_vault);
        g_test_add_func("/F32/packed", test_packed);
        return g_test_run();
}
