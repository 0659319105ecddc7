/* SPDX-License-Identifier: ISC */
/*
 * All comparing of lengths happens in take() for reading and in ta_write_space() for writing.
 * Nothing else in this file, or in the parsers above it, touches a length twice.
 */
#include "lib/wire.h"

#include <endian.h>

TaReader ta_reader(TaBytes bytes) {
        return (TaReader){.data = bytes.data, .len = bytes.len};
}

void ta_read_fail(TaReader *r, int err) {
        if (!r->err)
                r->err = err;
}

static const uint8_t *take(TaReader *r, size_t len) {
        const uint8_t *data = r->data;

        if (r->err)
                return NULL;
        if (len > r->len) {
                r->err = TA_E_TRUNCATED;
                return NULL;
        }
        if (len > 0)
                r->data += len;
        r->len -= len;
        return data;
}

uint8_t ta_read_u8(TaReader *r) {
        const uint8_t *p = take(r, 1);

        return p ? p[0] : 0;
}

bool ta_read_bool(TaReader *r) {
        uint8_t value = ta_read_u8(r);

        if (value > 1)
                ta_read_fail(r, TA_E_MALFORMED);
        return value == 1;
}

uint32_t ta_read_u32(TaReader *r) {
        const uint8_t *p = take(r, 4);
        uint32_t value;

        if (!p)
                return 0;
        memcpy(&value, p, sizeof value);
        return be32toh(value);
}

uint64_t ta_read_u64(TaReader *r) {
        const uint8_t *p = take(r, 8);
        uint64_t value;

        if (!p)
                return 0;
        memcpy(&value, p, sizeof value);
        return be64toh(value);
}

TaBytes ta_read_raw(TaReader *r, size_t len) {
        const uint8_t *p = take(r, len);

        return p ? (TaBytes){p, len} : (TaBytes){NULL, 0};
}

TaBytes ta_read_rest(TaReader *r) {
        return ta_read_raw(r, r->len);
}

TaBytes ta_read_string(TaReader *r) {
        return ta_read_raw(r, ta_read_u32(r));
}

TaBytes ta_read_text(TaReader *r, size_t max) {
        TaBytes text = ta_read_string(r);

        if (text.len > max)
                ta_read_fail(r, TA_E_LIMIT);
        else if (text.len > 0 && memchr(text.data, 0, text.len))
                ta_read_fail(r, TA_E_MALFORMED);
        return r->err ? (TaBytes){NULL, 0} : text;
}

TaBytes ta_read_mpint(TaReader *r, size_t max) {
        TaBytes n = ta_read_string(r);

        if (n.len == 0)
                return n;
        if (n.data[0] & 0x80) {
                ta_read_fail(r, TA_E_MALFORMED); /* negative */
        } else if (n.data[0] == 0) {
                if (n.len == 1 || !(n.data[1] & 0x80))
                        ta_read_fail(r, TA_E_MALFORMED); /* needless zero */
                n.data++;
                n.len--;
        }
        if (n.len > max)
                ta_read_fail(r, TA_E_LIMIT);
        return r->err ? (TaBytes){NULL, 0} : n;
}

void ta_read_expect(TaReader *r, const char *expected) {
        TaBytes found = ta_read_string(r);

        if (!ta_bytes_is(found, expected))
                ta_read_fail(r, TA_E_MALFORMED);
}

int ta_read_end(TaReader *r) {
        if (!r->err && r->len > 0)
                r->err = TA_E_TRAILING;
        return r->err;
}

TaWriter ta_writer(void *buffer, size_t cap) {
        return (TaWriter){.data = buffer, .cap = cap};
}

uint8_t *ta_write_space(TaWriter *w, size_t len) {
        uint8_t *p;

        if (w->err)
                return NULL;
        if (len > w->cap - w->len) {
                w->err = TA_E_LIMIT;
                return NULL;
        }
        p = w->data + w->len;
        w->len += len;
        return p;
}

void ta_write_raw(TaWriter *w, TaBytes bytes) {
        uint8_t *p = ta_write_space(w, bytes.len);

        if (p && bytes.len > 0)
                memcpy(p, bytes.data, bytes.len);
}

void ta_write_u8(TaWriter *w, uint8_t value) {
        ta_write_raw(w, (TaBytes){&value, 1});
}

void ta_write_u32(TaWriter *w, uint32_t value) {
        uint32_t be = htobe32(value);

        ta_write_raw(w, (TaBytes){(const uint8_t *)&be, sizeof be});
}

void ta_write_u64(TaWriter *w, uint64_t value) {
        uint64_t be = htobe64(value);

        ta_write_raw(w, (TaBytes){(const uint8_t *)&be, sizeof be});
}

void ta_write_string(TaWriter *w, TaBytes bytes) {
        if (bytes.len > UINT32_MAX) {
                w->err = w->err ? w->err : TA_E_LIMIT;
                return;
        }
        ta_write_u32(w, (uint32_t)bytes.len);
        ta_write_raw(w, bytes);
}

void ta_write_cstring(TaWriter *w, const char *text) {
        ta_write_string(w, ta_str(text));
}

void ta_write_mpint(TaWriter *w, TaBytes n) {
        while (n.len > 0 && n.data[0] == 0) {
                n.data++;
                n.len--;
        }
        if (n.len > 0 && (n.data[0] & 0x80)) {
                ta_write_u32(w, (uint32_t)n.len + 1);
                ta_write_u8(w, 0);
                ta_write_raw(w, n);
                return;
        }
        ta_write_string(w, n);
}

size_t ta_write_begin(TaWriter *w) {
        size_t mark = w->len;

        ta_write_u32(w, 0);
        return mark;
}

void ta_write_finish(TaWriter *w, size_t mark) {
        uint32_t be;

        if (w->err)
                return;
        ta_bug_on(w->len < mark + 4);
        be = htobe32((uint32_t)(w->len - mark - 4));
        memcpy(w->data + mark, &be, sizeof be);
}

TaBytes ta_written(const TaWriter *w) {
        return w->err ? (TaBytes){NULL, 0} : (TaBytes){w->data, w->len};
}
