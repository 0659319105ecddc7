/* SPDX-License-Identifier: ISC */
/*
 * The benchmark's own keys: made in process, written as an agent takes them, and used to check
 * what an agent signed. They are worth nothing, so they live in ordinary memory.
 */
#ifndef TA_BENCH_KEYS_H
#define TA_BENCH_KEYS_H

#include "lib/base.h"
#include "lib/wire.h"

typedef struct BenchKey BenchKey;

/* "ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096".
 * TA_E_NOT_FOUND for anything else. */
ta_must_check int bench_key_new(const char *type, BenchKey **ret);
void bench_key_free(BenchKey *key);
void bench_key_freep(BenchKey **key);

TaBytes bench_key_blob(const BenchKey *key);
const char *bench_key_algorithm(const BenchKey *key); /* as in a login: "rsa-sha2-512" */
uint32_t bench_key_flags(const BenchKey *key);        /* for the sign request */

/* A whole message that adds the key, without its length. */
void bench_key_write_add(const BenchKey *key, const char *comment, bool confirm, TaWriter *w);

/* 0, or TA_E_SIGNATURE for anything that is not this key's signature over `data`. */
ta_must_check int bench_key_verify(const BenchKey *key, TaBytes data, TaBytes signature);

#endif
