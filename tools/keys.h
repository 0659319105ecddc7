/* SPDX-License-Identifier: ISC */
/*
 * What both tools do with the files of keys: find the public half, refuse loose permissions, and say
 * what is wrong with a file and how to repair it.
 */
#ifndef TA_TOOLS_KEYS_H
#define TA_TOOLS_KEYS_H

#include <sys/stat.h>

#include "lib/key.h"
#include "lib/secret.h"

/* The text of a key file, or of standard input (NULL), at most TA_KEYFILE_MAX bytes. If it is that
 * of a private key, all our memory is hidden before anything looks into it. `ret_stat` may be NULL;
 * it is not set for standard input. */
ta_must_check int keys_read(const char *path, TaSecret **ret, struct stat *ret_stat);

/* Whether the text is that of a private key. */
bool keys_private(TaBytes text);

/* The public key that a path stands for, looked for as ssh-keygen does: a public key in the file,
 * or in FILE.pub, or in the envelope of the private key. The comment is a heap string of the
 * caller's. -ENOENT and others: why the file itself could not be read. */
ta_must_check int keys_public(const char *path, TaKey **ret, char **ret_comment);

/* Whether a private key's file may be used; if not, OpenSSH's well-known banner has been printed,
 * with the command that repairs it. */
bool keys_mode_ok(const char *path, const struct stat *st);

/* "what: words of err" on standard error, and below it what can be done about the file, where
 * something can. */
void keys_complain(const char *what, const char *path, int err);

/* A stranger's text made harmless for a terminal; heap, never NULL. */
char *keys_shown(TaBytes untrusted);

/* Like malloc(3), but ends the program where memory is short, as keys_shown() does. */
void *keys_alloc(size_t len);

#endif
