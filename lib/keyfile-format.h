/* SPDX-License-Identifier: ISC */
/*
 * What lib/keyfile.c asks of the formats. Private to lib/keyfile*.c: everybody else uses
 * lib/keyfile.h.
 */
#ifndef TA_LIB_KEYFILE_FORMAT_H
#define TA_LIB_KEYFILE_FORMAT_H

#include "lib/kdf.h"
#include "lib/keyfile.h"

#define TA_KEYFILE_DERIVED_MAX 64 /* key and IV of any cipher */

/* Looks into file->body and fills in what it says without a passphrase. */
ta_must_check int ta_keyfile_openssh_parse(TaKeyFile *file);

/* The key derivation that the file asks for; out_len 0 if it is not encrypted. The caller sets
 * passphrase and out. */
ta_must_check int ta_keyfile_openssh_job(const TaKeyFile *file, TaBcryptJob *ret_job);

/* Fills in key and comment; `derived` is what the job made. */
ta_must_check int ta_keyfile_openssh_unlock(TaKeyFile *file, const uint8_t *derived);

ta_must_check int ta_keyfile_openssh_write(const TaKey *key, TaBytes comment, TaBytes passphrase,
                                           const TaKeyFileOptions *options, TaSecret **ret_text);

/* PEM and PKCS#8, told apart by their labels; TA_E_NOT_FOUND if the text has neither. */
ta_must_check int ta_keyfile_pem_parse(TaBytes text, TaKeyFile *file);
ta_must_check int ta_keyfile_pem_unlock(TaKeyFile *file, TaBytes passphrase);
ta_must_check int ta_keyfile_pem_write(const TaKey *key, TaBytes passphrase, TaKeyFormat format,
                                       TaSecret **ret_text);

#endif
