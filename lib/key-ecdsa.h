/* SPDX-License-Identifier: ISC */
/* What lib/key-ecdsa.c lends to the token keys of lib/key-sk.c. */
#ifndef TA_LIB_KEY_ECDSA_H
#define TA_LIB_KEY_ECDSA_H

#include <openssl/types.h>

#include "lib/base.h"

/* `signature`: mpint r, mpint s (RFC 5656 section 3.1.2), each at most `scalar_len` bytes. 0 or
 * TA_E_SIGNATURE. */
ta_must_check int ta_ecdsa_verify(EC_KEY *ec, size_t scalar_len, TaBytes hash, TaBytes signature);

#endif
