/* SPDX-License-Identifier: ISC */
/*
 * Many keys whose time comes at once, in a table whose runs wrap around its end: each goes, and
 * none else, whatever moved where while others were dropped.
 */
#include <glib.h>
#include <sodium.h>

#include "agent/keeper/vault.h"

#define N_KEYS   30 /* of 64 places */
#define N_ROUNDS 200

static TaKey *key_new(void) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        return key;
}

static void round_of(GRand *rand) {
        uint64_t deadline[N_KEYS];
        uint32_t id[N_KEYS];
        Vault *vault;

        g_assert_cmpint(vault_new(&vault), ==, 0);
        for (size_t i = 0; i < N_KEYS; i++) {
                /* Few homes, most of them near the end of the table. */
                id[i] = (uint32_t)(64 * (i + 1)) + (uint32_t)g_rand_int_range(rand, 54, 66) % 64;
                deadline[i] = (uint64_t)g_rand_int_range(rand, 0, 4);
                g_assert_cmpint(vault_add(vault, id[i], key_new()), ==, 0);
                vault_commit(vault, id[i], deadline[i]);
        }
        for (uint64_t now = 1; now <= 3; now++) {
                uint64_t next = vault_expire(vault, now), expected = 0;

                for (size_t i = 0; i < N_KEYS; i++) {
                        bool there = deadline[i] == 0 || deadline[i] > now;
                        const TaKey *key;

                        g_assert_cmpint(vault_find(vault, id[i], &key), ==,
                                        there ? 0 : TA_E_NOT_FOUND);
                        if (there && deadline[i] && (!expected || deadline[i] < expected))
                                expected = deadline[i];
                }
                g_assert_cmpuint(next, ==, expected);
        }
        vault_free(vault);
}

static void test_expire_many(void) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(g_test_rand_int_range(0, G_MAXINT));

        for (unsigned i = 0; i < N_ROUNDS; i++)
                round_of(rand);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_test_add_func("/bugs/expire-many", test_expire_many);
        return g_test_run();
}
