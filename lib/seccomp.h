/* SPDX-License-Identifier: ISC */
/*
 * Filters on system calls, made from a list that is also the list of the test: what is not in it
 * kills the process. No library between: the whole filter is a dozen lines of seccomp(2).
 */
#ifndef TA_LIB_SECCOMP_H
#define TA_LIB_SECCOMP_H

#include <stddef.h>

#include "lib/base.h"

#define TA_SYSCALLS_MAX 64

typedef struct TaSyscall {
        int number;
        int n_fds;    /* only with one of these as the first argument (a descriptor, a request); 0: any */
        int fds[2];
        bool checked; /* only where argument `arg` has none of the bits of `without` */
        int arg;
        unsigned without;
} TaSyscall;

/* From now on, for good, also in children. Needs no privilege: sets no_new_privs. -ENOSYS where the
 * processor is not known here, or -errno. */
ta_must_check int ta_seccomp(const TaSyscall *list, size_t n);

#endif
