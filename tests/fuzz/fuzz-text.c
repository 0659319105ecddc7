/* SPDX-License-Identifier: ISC */
/* Base64, armour, what is shown to people, JSON, durations: all of the same input. */
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

#define IN_MAX 4096

static uint8_t buf[8 * IN_MAX];

static void base64(TaBytes text) {
        static uint8_t decoded[IN_MAX];
        TaWriter w = ta_writer(decoded, sizeof decoded), back = ta_writer(buf, sizeof buf);

        if (ta_base64_read(text, &w)) {
                must(w.len == 0);
                return;
        }
        ta_base64_write(&back, ta_written(&w));
        must(!back.err && back.len <= text.len);
        if (back.len == text.len) /* no blanks in it, so there is only one way to write it */
                must(memcmp(buf, text.data, text.len) == 0);
}

static void armour(TaBytes bytes) {
        static uint8_t decoded[IN_MAX];
        TaWriter w = ta_writer(buf, sizeof buf), back = ta_writer(decoded, sizeof decoded);
        TaBytes body;

        if (ta_armour_find(bytes, "LABEL", &body) == 0)
                must(body.data >= bytes.data && body.data + body.len <= bytes.data + bytes.len);
        ta_armour_write(&w, "LABEL", bytes, 64);
        must(!w.err && ta_armour_find(ta_written(&w), "LABEL", &body) == 0);
        must(ta_base64_read(body, &back) == 0 && ta_bytes_equal(ta_written(&back), bytes));
}

static void display(TaBytes bytes) {
        for (size_t max = 0; max < 40; max += 13) {
                char *shown = ta_display(bytes, max);

                must(shown && strlen(shown) <= max);
                for (const char *p = shown; *p; p++)
                        must((uint8_t)*p >= 0x20 && *p != 0x7f);
                free(shown);
        }
}

static void json(TaBytes bytes) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_json_write_string(&w, bytes);
        must(!w.err && w.len >= 2 && buf[0] == '"' && buf[w.len - 1] == '"');
        for (size_t i = 1; i + 1 < w.len; i++) {
                must(buf[i] >= 0x20);
                if (buf[i] == '\\')
                        i++;
                else
                        must(buf[i] != '"');
        }
}

static void duration(TaBytes bytes) {
        char text[64], out[32];
        uint32_t seconds;

        if (bytes.len >= sizeof text)
                return;
        memcpy(text, bytes.data, bytes.len);
        text[bytes.len] = 0;
        if (ta_duration_read(text, &seconds) == 0) {
                must(seconds <= INT32_MAX);
                ta_duration_write(seconds, out);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaBytes bytes = {data, len};
        TaWriter w = ta_writer(buf, sizeof buf);

        if (len == 0 || len > IN_MAX)
                return 0;
        base64(bytes);
        armour(bytes);
        display(bytes);
        json(bytes);
        duration(bytes);
        ta_hex_write(&w, bytes);
        must(w.len == 2 * len);
        return 0;
}
