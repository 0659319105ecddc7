/* SPDX-License-Identifier: ISC */
/*
 * Public keys as libcrypto's EVP_PKEY and back, by way of their SSH blobs: what the ASN.1 formats
 * of public key files need, and nothing else does. RSA, ECDSA and Ed25519; TA_E_ALGORITHM for the
 * rest. What a number means is judged by lib/key.h when it reads the blob, not here.
 */
#ifndef TA_LIB_EVP_H
#define TA_LIB_EVP_H

#include <openssl/evp.h>

#include "lib/base.h"
#include "lib/wire.h"

/* From and to the blob of a plain public key. */
ta_must_check int ta_evp_read_public(TaBytes blob, EVP_PKEY **ret);
ta_must_check int ta_evp_write_public(EVP_PKEY *pkey, TaWriter *w);

void ta_evp_freep(EVP_PKEY **pkey);

/* libcrypto has refused something: `because`; but TA_E_CRYPTO where memory was short, which says
 * nothing about what it was given. Its queue of errors, which has to have been empty before, is so
 * again. */
int ta_crypto_refused(int because);

/* For a process that signs and verifies, before any other use of libcrypto: no configuration file,
 * and none of the tables that are for finding things by name; they would be a quarter of a keeper's
 * start. 0, or TA_E_CRYPTO: a hash is not what it should be. */
ta_must_check int ta_crypto_start(void);

/* For a process that reads and writes key files, likewise: no configuration file either, which
 * could have modules loaded; ciphers are found by their names, at their first use. */
ta_must_check int ta_crypto_start_tool(void);

#endif
