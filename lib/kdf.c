/* SPDX-License-Identifier: ISC */
/*
 * bcrypt_pbkdf. The output is cut into blocks that do not know of each other, and each block is a
 * chain of Blowfish key schedules in which every table look-up waits for the one before: ten
 * cycles for a round that keeps a core busy for two. So blocks run side by side, as "lanes", on one
 * core: the look-ups of one fill the waits of another. Six lanes are what the registers and a first
 * level cache of 32 KiB hold; a lane takes a block of any job, and the next one when that is done.
 *
 * What makes it fast is that the halves of all lanes stay in registers. Compilers keep an array
 * there only if every index is a constant from the start, hence EACH_LANE().
 *
 * All that is secret lies in one block of the arena, or in registers; with several lanes compilers
 * spill some of those to the stack, which is wiped at the end. A context switch meanwhile saves
 * registers in the kernel, as it does for every program.
 */
#include "lib/kdf.h"

#include <sodium.h>

#include "lib/error.h"
#include "lib/kdf-pi.h"
#include "lib/secret.h"

#define LANES_MAX  6
#define BLOCK_SIZE 32u /* bytes that one lane makes */
#define KEY_WORDS  16u /* a SHA-512 hash */
#define ROUND_KEYS 18u
#define STACK_USED 4096 /* what is wiped of the stack; a run takes 600 bytes, SHA-512 1.5 KiB */

#ifdef TA_SANITIZED
#define UNROLL /* each look-up would come with its checks: minutes of compiling */
#elif defined __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define always_inline inline __attribute__((always_inline))

/* The statements once for each of the first `n` lanes, with the number of the lane, `j`, a literal.
 * Where `n` is a constant too, nothing of the rest is left. */
#define LANE(n, k, ...)                                                                            \
        if (n > k) {                                                                               \
                enum { j = k };                                                                    \
                __VA_ARGS__;                                                                       \
        }
#define EACH_LANE(n, ...)                                                                          \
        do {                                                                                       \
                LANE(n, 0, __VA_ARGS__)                                                            \
                LANE(n, 1, __VA_ARGS__)                                                            \
                LANE(n, 2, __VA_ARGS__)                                                            \
                LANE(n, 3, __VA_ARGS__)                                                            \
                LANE(n, 4, __VA_ARGS__)                                                            \
                LANE(n, 5, __VA_ARGS__)                                                            \
        } while (0)
_Static_assert(LANES_MAX == 6, "EACH_LANE() names every lane");

/* Blowfish's round keys and tables; a key schedule fills them as one row of words. */
union state {
        struct {
                uint32_t p[ROUND_KEYS];
                uint32_t s[4][256];
        };
        uint32_t words[ROUND_KEYS + 4 * 256];
};
_Static_assert(sizeof(union state) == sizeof pi_words, "a state starts as the digits of pi");

enum key {
        KEY_SALT, /* SHA-512 of the salt and the block's number, later of the last hash */
        KEY_PASS, /* SHA-512 of the passphrase */
        N_KEYS,
};

struct lane {
        const TaBcryptJob *job;
        uint32_t block; /* which of the job's, from 0 */
        uint32_t rounds_left;
        uint32_t keys[N_KEYS][KEY_WORDS];
        uint32_t sum[BLOCK_SIZE / 4];
        uint8_t hash[BLOCK_SIZE];
};

/* Everything secret. */
struct work {
        union state states[LANES_MAX];
        struct lane lanes[LANES_MAX];
        uint8_t digest[crypto_hash_sha512_BYTES];
        uint8_t salted[TA_BCRYPT_SALT_MAX + 4];
};

/* The blocks that no lane has taken yet. */
struct queue {
        const TaBcryptJob *job;
        uint32_t block;
        size_t left;
};

static uint32_t load_be(const uint8_t *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static always_inline uint32_t feistel(const union state *st, uint32_t x) {
        return ((st->s[0][x >> 24] + st->s[1][(x >> 16) & 255]) ^ st->s[2][(x >> 8) & 255]) +
               st->s[3][x & 255];
}

/* Lane after lane: the core finds by itself what can run at once. A compiler that tries to help
 * mixes the lanes so well that the registers run out. */
static always_inline void keep_order(void) {
        __asm__ volatile("" ::: "memory");
}

/* The round key goes in first: it waits for nothing, so it adds nothing to the chain. */
static always_inline void encipher(const union state *st, unsigned n, uint32_t *l, uint32_t *r) {
        EACH_LANE(n, l[j] ^= st[j].p[0]);
        UNROLL
        for (unsigned i = 1; i < 17; i += 2) {
                EACH_LANE(n, keep_order(); r[j] = (r[j] ^ st[j].p[i]) ^ feistel(&st[j], l[j]));
                EACH_LANE(n, keep_order(); l[j] = (l[j] ^ st[j].p[i + 1]) ^ feistel(&st[j], r[j]));
        }
        EACH_LANE(n, uint32_t left = r[j] ^ st[j].p[17]; r[j] = l[j]; l[j] = left);
}

/* Blowfish's key schedule over what the states hold already; salted is the first one of bcrypt. */
static always_inline void expand(struct work *w, unsigned n, enum key key, bool salted) {
        union state *st = w->states;
        const struct lane *lanes = w->lanes;
        uint32_t l[LANES_MAX] = {0}, r[LANES_MAX] = {0};

        for (unsigned k = 0; k < n; k++) {
                for (unsigned i = 0; i < ROUND_KEYS; i++)
                        st[k].p[i] ^= lanes[k].keys[key][i % KEY_WORDS];
        }
        for (unsigned i = 0; i < ROUND_KEYS + 4 * 256; i += 2) {
                if (salted) {
                        EACH_LANE(n, l[j] ^= lanes[j].keys[KEY_SALT][i % KEY_WORDS];
                                  r[j] ^= lanes[j].keys[KEY_SALT][(i + 1) % KEY_WORDS]);
                }
                encipher(st, n, l, r);
                EACH_LANE(n, st[j].words[i] = l[j]; st[j].words[i + 1] = r[j]);
        }
}

/* Two words of a hash; as bytes they are little-endian. */
static void put_hash(struct lane *lane, unsigned at, uint32_t l, uint32_t r) {
        for (unsigned i = 0; i < 4; i++) {
                lane->hash[at + i] = (uint8_t)(l >> 8 * i);
                lane->hash[at + 4 + i] = (uint8_t)(r >> 8 * i);
        }
        lane->sum[at / 4] ^= l;
        lane->sum[at / 4 + 1] ^= r;
}

/* The bcrypt hash of each lane's keys. */
static always_inline void run_lanes(struct work *w, unsigned n) {
        static const char magic[BLOCK_SIZE + 1] = "OxychromaticBlowfishSwatDynamite";
        const union state *st = w->states;
        struct lane *lanes = w->lanes;

        for (unsigned k = 0; k < n; k++)
                memcpy(&w->states[k], pi_words, sizeof pi_words);
        expand(w, n, KEY_PASS, true);
        for (unsigned i = 0; i < 2 * 64; i++)
                expand(w, n, i % 2 ? KEY_PASS : KEY_SALT, false);
        for (unsigned b = 0; b < BLOCK_SIZE; b += 8) {
                uint32_t l[LANES_MAX] = {0}, r[LANES_MAX] = {0};

                EACH_LANE(n, l[j] = load_be((const uint8_t *)magic + b);
                          r[j] = load_be((const uint8_t *)magic + b + 4));
                for (unsigned i = 0; i < 64; i++)
                        encipher(st, n, l, r);
                EACH_LANE(n, put_hash(&lanes[j], b, l[j], r[j]));
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

/* Gives the next block of the queue, which has one, to a lane. */
static void start_lane(struct work *w, struct lane *lane, struct queue *queue) {
        const TaBcryptJob *job = queue->job;
        uint32_t number = queue->block + 1;

        *lane = (struct lane){.job = job, .block = queue->block, .rounds_left = job->rounds};
        load_digest(w, job->passphrase.data, job->passphrase.len, lane->keys[KEY_PASS]);
        memcpy(w->salted, job->salt.data, job->salt.len);
        for (unsigned i = 0; i < 4; i++)
                w->salted[job->salt.len + i] = (uint8_t)(number >> (24 - 8 * i));
        load_digest(w, w->salted, job->salt.len + 4, lane->keys[KEY_SALT]);

        queue->left--;
        if (++queue->block == n_blocks(job)) {
                queue->job++;
                queue->block = 0;
        }
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

/* As few rows of lanes as possible, and those alike: four and four end before six and two. */
static unsigned n_lanes(size_t blocks) {
        size_t rows = (blocks + LANES_MAX - 1) / LANES_MAX;

        return rows > 0 ? (unsigned)((blocks + rows - 1) / rows) : 0;
}

static void run_queue(struct work *w, struct queue *queue) {
        unsigned n = n_lanes(queue->left);

        for (unsigned k = 0; k < n; k++)
                start_lane(w, &w->lanes[k], queue);
        while (n > 0) {
                run[n](w);
                for (unsigned k = n; k-- > 0;) {
                        struct lane *lane = &w->lanes[k];

                        if (--lane->rounds_left > 0) {
                                load_digest(w, lane->hash, sizeof lane->hash, lane->keys[KEY_SALT]);
                                continue;
                        }
                        finish_lane(lane);
                        if (queue->left > 0)
                                start_lane(w, lane, queue);
                        else if (k != --n)
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
        struct queue queue = {.job = jobs};
        struct work *w;

        for (size_t i = 0; i < n_jobs; i++) {
                if (!in_limits(&jobs[i]))
                        return TA_E_LIMIT;
                queue.left += n_blocks(&jobs[i]);
        }
        w = ta_secret_alloc(sizeof *w);
        if (!w)
                return TA_E_FULL;
        run_queue(w, &queue);
        ta_secret_free(w);
        sodium_stackzero(STACK_USED);
        return 0;
}
