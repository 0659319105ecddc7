/* SPDX-License-Identifier: ISC */
/*
 * The C library and libcrypto leave pieces of keys in vector registers, which a core file or a
 * debugger shows, and which the next call spills onto the stack. vzeroall clears the first sixteen
 * only: with AVX-512 there are sixteen more.
 */
#include "lib/allsecret.h"

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void clear_avx512(void) {
        __asm__ volatile("vzeroall\n\t"
                         "vpxorq %%zmm16, %%zmm16, %%zmm16\n\t"
                         "vpxorq %%zmm17, %%zmm17, %%zmm17\n\t"
                         "vpxorq %%zmm18, %%zmm18, %%zmm18\n\t"
                         "vpxorq %%zmm19, %%zmm19, %%zmm19\n\t"
                         "vpxorq %%zmm20, %%zmm20, %%zmm20\n\t"
                         "vpxorq %%zmm21, %%zmm21, %%zmm21\n\t"
                         "vpxorq %%zmm22, %%zmm22, %%zmm22\n\t"
                         "vpxorq %%zmm23, %%zmm23, %%zmm23\n\t"
                         "vpxorq %%zmm24, %%zmm24, %%zmm24\n\t"
                         "vpxorq %%zmm25, %%zmm25, %%zmm25\n\t"
                         "vpxorq %%zmm26, %%zmm26, %%zmm26\n\t"
                         "vpxorq %%zmm27, %%zmm27, %%zmm27\n\t"
                         "vpxorq %%zmm28, %%zmm28, %%zmm28\n\t"
                         "vpxorq %%zmm29, %%zmm29, %%zmm29\n\t"
                         "vpxorq %%zmm30, %%zmm30, %%zmm30\n\t"
                         "vpxorq %%zmm31, %%zmm31, %%zmm31\n\t"
                         "kxorw %%k1, %%k1, %%k1\n\t"
                         "kxorw %%k2, %%k2, %%k2\n\t"
                         "kxorw %%k3, %%k3, %%k3\n\t"
                         "kxorw %%k4, %%k4, %%k4\n\t"
                         "kxorw %%k5, %%k5, %%k5\n\t"
                         "kxorw %%k6, %%k6, %%k6\n\t"
                         "kxorw %%k7, %%k7, %%k7\n\t" ::
                                 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                                   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                                   "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
                                   "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
                                   "xmm28", "xmm29", "xmm30", "xmm31");
}

__attribute__((target("avx"))) static void clear_avx(void) {
        __asm__ volatile("vzeroall" ::
                                 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                                   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                                   "xmm14", "xmm15");
}

static void clear_sse(void) {
        __asm__ volatile("pxor %%xmm0, %%xmm0\n\t"
                         "pxor %%xmm1, %%xmm1\n\t"
                         "pxor %%xmm2, %%xmm2\n\t"
                         "pxor %%xmm3, %%xmm3\n\t"
                         "pxor %%xmm4, %%xmm4\n\t"
                         "pxor %%xmm5, %%xmm5\n\t"
                         "pxor %%xmm6, %%xmm6\n\t"
                         "pxor %%xmm7, %%xmm7\n\t"
                         "pxor %%xmm8, %%xmm8\n\t"
                         "pxor %%xmm9, %%xmm9\n\t"
                         "pxor %%xmm10, %%xmm10\n\t"
                         "pxor %%xmm11, %%xmm11\n\t"
                         "pxor %%xmm12, %%xmm12\n\t"
                         "pxor %%xmm13, %%xmm13\n\t"
                         "pxor %%xmm14, %%xmm14\n\t"
                         "pxor %%xmm15, %%xmm15\n\t" ::
                                 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                                   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                                   "xmm14", "xmm15");
}

void ta_registers_clear(void) {
        if (__builtin_cpu_supports("avx512f"))
                clear_avx512();
        else if (__builtin_cpu_supports("avx"))
                clear_avx();
        else
                clear_sse();
}

#elif defined(__aarch64__)

void ta_registers_clear(void) {
        __asm__ volatile("movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\tmovi v3.2d, #0\n\t"
                         "movi v4.2d, #0\n\tmovi v5.2d, #0\n\tmovi v6.2d, #0\n\tmovi v7.2d, #0\n\t"
                         "movi v16.2d, #0\n\tmovi v17.2d, #0\n\tmovi v18.2d, #0\n\tmovi v19.2d, #0\n\t"
                         "movi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\tmovi v23.2d, #0\n\t"
                         "movi v24.2d, #0\n\tmovi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
                         "movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0" ::
                                 : "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16",
                                   "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
                                   "v26", "v27", "v28", "v29", "v30", "v31");
}

#else

void ta_registers_clear(void) {
}

#endif
