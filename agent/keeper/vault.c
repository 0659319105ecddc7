/* SPDX-License-Identifier: ISC */
/*
 * Open addressing with linear probing; numbers are given in sequence, so they spread by themselves.
 * Removing shifts the run behind the gap, so there are no tombstones.
 *
 * Keys are kept as libcrypto uses them, since to make them so takes longer than a signature. When the
 * arena is nearly full, those that have not been used for longest are packed: kept as an ADD message
 * has them, which takes a fifth of the room, until they are asked for.
 */
#include "agent/keeper/vault.h"

#include <errno.h>
#include <sodium.h>

#include "agent/link.h"

#define CAPACITY_MIN 64
#define SIGNING_ROOM (512u << 10)
#define PACK_ROOM    (64u << 10) /* larger ones (certificates) are not packed */

typedef struct Slot {
        uint32_t id; /* 0: empty */
        uint32_t used; /* the vault's clock when it was */
        uint64_t deadline_ms;
        union {
                TaKey *key;
                TaSecret *packed;
        };
        bool committed, is_packed;
} Slot;

struct Vault {
        Slot *slots;
        size_t capacity; /* a power of two */
        size_t n;
        uint64_t next_deadline_ms;
        bool locked;
        uint32_t clock; /* ticks when a key is used */
        uint8_t salt[16];
        uint8_t lock_hash[32];
        uint8_t seal_public[crypto_box_PUBLICKEYBYTES]; /* of this run only */
        uint8_t seal_secret[crypto_box_SECRETKEYBYTES];
};

_Static_assert(crypto_box_PUBLICKEYBYTES == LINK_KEY, "the link says how long a public key is");

int vault_new(Vault **ret) {
        Vault *vault = ta_secret_alloc(sizeof *vault);

        if (!vault)
                return TA_E_FULL;
        vault->capacity = CAPACITY_MIN;
        vault->slots = ta_secret_alloc(vault->capacity * sizeof *vault->slots);
        if (!vault->slots) {
                ta_secret_free(vault);
                return TA_E_FULL;
        }
        (void)crypto_box_keypair(vault->seal_public, vault->seal_secret);
        *ret = vault;
        return 0;
}

void vault_free(Vault *vault) {
        if (!vault)
                return;
        vault_drop_all(vault);
        ta_secret_free(vault->slots);
        ta_secret_free(vault);
}

/* The slot of `id`, or the empty one where it would go. */
static Slot *slot_of(Vault *vault, uint32_t id) {
        size_t i = id & (vault->capacity - 1);

        while (vault->slots[i].id != 0 && vault->slots[i].id != id)
                i = (i + 1) & (vault->capacity - 1);
        return &vault->slots[i];
}

static int grow(Vault *vault) {
        Slot *old = vault->slots, *slots;
        size_t old_capacity = vault->capacity;

        slots = ta_secret_alloc(2 * old_capacity * sizeof *slots);
        if (!slots)
                return TA_E_FULL;
        vault->slots = slots;
        vault->capacity = 2 * old_capacity;
        for (size_t i = 0; i < old_capacity; i++)
                if (old[i].id)
                        *slot_of(vault, old[i].id) = old[i];
        ta_secret_free(old);
        return 0;
}

/* What stays free of keys, because libcrypto signs in the same memory: the largest RSA key takes
 * 300 KiB for it. A small arena keeps a quarter. */
static bool room_for_keys(void) {
        size_t all = ta_secret_capacity();

        return all - ta_secret_in_use() >= (all / 4 < SIGNING_ROOM ? all / 4 : SIGNING_ROOM);
}

static void slot_clear(Slot *slot) {
        if (slot->is_packed)
                ta_secret_drop(slot->packed);
        else
                ta_key_free(slot->key);
        *slot = (Slot){0};
}

/* An Ed25519 key would be no smaller. */
static bool can_be_packed(const Slot *slot) {
        return slot->id && !slot->is_packed && slot->key->type != &ta_key_ed25519;
}

static int pack(Slot *slot) {
        uint8_t *scratch = ta_secret_alloc(PACK_ROOM);
        TaWriter w = ta_writer(scratch, PACK_ROOM);
        TaSecret *packed;
        int err;

        if (!scratch)
                return TA_E_FULL;
        ta_key_write_private(slot->key, &w);
        err = w.err ? w.err : ta_secret_dup(ta_written(&w), &packed);
        ta_secret_free(scratch);
        if (err)
                return err;
        ta_key_free(slot->key);
        slot->packed = packed;
        slot->is_packed = true;
        return 0;
}

/* A key that does not come out of what it was packed into has been damaged there. */
static int unpack(Slot *slot) {
        TaReader r = ta_reader(ta_secret_bytes(slot->packed));
        TaKey *key;
        int err = ta_key_read_private(&r, &key);

        if (err == TA_E_FULL || err == -ENOMEM || err == TA_E_CRYPTO)
                return err;
        if (err)
                return TA_E_FAULT;
        ta_secret_drop(slot->packed);
        slot->key = key;
        slot->is_packed = false;
        return 0;
}

static int make_room(Vault *vault) {
        while (!room_for_keys()) {
                Slot *oldest = NULL;

                for (size_t i = 0; i < vault->capacity; i++) {
                        Slot *slot = &vault->slots[i];

                        if (can_be_packed(slot) &&
                            (!oldest || vault->clock - slot->used > vault->clock - oldest->used))
                                oldest = slot;
                }
                if (!oldest || pack(oldest))
                        return TA_E_FULL;
        }
        return 0;
}

int vault_add(Vault *vault, uint32_t id, TaKey *key) {
        Slot *slot;
        int err;

        if (id == 0)
                return TA_E_PROTOCOL;
        err = make_room(vault);
        if (err)
                return err;
        if (2 * (vault->n + 1) > vault->capacity) {
                err = grow(vault);
                if (err)
                        return err;
        }
        slot = slot_of(vault, id);
        if (slot->id)
                return TA_E_EXISTS;
        *slot = (Slot){.id = id, .key = key, .used = ++vault->clock};
        vault->n++;
        return 0;
}

void vault_commit(Vault *vault, uint32_t id, uint64_t deadline_ms) {
        Slot *slot = slot_of(vault, id);

        if (id == 0 || !slot->id)
                return;
        slot->committed = true;
        slot->deadline_ms = deadline_ms;
        if (deadline_ms && (!vault->next_deadline_ms || deadline_ms < vault->next_deadline_ms))
                vault->next_deadline_ms = deadline_ms;
}

void vault_drop(Vault *vault, uint32_t id) {
        Slot *slot = slot_of(vault, id);
        size_t mask = vault->capacity - 1, gap, i;

        if (id == 0 || !slot->id)
                return;
        slot_clear(slot);
        vault->n--;
        gap = i = (size_t)(slot - vault->slots);
        for (;;) {
                i = (i + 1) & mask;
                if (!vault->slots[i].id)
                        break;
                /* May this one move into the gap without coming before its home? */
                if (((i - (vault->slots[i].id & mask)) & mask) >= ((i - gap) & mask)) {
                        vault->slots[gap] = vault->slots[i];
                        gap = i;
                }
        }
        vault->slots[gap] = (Slot){0};
}

void vault_drop_all(Vault *vault) {
        for (size_t i = 0; i < vault->capacity; i++)
                slot_clear(&vault->slots[i]);
        vault->n = 0;
        vault->next_deadline_ms = 0;
}

int vault_find(Vault *vault, uint32_t id, const TaKey **ret) {
        Slot *slot = slot_of(vault, id);
        int err;

        if (vault->locked)
                return TA_E_LOCKED;
        if (id == 0 || !slot->id || !slot->committed)
                return TA_E_NOT_FOUND;
        slot->used = ++vault->clock;
        (void)!make_room(vault); /* where none can be made, there still is enough for one key */
        err = slot->is_packed ? unpack(slot) : 0;
        if (err)
                return err;
        *ret = slot->key;
        return 0;
}

const uint8_t *vault_public_key(const Vault *vault) {
        return vault->seal_public;
}

int vault_unseal(const Vault *vault, TaBytes sealed, uint8_t *ret, size_t *ret_len) {
        if (sealed.len < crypto_box_SEALBYTES ||
            crypto_box_seal_open(ret, sealed.data, sealed.len, vault->seal_public,
                                 vault->seal_secret) != 0)
                return TA_E_MISMATCH;
        *ret_len = sealed.len - crypto_box_SEALBYTES;
        return 0;
}

uint64_t vault_expire(Vault *vault, uint64_t now_ms) {
        uint64_t next = 0;

        if (!vault->next_deadline_ms || now_ms < vault->next_deadline_ms)
                return vault->next_deadline_ms;
        for (size_t i = 0; i < vault->capacity;) {
                const Slot *slot = &vault->slots[i];

                if (slot->id && slot->deadline_ms && slot->deadline_ms <= now_ms) {
                        vault_drop(vault, slot->id); /* another may have moved in here: look again */
                        continue;
                }
                if (slot->id && slot->deadline_ms && (!next || slot->deadline_ms < next))
                        next = slot->deadline_ms;
                i++;
        }
        vault->next_deadline_ms = next;
        return next;
}

/* The passphrase never leaves secret memory, so a fast keyed hash is enough: whoever could read the
 * hash could read the keys. Slowing down guesses is the front's business. */
static void lock_hash(const Vault *vault, TaBytes passphrase, uint8_t out[static 32]) {
        crypto_generichash(out, 32, passphrase.data, passphrase.len, vault->salt,
                           sizeof vault->salt);
}

int vault_lock(Vault *vault, TaBytes passphrase) {
        if (vault->locked)
                return TA_E_LOCKED;
        if (passphrase.len == 0)
                return TA_E_PASSPHRASE;
        randombytes_buf(vault->salt, sizeof vault->salt);
        lock_hash(vault, passphrase, vault->lock_hash);
        vault->locked = true;
        return 0;
}

int vault_unlock(Vault *vault, TaBytes passphrase) {
        uint8_t hash[32];
        ta_wiped(hash);

        if (!vault->locked)
                return TA_E_NOT_FOUND;
        lock_hash(vault, passphrase, hash);
        if (passphrase.len == 0 || sodium_memcmp(hash, vault->lock_hash, sizeof hash) != 0)
                return TA_E_PASSPHRASE;
        ta_wipe(vault->lock_hash, sizeof vault->lock_hash);
        vault->locked = false;
        return 0;
}
