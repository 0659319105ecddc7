/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets share. Each target is one function that takes any bytes; it is linked with
 * libFuzzer (configure --enable-fuzzing) or with tests/support/replay.c, which runs the corpus.
 */
#ifndef TA_TESTS_FUZZ_H
#define TA_TESTS_FUZZ_H

#include "lib/base.h"
#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What holds whatever the input: abort() tells the fuzzer, and the replayer, that it does not. */
#define must(condition) ta_bug_on(!(condition))

/* The next part of an input that is a sequence: uint16 length, bytes; what is there if too few. */
static inline TaBytes fuzz_part(TaReader *r) {
        size_t len = (size_t)ta_read_u8(r) << 8;

        len |= ta_read_u8(r);
        return ta_read_raw(r, len < r->len ? len : r->len);
}

#endif
