/* SPDX-License-Identifier: ISC */
/*
 * Memory for secrets: one arena, reserved at first use, between guard pages, absent in forked
 * children. Where the kernel has memfd_secret(2) nobody else can read it, not even the kernel by
 * mistake; elsewhere it is locked (never swapped) and left out of core files. Blocks are zeroed when
 * they are given out and wiped when they come back. A full arena is an error, never ordinary memory.
 *
 * In a build with sanitizers each block is a heap block instead, so that they see every byte.
 */
#ifndef TA_LIB_SECRET_H
#define TA_LIB_SECRET_H

#include "lib/base.h"

typedef enum TaSecretLevel {
        TA_SECRET_UNLOCKED = 0, /* the system refused to lock the arena: it may reach swap */
        TA_SECRET_LOCKED = 1,   /* locked, guarded, not dumped; root can read it */
        TA_SECRET_ARENA = 2,    /* the arena can be read by nobody else; other memory can */
        TA_SECRET_HIDDEN = 3,   /* no writable byte can (lib/allsecret.h), and nobody can attach */
} TaSecretLevel;

/* Reserves the arena; call once, at the start of main. Capacity 0 means the default: as much as
 * the limit on locked memory (RLIMIT_MEMLOCK) allows, at most 3.25 MiB; and as much, unlocked, where
 * it allows less than is needed to work.
 * 0, or -errno if not even ordinary pages can be had. */
ta_must_check int ta_secret_init(size_t capacity);
TaSecretLevel ta_secret_level(void);
size_t ta_secret_capacity(void); /* bytes of the arena */
size_t ta_secret_in_use(void);   /* bytes given out now, with their headers */

/* Wipes every block there is, whoever owns it. The end of the arena, and so of the process; safe in
 * a signal handler, whatever the arena was about to do. */
void ta_secret_wipe_all(void);

/* Like malloc and friends; ta_secret_init() happens by itself if nobody called it. Zeroed memory,
 * or NULL when the arena is full. Freeing wipes, and aborts on a pointer that is not a block. */
void *ta_secret_alloc(size_t len);
void *ta_secret_realloc(void *block, size_t len); /* the old block is wiped */
void ta_secret_free(void *block);

/* For the allocator of lib/secret-malloc.c. `alignment`: a power of two, at most 64 KiB. */
void *ta_secret_alloc_aligned(size_t alignment, size_t len);
bool ta_secret_owns(const void *block);
size_t ta_secret_len(void *block); /* as it was asked for */

/* A mapping of its own between guard pages, of the arena's kind, for the life of the process; NULL
 * if there is none. `ret_level`: LOCKED or ARENA, or UNLOCKED where the system refused to lock. */
void *ta_secret_map(size_t len, TaSecretLevel *ret_level);

/* libcrypto takes its memory from the arena from now on. Call before any other use of it. */
ta_must_check int ta_secret_adopt_libcrypto(void);

/* Bytes of known size in the arena, owned by exactly one. */
typedef struct TaSecret {
        size_t len; /* in use */
        size_t cap;
        uint8_t *data;
} TaSecret;

ta_must_check int ta_secret_new(size_t cap, TaSecret **ret);
ta_must_check int ta_secret_dup(TaBytes bytes, TaSecret **ret);
void ta_secret_drop(TaSecret *secret); /* wipes and frees; NULL is fine */
void ta_secret_dropp(TaSecret **secret);
static inline TaBytes ta_secret_bytes(const TaSecret *s) {
        return s ? (TaBytes){s->data, s->len} : (TaBytes){NULL, 0};
}

/* Not removed by the compiler. */
void ta_wipe(void *data, size_t len);

/* Takes the same time wherever the difference is; lengths are not secret. */
bool ta_secret_equal(TaBytes a, TaBytes b);

/* A stack array that is wiped on every way out of its scope:
 *     uint8_t key[32]; ta_wiped(key);                                                       */
struct ta_wipe_on_exit {
        void *data;
        size_t len;
};
static inline void ta_wipe_on_exit(struct ta_wipe_on_exit *w) {
        ta_wipe(w->data, w->len);
}
#define ta_wiped(array)                                                                            \
        ta_cleanup(ta_wipe_on_exit) ta_unused struct ta_wipe_on_exit array##_wiped_ = {            \
                (array), sizeof(array)}

#endif
