/* SPDX-License-Identifier: ISC */
/*
 * Asks the person in front: on the terminal, or through SSH_ASKPASS where there is none. What is
 * typed goes by read(2) straight into secret memory.
 */
#ifndef TA_TOOLS_ASK_H
#define TA_TOOLS_ASK_H

#include <stdio.h>

#include "lib/secret.h"

/* SSH_ASKPASS, SSH_ASKPASS_REQUIRE, DISPLAY and WAYLAND_DISPLAY choose the way as in ssh(1).
 * TA_E_CANCELLED: end of file on a terminal, or the dialog was dismissed. TA_E_LIMIT: longer than
 * TA_PASSPHRASE_MAX; never cut. */
ta_must_check int ask_passphrase(const char *prompt, TaSecret **ret);

/* Twice, until both are equal: `prompt`, then `again`; after a difference `differ` is printed to
 * `out` and it starts anew if `retry`, else TA_E_MISMATCH. */
ta_must_check int ask_new_passphrase(const char *prompt, const char *again, const char *differ,
                                     FILE *out, bool retry, TaSecret **ret);

/* The question on standard output, the answer from standard input: true for y or Y only. */
bool ask_yes(const char *question);

#endif
