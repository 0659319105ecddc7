/* SPDX-License-Identifier: ISC */
/*
 * Moving a running process into secret memory. A mapping is copied and then replaced at the same
 * address; what changed in between would be lost. So nothing may be written meanwhile but registers
 * and the secret stack: signals are blocked, there are no threads, and between copying and
 * replacing there are system calls made by hand, since the C library's wrappers write errno, which
 * lies in one of the mappings. (The kernel itself may write the number of the processor into the
 * thread's rseq area at that moment; the next time it is scheduled it writes it again.)
 */
#include "lib/allsecret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/error.h"

#define STACK_LEN   (128u << 10)
#define PAGE_MIN    (4u << 10)
#define FRAME_MAX   (2u << 10) /* more than leave() and what it calls use of the stack */
#define TEXT_MAX    (8u << 10) /* more than the longest line of /proc/self/maps */
#define REGIONS_MAX 128

#ifdef TA_SANITIZED

void ta_allsecret_run(int (*run)(void *data), void *data) {
        exit(run(data)); /* the sanitizers' memory cannot be moved, nor their stack exchanged */
}

TaSecretLevel ta_allsecret_move(void) {
        return ta_secret_level();
}

long ta_allsecret_exposed(void) {
        return -ENOSYS;
}

void ta_allsecret_leave_nothing(void) {
        /* the sanitizers look for what was not freed, and do not like it wiped */
}

#else

static uint8_t *stack; /* the one we run on; NULL: the process's first */
static bool stack_is_secret;

/* ---- the stack -------------------------------------------------------------------------- */

static struct {
        int (*run)(void *data);
        void *data;
} start;

static void on_secret_stack(void) {
        exit(start.run(start.data));
}

void ta_allsecret_run(int (*run)(void *data), void *data) {
        TaSecretLevel level;
        ucontext_t context;

        start.run = run;
        start.data = data;
        if (getcontext(&context) == 0)
                stack = ta_secret_map(STACK_LEN, &level);
        if (!stack)
                exit(run(data)); /* the old one: ta_allsecret_move() will not find it moved */
        stack_is_secret = level >= TA_SECRET_ARENA;
        context.uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_LEN};
        context.uc_link = NULL;
        makecontext(&context, on_secret_stack, 0);
        (void)setcontext(&context);
        abort();
}

/* ---- leaving ---------------------------------------------------------------------------- */

/* A stack cannot be wiped by whom it holds. So the way out begins at its top again, with registers
 * from before there was a secret: all that was called, down to the interrupted instruction and its
 * saved registers, lies below then. */
static struct {
        ucontext_t way_out;
        int status;
        int signal; /* 0: exit(3) */
} leaving;

static const int endings[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE,
                              SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ};

/* The part of the stack that the wiping itself will use. */
static __attribute__((noinline)) void wipe_near(void) {
        uint8_t below[2 * FRAME_MAX];

        ta_wipe(below, sizeof below);
}

/* Up to `end`. To touch secret pages that were never used would cost more than all the rest. */
static void wipe_stack(const uint8_t *end) {
        static unsigned char used[STACK_LEN / PAGE_MIN];
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        bool known = stack_is_secret && mincore(stack, STACK_LEN, used) == 0;

        for (size_t at = 0; stack + at < end; at += page) {
                size_t left = (size_t)(end - stack) - at;

                if (!known || (used[at / page] & 1))
                        ta_wipe(stack + at, left < page ? left : page);
        }
}

static void leave(void) {
        const uint8_t *here = __builtin_frame_address(0);
        sigset_t only;

        ta_secret_wipe_all();
        wipe_near();
        if (stack)
                wipe_stack(here - FRAME_MAX);
        ta_registers_clear();
        if (leaving.signal) {
                sigemptyset(&only);
                sigaddset(&only, leaving.signal);
                (void)signal(leaving.signal, SIG_DFL);
                (void)sigprocmask(SIG_UNBLOCK, &only, NULL);
                (void)raise(leaving.signal);
        }
        _exit(leaving.status);
}

static void begin_to_leave(void) {
        if (!stack)
                leave();
        leaving.way_out.uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_LEN};
        leaving.way_out.uc_link = NULL;
        makecontext(&leaving.way_out, leave, 0);
        (void)setcontext(&leaving.way_out);
        _exit(leaving.status);
}

static void at_exit(int status, void *data ta_unused) {
        (void)fflush(NULL); /* what the C library would do after us */
        leaving.status = status;
        begin_to_leave();
}

static void at_signal(int number) {
        leaving.status = 128 + number;
        leaving.signal = number;
        begin_to_leave();
}

void ta_allsecret_leave_nothing(void) {
        struct sigaction action = {.sa_handler = at_signal}, former;

        /* Who registers first is called last. */
        if (getcontext(&leaving.way_out) < 0 || on_exit(at_exit, NULL) != 0)
                return;
        sigfillset(&action.sa_mask);
        for (size_t i = 0; i < TA_N_ELEMENTS(endings); i++)
                if (sigaction(endings[i], NULL, &former) == 0 && former.sa_handler == SIG_DFL)
                        (void)sigaction(endings[i], &action, NULL);
}

/* ---- what is mapped --------------------------------------------------------------------- */

typedef struct Region {
        uintptr_t from, to;
} Region;

typedef struct Regions {
        size_t n;
        Region list[REGIONS_MAX];
        char text[TEXT_MAX];
} Regions;

/* A line: "from-to perms offset device inode name". */
static bool parse_line(const char *line, Region *ret) {
        unsigned long from, to;
        char perms[5];

        if (strstr(line, " /secretmem") || sscanf(line, "%lx-%lx %4s", &from, &to, perms) != 3 ||
            perms[1] != 'w')
                return false;
        *ret = (Region){from, to};
        return true;
}

/* The whole lines of `len` characters; returns how many characters they were, or TA_E_LIMIT. */
static int parse_lines(Regions *r, size_t len) {
        char *line = r->text, *end;

        while ((end = memchr(line, '\n', len - (size_t)(line - r->text)))) {
                *end = 0;
                if (parse_line(line, &r->list[r->n]) && ++r->n == REGIONS_MAX)
                        return TA_E_LIMIT;
                line = end + 1;
        }
        return (int)(line - r->text);
}

/* The writable mappings that are not secret memory. */
static int read_regions(Regions *r) {
        ta_cleanup(ta_closep) int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
        size_t len = 0;
        ssize_t n;
        int used;

        if (fd < 0)
                return -errno;
        r->n = 0;
        while ((n = read(fd, r->text + len, sizeof r->text - len)) > 0) {
                len += (size_t)n;
                used = parse_lines(r, len);
                if (used < 0)
                        return used;
                len -= (size_t)used;
                if (len == sizeof r->text)
                        return TA_E_LIMIT;
                memmove(r->text, r->text + used, len);
        }
        return n < 0 ? -errno : 0;
}

long ta_allsecret_exposed(void) {
        Regions *r = ta_secret_alloc(sizeof *r);
        long bytes = 0;

        if (!r)
                return -ENOMEM;
        bytes = read_regions(r);
        for (size_t i = 0; bytes >= 0 && i < r->n; i++)
                bytes += (long)(r->list[i].to - r->list[i].from);
        ta_secret_free(r);
        return bytes;
}

/* ---- moving ----------------------------------------------------------------------------- */

#if defined(__x86_64__)

static inline __attribute__((always_inline)) long by_hand(long number, long a, long b, long c,
                                                          long d, long e, long f) {
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
}

static inline __attribute__((always_inline)) void copy_by_hand(uintptr_t to, uintptr_t from,
                                                               size_t len) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
}

#define CAN_MOVE 1

#elif defined(__aarch64__)

static inline __attribute__((always_inline)) long by_hand(long number, long a, long b, long c,
                                                          long d, long e, long f) {
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;
        register long x4 __asm__("x4") = e;
        register long x5 __asm__("x5") = f;

        __asm__ volatile("svc #0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
        return x0;
}

static inline __attribute__((always_inline)) void copy_by_hand(uintptr_t to, uintptr_t from,
                                                               size_t len) {
        for (size_t i = 0; i < len / sizeof(uint64_t); i++)
                ((volatile uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
}

#define CAN_MOVE 1

#else
#define CAN_MOVE 0
#endif

#if CAN_MOVE

static inline __attribute__((always_inline)) bool is_zero(uintptr_t page, size_t len) {
        const uint64_t *words = (const uint64_t *)page;
        uint64_t any = 0;

        for (size_t i = 0; i < len / sizeof *words; i++)
                any |= words[i];
        return any == 0;
}

/* The new pages are zero. To leave those alone that are to be zero costs less than to have them
 * made: most of the old stack was never used, and each secret page is taken out of the kernel's own
 * map. */
static inline __attribute__((always_inline)) void copy_region(uintptr_t to, Region region,
                                                              size_t page) {
        for (uintptr_t from = region.from; from < region.to; from += page, to += page)
                if (!is_zero(from, page))
                        copy_by_hand(to, from, page);
}

/* One mapping. Its length is a multiple of the page; a failure leaves it as it was. */
static __attribute__((noinline, optimize("no-stack-protector"))) bool move(Region region,
                                                                           size_t page) {
        long len = (long)(region.to - region.from), fd, view, at;

        fd = by_hand(SYS_memfd_secret, O_CLOEXEC, 0, 0, 0, 0, 0);
        if (fd < 0)
                return false;
        view = by_hand(SYS_ftruncate, fd, len, 0, 0, 0, 0);
        if (view == 0)
                view = by_hand(SYS_mmap, 0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (view < 0 && view > -4096) {
                (void)by_hand(SYS_close, fd, 0, 0, 0, 0, 0);
                return false;
        }
        copy_region((uintptr_t)view, region, page);
        at = by_hand(SYS_mmap, (long)region.from, len, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_FIXED, fd, 0);
        (void)by_hand(SYS_munmap, view, len, 0, 0, 0, 0);
        (void)by_hand(SYS_close, fd, 0, 0, 0, 0, 0);
        return at == (long)region.from;
}

static bool move_all(const Regions *r) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);

        for (size_t i = 0; i < r->n; i++) {
                if (!move(r->list[i], page))
                        return false;
                (void)madvise((void *)r->list[i].from, r->list[i].to - r->list[i].from,
                              MADV_DONTFORK);
        }
        return true;
}

#else

static bool move_all(const Regions *r) {
        (void)r;
        return false;
}

#endif

TaSecretLevel ta_allsecret_move(void) {
        Regions *r;
        sigset_t all, former;
        bool moved;

        if (!stack_is_secret || ta_secret_level() < TA_SECRET_ARENA)
                return ta_secret_level();
        r = ta_secret_alloc(sizeof *r);
        if (!r)
                return ta_secret_level();
        sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, &former);
        moved = read_regions(r) == 0 && move_all(r);
        (void)sigprocmask(SIG_SETMASK, &former, NULL);
        ta_secret_free(r);
        return moved && ta_allsecret_exposed() == 0 ? TA_SECRET_HIDDEN : ta_secret_level();
}

#endif
