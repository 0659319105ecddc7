/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH certificates (PROTOCOL.certkeys): the fields around a public key. The views point into
 * the certificate's blob, which the TaKey owns.
 */
#ifndef TA_LIB_CERT_H
#define TA_LIB_CERT_H

#include "lib/key.h"

enum {
        TA_CERT_USER = 1,
        TA_CERT_HOST = 2,
};

struct TaCert {
        uint64_t serial;
        uint32_t type; /* TA_CERT_USER or TA_CERT_HOST; anything else is refused */
        TaBytes key_id;
        TaBytes principals; /* strings one after the other; empty: none, which never means "all" */
        size_t n_principals;
        uint64_t valid_after; /* seconds since 1970 */
        uint64_t valid_before;
        TaBytes critical; /* name, data pairs of strings, checked to be well-formed */
        TaBytes extensions;
        TaBytes ca_blob; /* a plain public key */
        TaBytes signature;
        TaBytes signed_part; /* what the CA signed */
};

/* The wire layout: type name, nonce, the key's public fields, then these. Used by lib/key.c. The CA's
 * signature must hold (TA_E_SIGNATURE): so no certificate exists that nobody signed. Whether the CA
 * is trusted is not asked here. */
ta_must_check int ta_cert_read(TaReader *r, TaBytes blob, TaCert **ret);

/* 0, TA_E_EXPIRED, or TA_E_REFUSED (not valid yet), at `now` in seconds since 1970. */
ta_must_check int ta_cert_valid_at(const TaCert *cert, uint64_t now);

#endif
