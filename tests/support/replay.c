/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target over its corpus and says so in TAP: every file whole, cut at places all over
 * it, and with bytes of it changed. Started by `make check` without arguments it finds the corpus
 * by its own name (fuzz-key: corpus/key); by hand it takes files.
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX 300000
#define CUTS     32

static unsigned n_done;

/* From a block of exactly that size, so that valgrind and sanitizers see the edges. */
static void give(const uint8_t *data, size_t len) {
        uint8_t *copy = malloc(len ? len : 1);

        if (!copy)
                abort();
        memcpy(copy, data, len);
        (void)LLVMFuzzerTestOneInput(copy, len);
        free(copy);
}

static void give_variants(uint8_t *data, size_t len) {
        static const uint8_t masks[] = {0x01, 0x80, 0xff};

        give(data, len);
        for (size_t i = 0; i < CUTS && i < len; i++) {
                size_t at = len <= CUTS ? i : len / CUTS * i;
                uint8_t kept = data[at];

                give(data, at);
                data[at] ^= masks[i % sizeof masks];
                give(data, len);
                data[at] = kept;
        }
}

static int replay(const char *path) {
        static uint8_t data[FILE_MAX];
        FILE *f = fopen(path, "re");
        size_t len;

        if (!f) {
                printf("not ok %u - %s: %s\n", ++n_done, path, strerror(errno));
                return 1;
        }
        len = fread(data, 1, sizeof data, f);
        (void)fclose(f);
        (void)printf("# %s\n", path); /* a target that ends here is named by it */
        (void)fflush(stdout);
        give_variants(data, len);
        printf("ok %u - %s\n", ++n_done, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
        return 0;
}

static int replay_folder(const char *folder) {
        struct dirent **names;
        int n = scandir(folder, &names, NULL, alphasort), failed = 0;

        for (int i = 0; i < n; i++) {
                char path[PATH_MAX + 300]; /* a folder and a name in it */

                if (names[i]->d_name[0] != '.') {
                        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
                        failed |= replay(path);
                }
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        if (n_done == 0) {
                printf("not ok %u - %s has files\n", ++n_done, folder);
                failed = 1;
        }
        return failed;
}

int main(int argc, char **argv) {
        const char *srcdir = getenv("G_TEST_SRCDIR"), *name = basename(argv[0]);
        char folder[PATH_MAX];
        int failed = 0;

        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(300); /* a target that never comes back fails, and does not hold up the suite */
        give((const uint8_t *)"", 0);
        for (int i = 1; i < argc; i++)
                failed |= replay(argv[i]);
        if (argc < 2) {
                snprintf(folder, sizeof folder, "%s/fuzz/corpus/%s", srcdir ? srcdir : "tests",
                         strncmp(name, "fuzz-", 5) == 0 ? name + 5 : name);
                failed = replay_folder(folder);
        }
        printf("1..%u\n", n_done);
        return failed;
}
