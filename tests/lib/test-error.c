/* SPDX-License-Identifier: ISC */
/* Every code has a name and words of its own, and so has every number that is none. */
#include <errno.h>
#include <glib.h>

#include "lib/error.h"

static void test_every_code(void) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (int err = TA_E_BASE + 1; err < TA_E_END; err++) {
                g_assert_cmpuint(strlen(ta_strerror(err)), >, 5);
                g_assert_true(g_hash_table_add(seen, g_strdup(ta_strerror(err))));
                g_assert_true(g_hash_table_add(seen, g_strdup(ta_errname(err))));
        }
        g_assert_cmpstr(ta_errname(TA_E_TRUNCATED), ==, "TRUNCATED");
}

static void test_system_errors(void) {
        g_assert_cmpstr(ta_errname(-ENOENT), ==, "ENOENT");
        g_assert_cmpstr(ta_strerror(-ENOENT), ==, g_strerror(ENOENT));
}

static void test_others(void) {
        static const int others[] = {0, 1, TA_E_BASE, TA_E_END, -5000, G_MININT, G_MAXINT};

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                g_assert_cmpuint(strlen(ta_strerror(others[i])), >, 0);
                g_assert_cmpuint(strlen(ta_errname(others[i])), >, 0);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/error/every-code", test_every_code);
        g_test_add_func("/error/system-errors", test_system_errors);
        g_test_add_func("/error/others", test_others);
        return g_test_run();
}
