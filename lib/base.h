/* SPDX-License-Identifier: ISC */
/*
 * The vocabulary of every file: a borrowed view of bytes, cleanup by attribute, visible hand-over
 * of ownership, and the one way to say "this cannot happen".
 */
#ifndef TA_LIB_BASE_H
#define TA_LIB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A view: never freed, valid until the owner of the bytes changes them. */
typedef struct TaBytes {
        const uint8_t *data;
        size_t len;
} TaBytes;

/* A view of a NUL-terminated string, without its NUL. */
static inline TaBytes ta_str(const char *s) {
        return (TaBytes){(const uint8_t *)s, strlen(s)};
}

/* Equality of public bytes. For secrets: ta_secret_equal() of lib/secret.h. */
static inline bool ta_bytes_equal(TaBytes a, TaBytes b) {
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool ta_bytes_is(TaBytes a, const char *s) {
        return ta_bytes_equal(a, ta_str(s));
}

#define ta_cleanup(function) __attribute__((cleanup(function)))
#define ta_must_check        __attribute__((warn_unused_result))
#define ta_unused            __attribute__((unused))

/* Hands the pointer on and forgets it here: `*ret = ta_steal(&key);` */
#define ta_steal(pointer)                                                                          \
        __extension__({                                                                            \
                __typeof__(*(pointer)) ta_stolen_ = *(pointer);                                    \
                *(pointer) = NULL;                                                                 \
                ta_stolen_;                                                                        \
        })

/* A broken invariant of ours, never a peer's or a user's mistake. No build flag removes it. */
#define ta_bug_on(condition)                                                                       \
        do {                                                                                       \
                if (__builtin_expect(!!(condition), 0))                                            \
                        abort();                                                                   \
        } while (0)

#define TA_N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Cleanup for plain (not secret) heap memory: `ta_cleanup(ta_freep) char *line = NULL;` */
static inline void ta_freep(void *pointer_to_pointer) {
        free(*(void **)pointer_to_pointer);
}

/* Closes *fd if it is one, and makes it -1; keeps errno. Cleanup: `ta_cleanup(ta_closep) int fd = -1;` */
void ta_closep(int *fd);

#endif
