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
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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
#define ARENA_MAX   (13u << 18)
#define ARENA_MIN   (5u << 18)   /* two of the largest messages, keys, and libcrypto at work */
#define ARENA_SPARE (640u << 10) /* of RLIMIT_MEMLOCK, left for the stack and moved mappings */

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
        size_t reached; /* no block was ever given out beyond */
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

/* Such memory is a file to the kernel: over RLIMIT_FSIZE it sends the signal of a file too large. */
static bool set_size(int fd, size_t len) {
        struct sigaction ignore = {.sa_handler = SIG_IGN}, former;
        bool set;

        (void)sigaction(SIGXFSZ, &ignore, &former);
        set = ftruncate(fd, (off_t)len) == 0;
        (void)sigaction(SIGXFSZ, &former, NULL);
        return set;
}

/* The descriptor is closed at once: whoever could take it could map the memory (pidfd_getfd(2)). */
static bool map_secret(void *at, size_t len) {
        int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
        bool mapped;

        if (fd < 0)
                return false;
        mapped = set_size(fd, len) &&
                 mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
        close(fd);
        if (mapped)
                (void)madvise(at, len, MADV_DONTFORK); /* WIPEONFORK is refused for such memory */
        return mapped;
}

/* Each page is locked when it is first used: to have all of them at once would cost more time than
 * the rest of a tool's run, and every process the whole arena. Kernels before 4.4 lock at once. */
static bool lock(void *start, size_t len) {
        return mlock2(start, len, MLOCK_ONFAULT) == 0 || mlock(start, len) == 0;
}

void *ta_secret_map(size_t len, TaSecretLevel *ret_level) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uint8_t *map;

        len = (len + page - 1) & ~(page - 1);
        map = mmap(NULL, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
                return NULL;
        map += page;
        if (map_secret(map, len)) {
                *ret_level = TA_SECRET_ARENA;
                return map;
        }
        /* Anew: what failed may have left a hole where it was to go. */
        if (mmap(map, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == MAP_FAILED) {
                (void)munmap(map - page, len + 2 * page);
                return NULL;
        }
        *ret_level = lock(map, len) ? TA_SECRET_LOCKED : TA_SECRET_UNLOCKED;
        /* Hints that lower what leaks elsewhere; each is refused by some kernels, harmlessly. */
        (void)madvise(map, len, MADV_DONTDUMP);
        (void)madvise(map, len, MADV_WIPEONFORK);
        (void)madvise(map, len, MADV_UNMERGEABLE);
        (void)madvise(map, len, MADV_NOHUGEPAGE);
        return map;
}

int ta_secret_init(size_t capacity) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        struct block *first;

        ta_bug_on(arena.start != NULL);
        if (capacity == 0)
                capacity = default_capacity();
        capacity = (capacity + page - 1) & ~(page - 1);
        arena.start = ta_secret_map(capacity, &arena.level);
        if (!arena.start)
                return -ENOMEM;
        arena.size = capacity;
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

static void reach(const struct block *b) {
        size_t end = (size_t)((const uint8_t *)b - arena.start) + b->size;

        if (end > arena.reached)
                arena.reached = end;
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
        reach(b);
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

/* From a larger block the part before the aligned address is given back. */
void *ta_secret_alloc_aligned(size_t alignment, size_t len) {
        uint8_t *p, *at;
        struct block *b, *lead, *next;

        if (alignment <= GRAIN)
                return ta_secret_alloc(len);
        if (alignment > 65536 || len > arena.size)
                return NULL;
        p = ta_secret_alloc(len + alignment + 2 * GRAIN);
        if (!p || (uintptr_t)p % alignment == 0)
                return p;
        /* Room for a block before it: a header and the smallest payload. */
        at = (uint8_t *)(((uintptr_t)p + 2 * GRAIN + alignment - 1) & ~(uintptr_t)(alignment - 1));
        lead = block_of(p);
        b = (struct block *)(void *)(at - GRAIN);
        *b = (struct block){.magic = MAGIC_USED, .before = (uint32_t)((uint8_t *)b - (uint8_t *)lead),
                            .len = (uint32_t)len};
        b->size = lead->size - b->before;
        next = after(b);
        if (next)
                next->before = b->size;
        lead->size = b->before;
        lead->len = 0;
        ta_secret_free(p);
        return at;
}

bool ta_secret_owns(const void *pointer) {
        const uint8_t *p = pointer;

        return arena.start && p >= arena.start + GRAIN && p < arena.start + arena.size;
}

size_t ta_secret_len(void *pointer) {
        return block_of(pointer)->len;
}

/* Not block by block: their headers may be half written. What was never given out is zero. */
void ta_secret_wipe_all(void) {
        ta_wipe(arena.start, arena.reached);
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

void *ta_secret_alloc_aligned(size_t alignment, size_t len) {
        (void)alignment; /* only the allocator asks for it, and this build has the usual one */
        return ta_secret_alloc(len);
}

bool ta_secret_owns(const void *pointer) {
        return pointer != NULL;
}

size_t ta_secret_len(void *pointer) {
        return ((struct block *)pointer - 1)->len;
}

void ta_secret_wipe_all(void) {
        /* its owners wipe what they free, and the sanitizers see who does not */
}

void *ta_secret_map(size_t len, TaSecretLevel *ret_level) {
        *ret_level = TA_SECRET_UNLOCKED;
        return calloc(1, len);
}

#endif

void *ta_secret_realloc(void *pointer, size_t len) {
        size_t old;
        void *moved;

        if (!pointer)
                return ta_secret_alloc(len);
        old = ta_secret_len(pointer);
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
