/* SPDX-License-Identifier: ISC */
/*
 * pry: the ways in which one process reads another. Each row tries what it is named for, on every
 * writable mapping, and counts what it got. Exit status: 0 it got something, 1 nothing, 2 it could
 * not try.
 *
 *   pry [-n TIMES] WAY PID         prints how much, or why not
 *   pry secretmem                  whether this kernel has memfd_secret(2)
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE     4096u
#define MAPS_MAX 512u
#define FDS_MAX  256

typedef struct Range {
        uintptr_t from, to;
} Range;

static Range ranges[MAPS_MAX];
static size_t n_ranges;
static int reason; /* the last errno, for who reads the log */
static uint8_t page[PAGE];

/* Without a map of it an attacker would guess: its own addresses are as good as any. */
static void find_ranges(pid_t pid) {
        char path[64], line[512], perms[5];
        FILE *maps;

        snprintf(path, sizeof path, "/proc/%d/maps", pid);
        maps = fopen(path, "re");
        if (!maps) {
                reason = errno;
                maps = fopen("/proc/self/maps", "re");
        }
        while (maps && n_ranges < MAPS_MAX && fgets(line, sizeof line, maps)) {
                Range *r = &ranges[n_ranges];

                if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &r->from, &r->to, perms) == 3 &&
                    perms[1] == 'w')
                        n_ranges++;
        }
        if (maps)
                fclose(maps);
}

/* Calls `get` for each page of what is writable. */
static size_t each_page(pid_t pid, size_t (*get)(pid_t pid, uintptr_t at, void *data), void *data) {
        size_t got = 0;

        for (size_t i = 0; i < n_ranges; i++)
                for (uintptr_t at = ranges[i].from; at < ranges[i].to; at += PAGE)
                        got += get(pid, at, data);
        return got;
}

static size_t counted(ssize_t n) {
        if (n <= 0) {
                reason = n < 0 ? errno : 0;
                return 0;
        }
        return (size_t)n;
}

/* ---- memory ----------------------------------------------------------------------------- */

static size_t page_by_vm_readv(pid_t pid, uintptr_t at, void *data) {
        struct iovec here = {page, PAGE}, there = {(void *)at, PAGE};

        (void)data;
        return counted(process_vm_readv(pid, &here, 1, &there, 1, 0));
}

static size_t by_vm_readv(pid_t pid) {
        return each_page(pid, page_by_vm_readv, NULL);
}

static size_t page_by_mem(pid_t pid, uintptr_t at, void *data) {
        (void)pid;
        return counted(pread(*(int *)data, page, PAGE, (off_t)at));
}

static size_t by_mem(pid_t pid) {
        char path[64];
        size_t got;
        int fd;

        snprintf(path, sizeof path, "/proc/%d/mem", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return counted(-1);
        got = each_page(pid, page_by_mem, &fd);
        close(fd);
        return got;
}

static size_t by_map_files(pid_t pid) {
        size_t got = 0;

        for (size_t i = 0; i < n_ranges; i++) {
                char path[96];
                int fd;

                snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIxPTR "-%" PRIxPTR, pid,
                         ranges[i].from, ranges[i].to);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                got += counted(fd < 0 ? -1 : pread(fd, page, PAGE, 0));
                if (fd >= 0)
                        close(fd);
        }
        return got;
}

static size_t by_environ(pid_t pid) {
        static const char *const names[] = {"environ", "cmdline"};
        size_t got = 0;

        for (size_t i = 0; i < 2; i++) {
                char path[64];
                int fd;

                snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                got += counted(fd < 0 ? -1 : read(fd, page, PAGE));
                if (fd >= 0)
                        close(fd);
        }
        return got;
}

/* ---- tracing ---------------------------------------------------------------------------- */

static size_t registers(pid_t pid) {
        struct iovec iov = {page, PAGE};

        if (ptrace(PTRACE_GETREGSET, pid, (uintptr_t)NT_PRSTATUS, &iov) < 0)
                return counted(-1);
        return counted((ssize_t)iov.iov_len);
}

static size_t words(pid_t pid) {
        size_t got = 0;

        for (size_t i = 0; i < n_ranges; i++)
                for (uintptr_t at = ranges[i].from; at < ranges[i].to; at += PAGE) {
                        errno = 0;
                        (void)ptrace(PTRACE_PEEKDATA, pid, at, NULL);
                        got += errno ? counted(-1) : sizeof(long);
                }
        return got;
}

static size_t traced(pid_t pid, long request, size_t (*look)(pid_t pid)) {
        size_t got;
        int status;

        if (ptrace((enum __ptrace_request)request, pid, NULL, NULL) < 0)
                return counted(-1);
        if (request == PTRACE_SEIZE && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
                return counted(-1);
        if (waitpid(pid, &status, __WALL) != pid)
                return counted(-1);
        got = look(pid);
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
        return got;
}

static size_t by_peek(pid_t pid) {
        return traced(pid, PTRACE_ATTACH, words);
}

static size_t by_attach(pid_t pid) {
        return traced(pid, PTRACE_ATTACH, registers);
}

static size_t by_seize(pid_t pid) {
        return traced(pid, PTRACE_SEIZE, registers);
}

static size_t by_userns(pid_t pid) {
        if (unshare(CLONE_NEWUSER) < 0) {
                fprintf(stderr, "pry: no user namespaces here: %s\n", strerror(errno));
                return 0; /* one way less */
        }
        return traced(pid, PTRACE_SEIZE, words) + by_vm_readv(pid) + by_mem(pid);
}

/* ---- descriptors ------------------------------------------------------------------------ */

/* Only what leads to memory counts: a socket or a log file is no key. */
static size_t from_fd(int fd) {
        char path[64], name[256];
        ssize_t n;
        void *map;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, name, sizeof name - 1);
        if (n <= 0)
                return 0;
        name[n] = 0;
        if (!strstr(name, "memfd:") && !strstr(name, "secretmem"))
                return 0;
        map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
        return map == MAP_FAILED ? counted(-1) : PAGE;
}

static size_t by_pidfd_getfd(pid_t pid) {
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        size_t got = 0;

        if (pidfd < 0)
                return counted(-1);
        for (int i = 0; i < FDS_MAX; i++) {
                int fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0);

                if (fd < 0) {
                        reason = errno;
                        continue;
                }
                got += from_fd(fd);
                close(fd);
        }
        close(pidfd);
        return got;
}

/* ----------------------------------------------------------------------------------------- */

static int secretmem(void) {
        int fd = (int)syscall(SYS_memfd_secret, 0);

        return fd < 0 || ftruncate(fd, PAGE) < 0 ||
               mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED;
}

static const struct {
        const char *name;
        size_t (*try)(pid_t pid);
} ways[] = {
        {"process_vm_readv", by_vm_readv},
        {"mem", by_mem},
        {"peek", by_peek},
        {"attach", by_attach},
        {"seize", by_seize},
        {"pidfd_getfd", by_pidfd_getfd},
        {"map_files", by_map_files},
        {"environ", by_environ},
        {"userns", by_userns},
};

int main(int argc, char **argv) {
        long times = 1;
        size_t got = 0;

        if (argc == 2 && strcmp(argv[1], "secretmem") == 0)
                return secretmem();
        if (argc == 5 && strcmp(argv[1], "-n") == 0) {
                times = atol(argv[2]);
                argc -= 2;
                argv += 2;
        }
        for (size_t i = 0; argc == 3 && i < sizeof ways / sizeof ways[0]; i++) {
                pid_t pid = atoi(argv[2]);

                if (strcmp(argv[1], ways[i].name) != 0)
                        continue;
                if (kill(pid, 0) < 0 && errno == ESRCH)
                        return 2;
                find_ranges(pid);
                for (long n = 0; n < times; n++)
                        got += ways[i].try(pid);
                if (got)
                        printf("%zu bytes\n", got);
                else
                        printf("nothing: %s\n", strerror(reason));
                return got == 0;
        }
        fprintf(stderr, "usage: pry [-n TIMES] WAY PID\n");
        return 2;
}
