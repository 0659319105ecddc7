/* SPDX-License-Identifier: ISC */
/* Base64 has one form, armour is found in any dress, and a stranger's text does nothing. */
#include <glib.h>

#include "lib/text.h"

static void test_base64(void) {
        static const struct {
                const char *plain, *text;
        } rows[] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
                    {"\xff\xfe\xfb\xf0", "//778A=="}};

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char buf[32];
                TaWriter w = ta_writer(buf, sizeof buf);

                ta_base64_write(&w, ta_str(rows[i].plain));
                g_assert_cmpmem(buf, w.len, rows[i].text, strlen(rows[i].text));
                w = ta_writer(buf, sizeof buf);
                g_assert_cmpint(ta_base64_read(ta_str(rows[i].text), &w), ==, 0);
                g_assert_cmpmem(buf, w.len, rows[i].plain, strlen(rows[i].plain));
        }
}

static void test_base64_refused(void) {
        static const char *const rows[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg===", "Zm9v=", "=",
                                           "Zg==Zg==", "Z-==", "Zm9v\x80", "Zm9*"};

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char buf[32];
                TaWriter w = ta_writer(buf, sizeof buf);

                g_assert_cmpint(ta_base64_read(ta_str(rows[i]), &w), ==, TA_E_MALFORMED);
                g_assert_cmpuint(w.len, ==, 0);
        }
}

static void test_armour(void) {
        char out[256], back[128];
        uint8_t bytes[100];
        TaWriter w = ta_writer(out, sizeof out);
        TaBytes body;

        memset(bytes, 7, sizeof bytes);
        ta_armour_write(&w, "X Y", (TaBytes){bytes, sizeof bytes}, 70);
        g_assert_cmpint(w.err, ==, 0);
        g_assert_cmpint(ta_armour_find(ta_written(&w), "X", &body), ==, TA_E_NOT_FOUND);
        g_assert_cmpint(ta_armour_find(ta_written(&w), "X Y", &body), ==, 0);
        g_assert_cmpuint(body.len, ==, 136 + 2);
        g_assert_cmpuint(body.data[70], ==, '\n');
        w = ta_writer(back, sizeof back);
        g_assert_cmpint(ta_base64_read(body, &w), ==, 0);
        g_assert_cmpmem(back, w.len, bytes, sizeof bytes);
}

/* F24: the dress of the lines does not matter */
static void test_armour_dress(void) {
        static const struct {
                const char *text;
                int err;
        } rows[] = {
                {"-----BEGIN A-----\nZm9v\n-----END A-----\n", 0},
                {"-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\n", 0},
                {"\xef\xbb\xbf-----BEGIN A-----\nZm9v\n-----END A-----", 0},
                {"hello\n-----BEGIN A-----  \n\n Zm\n9v \n-----END A-----\t\nbye", 0},
                {"-----BEGIN A-----\nZm9v\n", TA_E_TRUNCATED},
                {" -----BEGIN A-----\nZm9v\n-----END A-----\n", TA_E_NOT_FOUND},
                {"", TA_E_NOT_FOUND},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char buf[8];
                TaWriter w = ta_writer(buf, sizeof buf);
                TaBytes body = {0};

                g_assert_cmpint(ta_armour_find(ta_str(rows[i].text), "A", &body), ==, rows[i].err);
                if (rows[i].err)
                        continue;
                g_assert_cmpint(ta_base64_read(body, &w), ==, 0);
                g_assert_cmpmem(buf, w.len, "foo", 3);
        }
}

/* F59: shown escaped */
static void test_display(void) {
        static const struct {
                const char *in;
                size_t max;
                const char *out;
        } rows[] = {
                {"plain \xc3\xa9", 99, "plain \xc3\xa9"},
                {"a\x1b[2J\n\x7f", 99, "a\\x1b[2J\\x0a\\x7f"},
                {"\xc2\x9b", 99, "\\u009b"},
                {"\xff\xc0\x80\xed\xa0\x80", 99, "\\xff\\xc0\\x80\\xed\\xa0\\x80"},
                {"\xe2\x80\xae", 99, "\\u202e"},
                {"\xe2\x81\xa6", 99, "\\u2066"},
                {"\xd8\x9c", 99, "\\u061c"},
                {"\xe2\x80\x8b", 99, "\\u200b"},
                {"\xe2\x80\xa8", 99, "\\u2028"},
                {"\xef\xbb\xbf", 99, "\\ufeff"},
                {"\xef\xb8\x8f", 99, "\\ufe0f"},
                {"\xf3\xa0\x81\x81", 99, "\\U000e0041"},
                {"abcdef", 6, "abcdef"},
                {"abcdefg", 6, "abc..."},
                {"ab\xc3\xa9\xc3\xa9x", 6, "ab..."},
                {"abc", 2, "ab"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char *out = ta_display(ta_str(rows[i].in), rows[i].max);

                g_assert_cmpstr(out, ==, rows[i].out);
                free(out);
        }
}

static void test_json(void) {
        char buf[128];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_json_write_string(&w, ta_str("a\"\\\n\x01\xff\xf3\xa0\x81\x81"));
        ta_write_u8(&w, 0);
        g_assert_cmpstr(buf, ==, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\udb40\\udc41\"");
}

static void test_duration(void) {
        static const struct {
                const char *text;
                int err;
                uint32_t seconds;
                const char *shown;
        } rows[] = {
                {"90", 0, 90, "00:01:30"},         {"1h30m", 0, 5400, "01:30:00"},
                {"1D2h3M", 0, 93780, "1d02h03m"},  {"1w2d3h", 0, 788400, "01w2d03h"},
                {"1h30", 0, 3630, "01:00:30"},     {"", TA_E_MALFORMED, 0, NULL},
                {"-1", TA_E_MALFORMED, 0, NULL},   {"1x", TA_E_MALFORMED, 0, NULL},
                {"m", TA_E_MALFORMED, 0, NULL},    {"2147483648", TA_E_LIMIT, 0, NULL},
                {"99999w", TA_E_LIMIT, 0, NULL},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                uint32_t seconds = 0;
                char shown[32];

                g_assert_cmpint(ta_duration_read(rows[i].text, &seconds), ==, rows[i].err);
                if (rows[i].err)
                        continue;
                g_assert_cmpuint(seconds, ==, rows[i].seconds);
                ta_duration_write(seconds, shown);
                g_assert_cmpstr(shown, ==, rows[i].shown);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/text/base64", test_base64);
        g_test_add_func("/text/base64-refused", test_base64_refused);
        g_test_add_func("/text/armour", test_armour);
        g_test_add_func("/text/f24-armour-dress", test_armour_dress);
        g_test_add_func("/text/f59-display", test_display);
        g_test_add_func("/text/json", test_json);
        g_test_add_func("/text/duration", test_duration);
        return g_test_run();
}
