/* SPDX-License-Identifier: ISC */
/* The keys of a keeper: what may sign and when, and a table that grows and shrinks. */
#include <glib.h>
#include <sodium.h>

#include "agent/keeper/vault.h"

static TaKey *add(Vault *vault, uint32_t id) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &key), ==, 0);
        g_assert_cmpint(vault_add(vault, id, key), ==, 0);
        return key;
}

static int find(Vault *vault, uint32_t id) {
        const TaKey *key = NULL;

        return vault_find(vault, id, &key);
}

static void test_commit(void) {
        const TaKey *found = NULL;
        Vault *v = NULL;
        TaKey *key;

        g_assert_cmpint(vault_new(&v), ==, 0);
        key = add(v, 7);
        g_assert_cmpint(find(v, 7), ==, TA_E_NOT_FOUND); /* the front has not judged it yet */
        vault_commit(v, 8, 0);                           /* nobody's number */
        g_assert_cmpint(find(v, 8), ==, TA_E_NOT_FOUND);
        vault_commit(v, 7, 0);
        g_assert_cmpint(vault_find(v, 7, &found), ==, 0);
        g_assert_true(found == key);
        vault_drop(v, 8);
        vault_drop(v, 7);
        g_assert_cmpint(find(v, 7), ==, TA_E_NOT_FOUND);
        vault_drop(v, 7);
        vault_free(v);
}

static void test_numbers(void) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        Vault *v = NULL;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &key), ==, 0);
        g_assert_cmpint(vault_new(&v), ==, 0);
        g_assert_cmpint(vault_add(v, 0, key), ==, TA_E_PROTOCOL);
        vault_commit(v, 0, 0);
        vault_drop(v, 0);
        g_assert_cmpint(find(v, 0), ==, TA_E_NOT_FOUND);
        add(v, 1);
        g_assert_cmpint(vault_add(v, 1, key), ==, TA_E_EXISTS); /* and the key is still ours */
        add(v, UINT32_MAX);
        vault_commit(v, UINT32_MAX, 0);
        g_assert_cmpint(find(v, UINT32_MAX), ==, 0);
        vault_free(v);
}

static void test_deadlines(void) {
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        g_assert_cmpuint(vault_expire(v, 1), ==, 0);
        for (uint32_t id = 1; id <= 5; id++)
                add(v, id);
        vault_commit(v, 1, 300);
        vault_commit(v, 2, 100);
        vault_commit(v, 3, 0);
        vault_commit(v, 4, 200); /* 5: never committed */
        g_assert_cmpuint(vault_expire(v, 99), ==, 100);
        g_assert_cmpint(find(v, 2), ==, 0);
        g_assert_cmpuint(vault_expire(v, 100), ==, 200);
        g_assert_cmpint(find(v, 2), ==, TA_E_NOT_FOUND);
        g_assert_cmpint(find(v, 4), ==, 0);
        g_assert_cmpuint(vault_expire(v, 5000), ==, 0);
        g_assert_cmpint(find(v, 1), ==, TA_E_NOT_FOUND);
        g_assert_cmpint(find(v, 3), ==, 0);
        vault_commit(v, 5, 6000);
        vault_drop_all(v);
        g_assert_cmpuint(vault_expire(v, 7000), ==, 0);
        g_assert_cmpint(find(v, 3), ==, TA_E_NOT_FOUND);
        vault_free(v);
}

static void test_lock(void) {
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        add(v, 1);
        vault_commit(v, 1, 500);
        g_assert_cmpint(vault_unlock(v, ta_str("p")), ==, TA_E_NOT_FOUND);
        g_assert_cmpint(vault_lock(v, ta_str("")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(find(v, 1), ==, 0);
        g_assert_cmpint(vault_lock(v, ta_str("p")), ==, 0);
        g_assert_cmpint(find(v, 1), ==, TA_E_LOCKED);
        g_assert_cmpint(find(v, 2), ==, TA_E_LOCKED); /* not a word on what is there */
        g_assert_cmpint(vault_lock(v, ta_str("q")), ==, TA_E_LOCKED);
        g_assert_cmpint(vault_unlock(v, ta_str("q")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(vault_unlock(v, ta_str("")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(vault_unlock(v, ta_str("pp")), ==, TA_E_PASSPHRASE);
        g_assert_cmpint(find(v, 1), ==, TA_E_LOCKED);
        g_assert_cmpint(vault_unlock(v, ta_str("p")), ==, 0);
        g_assert_cmpint(find(v, 1), ==, 0);
        /* the former passphrase does not open a later lock */
        g_assert_cmpint(vault_lock(v, ta_str("r")), ==, 0);
        g_assert_cmpint(vault_unlock(v, ta_str("p")), ==, TA_E_PASSPHRASE);
        /* time runs while locked */
        g_assert_cmpuint(vault_expire(v, 500), ==, 0);
        g_assert_cmpint(vault_unlock(v, ta_str("r")), ==, 0);
        g_assert_cmpint(find(v, 1), ==, TA_E_NOT_FOUND);
        vault_free(v);
}

/* Any order of dropping leaves the others found: numbers that share a slot are the hard case. */
static void test_drop_order(void) {
        static const uint32_t apart[] = {1, 2, 64, 65, 128, 4096};

        for (size_t a = 0; a < G_N_ELEMENTS(apart); a++)
                for (unsigned seed = 0; seed < 20; seed++) {
                        GRand *dice = g_rand_new_with_seed(seed);
                        uint32_t ids[24];
                        Vault *v = NULL;

                        g_assert_cmpint(vault_new(&v), ==, 0);
                        for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
                                ids[i] = 1 + i * apart[a];
                                add(v, ids[i]);
                                vault_commit(v, ids[i], 0);
                        }
                        for (unsigned left = G_N_ELEMENTS(ids); left > 0; left--) {
                                unsigned at = (unsigned)g_rand_int_range(dice, 0, (int)left);

                                vault_drop(v, ids[at]);
                                g_assert_cmpint(find(v, ids[at]), ==, TA_E_NOT_FOUND);
                                ids[at] = ids[left - 1];
                                for (unsigned i = 0; i + 1 < left; i++)
                                        g_assert_cmpint(find(v, ids[i]), ==, 0);
                        }
                        vault_free(v);
                        g_rand_free(dice);
                }
}

/* The table grows while keys come, as far as protected memory goes, and says so then. */
static void test_growth(void) {
        enum { WANTED = 10000 };
        size_t before = ta_secret_in_use();
        uint32_t n = 0;
        Vault *v = NULL;

        g_assert_cmpint(vault_new(&v), ==, 0);
        for (; n < WANTED; n++) {
                TaKey *key = NULL;
                int err = ta_key_generate(ta_key_type_by_option("ed25519", 0), 0, &key);

                if (!err)
                        err = vault_add(v, n + 1, key);
                if (err) {
                        g_assert_cmpint(err, ==, TA_E_FULL);
                        ta_key_free(key);
                        break;
                }
                vault_commit(v, n + 1, 1000 + n % 7);
        }
        g_test_message("%u keys in %zu KiB", n, ta_secret_capacity() / 1024);
        g_assert_cmpuint(n, >, 100); /* even with the smallest limit on locked memory */
        for (uint32_t id = 1; id <= n; id++)
                g_assert_cmpint(find(v, id), ==, 0);
        g_assert_cmpint(find(v, n + 1), ==, TA_E_NOT_FOUND);
        g_assert_cmpuint(vault_expire(v, 1000), ==, 1001); /* every seventh */
        for (uint32_t id = 1; id <= n; id++)
                g_assert_cmpint(find(v, id), ==, (id - 1) % 7 ? 0 : TA_E_NOT_FOUND);
        vault_drop_all(v);
        for (uint32_t id = 1; id <= n; id++)
                g_assert_cmpint(find(v, id), ==, TA_E_NOT_FOUND);
        vault_free(v);
        g_assert_cmpuint(ta_secret_in_use(), ==, before); /* all of it was given back */
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_secret_init(0), ==, 0);
        g_test_add_func("/vault/commit", test_commit);
        g_test_add_func("/vault/numbers", test_numbers);
        g_test_add_func("/vault/deadlines", test_deadlines);
        g_test_add_func("/vault/lock", test_lock);
        g_test_add_func("/vault/drop-order", test_drop_order);
        g_test_add_func("/vault/growth", test_growth);
        return g_test_run();
}
