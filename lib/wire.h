/* SPDX-License-Identifier: ISC */
/*
 * Bytes of the SSH protocols (RFC 4251 section 5): byte, boolean, uint32, uint64, string, mpint.
 *
 * The reader borrows a view and never passes its end; the first failure sticks, later reads give
 * zeros and empty views, and ta_read_end() tells the verdict once. Loops over a count from outside
 * run `while (i < n && !r->err)`.
 *
 * The writer borrows a buffer of fixed capacity and never grows, so nothing secret is copied by a
 * realloc. What does not fit makes it fail with TA_E_LIMIT, and that sticks too.
 */
#ifndef TA_LIB_WIRE_H
#define TA_LIB_WIRE_H

#include "lib/base.h"
#include "lib/error.h"

typedef struct TaReader {
        const uint8_t *data; /* what is still to be read */
        size_t len;
        int err; /* 0, or the first failure */
} TaReader;

typedef struct TaWriter {
        uint8_t *data;
        size_t len; /* written so far */
        size_t cap;
        int err;
} TaWriter;

TaReader ta_reader(TaBytes bytes);

bool ta_read_bool(TaReader *r); /* only 0 and 1 are taken, else TA_E_MALFORMED */
uint8_t ta_read_u8(TaReader *r);
uint32_t ta_read_u32(TaReader *r);
uint64_t ta_read_u64(TaReader *r);

/* A string: uint32 length and that many bytes. The view lives as long as the reader's bytes. */
TaBytes ta_read_string(TaReader *r);

/* A string without NUL in it, at most `max` bytes long; TA_E_MALFORMED or TA_E_LIMIT else. */
TaBytes ta_read_text(TaReader *r, size_t max);

/* A non-negative mpint in its only form (no needless leading zero, no sign bit), at most `max`
 * bytes of magnitude; the view has no leading zero byte, and is empty for 0. */
TaBytes ta_read_mpint(TaReader *r, size_t max);

/* The next `len` bytes as they stand, and all that remain. */
TaBytes ta_read_raw(TaReader *r, size_t len);
TaBytes ta_read_rest(TaReader *r);

/* Skips a string if it equals `expected`, fails with TA_E_MALFORMED else. */
void ta_read_expect(TaReader *r, const char *expected);

/* 0 if all was read and nothing failed, else the first failure or TA_E_TRAILING. */
ta_must_check int ta_read_end(TaReader *r);

/* Makes the reader fail with `err` unless it already has failed. */
void ta_read_fail(TaReader *r, int err);

TaWriter ta_writer(void *buffer, size_t cap);

void ta_write_u8(TaWriter *w, uint8_t value);
void ta_write_u32(TaWriter *w, uint32_t value);
void ta_write_u64(TaWriter *w, uint64_t value);
void ta_write_raw(TaWriter *w, TaBytes bytes);
void ta_write_string(TaWriter *w, TaBytes bytes);
void ta_write_cstring(TaWriter *w, const char *text);
void ta_write_mpint(TaWriter *w, TaBytes magnitude); /* big-endian; leading zeros are dropped */

/* A string of which the length is known only afterwards:
 *     size_t mark = ta_write_begin(&w);  ...  ta_write_finish(&w, mark);                        */
size_t ta_write_begin(TaWriter *w);
void ta_write_finish(TaWriter *w, size_t mark);

/* `len` bytes to be filled in by the caller, or NULL if they do not fit (and the writer failed). */
uint8_t *ta_write_space(TaWriter *w, size_t len);

/* What was written; empty after a failure. */
TaBytes ta_written(const TaWriter *w);

#endif
