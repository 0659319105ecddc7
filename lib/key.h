/* SPDX-License-Identifier: ISC */
/*
 * A key: a row of the table of key types, its public blob, perhaps its private half, perhaps a
 * certificate. Immutable once made. The private half lives in secret memory (lib/secret.h) and is
 * kept parsed and ready: signing builds nothing anew.
 *
 * Blobs: RFC 4253 section 6.6 (ssh-rsa), RFC 5656 section 3.1 (ECDSA), RFC 8709 section 4
 * (Ed25519), OpenSSH PROTOCOL.certkeys (certificates), PROTOCOL.u2f (sk keys; public halves only).
 * Private encodings: RFC 9987 section 5.2.
 */
#ifndef TA_LIB_KEY_H
#define TA_LIB_KEY_H

#include "lib/base.h"
#include "lib/proto.h"
#include "lib/wire.h"

typedef struct TaKey TaKey;
typedef struct TaCert TaCert; /* lib/cert.h */

/* One row for each wire name of a plain key. A certificate has the row of its key, and a cert. */
typedef struct TaKeyType {
        const char *name;      /* "ssh-ed25519" */
        const char *cert_name; /* "ssh-ed25519-cert-v01@openssh.com" */
        const char *shown;     /* "ED25519", as the tools print it */
        const char *option;    /* "ed25519", as given to tkeygen -t; NULL: cannot be generated */
        unsigned bits;         /* fixed size in bits; 0 where it depends on the key (RSA) */
        bool slow;             /* a signature takes a millisecond or more */

        /* The fields after the type name; the reader stands behind them on success. */
        int (*read_public)(TaReader *r, TaKey *key);
        void (*write_public)(const TaKey *key, TaWriter *w);
        /* `with_public`: the plain encoding. Without: that of a certificate's private half, where
         * the public fields are left out (PROTOCOL.certkeys). Public and private halves are
         * checked to belong together. NULL: no private half can be held (sk keys). */
        int (*read_private)(TaReader *r, TaKey *key, bool with_public);
        void (*write_private)(const TaKey *key, TaWriter *w, bool with_public);
        int (*generate)(TaKey *key, unsigned bits);
        /* Writes the signature blob: string algorithm, string signature. */
        int (*sign)(const TaKey *key, TaBytes data, uint32_t flags, TaWriter *w);
        /* `algorithm` was read from the blob; the reader holds the signature's own bytes. */
        int (*verify)(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *sig);
        unsigned (*size)(const TaKey *key); /* bits; NULL: the row's */
        void (*clear)(TaKey *key);
} TaKeyType;

struct TaKey {
        const TaKeyType *type;
        bool has_private;
        uint8_t *blob; /* the exact public blob, the certificate's for a certificate; plain heap */
        size_t blob_len;
        TaCert *cert;  /* NULL for a plain key */
        void *public;  /* the row's own; plain or arena memory */
        void *private; /* the row's own; in secret memory */
};

/* All rows, NULL at the end. */
extern const TaKeyType *const ta_key_types[];

/* A row by its wire name, plain or certificate's (`ret_is_cert` may be NULL); NULL if unknown. */
const TaKeyType *ta_key_type_find(TaBytes wire_name, bool *ret_is_cert);
/* A row by what people write ("ed25519", "ssh-rsa", "ECDSA"; for ECDSA chosen by bits, 0 = 256). */
const TaKeyType *ta_key_type_by_option(const char *name, unsigned bits);

/* A public key or certificate from its whole blob; at most TA_KEY_BLOB_MAX bytes. */
ta_must_check int ta_key_read_public(TaBytes blob, TaKey **ret);

/* The next private key of the reader in the encoding of SSH_AGENTC_ADD_IDENTITY, which is also
 * that of openssh-key-v1: type name, fields. Certificates too. Checks sizes first, then that the
 * halves belong together: TA_E_MISMATCH, TA_E_WEAK, TA_E_LIMIT, TA_E_MALFORMED, TA_E_ALGORITHM. */
ta_must_check int ta_key_read_private(TaReader *r, TaKey **ret);
void ta_key_write_private(const TaKey *key, TaWriter *w); /* fails the writer without private half */

/* A new key; `bits` 0 = the default of the type (RSA: 3072). */
ta_must_check int ta_key_generate(const TaKeyType *type, unsigned bits, TaKey **ret);

/* A key that has the private half of `key` and the certificate `cert`, which must be for it
 * (TA_E_MISMATCH). Neither argument is changed. */
ta_must_check int ta_key_certify(const TaKey *key, const TaKey *cert, TaKey **ret);

/* A copy of the public half; of a certificate: of its plain key. */
ta_must_check int ta_key_plain(const TaKey *key, TaKey **ret);

/* Signs with SSH_AGENT_RSA_SHA2_* flags, which only RSA heeds (none: SHA-1, as RFC 9987 says; both:
 * SHA-256, as OpenSSH does). Appends the signature blob, once it is known to be right: a bit flipped
 * in the key or on the way gives TA_E_CRYPTO and nothing else. TA_E_NO_PRIVATE. */
ta_must_check int ta_key_sign(const TaKey *key, TaBytes data, uint32_t flags, TaWriter *w);

/* 0 if `signature` (a blob) is this key's over `data`; TA_E_SIGNATURE, or why it cannot be read.
 * For a certificate: its key's signature; the certificate itself is not judged. */
ta_must_check int ta_key_verify(const TaKey *key, TaBytes data, TaBytes signature);

void ta_key_free(TaKey *key);
void ta_key_freep(TaKey **key);

static inline TaBytes ta_key_blob(const TaKey *key) {
        return (TaBytes){key->blob, key->blob_len};
}
/* The wire name: the certificate's name for a certificate. */
static inline const char *ta_key_name(const TaKey *key) {
        return key->cert ? key->type->cert_name : key->type->name;
}
unsigned ta_key_bits(const TaKey *key);
/* "ED25519", "RSA-CERT": for people. */
const char *ta_key_shown(const TaKey *key, char buf[static 32]);
/* Type and public fields equal, certificates aside. */
bool ta_key_same_plain(const TaKey *a, const TaKey *b);

/* One row's file: */
extern const TaKeyType ta_key_ed25519;
extern const TaKeyType ta_key_ecdsa_p256, ta_key_ecdsa_p384, ta_key_ecdsa_p521;
extern const TaKeyType ta_key_rsa;
extern const TaKeyType ta_key_sk_ed25519, ta_key_sk_ecdsa;

#endif
