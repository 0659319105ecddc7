/* SPDX-License-Identifier: ISC */
/*
 * Text from bytes and bytes from text. The base64 and hex conversions know no tables and no
 * branches on the value of a character, because private keys pass through them; only the places of
 * blanks and of the padding show in the time they take.
 *
 * What is shown to people goes through one question, is_hidden(): does this character do anything
 * but appear? The list is that of Unicode's format, separator and default-ignorable characters. It
 * knows no fonts, and leaves private use characters and odd spaces alone: they sit still.
 */
#include "lib/text.h"

#include <stdio.h>

#include "lib/secret.h"

/* All ones if lo <= c <= hi, else 0; for numbers below 2^31. */
static uint32_t in_range(uint32_t c, uint32_t lo, uint32_t hi) {
        return (((c - lo) | (hi - c)) >> 31) - 1;
}

static uint8_t base64_char(uint32_t v) {
        return (uint8_t)((in_range(v, 0, 25) & (v + 'A')) | (in_range(v, 26, 51) & (v - 26 + 'a')) |
                         (in_range(v, 52, 61) & (v - 52 + '0')) | (in_range(v, 62, 62) & '+') |
                         (in_range(v, 63, 63) & '/'));
}

/* The value plus 1; 0 for what is no base64 character. */
static uint32_t base64_value(uint32_t c) {
        return (in_range(c, 'A', 'Z') & (c - 'A' + 1)) | (in_range(c, 'a', 'z') & (c - 'a' + 27)) |
               (in_range(c, '0', '9') & (c - '0' + 53)) | (in_range(c, '+', '+') & 63) |
               (in_range(c, '/', '/') & 64);
}

void ta_base64_write(TaWriter *w, TaBytes bytes) {
        size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
        uint8_t *out;

        if (groups > SIZE_MAX / 4) {
                w->err = w->err ? w->err : TA_E_LIMIT;
                return;
        }
        out = ta_write_space(w, groups * 4);
        if (!out)
                return;
        for (size_t i = 0; i < bytes.len; i += 3, out += 4) {
                size_t left = bytes.len - i;
                uint32_t v = (uint32_t)bytes.data[i] << 16;

                if (left > 1)
                        v |= (uint32_t)bytes.data[i + 1] << 8;
                if (left > 2)
                        v |= bytes.data[i + 2];
                out[0] = base64_char(v >> 18);
                out[1] = base64_char((v >> 12) & 63);
                out[2] = left > 1 ? base64_char((v >> 6) & 63) : '=';
                out[3] = left > 2 ? base64_char(v & 63) : '=';
        }
}

static bool is_blank(uint8_t c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static int base64_decode(TaBytes text, TaWriter *w) {
        uint32_t bits = 0, wrong = 0;
        size_t i, n = 0, padding = 0;

        for (i = 0; i < text.len; i++) {
                uint8_t c = text.data[i];
                uint32_t v;

                if (is_blank(c))
                        continue;
                if (c == '=') {
                        padding++;
                        continue;
                }
                if (padding > 0)
                        return TA_E_MALFORMED;
                v = base64_value(c);
                wrong |= v - 1; /* 0 becomes all ones; values stay below 64 */
                bits = bits << 6 | ((v - 1) & 63);
                if (++n % 4 == 0) {
                        ta_write_u8(w, (uint8_t)(bits >> 16));
                        ta_write_u8(w, (uint8_t)(bits >> 8));
                        ta_write_u8(w, (uint8_t)bits);
                }
        }
        if (wrong >> 6)
                return TA_E_MALFORMED;
        switch (n % 4) {
        case 0:
                return padding == 0 ? w->err : TA_E_MALFORMED;
        case 2:
                if (padding != 2 || (bits & 0xf))
                        return TA_E_MALFORMED;
                ta_write_u8(w, (uint8_t)(bits >> 4));
                return w->err;
        case 3:
                if (padding != 1 || (bits & 3))
                        return TA_E_MALFORMED;
                ta_write_u8(w, (uint8_t)(bits >> 10));
                ta_write_u8(w, (uint8_t)(bits >> 2));
                return w->err;
        default:
                return TA_E_MALFORMED;
        }
}

int ta_base64_read(TaBytes text, TaWriter *w) {
        size_t start = w->len;
        int err;

        if (w->err)
                return w->err;
        err = base64_decode(text, w);
        if (err) {
                ta_wipe(w->data + start, w->len - start);
                w->len = start;
        }
        return err;
}

static uint8_t hex_char(uint32_t v) {
        return (uint8_t)((in_range(v, 0, 9) & (v + '0')) | (in_range(v, 10, 15) & (v - 10 + 'a')));
}

void ta_hex_write(TaWriter *w, TaBytes bytes) {
        for (size_t i = 0; i < bytes.len; i++) {
                ta_write_u8(w, hex_char(bytes.data[i] >> 4));
                ta_write_u8(w, hex_char(bytes.data[i] & 15));
        }
}

/* --- Armour --- */

/* The next line without its end; the rest moves behind it. */
static TaBytes take_line(TaBytes *rest) {
        const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
        TaBytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
        size_t used = line.len + (end != NULL);

        rest->data += used;
        rest->len -= used;
        return line;
}

static bool is_marker(TaBytes line, const char *what, const char *label) {
        size_t n_what = strlen(what), n_label = strlen(label);

        while (line.len > 0 && is_blank(line.data[line.len - 1]))
                line.len--;
        return line.len == n_what + n_label + 5 && memcmp(line.data, what, n_what) == 0 &&
               memcmp(line.data + n_what, label, n_label) == 0 &&
               memcmp(line.data + n_what + n_label, "-----", 5) == 0;
}

int ta_armour_find(TaBytes text, const char *label, TaBytes *ret_body) {
        const uint8_t *start = NULL;

        if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
                text.data += 3;
                text.len -= 3;
        }
        while (text.len > 0) {
                TaBytes line = take_line(&text);

                if (!start) {
                        if (is_marker(line, "-----BEGIN ", label))
                                start = text.data;
                } else if (is_marker(line, "-----END ", label)) {
                        *ret_body = (TaBytes){start, (size_t)(line.data - start)};
                        return 0;
                }
        }
        return start ? TA_E_TRUNCATED : TA_E_NOT_FOUND;
}

void ta_armour_write(TaWriter *w, const char *label, TaBytes bytes, size_t width) {
        size_t start, len, lines;
        uint8_t *body;

        ta_write_raw(w, ta_str("-----BEGIN "));
        ta_write_raw(w, ta_str(label));
        ta_write_raw(w, ta_str("-----\n"));

        /* Written in one piece, then spread from its end, so that there is no second copy. */
        start = w->len;
        ta_base64_write(w, bytes);
        len = w->len - start;
        lines = len / width + (len % width != 0);
        if (ta_write_space(w, lines) && len > 0) {
                body = w->data + start;
                for (size_t i = lines; i-- > 0;) {
                        size_t from = i * width;
                        size_t n = len - from < width ? len - from : width;

                        memmove(body + from + i, body + from, n);
                        body[from + i + n] = '\n';
                }
        }

        ta_write_raw(w, ta_str("-----END "));
        ta_write_raw(w, ta_str(label));
        ta_write_raw(w, ta_str("-----\n"));
}

/* --- Text from strangers --- */

/* The length of the UTF-8 character at the front, 0 if there is none; overlong forms, surrogates
 * and numbers over 0x10ffff are none. */
static size_t utf8_char(TaBytes s, uint32_t *ret_c) {
        static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t c = s.data[0];
        size_t n;

        if (c < 0x80) {
                *ret_c = c;
                return 1;
        }
        if (c >= 0xf8 || c < 0xc0)
                return 0;
        n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (s.len < n)
                return 0;
        c &= 0x7fu >> n;
        for (size_t i = 1; i < n; i++) {
                if ((s.data[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s.data[i] & 0x3f);
        }
        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret_c = c;
        return n;
}

static bool is_hidden(uint32_t c) {
        static const struct {
                uint32_t first, last;
        } hidden[] = {
                {0x00, 0x1f},       {0x7f, 0x9f},       /* controls: C0, DEL, C1 */
                {0xad, 0xad},                           /* soft hyphen */
                {0x34f, 0x34f},                         /* grapheme joiner */
                {0x600, 0x605},     {0x61c, 0x61c},     /* Arabic number signs, letter mark */
                {0x6dd, 0x6dd},     {0x70f, 0x70f},     /* Arabic, Syriac */
                {0x890, 0x891},     {0x8e2, 0x8e2},     /* Arabic */
                {0x115f, 0x1160},                       /* Hangul fillers */
                {0x17b4, 0x17b5},                       /* Khmer inherent vowels */
                {0x180b, 0x180f},                       /* Mongolian selectors */
                {0x200b, 0x200f},                       /* zero width, direction marks */
                {0x2028, 0x202e},                       /* separators, embeddings, overrides */
                {0x2060, 0x206f},                       /* joiners, isolates, deprecated formats */
                {0x2800, 0x2800},                       /* the Braille pattern without dots */
                {0x3164, 0x3164},                       /* Hangul filler */
                {0xfdd0, 0xfdef},                       /* no characters */
                {0xfe00, 0xfe0f},                       /* variation selectors */
                {0xfeff, 0xfeff},                       /* byte order mark */
                {0xffa0, 0xffa0},                       /* Hangul filler */
                {0xfff0, 0xfffb},                       /* unassigned, annotations */
                {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, /* Kaithi number signs */
                {0x13430, 0x1345f},                     /* hieroglyph format controls */
                {0x1bca0, 0x1bca3},                     /* shorthand format controls */
                {0x1d173, 0x1d17a},                     /* musical format controls */
                {0xe0000, 0xe0fff},                     /* tags, more variation selectors */
        };

        for (size_t i = 0; i < TA_N_ELEMENTS(hidden); i++) {
                if (c >= hidden[i].first && c <= hidden[i].last)
                        return true;
        }
        return (c & 0xfffe) == 0xfffe; /* the two at the end of each plane are no characters */
}

#define SHOWN_MAX 16

/* How the character at the front is shown; returns the bytes it takes from the input. */
static size_t show_char(TaBytes s, char out[static SHOWN_MAX], size_t *ret_len) {
        uint32_t c = 0;
        size_t n = utf8_char(s, &c);
        int len;

        if (n > 0 && !is_hidden(c)) {
                memcpy(out, s.data, n);
                *ret_len = n;
                return n;
        }
        if (n < 2)
                len = snprintf(out, SHOWN_MAX, "\\x%02x", (unsigned)s.data[0]);
        else
                len = snprintf(out, SHOWN_MAX, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
        *ret_len = (size_t)len;
        return n ? n : 1;
}

void ta_display_write(TaWriter *w, TaBytes untrusted, size_t max) {
        size_t start = w->len, edge = w->len;
        char shown[SHOWN_MAX];
        size_t n, len;

        while (untrusted.len > 0) {
                n = show_char(untrusted, shown, &len);
                if (w->err)
                        return;
                if (w->len - start + len > max) {
                        w->len = edge;
                        if (max >= 3)
                                ta_write_raw(w, ta_str("..."));
                        return;
                }
                ta_write_raw(w, (TaBytes){(const uint8_t *)shown, len});
                if (w->len - start + 3 <= max || max < 3)
                        edge = w->len;
                untrusted.data += n;
                untrusted.len -= n;
        }
}

char *ta_display(TaBytes untrusted, size_t max) {
        /* The worst case is one bad byte: it becomes four. */
        size_t cap = untrusted.len < SIZE_MAX / 8 ? untrusted.len * 4 : SIZE_MAX / 2;
        TaWriter w;
        char *text;

        if (cap > max)
                cap = max;
        text = malloc(cap + 1);
        if (!text)
                return NULL;
        w = ta_writer(text, cap);
        ta_display_write(&w, untrusted, max);
        text[w.err ? 0 : w.len] = '\0';
        return text;
}

void ta_json_write_string(TaWriter *w, TaBytes bytes) {
        ta_write_u8(w, '"');
        while (bytes.len > 0) {
                uint32_t c = 0;
                size_t n = utf8_char(bytes, &c);
                char escape[SHOWN_MAX] = "";

                if (n == 0) {
                        c = 0xfffd;
                        (void)snprintf(escape, sizeof escape, "\xef\xbf\xbd");
                } else if (c == '"' || c == '\\') {
                        (void)snprintf(escape, sizeof escape, "\\%c", (char)c);
                } else if (c == '\n') {
                        (void)snprintf(escape, sizeof escape, "\\n");
                } else if (c == '\t') {
                        (void)snprintf(escape, sizeof escape, "\\t");
                } else if (c > 0xffff && is_hidden(c)) {
                        (void)snprintf(escape, sizeof escape, "\\u%04x\\u%04x",
                                       (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                                       (unsigned)(0xdc00 + (c & 0x3ff)));
                } else if (is_hidden(c)) {
                        (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
                }

                if (escape[0])
                        ta_write_raw(w, ta_str(escape));
                else
                        ta_write_raw(w, (TaBytes){bytes.data, n});
                n = n ? n : 1;
                bytes.data += n;
                bytes.len -= n;
        }
        ta_write_u8(w, '"');
}

/* --- Times --- */

static const struct {
        char letter;
        uint32_t seconds;
} units[] = {{'w', 7 * 24 * 3600}, {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1}};

int ta_duration_read(const char *text, uint32_t *ret_seconds) {
        uint64_t total = 0;

        if (!*text)
                return TA_E_MALFORMED;
        while (*text) {
                uint64_t n = 0;
                size_t i;

                if (*text < '0' || *text > '9')
                        return TA_E_MALFORMED;
                for (; *text >= '0' && *text <= '9'; text++) {
                        n = n * 10 + (uint64_t)(*text - '0');
                        if (n > INT32_MAX)
                                return TA_E_LIMIT;
                }
                if (*text) {
                        for (i = 0; i < TA_N_ELEMENTS(units); i++) {
                                if ((*text | 0x20) == units[i].letter)
                                        break;
                        }
                        if (i == TA_N_ELEMENTS(units))
                                return TA_E_MALFORMED;
                        n *= units[i].seconds;
                        text++;
                }
                total += n;
                if (total > INT32_MAX) /* what OpenSSH's tools take */
                        return TA_E_LIMIT;
        }
        *ret_seconds = (uint32_t)total;
        return 0;
}

void ta_duration_write(uint32_t seconds, char out[static 32]) {
        unsigned s = seconds % 60, m = seconds / 60 % 60, h = seconds / 3600 % 24;
        unsigned d = seconds / (24 * 3600) % 7, w = seconds / (7 * 24 * 3600);

        if (w > 0)
                (void)snprintf(out, 32, "%02uw%01ud%02uh", w, d, h);
        else if (d > 0)
                (void)snprintf(out, 32, "%01ud%02uh%02um", d, h, m);
        else
                (void)snprintf(out, 32, "%02u:%02u:%02u", h, m, s);
}
