/* SPDX-License-Identifier: ISC */
/*
 * The C library's allocator, replaced by the arena of lib/secret.h: linked into the programs that
 * hold secrets, and into no other. Everything that libcrypto, libsodium or the C library itself
 * allocates is secret memory then, zeroed when given and wiped when taken back. A full arena is
 * ENOMEM, never ordinary memory.
 *
 * Built with -fno-builtin-malloc: the compiler would make a calloc() of what stands in calloc().
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "lib/secret.h"

#ifndef TA_SANITIZED

static void *given(void *block) {
        if (!block)
                errno = ENOMEM;
        return block;
}

void *malloc(size_t len) {
        return given(ta_secret_alloc(len));
}

void *calloc(size_t n, size_t len) {
        size_t all;

        if (__builtin_mul_overflow(n, len, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return given(ta_secret_alloc(all)); /* zeroed as it is */
}

void *realloc(void *block, size_t len) {
        return given(ta_secret_realloc(block, len));
}

void free(void *block) {
        int saved = errno;

        /* What the dynamic loader took before there was this allocator is not ours to free. */
        if (ta_secret_owns(block))
                ta_secret_free(block);
        errno = saved;
}

size_t malloc_usable_size(void *block) {
        return ta_secret_owns(block) ? ta_secret_len(block) : 0;
}

void *aligned_alloc(size_t alignment, size_t len) {
        return given(ta_secret_alloc_aligned(alignment, len));
}

void *memalign(size_t alignment, size_t len) {
        return aligned_alloc(alignment, len);
}

int posix_memalign(void **ret, size_t alignment, size_t len) {
        void *block;

        if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
                return EINVAL;
        block = ta_secret_alloc_aligned(alignment, len);
        if (!block)
                return ENOMEM;
        *ret = block;
        return 0;
}

void *valloc(size_t len) {
        return aligned_alloc(4096, len);
}

void *pvalloc(size_t len) {
        return aligned_alloc(4096, (len + 4095) & ~(size_t)4095);
}

#endif
