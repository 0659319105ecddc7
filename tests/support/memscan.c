/* SPDX-License-Identifier: ISC */
/*
 * memscan: what a process, its registers or a file shows of known secrets. As root it looks at
 * everything that /proc/PID/mem and ptrace(2) will show, and reports whole needles and any piece of
 * sixteen bytes. A scan that would not find what is there is worth nothing, so each run first finds
 * a canary in an ordinary process (heap, stack, data, registers), or in a file, and fails without.
 *
 * Needles come from needles.py, one a line: name, form, bytes in hexadecimal. The first is the
 * canary.
 *
 *   memscan NEEDLES PID...             each process once, memory and registers
 *   memscan -s N NEEDLES PID...        each process N times, stopped at random moments
 *   memscan -e NEEDLES COMMAND...      a command when it ends, in whatever way: memory and registers;
 *                                      with -s N its memory at N random moments too; with -n MAKER
 *                                      a shell command makes NEEDLES when the end has come
 *   memscan -f NEEDLES FILE...         files
 *   memscan -x PID...                  only how much a process shows of what it can write
 *   memscan -c CANARY                  be the ordinary process, until it is ended
 *
 * Exit status: 0 nothing found (-x: nothing shown), 1 something, 2 the scan is worth nothing.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE      16u
#define DISTINCT   6 /* different bytes in a piece: zeros and counters are no secrets */
#define CHUNK      (4u << 20)
#define NEEDLE_MAX 8192u
#define PAGE       4096u
#define CANARY_LEN 32
#define STOP_MS    2000

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...) {
        va_list args;

        va_start(args, format);
        fputs("memscan: ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
        exit(2);
}

static void *must(void *block) {
        if (!block)
                die("no memory");
        return block;
}

/* ---- needles ---------------------------------------------------------------------------- */

typedef struct Needle {
        char name[64], form[24];
        uint8_t *bytes;
        size_t len;
        bool seen, seen_whole;
} Needle;

typedef struct Window { /* PIECE bytes of a needle */
        uint64_t key;   /* the first eight */
        uint32_t needle, at;
} Window;

static Needle *needles;
static size_t n_needles;
static Window *
        windows; /* a hash table with open addressing; an entry without bytes has at = UINT32_MAX */
static size_t table_mask;
static uint64_t filter[1u << 18]; /* sixteen million bits, two for each key of the table */

/* Texts and small numbers are keys too, so all bits have to take part. */
static uint64_t hash(uint64_t key) {
        key = (key ^ key >> 32 ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
        key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return key ^ key >> 33;
}

/* Two bits of the filter are two parts of the hash. */
static bool filter_get(uint64_t bits) {
        size_t bit = bits % (sizeof filter * 8);

        return filter[bit / 64] >> (bit % 64) & 1;
}

static void filter_set(uint64_t bits) {
        size_t bit = bits % (sizeof filter * 8);

        filter[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static bool worth_looking_for(const uint8_t *piece) {
        bool seen[256] = {false};
        int distinct = 0;

        for (size_t i = 0; i < PIECE; i++) {
                distinct += !seen[piece[i]];
                seen[piece[i]] = true;
        }
        return distinct >= DISTINCT;
}

static void index_piece(uint32_t needle, uint32_t at) {
        uint64_t key;
        uint64_t hashed;
        size_t slot;

        if (!worth_looking_for(needles[needle].bytes + at))
                return;
        memcpy(&key, needles[needle].bytes + at, sizeof key);
        hashed = hash(key);
        for (slot = hashed & table_mask; windows[slot].at != UINT32_MAX;)
                slot = (slot + 1) & table_mask;
        windows[slot] = (Window){key, needle, at};
        filter_set(hashed);
        filter_set(hashed >> 32);
}

static void index_all(void) {
        size_t n = 0;

        for (size_t i = 0; i < n_needles; i++)
                n += needles[i].len - PIECE + 1;
        for (table_mask = 1023; table_mask < 4 * n;)
                table_mask = table_mask * 2 + 1;
        windows = must(malloc((table_mask + 1) * sizeof *windows));
        for (size_t i = 0; i <= table_mask; i++)
                windows[i].at = UINT32_MAX;
        for (size_t i = 0; i < n_needles; i++)
                for (size_t at = 0; at + PIECE <= needles[i].len; at++)
                        index_piece((uint32_t)i, (uint32_t)at);
}

static int hex_digit(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

static size_t from_hex(const char *hex, uint8_t *ret) {
        size_t n = 0;

        for (; n < NEEDLE_MAX && hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0; hex += 2)
                ret[n++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        return n;
}

static void needles_read(const char *path) {
        FILE *file = fopen(path, "re");
        static char line[2 * NEEDLE_MAX + 256], hex[2 * NEEDLE_MAX + 2];
        Needle needle = {0};

        if (!file)
                die("%s: %s", path, strerror(errno));
        while (fgets(line, sizeof line, file)) {
                if (sscanf(line, "%63s %23s %16384s", needle.name, needle.form, hex) != 3)
                        die("%s: no needle: %.40s", path, line);
                needle.bytes = must(malloc(NEEDLE_MAX));
                needle.len = from_hex(hex, needle.bytes);
                if (needle.len < PIECE)
                        die("%s: %s is too short", path, needle.name);
                needles = must(realloc(needles, (n_needles + 1) * sizeof *needles));
                needles[n_needles++] = needle;
        }
        fclose(file);
        if (n_needles < 2 || strcmp(needles[0].name, "canary") != 0)
                die("%s: no canary, or nothing else", path);
        index_all();
}

/* ---- searching bytes -------------------------------------------------------------------- */

typedef struct Found {
        unsigned whole, pieces; /* needles; what is whole counts as a piece too */
        bool canary;
        size_t exposed; /* bytes that the process can write, and we can read */
} Found;

static bool quiet;
static char canary_places[16 << 10]; /* where it was found, a line each */

static void found_begin(void) {
        canary_places[0] = 0;
        for (size_t i = 0; i < n_needles; i++)
                needles[i].seen = needles[i].seen_whole = false;
}

static void found_end(Found *found) {
        found->canary = needles[0].seen_whole;
        for (size_t i = 1; i < n_needles; i++) {
                found->whole += needles[i].seen_whole;
                found->pieces += needles[i].seen;
        }
}

static void hit(Needle *needle, bool whole, const char *where) {
        size_t used = strlen(canary_places);

        if (needle == needles && whole)
                snprintf(canary_places + used, sizeof canary_places - used, "%s\n", where);
        else if (!quiet && needle != needles && (!needle->seen || (whole && !needle->seen_whole)))
                printf("  %s %s: %s in %s\n", needle->name, needle->form,
                       whole ? "whole" : "a piece", where);
        needle->seen = true;
        needle->seen_whole |= whole;
}

static void search(const uint8_t *bytes, size_t len, const char *where) {
        for (size_t i = 0; i + PIECE <= len; i++) {
                uint64_t key, hashed;

                memcpy(&key, bytes + i, sizeof key);
                hashed = hash(key);
                if (!filter_get(hashed) || !filter_get(hashed >> 32))
                        continue;
                for (size_t s = hashed & table_mask; windows[s].at != UINT32_MAX;
                     s = (s + 1) & table_mask) {
                        const Window *w = &windows[s];
                        Needle *needle = &needles[w->needle];

                        if (w->key != key || memcmp(bytes + i, needle->bytes + w->at, PIECE) != 0)
                                continue;
                        hit(needle,
                            w->at == 0 && needle->len <= len - i &&
                                    memcmp(bytes + i, needle->bytes, needle->len) == 0,
                            where);
                }
        }
}

/* Searches `len` new bytes at buffer + kept, with what was kept of those before: a needle may lie
 * across. Returns what is to be kept now. */
static uint8_t buffer[NEEDLE_MAX + CHUNK];

static size_t search_next(size_t kept, size_t len, const char *where) {
        size_t all = kept + len, keep = all < NEEDLE_MAX ? all : NEEDLE_MAX;

        search(buffer, all, where);
        memmove(buffer, buffer + all - keep, keep);
        return keep;
}

static void scan_file(const char *path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t kept = 0;
        ssize_t n;

        if (fd < 0)
                die("%s: %s", path, strerror(errno));
        while ((n = read(fd, buffer + kept, CHUNK)) > 0)
                kept = search_next(kept, (size_t)n, "the file");
        if (n < 0)
                die("%s: %s", path, strerror(errno));
        close(fd);
}

/* ---- a process: what /proc tells -------------------------------------------------------- */

static int open_proc(pid_t pid, const char *name) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
        return open(path, O_RDONLY | O_CLOEXEC);
}

/* A whole small file; the length, or 0. */
static size_t read_proc(pid_t pid, const char *name, char *ret, size_t size) {
        int fd = open_proc(pid, name);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (fd >= 0)
                close(fd);
        ret[n > 0 ? n : 0] = 0;
        return n > 0 ? (size_t)n : 0;
}

/* Field 3 of stat, behind the name; 0 when there is no such process. */
static char process_state(pid_t pid) {
        char text[512], *at;

        if (!read_proc(pid, "stat", text, sizeof text))
                return 0;
        at = strrchr(text, ')');
        return at && at[1] ? at[2] : 0;
}

/* 0: none. */
static pid_t process_tracer(pid_t pid) {
        static const char name[] = "\nTracerPid:\t";
        char text[4096], *at;

        if (!read_proc(pid, "status", text, sizeof text))
                return 0;
        at = strstr(text, name);
        return at ? atoi(at + sizeof name - 1) : 0;
}

static void process_name(pid_t pid, char ret[32]) {
        if (!read_proc(pid, "comm", ret, 32))
                strcpy(ret, "?");
        ret[strcspn(ret, "\n")] = 0;
}

/* ---- a process: memory ------------------------------------------------------------------ */

/* What cannot be read is stepped over page by page. Returns how much can be. */
static size_t scan_mapping(int mem, uint64_t from, uint64_t to, const char *where) {
        size_t kept = 0, readable = 0;

        while (from < to) {
                size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
                ssize_t n = pread(mem, buffer + kept, want, (off_t)from);

                if (n <= 0) {
                        from = (from + PAGE) & ~(uint64_t)(PAGE - 1);
                        kept = 0;
                        continue;
                }
                from += (uint64_t)n;
                readable += (size_t)n;
                kept = search_next(kept, (size_t)n, where);
        }
        return readable;
}

/* All of it, or only what the process can write. */
static void scan_memory(pid_t pid, bool all, Found *found) {
        char line[PATH_MAX + 128], where[PATH_MAX + 64], perms[5];
        int mem = open_proc(pid, "mem"), fd = open_proc(pid, "maps"), name;
        FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");

        if (!maps || mem < 0)
                die("process %d cannot be read: %s", pid, strerror(errno));
        while (fgets(line, sizeof line, maps)) {
                uint64_t from, to;
                size_t readable;

                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s%n", &from, &to, perms,
                           &name) != 3)
                        die("/proc/%d/maps: %s", pid, line);
                if (from > INT64_MAX || (!all && perms[1] != 'w'))
                        continue; /* vsyscall is no offset in a file */
                line[strcspn(line, "\n")] = 0;
                name += (int)strspn(line + name, " ");
                snprintf(where, sizeof where, "%s %s", perms,
                         line[name] ? line + name : "[anonymous]");
                readable = scan_mapping(mem, from, to, where);
                if (perms[1] == 'w')
                        found->exposed += readable;
        }
        close(mem);
        fclose(maps);
}

/* ---- a process: registers --------------------------------------------------------------- */

/* Of a thread that we have stopped. */
static void search_registers(pid_t tid) {
        static const unsigned sets[] = {NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE};
        static uint8_t registers[64 << 10];

        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
                struct iovec iov = {registers, sizeof registers};

                if (ptrace(PTRACE_GETREGSET, tid, (uintptr_t)sets[i], &iov) == 0)
                        search(registers, iov.iov_len, "registers");
        }
}

/* NULL, or why they cannot be seen. */
static const char *scan_thread(pid_t tid) {
        int status;

        if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
                return strerror(errno);
        if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) != tid)
                return strerror(errno);
        search_registers(tid);
        (void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
        return NULL;
}

static const char *scan_registers(pid_t pid) {
        const char *refused = NULL;
        struct dirent *entry;
        char path[64];
        DIR *tasks;

        snprintf(path, sizeof path, "/proc/%d/task", pid);
        tasks = opendir(path);
        if (!tasks)
                die("%s: %s", path, strerror(errno));
        while (!refused && (entry = readdir(tasks)))
                if (entry->d_name[0] != '.')
                        refused = scan_thread(atoi(entry->d_name));
        closedir(tasks);
        return refused;
}

/* ---- the canary ------------------------------------------------------------------------- */

static uint8_t canary_data[CANARY_LEN] = {1};

/* Waits for good with the canary in two vector registers: the system call is made here, so that
 * nothing comes between. */
static void wait_with_registers(const uint8_t *canary) {
#if defined(__x86_64__)
        long result;

        __asm__ volatile("movdqu (%[canary]), %%xmm14\n\tmovdqu 16(%[canary]), %%xmm15\n\t"
                         "xor %%r10d, %%r10d\n\tsyscall"
                         : "=a"(result)
                         : "a"((long)SYS_ppoll), "D"(0L), "S"(0L), "d"(0L), [canary] "r"(canary)
                         : "rcx", "r10", "r11", "memory", "xmm14", "xmm15");
#elif defined(__aarch64__)
        register long x8 __asm__("x8") = SYS_ppoll;
        register long x0 __asm__("x0") = 0;
        register long x1 __asm__("x1") = 0;
        register long x2 __asm__("x2") = 0;
        register long x3 __asm__("x3") = 0;

        __asm__ volatile("ldp q30, q31, [%[canary]]\n\tsvc #0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), [canary] "r"(canary)
                         : "memory", "v30", "v31");
#else
#error "no way known to put a canary into the registers of this processor"
#endif
}

/* In a memory file too, open and mapped: what our processes must not have. */
static void canary_in_file(const uint8_t *canary) {
        int fd = memfd_create("canary", 0);
        void *map = MAP_FAILED;

        if (fd >= 0 && ftruncate(fd, PAGE) == 0)
                map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                die("memfd: %s", strerror(errno));
        memcpy(map, canary, CANARY_LEN);
}

static int be_canary(const char *hex) {
        uint8_t stack[NEEDLE_MAX];
        uint8_t *heap = must(malloc(CANARY_LEN));

        if (from_hex(hex, stack) != CANARY_LEN)
                die("a canary has %d bytes", CANARY_LEN);
        (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0,
                    0); /* where Yama guards children only */
        memcpy(canary_data, stack, CANARY_LEN);
        memcpy(heap, stack, CANARY_LEN);
        canary_in_file(stack);
        __asm__ volatile("" : : "r"(heap), "r"(canary_data) : "memory");
        if (printf("ready\n") < 0 || fflush(stdout) != 0)
                return 2;
        wait_with_registers(stack);
        return 1;
}

static pid_t canary_start(void) {
        char hex[2 * CANARY_LEN + 1], ready[8];
        int out[2];
        pid_t pid;

        if (needles[0].len != CANARY_LEN)
                die("a canary has %d bytes", CANARY_LEN);
        for (size_t i = 0; i < CANARY_LEN; i++)
                snprintf(hex + 2 * i, 3, "%02x", needles[0].bytes[i]);
        if (pipe2(out, O_CLOEXEC) < 0)
                die("pipe: %s", strerror(errno));
        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(out[1], 1);
                execl("/proc/self/exe", "memscan", "-c", hex, (char *)NULL);
                _exit(127);
        }
        close(out[1]);
        if (pid < 0 || read(out[0], ready, sizeof ready) <= 0)
                die("the canary did not start");
        close(out[0]);
        for (int i = 0; i < STOP_MS && process_state(pid) != 'S'; i++)
                usleep(1000);
        return pid;
}

static void check_processes(void) {
        static const char *const places[] = {"[heap]", "[stack]", "/memscan", "registers"};
        Found found = {0};
        pid_t pid = canary_start();

        found_begin();
        scan_memory(pid, true, &found);
        (void)scan_registers(pid);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
                if (!strstr(canary_places, places[i]))
                        die("the canary was not found in an ordinary process: %s", places[i]);
        if (found.exposed == 0)
                die("an ordinary process shows nothing");
}

/* Where two of the blocks meet in which a file is read. */
static void check_files(void) {
        Found found = {0};
        char path[32];
        int fd = memfd_create("canary", MFD_CLOEXEC);

        if (fd < 0 ||
            pwrite(fd, needles[0].bytes, CANARY_LEN, CHUNK - CANARY_LEN / 2) != CANARY_LEN)
                die("memfd: %s", strerror(errno));
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        found_begin();
        scan_file(path);
        found_end(&found);
        close(fd);
        if (!found.canary)
                die("the canary was not found in a file");
}

/* ---- what is asked for ------------------------------------------------------------------ */

static int scan_process(pid_t pid) {
        const char *refused;
        Found found = {0};
        char name[32];

        process_name(pid, name);
        found_begin();
        scan_memory(pid, true, &found);
        refused = scan_registers(pid);
        found_end(&found);
        printf("%s %d: %u whole, %u pieces, %zu KiB exposed, registers %s\n", name, pid,
               found.whole, found.pieces, found.exposed >> 10, refused ? refused : "seen");
        return found.pieces > 0;
}

static void await_state(pid_t pid, const char *states) {
        struct timespec pause = {0, 50000};

        for (int i = 0; i < STOP_MS * 20; i++) {
                char state = process_state(pid);

                if (state && strchr(states, state))
                        return;
                nanosleep(&pause, NULL);
        }
        die("process %d does not stop", pid);
}

static void send(pid_t pid, int sig) {
        if (kill(pid, sig) < 0)
                die("process %d: %s", pid, strerror(errno));
}

/* Between any two instructions. What is traced stops at every signal until its tracer has seen it, so
 * where that one is stopped first it stays so, even if its tracer would let no signal stop it. */
static void stop(pid_t pid, pid_t tracer) {
        if (tracer) {
                send(tracer, SIGSTOP);
                await_state(tracer, "T");
                send(pid, SIGURG); /* which otherwise does nothing */
                await_state(pid, "t");
        } else {
                send(pid, SIGSTOP);
                await_state(pid, "T");
        }
}

static int scan_stops(pid_t pid, unsigned stops) {
        pid_t tracer = process_tracer(pid);
        size_t exposed = 0;
        unsigned hits = 0;
        char name[32];

        process_name(pid, name);
        for (unsigned i = 0; i < stops; i++) {
                struct timespec pause = {0, 1000L * (rand() % 5000)};
                Found found = {0};

                nanosleep(&pause, NULL);
                stop(pid, tracer);
                found_begin();
                scan_memory(pid, false, &found);
                (void)scan_registers(pid);
                found_end(&found);
                (void)kill(tracer ? tracer : pid, SIGCONT);
                hits += found.pieces > 0;
                exposed = found.exposed > exposed ? found.exposed : exposed;
                quiet |= hits > 0; /* the first time is enough to read */
        }
        quiet = false;
        printf("%s %d: %u stops, %u with hits, %zu KiB exposed\n", name, pid, stops, hits,
               exposed >> 10);
        return hits > 0;
}

/* ---- a command, until its end ----------------------------------------------------------- */

typedef struct Run {
        pid_t pid;
        const char *name;
        bool began;     /* it is the command that runs now, and no copy of us */
        unsigned stops; /* random ones, so far */
        unsigned hits, in_registers;
        size_t exposed; /* at the last of them */
        bool ended;
        Found end;
} Run;

/* Stopped on its way out: all its memory is still there, and its registers are those of its last
 * system call, or what a signal found. */
static void scan_end(Run *run) {
        found_begin();
        scan_memory(run->pid, true, &run->end);
        search_registers(run->pid);
        found_end(&run->end);
        run->ended = true;
}

/* In the middle of its work. What it computes with is in its registers then, of course. */
static void scan_stop(Run *run) {
        Found memory = {0}, registers = {0};

        found_begin();
        scan_memory(run->pid, false, &memory);
        found_end(&memory);
        quiet |= memory.pieces > 0; /* the first time is enough to read */
        found_begin();
        search_registers(run->pid);
        found_end(&registers);
        run->stops++;
        run->hits += memory.pieces > 0;
        run->in_registers += registers.pieces > 0;
        run->exposed = memory.exposed;
}

static pid_t run_start(char **command) {
        int go[2];
        pid_t pid;
        char c;

        if (pipe2(go, O_CLOEXEC) < 0)
                die("pipe: %s", strerror(errno));
        pid = fork();
        if (pid == 0) {
                close(go[1]);
                if (read(go[0], &c, 1) == 0)
                        execvp(command[0], command);
                fprintf(stderr, "memscan: %s: %s\n", command[0], strerror(errno));
                _exit(127);
        }
        if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL,
                              (uintptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
                                          PTRACE_O_TRACEEXIT)) < 0)
                die("%s cannot be traced: %s", command[0], strerror(errno));
        close(go[0]);
        close(go[1]);
        (void)signal(SIGINT, SIG_IGN); /* a terminal's, which are for the command */
        (void)signal(SIGQUIT, SIG_IGN);
        return pid;
}

static void run_on(Run *run, int status, const char *needles_path, const char *maker) {
        int event = status >> 16, signal_number = 0;

        if (event == PTRACE_EVENT_EXEC) {
                run->began = true;
        } else if (event == PTRACE_EVENT_EXIT) {
                if (maker && system(maker) != 0)
                        die("%s: failed", maker);
                if (maker) {
                        needles_read(needles_path);
                        check_processes();
                }
                scan_end(run);
        } else if (event == PTRACE_EVENT_STOP) {
                scan_stop(run);
        } else {
                signal_number = WSTOPSIG(status);
        }
        (void)ptrace(PTRACE_CONT, run->pid, NULL, (uintptr_t)signal_number);
}

/* Its end is ours, so that who waits for it sees how it went; what was found is said last. */
static int scan_run(const char *needles_path, char **command, unsigned stops, const char *maker) {
        Run run = {.pid = run_start(command), .name = command[0]};
        unsigned wait_for = 0; /* turns of 100 us until the next stop */
        int status = 0;

        for (;;) {
                pid_t pid = waitpid(run.pid, &status, __WALL | WNOHANG);

                if (pid < 0 || (pid > 0 && !WIFSTOPPED(status)))
                        break;
                if (pid > 0) {
                        run_on(&run, status, needles_path, maker);
                } else if (run.began && run.stops < stops && wait_for-- == 0) {
                        (void)ptrace(PTRACE_INTERRUPT, run.pid, NULL, NULL);
                        wait_for = (unsigned)rand() % 50;
                } else {
                        nanosleep(&(struct timespec){0, 100000}, NULL);
                }
        }
        if (!run.ended)
                die("%s was not seen to end", run.name);
        if (stops)
                printf("%u stops: %u with hits, %u in registers, %zu KiB exposed\n", run.stops,
                       run.hits, run.in_registers, run.exposed >> 10);
        printf("end: %u whole, %u pieces, %zu KiB exposed, ", run.end.whole, run.end.pieces,
               run.end.exposed >> 10);
        if (WIFSIGNALED(status))
                printf("signal %d\n", WTERMSIG(status));
        else
                printf("status %d\n", WEXITSTATUS(status));
        return run.hits > 0 || run.end.pieces > 0;
}

static int scan_one_file(const char *path) {
        Found found = {0};

        found_begin();
        scan_file(path);
        found_end(&found);
        printf("%s: %u whole, %u pieces, canary %s\n", path, found.whole, found.pieces,
               found.canary ? "found" : "not found");
        return found.pieces > 0;
}

static int show_exposed(pid_t pid) {
        Found found = {0};
        char name[32];

        process_name(pid, name);
        scan_memory(pid, false, &found);
        printf("%s %d: %zu KiB exposed\n", name, pid, found.exposed >> 10);
        return found.exposed > 0;
}

int main(int argc, char **argv) {
        unsigned stops = 0;
        int option, result = 0;
        bool files = false, exposed = false, ends = false;
        const char *maker = NULL;

        while ((option = getopt(argc, argv, "+c:n:s:efx")) != -1) {
                if (option == 'c')
                        return be_canary(optarg);
                if (option == 's')
                        stops = (unsigned)atoi(optarg);
                if (option == 'n')
                        maker = optarg;
                ends |= option == 'e';
                files |= option == 'f';
                exposed |= option == 'x';
                if (option == '?')
                        return 2;
        }
        srand((unsigned)getpid());
        if (maker && ends && optind + 1 < argc) /* nothing is known that could be looked for */
                return scan_run(argv[optind], argv + optind + 1, 0, maker);
        if (!exposed && optind < argc) {
                needles_read(argv[optind++]);
                (files ? check_files : check_processes)();
        }
        if (optind >= argc)
                die("nothing to scan");
        if (ends)
                return scan_run(NULL, argv + optind, stops, NULL);
        for (; optind < argc; optind++) {
                if (files)
                        result |= scan_one_file(argv[optind]);
                else if (exposed)
                        result |= show_exposed(atoi(argv[optind]));
                else if (stops)
                        result |= scan_stops(atoi(argv[optind]), stops);
                else
                        result |= scan_process(atoi(argv[optind]));
        }
        return result;
}
