/* SPDX-License-Identifier: ISC */
/*
 * bcrypt_pbkdf as OpenSSH's private key files use it (a PBKDF2 over a bcrypt with SHA-512; neither
 * libcrypto nor libsodium has it). One Blowfish is a chain of table look-ups bound by latency, so
 * independent blocks run interleaved on one core: two blocks in little more than the time of one,
 * six in less than that of two.
 */
#ifndef TA_LIB_KDF_H
#define TA_LIB_KDF_H

#include "lib/base.h"

#define TA_BCRYPT_ROUNDS_DEFAULT 24
#define TA_BCRYPT_ROUNDS_MAX     65536 /* about 3 minutes; above: refused as an attack on time */
#define TA_BCRYPT_SALT_MAX       1024
#define TA_BCRYPT_OUT_MAX        1024

typedef struct TaBcryptJob {
        TaBytes passphrase; /* 1 byte at least */
        TaBytes salt;       /* 1 to TA_BCRYPT_SALT_MAX bytes */
        uint32_t rounds;    /* 1 to TA_BCRYPT_ROUNDS_MAX */
        uint8_t *out;       /* secret memory of the caller */
        size_t out_len;     /* 1 to TA_BCRYPT_OUT_MAX */
} TaBcryptJob;

/* Works off all jobs in one pass. TA_E_LIMIT if a parameter is out of range (then nothing is
 * written), TA_E_FULL if the arena has no room for the lanes. */
ta_must_check int ta_bcrypt_pbkdf(const TaBcryptJob *jobs, size_t n_jobs);

#endif
