/* SPDX-License-Identifier: ISC */
/* The arena: zeroed when given, wiped when taken back, guarded, and complete again at the end. */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/secret.h"

static void test_alloc_is_zeroed(void) {
        uint8_t *p = ta_secret_alloc(1000), *q;

        memset(p, 0xaa, 1000);
        ta_secret_free(p);
        q = ta_secret_alloc(1000);
        for (size_t i = 0; i < 1000; i++)
                g_assert_cmpuint(q[i], ==, 0);
        ta_secret_free(q);
}

/* random allocations and frees: no overlap, contents kept, nothing lost at the end */
static void test_stress(void) {
        enum { N = 200 };
        uint8_t *blocks[N] = {NULL};
        size_t lens[N] = {0}, base = ta_secret_in_use();

        for (unsigned turn = 0; turn < 20000; turn++) {
                unsigned i = (unsigned)g_test_rand_int_range(0, N);

                if (blocks[i]) {
                        for (size_t k = 0; k < lens[i]; k++)
                                g_assert_cmpuint(blocks[i][k], ==, (uint8_t)i);
                        if (turn % 3 == 0) {
                                size_t len = (size_t)g_test_rand_int_range(1, 4000);
                                uint8_t *moved = ta_secret_realloc(blocks[i], len);

                                g_assert_nonnull(moved);
                                for (size_t k = 0; k < MIN(len, lens[i]); k++)
                                        g_assert_cmpuint(moved[k], ==, (uint8_t)i);
                                memset(moved, (int)i, len);
                                blocks[i] = moved;
                                lens[i] = len;
                        } else {
                                ta_secret_free(blocks[i]);
                                blocks[i] = NULL;
                        }
                } else {
                        lens[i] = (size_t)g_test_rand_int_range(0, 3000);
                        blocks[i] = ta_secret_alloc(lens[i]);
                        g_assert_nonnull(blocks[i]);
                        for (size_t k = 0; k < lens[i]; k++)
                                g_assert_cmpuint(blocks[i][k], ==, 0);
                        memset(blocks[i], (int)i, lens[i]);
                }
        }
        for (unsigned i = 0; i < N; i++)
                ta_secret_free(blocks[i]);
        g_assert_cmpuint(ta_secret_in_use(), ==, base);
}

#ifndef TA_SANITIZED
/* A process pays for the pages that it uses, not for the whole arena. */
static void test_pages_come_when_used(void) {
        uint8_t *p = ta_secret_alloc(1);
        size_t page = (size_t)sysconf(_SC_PAGESIZE), n = ta_secret_capacity() / page, resident = 0;
        g_autofree unsigned char *pages = g_malloc(n);

        if (mlock2(p, 1, MLOCK_ONFAULT) < 0 && errno == EINVAL) { /* glibc for ENOSYS */
                ta_secret_free(p);
                g_test_skip("no mlock2(), as in some valgrinds");
                return;
        }
        g_assert_cmpint(mincore((void *)((uintptr_t)p & ~(page - 1)), n * page, pages), ==, 0);
        for (size_t i = 0; i < n; i++)
                resident += pages[i] & 1;
        g_assert_cmpuint(resident, >=, 1);
        g_assert_cmpuint(resident, <, n / 4);
        ta_secret_free(p);
}

/* F32: a full arena says so, and serves again afterwards */
static void test_full(void) {
        size_t room = ta_secret_capacity() - ta_secret_in_use() - 4096;
        void *p = ta_secret_alloc(room), *q;
        TaSecret *s = NULL;

        g_assert_nonnull(p);
        q = ta_secret_alloc(8192);
        g_assert_null(q);
        g_assert_cmpint(ta_secret_new(8192, &s), ==, TA_E_FULL);
        g_assert_null(s);
        ta_secret_free(p);
        q = ta_secret_alloc(room);
        g_assert_nonnull(q);
        ta_secret_free(q);
}

/* In a process of its own that is not a forked child, since those find the arena empty. */
static void test_guard_page(void) {
        if (g_test_subprocess()) {
                uint8_t *block = ta_secret_alloc(16);
                volatile uint8_t *edge = (uint8_t *)((uintptr_t)block & ~(uintptr_t)4095);

                while (*edge || !*edge) /* walks down until the guard page ends it */
                        edge--;
        }
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
        g_test_trap_assert_failed();
}

static void test_double_free_aborts(void) {
        if (g_test_subprocess()) {
                void *block = ta_secret_alloc(64), *keep = ta_secret_alloc(64);

                ta_secret_free(block);
                ta_secret_free(block);
                ta_secret_free(keep);
                exit(0);
        }
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
        g_test_trap_assert_failed();
}

/* The end of an arena: every block of it, aligned ones and those at its very end too. */
static void test_wipe_all(void) {
        if (g_test_subprocess()) {
                uint8_t *blocks[] = {ta_secret_alloc(16), ta_secret_alloc_aligned(4096, 5000),
                                     ta_secret_alloc(100000), NULL};
                size_t lens[] = {16, 5000, 100000, 0};

                lens[3] = ta_secret_capacity() - ta_secret_in_use() - 8192;
                blocks[3] = ta_secret_alloc(lens[3]);
                for (size_t i = 0; i < 4; i++)
                        memset(blocks[i], 0x5a, lens[i]);
                ta_secret_wipe_all();
                for (size_t i = 0; i < 4; i++)
                        for (size_t k = 0; k < lens[i]; k++)
                                if (blocks[i][k] != 0)
                                        _exit(1);
                _exit(0); /* nothing of the arena can be used any more */
        }
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
        g_test_trap_assert_passed();
}

/* A forked child sees zeros where the parent has a secret, or has no such memory at all. */
static void test_absent_in_fork(void) {
        uint8_t *p = ta_secret_alloc(64);
        pid_t pid;
        int status;

        memset(p, 0x5a, 64);
        pid = fork();
        if (pid == 0)
                _exit(p[0] == 0 && p[63] == 0 ? 0 : 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (ta_secret_level() >= TA_SECRET_ARENA) {
                g_assert_true(WIFSIGNALED(status));
                g_assert_cmpint(WTERMSIG(status), ==, SIGSEGV);
        } else {
                g_assert_true(WIFEXITED(status));
                g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        }
        ta_secret_free(p);
}
#endif

static void test_equal(void) {
        g_assert_true(ta_secret_equal(ta_str("abc"), ta_str("abc")));
        g_assert_false(ta_secret_equal(ta_str("abc"), ta_str("abd")));
        g_assert_false(ta_secret_equal(ta_str("abc"), ta_str("ab")));
        g_assert_true(ta_secret_equal((TaBytes){NULL, 0}, ta_str("")));
}

static void test_errors_have_words(void) {
        for (int err = TA_E_BASE + 1; err < TA_E_END; err++) {
                g_assert_cmpstr(ta_strerror(err), !=, "unknown error");
                g_assert_cmpstr(ta_errname(err), !=, "UNKNOWN");
        }
        g_assert_cmpstr(ta_strerror(-2), ==, "No such file or directory");
        g_assert_cmpstr(ta_errname(-2), ==, "ENOENT");
        g_assert_cmpstr(ta_strerror(1), ==, "unknown error");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#ifndef TA_SANITIZED
        g_test_add_func("/secret/pages-come-when-used", test_pages_come_when_used); /* first */
#endif
        g_test_add_func("/secret/alloc-is-zeroed", test_alloc_is_zeroed);
        g_test_add_func("/secret/stress", test_stress);
        g_test_add_func("/secret/equal", test_equal);
        g_test_add_func("/error/words", test_errors_have_words);
#ifndef TA_SANITIZED
        g_test_add_func("/secret/f32-full", test_full);
        g_test_add_func("/secret/guard-page", test_guard_page);
        g_test_add_func("/secret/double-free-aborts", test_double_free_aborts);
        g_test_add_func("/secret/wipe-all", test_wipe_all);
        g_test_add_func("/secret/absent-in-fork", test_absent_in_fork);
#endif
        return g_test_run();
}
