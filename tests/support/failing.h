/* SPDX-License-Identifier: ISC */
/*
 * An allocator that fails when it is told to, in place of the C library's: linked into the sweeps
 * of tests/faults/. Those link lib/secret.c built over the plain heap too, so that every block that
 * anything in the process asks for is counted here: ours, libcrypto's, the C library's.
 */
#ifndef TA_TESTS_FAILING_H
#define TA_TESTS_FAILING_H

#include <stdbool.h>
#include <stddef.h>

/* From now on allocation number `at`, counted from 0, fails; with `for_good` all after it too. */
void failing_begin(unsigned long at, bool for_good);
/* *ret is set once an allocation has failed: for who is another process, in memory that both have.
 */
void failing_tell(volatile bool *ret);
/* Memory is plenty again. Whether an allocation has failed. */
bool failing_end(void);

/* Blocks that were given out and have not come back; those of libcrypto apart, which loses some of
 * its own when memory is short, where failing_adopt_libcrypto() was called before it had any. */
long failing_live(void);
long failing_live_in_libcrypto(void);
void failing_adopt_libcrypto(void);

/* Blocks that are given out between begin and end, as far as they have not come back. */
typedef struct FailingBlock {
        unsigned char *data;
        size_t len;
} FailingBlock;
void failing_note_begin(void);
size_t failing_note_end(const FailingBlock **ret);

#endif
