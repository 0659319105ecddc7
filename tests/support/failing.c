/* SPDX-License-Identifier: ISC */
/* Built without the sanitizers: those allocate before they are ready for what they instrument. */
#include "tests/support/failing.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static struct {
        bool armed, for_good, failed;
        volatile bool *told;
        unsigned long left; /* allocations until the one that fails */
        long live, live_in_libcrypto;
} state;

/* ---- the allocator below: the C library's, or the sanitizer's ------------------------------ */

#ifdef TA_SANITIZED

void *__interceptor_malloc(size_t len);
void *__interceptor_calloc(size_t n, size_t len);
void *__interceptor_realloc(void *block, size_t len);
void *__interceptor_memalign(size_t alignment, size_t len);
void __interceptor_free(void *block);
#define BELOW(name) __interceptor_##name

#else

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *block, size_t len);
void *__libc_memalign(size_t alignment, size_t len);
void __libc_free(void *block);
#define BELOW(name) __libc_##name

#endif

static bool refuse(void) {
        if (!state.armed || (state.failed && !state.for_good))
                return false;
        if (!state.failed && state.left > 0) {
                state.left--;
                return false;
        }
        state.failed = true;
        if (state.told)
                *state.told = true;
        errno = ENOMEM;
        return true;
}

/* ---- notes -------------------------------------------------------------------------------- */

#define NOTES_MAX 4096

static struct {
        bool on;
        size_t n;
        FailingBlock blocks[NOTES_MAX];
} notes;

static void note(void *block, size_t len) {
        if (!notes.on || !block)
                return;
        if (notes.n == NOTES_MAX)
                abort();
        notes.blocks[notes.n++] = (FailingBlock){block, len};
}

static void forget(const void *block) {
        for (size_t i = 0; notes.on && i < notes.n; i++)
                if (notes.blocks[i].data == block)
                        notes.blocks[i--] = notes.blocks[--notes.n];
}

void failing_note_begin(void) {
        notes.n = 0;
        notes.on = true;
}

size_t failing_note_end(const FailingBlock **ret) {
        notes.on = false;
        *ret = notes.blocks;
        return notes.n;
}

/* ---- in place of the C library's ---------------------------------------------------------- */

static void *counted(void *block, size_t len) {
        state.live += block != NULL;
        note(block, len);
        return block;
}

void *malloc(size_t len) {
        return refuse() ? NULL : counted(BELOW(malloc)(len), len);
}

void *calloc(size_t n, size_t len) {
        return refuse() ? NULL : counted(BELOW(calloc)(n, len), n * len);
}

void *realloc(void *block, size_t len) {
        void *moved;

        if (!block)
                return malloc(len);
        if (len > 0 && refuse())
                return NULL;
        forget(block);
        moved = BELOW(realloc)(block, len);
        note(moved, len);
        if (len == 0 && !moved)
                state.live--;
        return moved;
}

void free(void *block) {
        int saved = errno;

        if (!block)
                return;
        state.live--;
        forget(block);
        BELOW(free)(block);
        errno = saved;
}

void *memalign(size_t alignment, size_t len) {
        return refuse() ? NULL : counted(BELOW(memalign)(alignment, len), len);
}

void *aligned_alloc(size_t alignment, size_t len) {
        return memalign(alignment, len);
}

int posix_memalign(void **ret, size_t alignment, size_t len) {
        void *block = memalign(alignment, len);

        if (!block)
                return ENOMEM;
        *ret = block;
        return 0;
}

void failing_begin(unsigned long at, bool for_good) {
        state.left = at;
        state.for_good = for_good;
        state.failed = false;
        state.armed = true;
}

void failing_tell(volatile bool *ret) {
        state.told = ret;
}

bool failing_end(void) {
        state.armed = false;
        return state.failed;
}

long failing_live(void) {
        return state.live - state.live_in_libcrypto;
}

long failing_live_in_libcrypto(void) {
        return state.live_in_libcrypto;
}

/* ---- libcrypto ---------------------------------------------------------------------------- */

static void *crypto_malloc(size_t len, const char *file, int line) {
        void *block = malloc(len);

        (void)file, (void)line;
        state.live_in_libcrypto += block != NULL;
        return block;
}

static void crypto_free(void *block, const char *file, int line) {
        (void)file, (void)line;
        state.live_in_libcrypto -= block != NULL;
        free(block);
}

static void *crypto_realloc(void *block, size_t len, const char *file, int line) {
        if (!block)
                return crypto_malloc(len, file, line);
        if (len > 0)
                return realloc(block, len);
        crypto_free(block, file, line);
        return NULL;
}

void failing_adopt_libcrypto(void) {
        if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
                abort();
}
