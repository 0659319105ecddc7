/* SPDX-License-Identifier: ISC */
/* A file is read whole or refused, and written whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/file.h"

static char *folder;

static char *at(const char *name) {
        return g_build_filename(folder, name, NULL);
}

static unsigned n_entries(void) {
        GDir *dir = g_dir_open(folder, 0, NULL);
        unsigned n = 0;

        while (g_dir_read_name(dir))
                n++;
        g_dir_close(dir);
        return n;
}

static void assert_content(const char *path, const char *expected) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;

        g_assert_cmpint(ta_file_read(path, 1000, &s, NULL), ==, 0);
        g_assert_cmpmem(s->data, s->len, expected, strlen(expected));
}

static void test_write_and_read(void) {
        g_autofree char *path = at("a");
        mode_t old = umask(077);
        struct stat st;

        g_assert_cmpint(ta_file_write(path, ta_str("one"), 0644, false), ==, 0);
        umask(old);
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0644);
        g_assert_cmpint(ta_file_write(path, ta_str("two"), 0600, false), ==, -EEXIST);
        assert_content(path, "one");
        g_assert_cmpint(ta_file_write(path, ta_str("two"), 0600, true), ==, 0);
        assert_content(path, "two");
        g_assert_cmpuint(n_entries(), ==, 1);
        g_unlink(path);
}

static void test_link_is_followed(void) {
        g_autofree char *path = at("real"), *link = at("link"), *loop = at("loop");
        TaSecret *s = NULL;
        struct stat st;

        g_assert_cmpint(ta_file_write(path, ta_str("old"), 0600, false), ==, 0);
        g_assert_cmpint(symlink("real", link), ==, 0);
        g_assert_cmpint(symlink("loop", loop), ==, 0);
        g_assert_cmpint(ta_file_write(link, ta_str("new"), 0600, false), ==, -EEXIST);
        g_assert_cmpint(ta_file_write(link, ta_str("new"), 0600, true), ==, 0);
        assert_content(path, "new");
        g_assert_cmpint(lstat(link, &st), ==, 0);
        g_assert_true(S_ISLNK(st.st_mode));
        g_assert_cmpint(ta_file_read(loop, 10, &s, NULL), ==, -ELOOP);
        g_unlink(link);
        g_unlink(loop);
        g_unlink(path);
}

/* F25 */
static void test_special_files(void) {
        g_autofree char *fifo = at("fifo"), *file = at("file");
        TaSecret *s = NULL;

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(ta_file_read(fifo, 10, &s, NULL), ==, -EINVAL);
        g_assert_cmpint(ta_file_write(fifo, ta_str("x"), 0600, true), ==, -EINVAL);
        g_assert_cmpint(ta_file_read(folder, 10, &s, NULL), ==, -EISDIR);
        g_assert_cmpint(ta_file_read("/dev/null", 10, &s, NULL), ==, -EINVAL);
        g_assert_cmpint(ta_file_read("/proc/self/maps", 10, &s, NULL), ==, -EFBIG);
        g_assert_cmpint(ta_file_read("/nonexistent", 10, &s, NULL), ==, -ENOENT);
        g_assert_cmpint(ta_file_write(file, ta_str("12345"), 0600, false), ==, 0);
        g_assert_cmpint(ta_file_read(file, 4, &s, NULL), ==, -EFBIG);
        g_assert_null(s);
        g_assert_cmpint(ta_file_read(file, 5, &s, NULL), ==, 0);
        ta_secret_drop(s);
        g_unlink(fifo);
        g_unlink(file);
}

static void test_pipe(void) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
        static char big[20000];
        int fds[2];

        g_assert_cmpint(pipe(fds), ==, 0);
        memset(big, 'x', sizeof big);
        g_assert_cmpint(write(fds[1], big, sizeof big), ==, sizeof big);
        close(fds[1]);
        g_assert_cmpint(ta_file_read_fd(fds[0], sizeof big, &s), ==, 0);
        close(fds[0]);
        g_assert_cmpmem(s->data, s->len, big, sizeof big);
}

/* F27: no room; the limit on file sizes stands in for the full disk */
static void test_no_room(void) {
        g_autofree char *path = at("full");
        struct rlimit old, small;
        static char big[8192];

        g_assert_cmpint(ta_file_write(path, ta_str("old"), 0600, false), ==, 0);
        signal(SIGXFSZ, SIG_IGN);
        g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
        small = old;
        small.rlim_cur = 4096;
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
        int err = ta_file_write(path, (TaBytes){(uint8_t *)big, sizeof big}, 0600, true);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
        g_assert_cmpint(err, ==, -EFBIG);
        assert_content(path, "old");
        g_assert_cmpuint(n_entries(), ==, 1);
        g_unlink(path);
}

static void test_read_only_folder(void) {
        g_autofree char *path = at("ro");

        if (geteuid() == 0) {
                g_test_skip("root writes anywhere");
                return;
        }
        g_assert_cmpint(chmod(folder, 0500), ==, 0);
        g_assert_cmpint(ta_file_write(path, ta_str("x"), 0600, false), ==, -EACCES);
        g_assert_cmpint(chmod(folder, 0700), ==, 0);
}

/* F28: killed anywhere, the file is the old or the new one */
static void test_killed(void) {
        g_autofree char *path = at("torn");
        static uint8_t a[5000], b[5000];

        memset(a, 'a', sizeof a);
        memset(b, 'b', sizeof b);
        g_assert_cmpint(ta_file_write(path, (TaBytes){a, sizeof a}, 0600, false), ==, 0);
        for (unsigned i = 0; i < 40; i++) {
                ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
                pid_t pid = fork();

                if (pid == 0) {
                        for (;;) {
                                if (ta_file_write(path, (TaBytes){b, sizeof b}, 0600, true) ||
                                    ta_file_write(path, (TaBytes){a, sizeof a}, 0600, true))
                                        _exit(1);
                        }
                }
                g_assert_cmpint(pid, >, 0);
                g_usleep(200 + i * 37);
                kill(pid, SIGKILL);
                g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
                g_assert_cmpint(ta_file_read(path, sizeof a, &s, NULL), ==, 0);
                g_assert_cmpuint(s->len, ==, sizeof a);
                g_assert_true(memcmp(s->data, a, sizeof a) == 0 ||
                              memcmp(s->data, b, sizeof b) == 0);
        }
        GDir *dir = g_dir_open(folder, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *left = at(name);
                g_unlink(left);
        }
        g_dir_close(dir);
}

/* F26 */
static void test_private_mode(void) {
        struct stat st = {.st_uid = 5, .st_mode = S_IFREG | 0600};

        g_assert_cmpint(ta_file_private_mode(&st, 5), ==, 0);
        st.st_mode = S_IFREG | 0640;
        g_assert_cmpint(ta_file_private_mode(&st, 5), ==, TA_E_REFUSED);
        g_assert_cmpint(ta_file_private_mode(&st, 6), ==, 0);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        folder = g_dir_make_tmp("ta-file-XXXXXX", NULL);
        g_test_add_func("/file/write-and-read", test_write_and_read);
        g_test_add_func("/file/link-is-followed", test_link_is_followed);
        g_test_add_func("/file/f25-special-files", test_special_files);
        g_test_add_func("/file/pipe", test_pipe);
        g_test_add_func("/file/f27-no-room", test_no_room);
        g_test_add_func("/file/f27-read-only-folder", test_read_only_folder);
        g_test_add_func("/file/f28-killed", test_killed);
        g_test_add_func("/file/f26-private-mode", test_private_mode);
        status = g_test_run();
        g_rmdir(folder);
        g_free(folder);
        return status;
}
