/* SPDX-License-Identifier: ISC */
/*
 * The all-secret runtime: a process of which no writable byte can be read from outside, neither by
 * a debugger nor through /proc nor from a core file, not even by root. Its heap is the arena of
 * lib/secret.h from the first byte on (a program gets that by listing lib/secret-malloc.c among its
 * sources), its stack is secret memory too, and at a moment of its choosing every other writable
 * mapping (data, bss, thread-local storage, the old stack with arguments and environment) is
 * replaced by secret memory with the same contents.
 *
 * Without memfd_secret(2) the same calls do what can be done, and the level says so.
 */
#ifndef TA_LIB_ALLSECRET_H
#define TA_LIB_ALLSECRET_H

#include "lib/secret.h"

/* Runs `run` on a secret stack, and ends the process with what it returns. The process should not
 * be dumpable from then on; that is the caller's wall, like every other. */
void __attribute__((noreturn)) ta_allsecret_run(int (*run)(void *data), void *data);

/* From now on the process leaves nothing behind, whether it ends by exit(3), by a return from `run`,
 * or by a signal of endings[] that was not ignored or caught: blocks, stack and registers are cleared
 * last of all, after what others registered for the end. It ends with the same status, or by the
 * same signal. For processes that may make system calls then. */
void ta_allsecret_leave_nothing(void);

/* Moves what is still in ordinary memory. Call it from `run`, when libraries have been warmed up and
 * before the first secret. The level that was reached: TA_SECRET_HIDDEN, or what it was before. */
TaSecretLevel ta_allsecret_move(void);

/* Bytes that are writable and not secret, counted from /proc/self/maps anew; -errno. */
ta_must_check long ta_allsecret_exposed(void);

/* Nothing of what was computed stays in the vector registers (of AVX-512 the upper sixteen too). */
void ta_registers_clear(void);

#endif
