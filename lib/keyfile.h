/* SPDX-License-Identifier: ISC */
/*
 * Private key files: openssh-key-v1 (OpenSSH PROTOCOL.key) in every cipher that OpenSSH has, read
 * and written; PEM (RSA, EC) read and written; PKCS#8 plain and encrypted, read and written. And
 * public key files: one-line, RFC 4716, PKCS#8 and PEM.
 *
 * Works on bytes, not on files: reading and writing them safely is lib/file.h.
 */
#ifndef TA_LIB_KEYFILE_H
#define TA_LIB_KEYFILE_H

#include "lib/key.h"
#include "lib/secret.h"

typedef enum TaKeyFormat {
        TA_FORMAT_OPENSSH, /* "-----BEGIN OPENSSH PRIVATE KEY-----"; also RFC 4716 for public keys */
        TA_FORMAT_PEM,     /* "-----BEGIN RSA PRIVATE KEY-----" */
        TA_FORMAT_PKCS8,   /* "-----BEGIN [ENCRYPTED] PRIVATE KEY-----" */
} TaKeyFormat;

/* A private key file, parsed as far as it goes without a passphrase. */
typedef struct TaKeyFile {
        TaKeyFormat format;
        bool encrypted;
        const char *cipher; /* "aes256-ctr", static; NULL if not encrypted or not known */
        uint32_t rounds;    /* bcrypt; 0 else */
        TaKey *public;      /* what the envelope says (openssh-key-v1), NULL where nothing does */
        TaSecret *body;     /* the file's decoded contents */
        /* After ta_keyfile_unlock(): */
        TaKey *key;
        TaSecret *comment; /* empty where the format has none; may hold any byte but NUL */
} TaKeyFile;

/* Parses the text of a file. Does not read public keys: TA_E_NOT_FOUND where there is no private
 * key in it; TA_E_MALFORMED, TA_E_TRUNCATED, TA_E_TRAILING, TA_E_LIMIT, TA_E_CIPHER, ... */
ta_must_check int ta_keyfile_parse(TaBytes text, TaKeyFile **ret);

/* Decrypts (if need be) and reads the private keys of `n` files with one passphrase; the key
 * derivation of all of them is done in one pass. ret_errs[i] is the result for files[i]: 0,
 * TA_E_PASSPHRASE (wrong), TA_E_NEED_PASSPHRASE (empty passphrase, encrypted file), or what is
 * wrong with the file. Files that have their key already are left alone. */
void ta_keyfile_unlock(TaKeyFile *const *files, size_t n, TaBytes passphrase, int *ret_errs);

void ta_keyfile_free(TaKeyFile *file);
void ta_keyfile_freep(TaKeyFile **file);

typedef struct TaKeyFileOptions {
        TaKeyFormat format;
        const char *cipher; /* openssh-key-v1 only; NULL = aes256-ctr */
        uint32_t rounds;    /* 0 = TA_BCRYPT_ROUNDS_DEFAULT */
} TaKeyFileOptions;

/* The text of a private key file; an empty passphrase writes it unencrypted. TA_E_CIPHER (unknown
 * name), TA_E_ALGORITHM (a type the format cannot hold: PEM of Ed25519, PEM/PKCS#8 of
 * certificates), TA_E_LIMIT (PEM and PKCS#8: passphrase under 5 bytes). */
ta_must_check int ta_keyfile_write(const TaKey *key, TaBytes comment, TaBytes passphrase,
                                   const TaKeyFileOptions *options, TaSecret **ret_text);

/* Every name for TaKeyFileOptions.cipher, NULL at the end. */
extern const char *const ta_keyfile_ciphers[];

/* The public key of the text of a file: the first key line of a one-line file (options before the
 * key, as in authorized_keys, are skipped), RFC 4716, PKCS#8/PEM public keys, or the envelope of an
 * openssh-key-v1 file. The comment is a heap string of the caller's, "" if there is none. */
ta_must_check int ta_pubfile_read(TaBytes text, TaKey **ret, char **ret_comment);

/* One line: "ssh-ed25519 AAAA... comment", authorized_keys options and known_hosts markers and
 * host names before it are skipped. TA_E_NOT_FOUND for an empty line or a comment. The view of the
 * comment lies in `line`. `ret_prefix` (may be NULL): what stood before the type name. */
ta_must_check int ta_publine_read(TaBytes line, TaKey **ret, TaBytes *ret_comment,
                                  TaBytes *ret_prefix);
/* "type base64 comment", no line end; no blank at the end without comment. */
void ta_publine_write(TaWriter *w, const TaKey *key, TaBytes comment);

/* A public key in another format: TA_FORMAT_OPENSSH is RFC 4716 ("---- BEGIN SSH2 PUBLIC KEY")
 * with the comment header that ssh-keygen -e writes. Heap string of the caller's. */
ta_must_check int ta_pubfile_write(const TaKey *key, TaBytes comment, TaKeyFormat format,
                                   char **ret_text);

#endif
