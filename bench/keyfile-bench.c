/* SPDX-License-Identifier: ISC */
/*
 * What unlocking costs in this process: keys of 48 bytes, derived one block at a time, one key at a
 * time, and several at once. Times are the best of some runs. Run by hand.
 */
#include <stdio.h>
#include <time.h>

#include "lib/error.h"
#include "lib/kdf.h"

#define RUNS     5
#define KEYS_MAX 4

static double now_ms(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double best(size_t n, size_t len) {
        uint8_t out[KEYS_MAX][64];
        TaBcryptJob jobs[KEYS_MAX];
        double least = 1e9;

        for (size_t i = 0; i < n; i++)
                jobs[i] = (TaBcryptJob){ta_str("passphrase"), ta_str("0123456789abcdef"),
                                        TA_BCRYPT_ROUNDS_DEFAULT, out[i], len};
        for (unsigned i = 0; i < RUNS; i++) {
                double start = now_ms();

                if (ta_bcrypt_pbkdf(jobs, n))
                        return -1;
                if (now_ms() - start < least)
                        least = now_ms() - start;
        }
        return least;
}

int main(void) {
        double serial = 2 * best(1, 32);

        (void)printf("%u rounds, 48 bytes, CPU ms\n", TA_BCRYPT_ROUNDS_DEFAULT);
        (void)printf("block by block   %7.1f\n", serial);
        for (size_t n = 1; n <= KEYS_MAX; n++) {
                double t = best(n, 48);

                (void)printf("%zu key%s at once  %7.1f   %.2f of serial\n", n, n > 1 ? "s" : " ", t,
                             t / (serial * (double)n));
        }
        return 0;
}
