/* SPDX-License-Identifier: ISC */
/* F9: a constraint that is not understood to the last byte refuses the whole. */
#include <glib.h>

#include "lib/constraint.h"
#include "lib/proto.h"

#define ROW(bytes, ...)     {bytes, sizeof bytes - 1, __VA_ARGS__}

static void test_read(void) {
        static const struct {
                const char *bytes;
                size_t len;
                int err;
                bool has_lifetime;
                uint32_t lifetime;
                bool confirm;
        } rows[] = {
                ROW("", 0, false, 0, false),
                ROW("\2", 0, false, 0, true),
                ROW("\1\0\0\0\1", 0, true, 1, false),
                ROW("\1\0\0\x0e\x10\2", 0, true, 3600, true),
                ROW("\2\1\0\0\x0e\x10", 0, true, 3600, true),
                ROW("\1\xff\xff\xff\xfe", 0, true, 0xfffffffe, false),
                /* repeated */
                ROW("\2\2", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\1\0\0\0\1\1\0\0\0\1", TA_E_CONSTRAINT, 0, 0, 0),
                /* 0 and 2^32-1 seconds */
                ROW("\1\0\0\0\0", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\1\xff\xff\xff\xff", TA_E_CONSTRAINT, 0, 0, 0),
                /* short */
                ROW("\1\0\0\0", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\2\1", TA_E_CONSTRAINT, 0, 0, 0),
                /* unknown, and what this version does not enforce */
                ROW("\0", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\3\0\0\0\5", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\2\xfe", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\xff", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\xff\0\0\0\4none", TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\xff\0\0\0\x24restrict-destination-v00@openssh.com\0\0\0\0",
                    TA_E_CONSTRAINT, 0, 0, 0),
                ROW("\xff\0\0\0\4none\2", TA_E_CONSTRAINT, 0, 0, 0),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree uint8_t *exact = g_memdup2(rows[i].bytes, rows[i].len);
                TaReader r = ta_reader((TaBytes){exact, rows[i].len});
                TaConstraints c = {.lifetime = 77};

                g_assert_cmpint(ta_constraints_read(&r, &c), ==, rows[i].err);
                if (rows[i].err) {
                        g_assert_cmpuint(c.lifetime, ==, 77); /* untouched */
                        g_assert_cmpint(ta_read_end(&r), !=, 0);
                        continue;
                }
                g_assert_cmpint(c.has_lifetime, ==, rows[i].has_lifetime);
                g_assert_cmpuint(c.lifetime, ==, rows[i].lifetime);
                g_assert_cmpint(c.confirm, ==, rows[i].confirm);
                g_assert_cmpint(ta_read_end(&r), ==, 0);
        }
}

/* Every other first byte is unknown. */
static void test_unknown_kinds(void) {
        for (unsigned kind = 0; kind < 256; kind++) {
                uint8_t bytes[] = {(uint8_t)kind, 0, 0, 0, 9};
                TaReader r = ta_reader((TaBytes){bytes, sizeof bytes});
                TaConstraints c;
                int err = ta_constraints_read(&r, &c);

                g_assert_cmpint(err, ==,
                                kind == SSH_AGENT_CONSTRAIN_LIFETIME ? 0 : TA_E_CONSTRAINT);
        }
}

static void test_write(void) {
        static const TaConstraints rows[] = {
                {0},
                {.has_lifetime = true, .lifetime = 1},
                {.confirm = true},
                {.has_lifetime = true, .lifetime = 0xfffffffe, .confirm = true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                uint8_t buf[16];
                TaWriter w = ta_writer(buf, sizeof buf);
                TaConstraints back;
                TaReader r;

                ta_constraints_write(&w, &rows[i]);
                r = ta_reader(ta_written(&w));
                g_assert_cmpint(ta_constraints_read(&r, &back), ==, 0);
                g_assert_cmpint(back.has_lifetime, ==, rows[i].has_lifetime);
                g_assert_cmpuint(back.lifetime, ==, rows[i].lifetime);
                g_assert_cmpint(back.confirm, ==, rows[i].confirm);
        }
}

/* A reader that failed before is not a key without constraints. */
static void test_failed_reader(void) {
        TaReader r = ta_reader((TaBytes){NULL, 0});
        TaConstraints c;

        (void)ta_read_u8(&r);
        g_assert_cmpint(ta_constraints_read(&r, &c), ==, TA_E_TRUNCATED);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/constraint/f9-read", test_read);
        g_test_add_func("/constraint/f9-unknown-kinds", test_unknown_kinds);
        g_test_add_func("/constraint/write", test_write);
        g_test_add_func("/constraint/failed-reader", test_failed_reader);
        return g_test_run();
}
