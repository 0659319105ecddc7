/* SPDX-License-Identifier: ISC */
/*
 * What tadd and tkeygen run under: lib/allsecret.h, with lib/secret-malloc.c as their malloc. The
 * arena and the stack are secret from the start; the rest is hidden when the first secret comes, so
 * that those who list public keys do not pay for it. From then on there is no fork(2).
 */
#ifndef TA_TOOLS_RUNTIME_H
#define TA_TOOLS_RUNTIME_H

#include "lib/base.h"

/* Called by main, and does not return: ends with what `run` returns. */
_Noreturn void runtime_start(int argc, char **argv, int (*run)(int argc, char **argv));

/* Before the first secret; more often does no harm. Where memory cannot be hidden nothing changes. */
void runtime_hide(void);

#endif
