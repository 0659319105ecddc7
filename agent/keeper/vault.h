/* SPDX-License-Identifier: ISC */
/*
 * The keys of a keeper, found by the number that the front gave them, with what the keeper itself
 * enforces: a key signs only once committed, not after its deadline, not while locked.
 */
#ifndef TA_KEEPER_VAULT_H
#define TA_KEEPER_VAULT_H

#include "lib/key.h"
#include "lib/secret.h"

typedef struct Vault Vault;

ta_must_check int vault_new(Vault **ret);
void vault_free(Vault *vault);

/* Takes the key on success. TA_E_EXISTS if the number is in use, TA_E_FULL. */
ta_must_check int vault_add(Vault *vault, uint32_t id, TaKey *key);
/* It may sign from now on, until `deadline_ms` (CLOCK_BOOTTIME; 0: for good). */
void vault_commit(Vault *vault, uint32_t id, uint64_t deadline_ms);
void vault_drop(Vault *vault, uint32_t id);
void vault_drop_all(Vault *vault);

/* The public key to which others seal (LINK_KEY bytes), and what only this vault can open: `ret`,
 * secret memory of `sealed.len` bytes, gets the length that is returned in `ret_len`. */
const uint8_t *vault_public_key(const Vault *vault);
ta_must_check int vault_unseal(const Vault *vault, TaBytes sealed, uint8_t *ret, size_t *ret_len);

/* Borrowed, until the vault is asked for anything else. TA_E_LOCKED, TA_E_NOT_FOUND (also when not
 * committed), TA_E_FAULT where it has been damaged, TA_E_FULL, TA_E_CRYPTO where there is no memory. */
ta_must_check int vault_find(Vault *vault, uint32_t id, const TaKey **ret);

/* Frees what is past its deadline; the next deadline, or 0 if there is none. */
uint64_t vault_expire(Vault *vault, uint64_t now_ms);

/* TA_E_LOCKED if locked already, TA_E_PASSPHRASE if empty or wrong, TA_E_NOT_FOUND if not locked. */
ta_must_check int vault_lock(Vault *vault, TaBytes passphrase);
ta_must_check int vault_unlock(Vault *vault, TaBytes passphrase);

#endif
