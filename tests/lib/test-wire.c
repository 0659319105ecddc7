/* SPDX-License-Identifier: ISC */
/* The reader and the writer: each read refuses what is short, and nothing is read after a failure. */
#include <glib.h>

#include "lib/wire.h"

static TaReader reader_of(const void *data, size_t len) {
        return ta_reader((TaBytes){data, len});
}

static void test_numbers(void) {
        static const uint8_t bytes[] = {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 1};
        TaReader r = reader_of(bytes, sizeof bytes);

        g_assert_cmpuint(ta_read_u8(&r), ==, 1);
        g_assert_cmpuint(ta_read_u32(&r), ==, 2);
        g_assert_cmpuint(ta_read_u64(&r), ==, 3);
        g_assert_true(ta_read_bool(&r));
        g_assert_cmpint(ta_read_end(&r), ==, 0);
}

static void test_first_failure_sticks(void) {
        static const uint8_t bytes[] = {0, 0, 0, 9, 1, 2, 3, 4};
        TaReader r = reader_of(bytes, sizeof bytes);

        g_assert_null(ta_read_string(&r).data);
        g_assert_cmpint(r.err, ==, TA_E_TRUNCATED);
        g_assert_cmpuint(ta_read_u8(&r), ==, 0);
        ta_read_fail(&r, TA_E_LIMIT);
        g_assert_cmpint(ta_read_end(&r), ==, TA_E_TRUNCATED);
}

static void test_trailing(void) {
        static const uint8_t bytes[] = {0, 0};
        TaReader r = reader_of(bytes, sizeof bytes);

        (void)ta_read_u8(&r);
        g_assert_cmpint(ta_read_end(&r), ==, TA_E_TRAILING);
}

static void test_bool(void) {
        static const uint8_t bytes[] = {2};
        TaReader r = reader_of(bytes, sizeof bytes);

        g_assert_false(ta_read_bool(&r));
        g_assert_cmpint(r.err, ==, TA_E_MALFORMED);
}

static void test_text(void) {
        static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 0, 'b'};
        TaReader r = reader_of(bytes, sizeof bytes);

        g_assert_null(ta_read_text(&r, 3).data);
        g_assert_cmpint(r.err, ==, TA_E_MALFORMED);
        r = reader_of(bytes, sizeof bytes);
        g_assert_null(ta_read_text(&r, 2).data);
        g_assert_cmpint(r.err, ==, TA_E_LIMIT);
}

/* F12: an mpint has one form only */
static void test_mpint(void) {
        static const struct {
                const char *bytes;
                size_t len;
                int err;
                size_t magnitude;
        } rows[] = {
                {"\0\0\0\0", 4, 0, 0},
                {"\0\0\0\1\x7f", 5, 0, 1},
                {"\0\0\0\2\0\x80", 6, 0, 1},
                {"\0\0\0\1\x80", 5, TA_E_MALFORMED, 0},
                {"\0\0\0\1\0", 5, TA_E_MALFORMED, 0},
                {"\0\0\0\2\0\x7f", 6, TA_E_MALFORMED, 0},
                {"\0\0\0\5\1\2\3\4\5", 9, TA_E_LIMIT, 0},
                {"\0\0\0\2\1", 5, TA_E_TRUNCATED, 0},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                TaReader r = reader_of(rows[i].bytes, rows[i].len);
                TaBytes n = ta_read_mpint(&r, 4);

                g_assert_cmpint(r.err, ==, rows[i].err);
                g_assert_cmpuint(n.len, ==, rows[i].magnitude);
        }
}

static void test_write_mpint(void) {
        uint8_t buf[32];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_mpint(&w, (TaBytes){(const uint8_t *)"\0\0\x80", 3});
        g_assert_cmpmem(buf, w.len, "\0\0\0\2\0\x80", 6);
        w = ta_writer(buf, sizeof buf);
        ta_write_mpint(&w, (TaBytes){(const uint8_t *)"\0\0", 2});
        g_assert_cmpmem(buf, w.len, "\0\0\0\0", 4);
}

static void test_writer_is_bounded(void) {
        uint8_t buf[8] = {0};
        TaWriter w = ta_writer(buf, 7);

        ta_write_u32(&w, 1);
        ta_write_u32(&w, 2);
        g_assert_cmpint(w.err, ==, TA_E_LIMIT);
        ta_write_u8(&w, 3);
        g_assert_cmpuint(ta_written(&w).len, ==, 0);
        g_assert_cmpuint(buf[7], ==, 0);
}

static void test_nested_string(void) {
        uint8_t buf[32];
        TaWriter w = ta_writer(buf, sizeof buf);
        size_t mark = ta_write_begin(&w);
        TaReader r;

        ta_write_cstring(&w, "hello");
        ta_write_finish(&w, mark);
        r = ta_reader(ta_written(&w));
        r = ta_reader(ta_read_string(&r));
        ta_read_expect(&r, "hello");
        g_assert_cmpint(ta_read_end(&r), ==, 0);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/numbers", test_numbers);
        g_test_add_func("/wire/first-failure-sticks", test_first_failure_sticks);
        g_test_add_func("/wire/trailing", test_trailing);
        g_test_add_func("/wire/bool", test_bool);
        g_test_add_func("/wire/text", test_text);
        g_test_add_func("/wire/f12-mpint", test_mpint);
        g_test_add_func("/wire/write-mpint", test_write_mpint);
        g_test_add_func("/wire/writer-is-bounded", test_writer_is_bounded);
        g_test_add_func("/wire/nested-string", test_nested_string);
        return g_test_run();
}
