/* SPDX-License-Identifier: ISC */
/*
 * The runtime from inside, in a program that is linked as a keeper is: its allocator is the arena,
 * and in the middle of the test the memory under it is exchanged. So it says TAP by itself: a test
 * library would be one more thing that has to survive.
 */
#include "lib/allsecret.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef TA_SANITIZED

int main(void) {
        puts("1..0 # SKIP the sanitizers have an allocator of their own");
        return 0;
}

#else

static int n_cases, n_failed;

static void ok(bool passed, const char *name) {
        printf("%sok %d - %s\n", passed ? "" : "not ", ++n_cases, name);
        n_failed += !passed;
}

static int done(void) {
        printf("1..%d\n", n_cases);
        return n_failed > 0;
}

static bool all(const uint8_t *bytes, size_t len, uint8_t value) {
        for (size_t i = 0; i < len; i++)
                if (bytes[i] != value)
                        return false;
        return true;
}

/* Hides a size or a pointer from the compiler, which knows too much about malloc. */
static size_t hidden(size_t n) {
        volatile size_t v = n;

        return v;
}

/* ---- the allocator ---------------------------------------------------------------------- */

static void test_sizes(void) {
        bool good = true;

        for (size_t len = 0; len <= 5000; len = len * 5 / 4 + 1) {
                uint8_t *block = malloc(hidden(len));

                good &= block && (uintptr_t)block % 16 == 0 && ta_secret_owns(block) &&
                        malloc_usable_size(block) >= len && all(block, len, 0);
                if (block)
                        memset(block, 0xa5, len);
                free(block);
        }
        ok(good, "malloc: aligned, zeroed, in the arena");
        errno = 0;
        ok(!malloc(hidden(SIZE_MAX)) && errno == ENOMEM, "malloc: more than there is");
        errno = 0;
        ok(!malloc(hidden(PTRDIFF_MAX)) && errno == ENOMEM, "malloc: half of all there could be");
}

static void test_calloc(void) {
        uint8_t *block = calloc(hidden(7), 11);

        ok(block && all(block, 77, 0), "calloc: zeroed");
        free(block);
        errno = 0;
        ok(!calloc(hidden(SIZE_MAX / 2), 3) && errno == ENOMEM, "calloc: a product over the edge");
        errno = 0;
        ok(!calloc(hidden((size_t)1 << 32), (size_t)1 << 32) && errno == ENOMEM,
           "calloc: a product that wraps to nothing");
}

static void test_realloc(void) {
        uint8_t *block = realloc(NULL, hidden(100)), *larger, *smaller;

        ok(block && ta_secret_owns(block), "realloc: of nothing");
        memset(block, 7, 100);
        larger = realloc(block, hidden(3000));
        ok(larger && all(larger, 100, 7) && all(larger + 100, 2900, 0),
           "realloc: keeps what was there, and the rest is zero");
        uint8_t *volatile kept = larger; /* the compiler thinks that it is gone */
        errno = 0;
        ok(!realloc(larger, hidden(SIZE_MAX)) && errno == ENOMEM && all(kept, 100, 7),
           "realloc: too much leaves the block as it was");
        smaller = realloc(kept, hidden(10));
        ok(smaller && all(smaller, 10, 7), "realloc: smaller");
        free(smaller);
}

static void test_alignment(void) {
        bool good = true;

        for (size_t alignment = 16; alignment <= 65536; alignment *= 2) {
                uint8_t *blocks[3] = {aligned_alloc(alignment, 4 * alignment),
                                      memalign(alignment, 33), NULL};

                good &= posix_memalign((void **)&blocks[2], alignment, 4097) == 0;
                for (size_t i = 0; i < TA_N_ELEMENTS(blocks); i++) {
                        good &= blocks[i] && (uintptr_t)blocks[i] % alignment == 0 &&
                                ta_secret_owns(blocks[i]) && all(blocks[i], 33, 0);
                        if (blocks[i])
                                memset(blocks[i], 0xff, 33);
                }
                for (size_t i = 0; i < TA_N_ELEMENTS(blocks); i++)
                        free(blocks[i]);
        }
        ok(good, "aligned blocks");
        void *unchanged = &good;
        ok(posix_memalign(&unchanged, hidden(24), 8) == EINVAL &&
                   posix_memalign(&unchanged, hidden(4), 8) == EINVAL &&
                   posix_memalign(&unchanged, hidden(0), 8) == EINVAL && unchanged == &good,
           "posix_memalign: what is no alignment");
        ok(posix_memalign(&unchanged, 64, hidden(SIZE_MAX)) == ENOMEM && unchanged == &good,
           "posix_memalign: more than there is");
        uint8_t *page = valloc(hidden(5));
        ok(page && (uintptr_t)page % 4096 == 0, "valloc");
        free(page);
}

static void test_free(void) {
        static uint64_t foreign[8];
        void *volatile not_ours = foreign + 2;

        errno = 77;
        free(NULL);
        free(not_ours); /* as what the loader took before */
        ok(errno == 77 && malloc_usable_size(not_ours) == 0,
           "free: what is not ours, and errno is kept");
}

static void test_full(void) {
        enum { MOST = 4096 };
        static void *blocks[MOST];
        size_t before = ta_secret_in_use(), n = 0;

        errno = 0;
        while (n < MOST && (blocks[n] = malloc(hidden(10000))))
                n++;
        ok(n > 10 && n < MOST && errno == ENOMEM, "full: ENOMEM, not ordinary memory");
        for (size_t i = 0; i < n; i++)
                free(blocks[i]);
        ok(ta_secret_in_use() == before, "full: all of it comes back");
}

/* ---- moving ----------------------------------------------------------------------------- */

static char in_data[64] = "data";
static char in_bss[8192];
static __thread int in_tls = 5;
static FILE *opened;
static uint8_t *in_arena;

/* Own eyes, not those of the code under test. */
static bool only_secret_is_writable(void) {
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        bool only = true;

        if (!maps)
                return false;
        while (fgets(line, sizeof line, maps)) {
                char *perms = strchr(line, ' ');

                if (perms && perms[2] == 'w' && !strstr(line, "/secretmem")) {
                        printf("# %s", line);
                        only = false;
                }
        }
        fclose(maps);
        return only;
}

static size_t __attribute__((noinline)) deep(size_t levels) {
        volatile uint8_t frame[1024];

        frame[0] = (uint8_t)levels;
        return levels == 0 ? 0 : deep(levels - 1) + (frame[0] == (uint8_t)levels);
}

static long locked_kib(void) {
        FILE *status = fopen("/proc/self/status", "re");
        char line[256];
        long kib = -1;

        while (status && fgets(line, sizeof line, status))
                if (sscanf(line, "VmLck: %ld", &kib) == 1)
                        break;
        if (status)
                fclose(status);
        return kib;
}

static void test_survived(void) {
        char line[128] = "";
        uint8_t hash[SHA256_DIGEST_LENGTH];

        ok(strcmp(in_data, "data, changed") == 0, "moved: data");
        ok(all((uint8_t *)in_bss, sizeof in_bss, 'b'), "moved: bss");
        ok(in_tls == 6, "moved: thread-local storage");
        ok(in_arena && all(in_arena, 1000, 0x5a), "moved: blocks of the arena");
        ok(getenv("TA_TEST_MOVED") && strcmp(getenv("TA_TEST_MOVED"), "yes") == 0,
           "moved: the environment");
        errno = 0;
        ok(open("/nonexistent/file", O_RDONLY | O_CLOEXEC) < 0 && errno == ENOENT, "moved: errno");
        ok(opened && fgets(line, sizeof line, opened) && strncmp(line, "Name:", 5) == 0,
           "moved: a stream that was open");
        ok(deep(80) == 80, "moved: a deep stack");
        SHA256((const uint8_t *)"abc", 3, hash);
        ok(hash[0] == 0xba && hash[31] == 0xad, "moved: libcrypto");
        free(in_arena);
        test_sizes();
}

static int after(void *data) {
        TaSecretLevel before = ta_secret_level(), level;
        uint8_t hash[SHA256_DIGEST_LENGTH];

        ok(data == in_data, "on the new stack, with what was passed");
        if (before < TA_SECRET_ARENA) {
                level = ta_allsecret_move();
                ok(level == before, "moving is refused where there is no hidden memory");
                ok(ta_allsecret_exposed() > 0, "and what is exposed is said");
                return done();
        }
        ok(!only_secret_is_writable() && ta_allsecret_exposed() > 0, "before: much is exposed");
        SHA256((const uint8_t *)"", 0, hash); /* ready, as a keeper's is */
        strcat(in_data, ", changed");
        memset(in_bss, 'b', sizeof in_bss);
        in_tls++;
        in_arena = malloc(1000);
        memset(in_arena, 0x5a, 1000);
        setenv("TA_TEST_MOVED", "yes", 1);
        opened = fopen("/proc/self/status", "re");

        level = ta_allsecret_move();
        ok(level == TA_SECRET_HIDDEN, "moved: the level says so");
        ok(only_secret_is_writable(), "moved: only secret memory can be written");
        ok(ta_allsecret_exposed() == 0, "moved: it sees that itself");
        ok(locked_kib() <= 4096, "moved: at most 4 MiB are locked");
        test_survived();
        ok(ta_allsecret_move() == TA_SECRET_HIDDEN, "moving again changes nothing");
        ok(ta_allsecret_exposed() == 0, "still nothing is exposed");
        return done();
}

/* ---- registers -------------------------------------------------------------------------- */

#if defined(__x86_64__)

#define EACH_16(X)                                                                                 \
        X("0")                                                                                     \
        X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10") X("11") X("12")     \
                X("13") X("14") X("15")
#define EACH_UPPER(X)                                                                              \
        X("16")                                                                                    \
        X("17") X("18") X("19") X("20") X("21") X("22") X("23") X("24") X("25") X("26") X("27")    \
                X("28") X("29") X("30") X("31")
#define CLOBBERED_16                                                                               \
        "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",  \
                "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static void nothing(void) {
}

/* Fills all vector registers, calls `between`, and looks what it left. All in one piece, since
 * between two pieces the compiler would clear some itself; so the call has to keep the stack's
 * rules by hand. */
#define LOAD_SSE(n)     "movdqu (%[pattern]), %%xmm" n "\n\t"
#define STORE_SSE(n)    "movdqu %%xmm" n ", " n "*16(%[seen])\n\t"
#define LOAD_AVX(n)     "vmovdqu (%[pattern]), %%ymm" n "\n\t"
#define STORE_AVX(n)    "vmovdqu %%ymm" n ", " n "*32(%[seen])\n\t"
#define LOAD_AVX512(n)  "vmovdqu64 (%[pattern]), %%zmm" n "\n\t"
#define STORE_AVX512(n) "vmovdqu64 %%zmm" n ", " n "*64(%[seen])\n\t"
#define THROUGH(load, store)                                                                       \
        __asm__ volatile(load "mov %%rsp, %%rbx\n\tsub $256, %%rsp\n\tand $-64, %%rsp\n\t"         \
                              "call *%[between]\n\tmov %%rbx, %%rsp\n\t" store                     \
                         : [pattern] "+r"(from), [seen] "+r"(to), [between] "+r"(function)         \
                         :                                                                         \
                         : CLOBBERED_16, "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9",     \
                           "r10", "r11", "cc")

static uint8_t pattern[64], seen[32 * 64];

static void through_sse(void (*between)(void)) {
        register uint8_t *from __asm__("r12") = pattern, *to __asm__("r13") = seen;
        register void (*function)(void) __asm__("r14") = between;

        THROUGH(EACH_16(LOAD_SSE), EACH_16(STORE_SSE));
}

__attribute__((target("avx"))) static void through_avx(void (*between)(void)) {
        register uint8_t *from __asm__("r12") = pattern, *to __asm__("r13") = seen;
        register void (*function)(void) __asm__("r14") = between;

        THROUGH(EACH_16(LOAD_AVX), EACH_16(STORE_AVX));
}

__attribute__((target("avx512f"))) static void through_avx512(void (*between)(void)) {
        register uint8_t *from __asm__("r12") = pattern, *to __asm__("r13") = seen;
        register void (*function)(void) __asm__("r14") = between;

        THROUGH(EACH_16(LOAD_AVX512) EACH_UPPER(LOAD_AVX512),
                EACH_16(STORE_AVX512) EACH_UPPER(STORE_AVX512));
}

static void test_registers(void) {
        static const struct {
                const char *name;
                void (*through)(void (*between)(void));
                size_t len;
        } kinds[] = {
                {"registers: all of SSE", through_sse, 16 * 16},
                {"registers: all of AVX", through_avx, 16 * 32},
                {"registers: all of AVX-512, the upper sixteen too", through_avx512, 32 * 64},
        };
        bool have[] = {true, __builtin_cpu_supports("avx"), __builtin_cpu_supports("avx512f")};

        memset(pattern, 0x77, sizeof pattern);
        for (size_t i = 0; i < TA_N_ELEMENTS(kinds); i++) {
                bool kept, cleared;

                if (!have[i]) {
                        printf("ok %d - %s # SKIP this processor has none\n", ++n_cases,
                               kinds[i].name);
                        continue;
                }
                kinds[i].through(nothing);
                kept = all(seen, kinds[i].len, 0x77);
                memset(seen, 0x77, sizeof seen);
                kinds[i].through(ta_registers_clear);
                cleared = all(seen, kinds[i].len, 0);
                ok(kept && cleared, kinds[i].name);
        }
}

#else

static void test_registers(void) {
        ta_registers_clear();
        ok(true, "registers: cleared, unseen on this processor");
}

#endif

int main(void) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        test_sizes();
        test_calloc();
        test_realloc();
        test_alignment();
        test_free();
        test_full();
        test_registers();
        ta_allsecret_run(after, in_data);
}

#endif
