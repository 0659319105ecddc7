/* SPDX-License-Identifier: ISC */
/*
 * leaver: has a secret of 32 bytes in its heap, deep in its stack and in its registers, and ends.
 * memscan -e looks what is left then.
 *
 *   leaver HOW HEX      HOW: exit, return, signal; or open: by exit(3), without having been told to
 *                       leave nothing
 */
#include "lib/allsecret.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEN  32
#define DEEP (40u << 10)

static struct {
        const char *how, *hex;
} given;

static void read_secret(uint8_t secret[static LEN]) {
        for (size_t i = 0; i < LEN; i++) {
                unsigned byte = 0;

                (void)sscanf(given.hex + 2 * i, "%2x", &byte);
                secret[i] = (uint8_t)byte;
        }
}

/* All over the part of the stack that later calls will use, and a good part that they will not. */
static __attribute__((noinline)) void leave_in_stack(void) {
        uint8_t frame[DEEP];

        for (size_t at = 0; at < DEEP; at += LEN)
                read_secret(frame + at);
        __asm__ volatile("" : : "r"(frame) : "memory");
}

/* A system call with the secret in vector registers, and in those that a function keeps for its
 * caller. */
static void call_with_registers(long number, long a, long b, const uint8_t *secret) {
#if defined(__x86_64__)
        long result;

        __asm__ volatile("movdqu (%[secret]), %%xmm14\n\tmovdqu 16(%[secret]), %%xmm15\n\t"
                         "mov (%[secret]), %%r15\n\tmov 8(%[secret]), %%r14\n\t"
                         "mov 16(%[secret]), %%r13\n\tmov 24(%[secret]), %%r12\n\tsyscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), [secret] "d"(secret)
                         : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "xmm14", "xmm15");
#elif defined(__aarch64__)
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;

        __asm__ volatile("ldp q30, q31, [%[secret]]\n\tldp x19, x20, [%[secret]]\n\t"
                         "ldp x21, x22, [%[secret], 16]\n\tsvc #0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), [secret] "r"(secret)
                         : "memory", "x19", "x20", "x21", "x22", "v30", "v31");
#else
#error "no way known to put a secret into the registers of this processor"
#endif
}

static int run(void *data ta_unused) {
        uint8_t *secret = malloc(LEN);

        if (strcmp(given.how, "open") != 0)
                ta_allsecret_leave_nothing();
        if (!secret)
                return 1;
        read_secret(secret);
        leave_in_stack();
        if (strcmp(given.how, "signal") == 0)
                call_with_registers(SYS_kill, getpid(), SIGTERM, secret);
        call_with_registers(SYS_sched_yield, 0, 0, secret);
        if (strcmp(given.how, "return") != 0)
                exit(3);
        return 3;
}

int main(int argc, char **argv) {
        if (argc != 3 || strlen(argv[2]) != (size_t)2 * LEN)
                return 2;
        given.how = argv[1];
        given.hex = argv[2];
        ta_allsecret_run(run, NULL);
}
