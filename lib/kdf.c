/* SPDX-License-Identifier: ISC */
/*
 * bcrypt_pbkdf. The output is cut into blocks that do not know of each other, and each block is a
 * chain of Blowfish key schedules in which every table look-up waits for the one before. So blocks
 * run side by side, as "lanes", on one core: the look-ups of one fill the waits of another. Six
 * lanes are what the registers and a 32 KiB first-level cache hold; a wave takes blocks of any job.
 *
 * The number of lanes is a constant in each instance of run_lanes(), so that the compiler unrolls
 * the loops over lanes and keeps the halves of all of them in registers.
 */
#include "lib/kdf.h"

#include <sodium.h>

#include "lib/error.h"
#include "lib/kdf-pi.h"
#include "lib/secret.h"

#define LANES_MAX  6
#define BLOCK_SIZE 32u /* bytes that one lane makes */
#define KEY_WORDS  16u /* a SHA-512 hash */

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define always_inline inline __attribute__((always_inline))

struct state {
        uint32_t s[4][256];
        uint32_t p[18];
};

struct lane {
        const TaBcryptJob *job;
        uint32_t block;            /* which of the job's, from 0 */
        uint32_t pass[KEY_WORDS];  /* SHA-512 of the passphrase */
        uint32_t salt[KEY_WORDS];  /* SHA-512 of the salt and number, later of the last hash */
        uint32_t sum[BLOCK_SIZE / 4];
        uint8_t hash[BLOCK_SIZE];
};

/* Everything secret, in one block of the arena. */
struct work {
        struct state states[LANES_MAX];
        struct lane lanes[LANES_MAX];
        uint8_t digest[crypto_hash_sha512_BYTES];
        uint8_t salted[TA_BCRYPT_SALT_MAX + 4];
};

static uint32_t load_be(const uint8_t *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static always_inline uint32_t feistel(const struct state *st, uint32_t x) {
        return ((st->s[0][x >> 24] + st->s[1][(x >> 16) & 255]) ^ st->s[2][(x >> 8) & 255]) +
               st->s[3][x & 255];
}

static always_inline void encipher(const struct state *st, unsigned n, uint32_t *l, uint32_t *r) {
        UNROLL
        for (unsigned j = 0; j < n; j++)
                l[j] ^= st[j].p[0];
        UNROLL
        for (unsigned i = 1; i < 17; i += 2) {
                UNROLL
                for (unsigned j = 0; j < n; j++)
                        r[j] ^= feistel(&st[j], l[j]) ^ st[j].p[i];
                UNROLL
                for (unsigned j = 0; j < n; j++)
                        l[j] ^= feistel(&st[j], r[j]) ^ st[j].p[i + 1];
        }
        UNROLL
        for (unsigned j = 0; j < n; j++) {
                uint32_t left = r[j] ^ st[j].p[17];

                r[j] = l[j];
                l[j] = left;
        }
}

/* Where the salt is mixed in: the first expansion of bcrypt. */
struct salted {
        const struct lane *lanes;
        unsigned at;
};

static always_inline void fill(struct state *st, unsigned n, struct salted *salt, uint32_t *l,
                               uint32_t *r) {
        if (salt) {
                UNROLL
                for (unsigned j = 0; j < n; j++) {
                        l[j] ^= salt->lanes[j].salt[salt->at % KEY_WORDS];
                        r[j] ^= salt->lanes[j].salt[(salt->at + 1) % KEY_WORDS];
                }
                salt->at += 2;
        }
        encipher(st, n, l, r);
}

/* Blowfish's key schedule over what the states hold already. */
static always_inline void expand(struct state *st, unsigned n, const struct lane *lanes,
                                 bool with_pass, struct salted *salt) {
        uint32_t l[LANES_MAX] = {0}, r[LANES_MAX] = {0};

        for (unsigned i = 0; i < 18; i++) {
                UNROLL
                for (unsigned j = 0; j < n; j++)
                        st[j].p[i] ^= (with_pass ? lanes[j].pass : lanes[j].salt)[i % KEY_WORDS];
        }
        for (unsigned i = 0; i < 18; i += 2) {
                fill(st, n, salt, l, r);
                UNROLL
                for (unsigned j = 0; j < n; j++) {
                        st[j].p[i] = l[j];
                        st[j].p[i + 1] = r[j];
                }
        }
        for (unsigned t = 0; t < 4; t++) {
                for (unsigned i = 0; i < 256; i += 2) {
                        fill(st, n, salt, l, r);
                        UNROLL
                        for (unsigned j = 0; j < n; j++) {
                                st[j].s[t][i] = l[j];
                                st[j].s[t][i + 1] = r[j];
                        }
                }
        }
}

/* The bcrypt hash of each lane's passphrase and salt. */
static always_inline void run_lanes(struct work *w, unsigned n) {
        static const char magic[BLOCK_SIZE + 1] = "OxychromaticBlowfishSwatDynamite";
        struct state *st = w->states;
        struct lane *lanes = w->lanes;
        struct salted salt = {lanes, 0};

        for (unsigned j = 0; j < n; j++) {
                memcpy(st[j].p, pi_words, sizeof st[j].p);
                memcpy(st[j].s, pi_words + 18, sizeof st[j].s);
        }
        expand(st, n, lanes, true, &salt);
        for (unsigned i = 0; i < 64; i++) {
                expand(st, n, lanes, false, NULL);
                expand(st, n, lanes, true, NULL);
        }
        for (unsigned b = 0; b < BLOCK_SIZE; b += 8) {
                uint32_t l[LANES_MAX] = {0}, r[LANES_MAX] = {0};

                for (unsigned j = 0; j < n; j++) {
                        l[j] = load_be((const uint8_t *)magic + b);
                        r[j] = load_be((const uint8_t *)magic + b + 4);
                }
                for (unsigned i = 0; i < 64; i++)
                        encipher(st, n, l, r);
                for (unsigned j = 0; j < n; j++) {
                        uint32_t out[2] = {l[j], r[j]};

                        for (unsigned k = 0; k < 8; k++) /* the words leave little-endian */
                                lanes[j].hash[b + k] = (uint8_t)(out[k / 4] >> (k % 4 * 8));
                        lanes[j].sum[b / 4] ^= l[j];
                        lanes[j].sum[b / 4 + 1] ^= r[j];
                }
        }
}

#define INSTANCE(n)                                                                                \
        static __attribute__((noinline)) void run_##n(struct work *w) {                            \
                run_lanes(w, n);                                                                   \
        }
INSTANCE(1)
INSTANCE(2)
INSTANCE(3)
INSTANCE(4)
INSTANCE(5)
INSTANCE(6)

static void (*const run[LANES_MAX + 1])(struct work *w) = {
        [1] = run_1, [2] = run_2, [3] = run_3, [4] = run_4, [5] = run_5, [6] = run_6,
};

static uint32_t n_blocks(const TaBcryptJob *job) {
        return (uint32_t)((job->out_len + BLOCK_SIZE - 1) / BLOCK_SIZE);
}

static void load_digest(struct work *w, const uint8_t *data, size_t len, uint32_t *words) {
        (void)crypto_hash_sha512(w->digest, data, len);
        for (unsigned i = 0; i < KEY_WORDS; i++)
                words[i] = load_be(w->digest + 4 * i);
}

static void start_lane(struct work *w, struct lane *lane, const TaBcryptJob *job, uint32_t block) {
        uint32_t number = block + 1;

        *lane = (struct lane){.job = job, .block = block};
        load_digest(w, job->passphrase.data, job->passphrase.len, lane->pass);
        memcpy(w->salted, job->salt.data, job->salt.len);
        for (unsigned i = 0; i < 4; i++)
                w->salted[job->salt.len + i] = (uint8_t)(number >> (24 - 8 * i));
        load_digest(w, w->salted, job->salt.len + 4, lane->salt);
}

/* The bytes of a block are strewn over the output. */
static void finish_lane(const struct lane *lane) {
        const TaBcryptJob *job = lane->job;
        size_t stride = n_blocks(job);

        for (unsigned i = 0; i < BLOCK_SIZE; i++) {
                size_t at = i * stride + lane->block;

                if (at < job->out_len)
                        job->out[at] = (uint8_t)(lane->sum[i / 4] >> (i % 4 * 8));
        }
}

/* Runs the first `n` lanes to their ends. A lane that is done gives its place to the last one. */
static void run_wave(struct work *w, unsigned n) {
        for (uint32_t round = 1; n > 0; round++) {
                run[n](w);
                for (unsigned j = n; j-- > 0;) {
                        struct lane *lane = &w->lanes[j];

                        if (round < lane->job->rounds) {
                                load_digest(w, lane->hash, sizeof lane->hash, lane->salt);
                                continue;
                        }
                        finish_lane(lane);
                        n--;
                        if (j != n)
                                *lane = w->lanes[n];
                }
        }
}

static bool in_limits(const TaBcryptJob *job) {
        return job->passphrase.len > 0 && job->salt.len > 0 &&
               job->salt.len <= TA_BCRYPT_SALT_MAX && job->rounds > 0 &&
               job->rounds <= TA_BCRYPT_ROUNDS_MAX && job->out_len > 0 &&
               job->out_len <= TA_BCRYPT_OUT_MAX;
}

int ta_bcrypt_pbkdf(const TaBcryptJob *jobs, size_t n_jobs) {
        struct work *w;
        unsigned n = 0;

        for (size_t i = 0; i < n_jobs; i++) {
                if (!in_limits(&jobs[i]))
                        return TA_E_LIMIT;
        }
        w = ta_secret_alloc(sizeof *w);
        if (!w)
                return TA_E_FULL;
        for (size_t i = 0; i < n_jobs; i++) {
                for (uint32_t b = 0; b < n_blocks(&jobs[i]); b++) {
                        start_lane(w, &w->lanes[n++], &jobs[i], b);
                        if (n == LANES_MAX) {
                                run_wave(w, n);
                                n = 0;
                        }
                }
        }
        run_wave(w, n);
        ta_secret_free(w);
        return 0;
}
