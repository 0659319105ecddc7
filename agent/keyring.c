/* SPDX-License-Identifier: ISC */
#include "agent/keyring.h"

#include <errno.h>
#include <sodium.h>

#include "lib/message.h"

#define BUCKETS_MIN 64

struct Keyring {
        Identity *first, *last;
        Identity **buckets;
        size_t n_buckets; /* a power of two */
        size_t n;
        uint64_t next_deadline_ms;
        uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* so that nobody can choose collisions */
        uint8_t *answer;
        size_t answer_len; /* 0: to be built */
};

int keyring_new(Keyring **ret) {
        Keyring *keyring = calloc(1, sizeof *keyring);

        if (!keyring)
                return -ENOMEM;
        keyring->n_buckets = BUCKETS_MIN;
        keyring->buckets = calloc(keyring->n_buckets, sizeof *keyring->buckets);
        if (!keyring->buckets) {
                free(keyring);
                return -ENOMEM;
        }
        crypto_shorthash_keygen(keyring->hash_key);
        *ret = keyring;
        return 0;
}

void keyring_free(Keyring *keyring) {
        if (!keyring)
                return;
        keyring_clear(keyring);
        free(keyring->answer);
        free(keyring->buckets);
        free(keyring);
}

static Identity **bucket(Keyring *keyring, TaBytes blob) {
        uint64_t hash;

        crypto_shorthash((uint8_t *)&hash, blob.data, blob.len, keyring->hash_key);
        return &keyring->buckets[hash & (keyring->n_buckets - 1)];
}

static TaBytes blob_of(const Identity *identity) {
        return (TaBytes){identity->blob, identity->blob_len};
}

Identity *keyring_find(Keyring *keyring, TaBytes blob) {
        for (Identity *i = *bucket(keyring, blob); i; i = i->chain)
                if (ta_bytes_equal(blob_of(i), blob))
                        return i;
        return NULL;
}

Identity *keyring_find_id(Keyring *keyring, uint32_t id) {
        for (Identity *i = keyring->first; i; i = i->next)
                if (i->id == id)
                        return i;
        return NULL;
}

static void changed(Keyring *keyring) {
        keyring->answer_len = 0;
}

static void identity_free(Identity *identity) {
        free(identity->blob);
        free(identity->comment);
        free(identity);
}

/* More buckets, or as before if memory is short: only slower. */
static void spread(Keyring *keyring) {
        Identity **buckets;

        if (keyring->n < keyring->n_buckets)
                return;
        buckets = calloc(2 * keyring->n_buckets, sizeof *buckets);
        if (!buckets)
                return;
        free(keyring->buckets);
        keyring->buckets = buckets;
        keyring->n_buckets *= 2;
        for (Identity *i = keyring->first; i; i = i->next) {
                Identity **b = bucket(keyring, blob_of(i));

                i->chain = *b;
                *b = i;
        }
}

static uint8_t *copy(const uint8_t *data, size_t len) {
        uint8_t *p = malloc(len ? len : 1);

        if (p && len > 0)
                memcpy(p, data, len);
        return p;
}

int keyring_put(Keyring *keyring, const Identity *identity, uint32_t *ret_replaced) {
        Identity *made = malloc(sizeof *made), *old, **b;

        if (!made)
                return -ENOMEM;
        *made = *identity;
        made->blob = copy(identity->blob, identity->blob_len);
        made->comment = copy(identity->comment, identity->comment_len);
        if (!made->blob || !made->comment) {
                identity_free(made);
                return -ENOMEM;
        }
        old = keyring_find(keyring, blob_of(made));
        *ret_replaced = old ? old->id : 0;
        if (old) {
                /* The old entry stays where it is in list and hash, with all else exchanged. */
                Identity former = *old;

                *old = *made;
                old->prev = former.prev;
                old->next = former.next;
                old->chain = former.chain;
                free(former.blob);
                free(former.comment);
                free(made);
                made = old;
        } else {
                spread(keyring);
                b = bucket(keyring, blob_of(made));
                made->chain = *b;
                *b = made;
                made->next = NULL;
                made->prev = keyring->last;
                if (keyring->last)
                        keyring->last->next = made;
                else
                        keyring->first = made;
                keyring->last = made;
                keyring->n++;
        }
        if (made->deadline_ms &&
            (!keyring->next_deadline_ms || made->deadline_ms < keyring->next_deadline_ms))
                keyring->next_deadline_ms = made->deadline_ms;
        changed(keyring);
        return 0;
}

void keyring_remove(Keyring *keyring, Identity *identity) {
        Identity **at = bucket(keyring, blob_of(identity));

        while (*at != identity)
                at = &(*at)->chain;
        *at = identity->chain;
        if (identity->prev)
                identity->prev->next = identity->next;
        else
                keyring->first = identity->next;
        if (identity->next)
                identity->next->prev = identity->prev;
        else
                keyring->last = identity->prev;
        keyring->n--;
        identity_free(identity);
        changed(keyring);
}

void keyring_clear(Keyring *keyring) {
        while (keyring->first) {
                Identity *next = keyring->first->next;

                identity_free(keyring->first);
                keyring->first = next;
        }
        memset(keyring->buckets, 0, keyring->n_buckets * sizeof *keyring->buckets);
        keyring->last = NULL;
        keyring->n = 0;
        keyring->next_deadline_ms = 0;
        changed(keyring);
}

size_t keyring_size(const Keyring *keyring) {
        return keyring->n;
}

uint64_t keyring_expire(Keyring *keyring, uint64_t now_ms) {
        uint64_t next = 0;

        if (!keyring->next_deadline_ms || now_ms < keyring->next_deadline_ms)
                return keyring->next_deadline_ms;
        for (Identity *i = keyring->first, *after; i; i = after) {
                after = i->next;
                if (!i->deadline_ms)
                        continue;
                if (i->deadline_ms <= now_ms)
                        keyring_remove(keyring, i);
                else if (!next || i->deadline_ms < next)
                        next = i->deadline_ms;
        }
        keyring->next_deadline_ms = next;
        return next;
}

int keyring_answer(Keyring *keyring, TaBytes *ret) {
        uint32_t count = 0;
        size_t len = 5;
        TaWriter w;

        if (keyring->answer_len == 0) {
                for (Identity *i = keyring->first; i && count < TA_LIST_MAX; i = i->next) {
                        size_t more = 8 + i->blob_len + i->comment_len;

                        if (len + more > TA_MSG_MAX)
                                break;
                        len += more;
                        count++;
                }
                free(keyring->answer);
                keyring->answer = malloc(len);
                if (!keyring->answer)
                        return -ENOMEM;
                w = ta_writer(keyring->answer, len);
                ta_identities_begin(&w, count);
                for (Identity *i = keyring->first; count > 0; i = i->next, count--)
                        ta_identities_write(&w, (TaIdentity){blob_of(i),
                                                             {i->comment, i->comment_len}});
                ta_bug_on(w.err || w.len != len);
                keyring->answer_len = len;
        }
        *ret = (TaBytes){keyring->answer, keyring->answer_len};
        return 0;
}
