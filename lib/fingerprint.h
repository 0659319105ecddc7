/* SPDX-License-Identifier: ISC */
/* Short names of public keys, as OpenSSH prints them. A certificate has that of its key. */
#ifndef TA_LIB_FINGERPRINT_H
#define TA_LIB_FINGERPRINT_H

#include "lib/key.h"

typedef enum TaHash {
        TA_HASH_SHA256, /* "SHA256:" and base64 without padding; the default */
        TA_HASH_SHA512, /* "SHA512:" likewise */
        TA_HASH_SHA384,
        TA_HASH_SHA1,
        TA_HASH_MD5, /* "MD5:" and hex with colons */
} TaHash;

#define TA_FINGERPRINT_MAX 128   /* with its NUL */
#define TA_RANDOMART_MAX   512   /* 11 lines, with its NUL */
#define TA_DIGEST_MAX      64

/* By name, any case ("sha256", "MD5"); -1 if unknown. */
int ta_hash_find(const char *name);
/* "SHA256" */
const char *ta_hash_name(TaHash hash);
/* The digest of `data`; its length, or a negative code. */
ta_must_check int ta_digest(TaHash hash, TaBytes data, uint8_t out[static TA_DIGEST_MAX]);

ta_must_check int ta_fingerprint(const TaKey *key, TaHash hash, char out[static TA_FINGERPRINT_MAX]);
/* The drunken bishop's walk: 17x9 in a frame, lines separated by newlines, none at the end. */
ta_must_check int ta_randomart(const TaKey *key, TaHash hash, char out[static TA_RANDOMART_MAX]);
/* "xudok-..." of SHA-1 (tkeygen -B). */
ta_must_check int ta_bubblebabble(const TaKey *key, char out[static TA_FINGERPRINT_MAX]);

#endif
