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

int main(int argc, char **argv) {
        if (ta_secret_adopt_libcrypto() < 0 || sodium_init() < 0)
                return 1;
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/F32/full-vault", test_full_vault);
        return g_test_run();
}
