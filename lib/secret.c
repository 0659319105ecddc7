/* SPDX-License-Identifier: ISC */
/*
 * The arena. Blocks lie back to back, each behind a 16-byte header that knows its own size and that
 * of the block before it, so that free neighbours merge at once. Free blocks hang in bins by size;
 * a bitmap finds the first bin that can serve. Everything that is not in use is zero, but for the
 * headers and the two list pointers of a free block.
 *
 * Not thread-safe, on purpose: the processes that hold secrets have one thread.
 */
#include "lib/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/error.h"

void ta_wipe(void *data, size_t len) {
        if (len > 0)
                explicit_bzero(data, len);
}

bool ta_secret_equal(TaBytes a, TaBytes b) {
        return a.len == b.len && (a.len == 0 || sodium_memcmp(a.data, b.data, a.len) == 0);
}

#ifndef TA_SANITIZED

#define GRAIN       16u
#define N_BINS      64u
#define MAGIC_USED  0x7a5ec8e7u
#define MAGIC_FREE  0x0f8ee0f8u
#define ARENA_MAX   (4u << 20)
#define ARENA_MIN   (1u << 20) /* two of the largest messages, keys, and libcrypto at work */
#define ARENA_SPARE (256u << 10) /* of RLIMIT_MEMLOCK, left for libsodium and libcrypto */

struct block {
        uint32_t magic;
        uint32_t before; /* size of the block before this one; 0 for the first */
        uint32_t size;   /* of this one, with its header; a multiple of GRAIN */
        uint32_t len;    /* as asked for */
};

struct links { /* at the start of a free block's payload */
        struct block *next;
        struct block *prev;
};

_Static_assert(sizeof(struct block) == GRAIN, "payloads keep the alignment");
_Static_assert(sizeof(struct links) <= GRAIN, "the smallest payload holds the links");

static struct {
        uint8_t *start;
        size_t size;
        size_t in_use;
        TaSecretLevel level;
        uint64_t nonempty;
        struct block *bins[N_BINS];
} arena;

static uint8_t *payload(struct block *b) {
        return (uint8_t *)(b + 1);
}

static struct links *links(struct block *b) {
        return (struct links *)(void *)(b + 1);
}

static struct block *after(struct block *b) {
        uint8_t *next = (uint8_t *)b + b->size;

        return next < arena.start + arena.size ? (struct block *)(void *)next : NULL;
}

static struct block *before(struct block *b) {
        return b->before ? (struct block *)(void *)((uint8_t *)b - b->before) : NULL;
}

/* Four bins for each power of two from 32 bytes up. */
static unsigned bin_of(uint32_t size) {
        unsigned top = 31u - (unsigned)__builtin_clz(size);
        unsigned bin = (top - 5) * 4 + ((size >> (top - 2)) & 3);

        return bin < N_BINS ? bin : N_BINS - 1;
}

static void bin_push(struct block *b) {
        unsigned bin = bin_of(b->size);

        *links(b) = (struct links){.next = arena.bins[bin]};
        if (arena.bins[bin])
                links(arena.bins[bin])->prev = b;
        arena.bins[bin] = b;
        arena.nonempty |= UINT64_C(1) << bin;
}

static void bin_remove(struct block *b) {
        unsigned bin = bin_of(b->size);
        struct links *l = links(b);

        if (l->prev)
                links(l->prev)->next = l->next;
        else
                arena.bins[bin] = l->next;
        if (l->next)
                links(l->next)->prev = l->prev;
        if (!arena.bins[bin])
                arena.nonempty &= ~(UINT64_C(1) << bin);
        *l = (struct links){0};
}

static struct block *bin_take(uint32_t size) {
        unsigned bin = bin_of(size);
        uint64_t larger;

        for (struct block *b = arena.bins[bin]; b; b = links(b)->next) {
                if (b->size >= size) {
                        bin_remove(b);
                        return b;
                }
        }
        if (bin + 1 >= N_BINS)
                return NULL;
        larger = arena.nonempty & (~UINT64_C(0) << (bin + 1));
        if (!larger)
                return NULL;
        bin = (unsigned)__builtin_ctzll(larger);
        struct block *b = arena.bins[bin];
        bin_remove(b);
        return b;
}

/* As much as may be locked; but where that is too little to work with, all of it, unlocked: a limit
 * lowers what protects the secrets, never what works. */
static size_t default_capacity(void) {
        struct rlimit lim;

        if (geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &lim) < 0 ||
            lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur >= ARENA_MAX + ARENA_SPARE ||
            lim.rlim_cur < ARENA_MIN + ARENA_SPARE)
                return ARENA_MAX;
        return lim.rlim_cur - ARENA_SPARE;
}

/* Each page is locked when it is first used: to have all of them at once would cost more time than
 * the rest of a tool's run, and every process the whole arena. Kernels before 4.4 lock at once. */
static bool lock(void *start, size_t len) {
        return mlock2(start, len, MLOCK_ONFAULT) == 0 || mlock(start, len) == 0;
}

int ta_secret_init(size_t capacity) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        struct block *first;
        uint8_t *map;

        ta_bug_on(arena.start != NULL);
        if (capacity == 0)
                capacity = default_capacity();
        capacity = (capacity + page - 1) & ~(page - 1);

        map = mmap(NULL, capacity + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
                return -errno;
        if (mprotect(map + page, capacity, PROT_READ | PROT_WRITE) < 0)
                return -errno;
        arena.start = map + page;
        arena.size = capacity;
        arena.level = lock(arena.start, capacity) ? TA_SECRET_LOCKED : TA_SECRET_UNLOCKED;
        /* Hints that lower what leaks elsewhere; each is refused by some kernels, harmlessly. */
        (void)madvise(arena.start, capacity, MADV_DONTDUMP);
        (void)madvise(arena.start, capacity, MADV_WIPEONFORK);
        (void)madvise(arena.start, capacity, MADV_UNMERGEABLE);
        (void)madvise(arena.start, capacity, MADV_NOHUGEPAGE);

        first = (struct block *)(void *)arena.start;
        *first = (struct block){.magic = MAGIC_FREE, .size = (uint32_t)capacity};
        bin_push(first);
        return 0;
}

TaSecretLevel ta_secret_level(void) {
        return arena.level;
}

size_t ta_secret_capacity(void) {
        return arena.size;
}

size_t ta_secret_in_use(void) {
        return arena.in_use;
}

void *ta_secret_alloc(size_t len) {
        struct block *b, *rest, *next;
        uint32_t size;

        if (!arena.start && ta_secret_init(0) < 0)
                return NULL;
        if (len > arena.size)
                return NULL;
        size = (uint32_t)((len + sizeof *b + GRAIN - 1) & ~(size_t)(GRAIN - 1));
        if (size < 2 * GRAIN)
                size = 2 * GRAIN;

        b = bin_take(size);
        if (!b)
                return NULL;
        ta_bug_on(b->magic != MAGIC_FREE);
        if (b->size - size >= 2 * GRAIN) {
                rest = (struct block *)(void *)((uint8_t *)b + size);
                *rest = (struct block){.magic = MAGIC_FREE, .before = size, .size = b->size - size};
                next = after(rest);
                if (next)
                        next->before = rest->size;
                b->size = size;
                bin_push(rest);
        }
        b->magic = MAGIC_USED;
        b->len = (uint32_t)len;
        arena.in_use += b->size;
        return payload(b);
}

static struct block *block_of(void *pointer) {
        uint8_t *p = pointer;
        struct block *b;

        ta_bug_on(p < arena.start + GRAIN || p >= arena.start + arena.size);
        ta_bug_on((size_t)(p - arena.start) % GRAIN != 0);
        b = (struct block *)(void *)(p - GRAIN);
        ta_bug_on(b->magic != MAGIC_USED);
        return b;
}

void ta_secret_free(void *pointer) {
        struct block *b, *next, *prev;

        if (!pointer)
                return;
        b = block_of(pointer);
        arena.in_use -= b->size;
        ta_wipe(payload(b), b->len);
        b->magic = MAGIC_FREE;
        b->len = 0;

        next = after(b);
        if (next && next->magic == MAGIC_FREE) {
                bin_remove(next);
                b->size += next->size;
                *next = (struct block){0};
        }
        prev = before(b);
        if (prev && prev->magic == MAGIC_FREE) {
                bin_remove(prev);
                prev->size += b->size;
                *b = (struct block){0};
                b = prev;
        }
        next = after(b);
        if (next)
                next->before = b->size;
        bin_push(b);
}

static size_t block_len(void *pointer) {
        return block_of(pointer)->len;
}

#else /* TA_SANITIZED: one heap block each, so that AddressSanitizer sees their edges */

static size_t in_use;

struct block {
        size_t len;
        size_t pad;
};

int ta_secret_init(size_t capacity) {
        (void)capacity;
        return 0;
}

TaSecretLevel ta_secret_level(void) {
        return TA_SECRET_UNLOCKED;
}

size_t ta_secret_capacity(void) {
        return SIZE_MAX;
}

size_t ta_secret_in_use(void) {
        return in_use;
}

void *ta_secret_alloc(size_t len) {
        struct block *b;

        if (len > SIZE_MAX - sizeof *b)
                return NULL;
        b = calloc(1, sizeof *b + len);
        if (!b)
                return NULL;
        b->len = len;
        in_use += len;
        return b + 1;
}

void ta_secret_free(void *pointer) {
        struct block *b = pointer;

        if (!b)
                return;
        b--;
        in_use -= b->len;
        ta_wipe(pointer, b->len);
        free(b);
}

static size_t block_len(void *pointer) {
        return ((struct block *)pointer - 1)->len;
}

#endif

void *ta_secret_realloc(void *pointer, size_t len) {
        size_t old;
        void *moved;

        if (!pointer)
                return ta_secret_alloc(len);
        old = block_len(pointer);
        moved = ta_secret_alloc(len);
        if (!moved)
                return NULL;
        memcpy(moved, pointer, old < len ? old : len);
        ta_secret_free(pointer);
        return moved;
}

static void *crypto_alloc(size_t len, const char *file ta_unused, int line ta_unused) {
        return len ? ta_secret_alloc(len) : NULL;
}

static void *crypto_realloc(void *pointer, size_t len, const char *file ta_unused,
                            int line ta_unused) {
        if (len == 0) {
                ta_secret_free(pointer);
                return NULL;
        }
        return ta_secret_realloc(pointer, len);
}

static void crypto_free(void *pointer, const char *file ta_unused, int line ta_unused) {
        ta_secret_free(pointer);
}

int ta_secret_adopt_libcrypto(void) {
        if (!CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free))
                return TA_E_CRYPTO; /* libcrypto has allocated something already */
        return 0;
}

int ta_secret_new(size_t cap, TaSecret **ret) {
        TaSecret *s;

        if (cap > SIZE_MAX - sizeof *s)
                return TA_E_FULL;
        s = ta_secret_alloc(sizeof *s + cap);
        if (!s)
                return TA_E_FULL;
        *s = (TaSecret){.cap = cap, .data = (uint8_t *)(s + 1)};
        *ret = s;
        return 0;
}

int ta_secret_dup(TaBytes bytes, TaSecret **ret) {
        TaSecret *s;
        int err;

        err = ta_secret_new(bytes.len, &s);
        if (err)
                return err;
        if (bytes.len > 0)
                memcpy(s->data, bytes.data, bytes.len);
        s->len = bytes.len;
        *ret = s;
        return 0;
}

void ta_secret_drop(TaSecret *secret) {
        ta_secret_free(secret);
}

void ta_secret_dropp(TaSecret **secret) {
        ta_secret_free(*secret);
        *secret = NULL;
}
