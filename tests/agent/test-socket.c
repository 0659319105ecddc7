/* SPDX-License-Identifier: ISC */
/* Where the socket is, what may be in its way, and that of many who start at once one wins.
 * F41, F42, F43, F60. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "agent/socket.h"

static char *dir; /* of this test; removed at its end */
static char path[SOCKET_PATH_MAX], what[SOCKET_PATH_MAX];

static const char *in_dir(const char *name) {
        static char buf[4][SOCKET_PATH_MAX];
        static int next;
        char *p = buf[next++ % 4];

        g_snprintf(p, SOCKET_PATH_MAX, "%s/%s", dir, name);
        return p;
}

static void setup(void) {
        dir = g_dir_make_tmp("ta-socket-XXXXXX", NULL);
        g_assert_nonnull(dir);
        g_assert_cmpint(g_mkdir(in_dir("home"), 0700), ==, 0);
        g_assert_cmpint(g_mkdir(in_dir("run"), 0700), ==, 0);
        g_setenv("HOME", in_dir("home"), TRUE);
        g_setenv("XDG_RUNTIME_DIR", in_dir("run"), TRUE);
}

static void teardown(void) {
        g_autofree char *command = g_strdup_printf("rm -rf '%s'", dir);

        g_assert_cmpint(system(command), ==, 0);
        g_clear_pointer(&dir, g_free);
}

static unsigned mode_of(const char *file) {
        struct stat st;

        g_assert_cmpint(lstat(file, &st), ==, 0);
        return st.st_mode & 07777;
}

static bool is_there(const char *file) {
        struct stat st;

        return lstat(file, &st) == 0;
}

static int listen_at(const char *at) {
        pid_t pid;
        int fd = -1;
        int err = socket_listen(at, &fd, &pid);

        return err ? err : fd;
}

static void test_default_path(void) {
        setup();
        g_assert_cmpint(socket_default_path(path, what), ==, 0);
        g_assert_cmpstr(path, ==, in_dir("run/tagent/agent.sock"));
        g_assert_cmpuint(mode_of(in_dir("run/tagent")), ==, 0700);
        g_assert_cmpint(socket_default_path(path, what), ==, 0); /* again: nothing is new */
        g_assert_cmpstr(path, ==, in_dir("run/tagent/agent.sock"));
        teardown();
}

/* F43: whatever is wrong with the folder, the socket is never in an open one */
static void test_runtime_folder(void) {
        static const struct {
                const char *value; /* below the test's folder; NULL: unset; "." and "": as they are */
                int mode;          /* -1: missing */
        } rows[] = {{NULL, -1}, {"", -1}, {".", -1}, {"missing", -1}, {"open", 0755},
                    {"group", 0770}, {"file", -2}, {"link", -3}};

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                setup();
                if (!rows[i].value)
                        g_unsetenv("XDG_RUNTIME_DIR");
                else if (strlen(rows[i].value) < 2)
                        g_setenv("XDG_RUNTIME_DIR", rows[i].value, TRUE);
                else
                        g_setenv("XDG_RUNTIME_DIR", in_dir(rows[i].value), TRUE);
                if (rows[i].mode >= 0) {
                        g_assert_cmpint(g_mkdir(in_dir(rows[i].value), 0700), ==, 0);
                        g_assert_cmpint(g_chmod(in_dir(rows[i].value), rows[i].mode), ==, 0);
                }
                if (rows[i].mode == -2)
                        g_assert_true(g_file_set_contents(in_dir("file"), "x", 1, NULL));
                if (rows[i].mode == -3)
                        g_assert_cmpint(symlink(in_dir("run"), in_dir("link")), ==, 0);
                g_assert_cmpint(socket_default_path(path, what), ==, 0);
                g_assert_cmpstr(path, ==, in_dir("home/.ssh/agent/tagent.sock"));
                g_assert_cmpuint(mode_of(in_dir("home/.ssh")), ==, 0700);
                g_assert_cmpuint(mode_of(in_dir("home/.ssh/agent")), ==, 0700);
                teardown();
        }
}

/* a folder of the path that others may enter is refused, and named */
static void test_open_folder_of_ours(void) {
        setup();
        g_assert_cmpint(g_mkdir(in_dir("run/tagent"), 0700), ==, 0);
        g_assert_cmpint(g_chmod(in_dir("run/tagent"), 0755), ==, 0);
        g_assert_cmpint(socket_default_path(path, what), ==, -EPERM);
        g_assert_cmpstr(what, ==, in_dir("run/tagent"));
        teardown();

        setup();
        g_unsetenv("XDG_RUNTIME_DIR");
        g_assert_cmpint(g_mkdir(in_dir("home/.ssh"), 0755), ==, 0); /* as ssh has it: fine */
        g_assert_cmpint(g_mkdir(in_dir("home/.ssh/agent"), 0700), ==, 0);
        g_assert_cmpint(g_chmod(in_dir("home/.ssh/agent"), 0777), ==, 0);
        g_assert_cmpint(socket_default_path(path, what), ==, -EPERM);
        g_assert_cmpstr(what, ==, in_dir("home/.ssh/agent"));
        teardown();
}

/* F41: the longest path that the system takes, and one byte more */
static void test_long_path(void) {
        g_autofree char *name = NULL;
        int fd;

        setup();
        name = g_strnfill(SOCKET_PATH_MAX - 1 - strlen(dir) - 1, 'x');
        fd = listen_at(in_dir(name));
        g_assert_cmpint(fd, >=, 0);
        close(fd);
        {
                g_autofree char *longer = g_strdup_printf("%s/%sx", dir, name);

                g_assert_cmpint(listen_at(longer), ==, -ENAMETOOLONG);
        }
        {
                g_autofree char *home = g_strdup_printf("%s/%s", dir, name);

                g_unsetenv("XDG_RUNTIME_DIR");
                g_setenv("HOME", home, TRUE);
                g_assert_cmpint(socket_default_path(path, what), ==, -ENAMETOOLONG);
        }
        teardown();
}

static void test_socket(void) {
        pid_t pid;
        int fd, second = -1;

        setup();
        fd = listen_at(in_dir("s"));
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpuint(mode_of(in_dir("s")), ==, 0600);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        /* F42: an agent is there */
        g_assert_cmpint(socket_listen(in_dir("s"), &second, &pid), ==, -EADDRINUSE);
        g_assert_cmpint(pid, ==, getpid());
        g_assert_true(is_there(in_dir("s")));
        socket_remove(in_dir("s"));
        g_assert_false(is_there(in_dir("s")));
        close(fd);
        teardown();
}

/* F42: a stale socket is replaced; at the end only our own is removed */
static void test_stale(void) {
        int fd, other;

        setup();
        fd = listen_at(in_dir("s"));
        g_assert_cmpint(fd, >=, 0);
        close(fd); /* killed: its socket stays */
        fd = listen_at(in_dir("s"));
        g_assert_cmpint(fd, >=, 0);
        /* somebody took the path over by force */
        g_assert_cmpint(g_unlink(in_dir("s")), ==, 0);
        g_assert_true(g_file_set_contents(in_dir("holds the inode"), "x", 1, NULL));
        other = socket(AF_UNIX, SOCK_STREAM, 0);
        {
                struct sockaddr_un address = {.sun_family = AF_UNIX};

                g_strlcpy(address.sun_path, in_dir("s"), sizeof address.sun_path);
                g_assert_cmpint(bind(other, (struct sockaddr *)&address, sizeof address), ==, 0);
        }
        socket_remove(in_dir("s"));
        g_assert_true(is_there(in_dir("s")));
        close(other);
        close(fd);
        teardown();
}

/* F42: what is not a socket of ours stays where it is, to the byte */
static void test_in_the_way(void) {
        static const char *const kinds[] = {"file", "folder", "link", "dangling", "fifo"};

        setup();
        g_assert_true(g_file_set_contents(in_dir("file"), "precious", 8, NULL));
        g_assert_cmpint(g_mkdir(in_dir("folder"), 0700), ==, 0);
        g_assert_cmpint(symlink(in_dir("file"), in_dir("link")), ==, 0);
        g_assert_cmpint(symlink(in_dir("nowhere"), in_dir("dangling")), ==, 0);
        g_assert_cmpint(mkfifo(in_dir("fifo"), 0600), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_assert_cmpint(listen_at(in_dir(kinds[i])), ==, -EEXIST);
                g_assert_true(is_there(in_dir(kinds[i])));
        }
        {
                g_autofree char *text = NULL;

                g_assert_true(g_file_get_contents(in_dir("file"), &text, NULL, NULL));
                g_assert_cmpstr(text, ==, "precious");
        }
        g_assert_cmpint(listen_at(in_dir("no/such/folder")), ==, -ENOENT);
        teardown();
}

/* F42: another user's socket */
static void test_of_another_owner(void) {
        int fd;

        if (geteuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        setup();
        fd = listen_at(in_dir("s"));
        g_assert_cmpint(fd, >=, 0);
        close(fd);
        g_assert_cmpint(chown(in_dir("s"), 12345, 12345), ==, 0);
        g_assert_cmpint(listen_at(in_dir("s")), ==, -EEXIST);
        g_assert_true(is_there(in_dir("s")));
        /* F43: a runtime folder of somebody else */
        g_assert_cmpint(chown(in_dir("run"), 12345, 12345), ==, 0);
        g_assert_cmpint(socket_default_path(path, what), ==, 0);
        g_assert_cmpstr(path, ==, in_dir("home/.ssh/agent/tagent.sock"));
        teardown();
}

/* F60: ten at once, over a stale socket: one listens, each of the others is told its pid */
static void test_at_once(void) {
        enum { MANY = 10 };
        int gate[2], told[2], winners = 0;
        pid_t children[MANY], winner = 0, seen[MANY] = {0};

        setup();
        {
                int fd = listen_at(in_dir("s"));

                g_assert_cmpint(fd, >=, 0);
                close(fd);
        }
        g_assert_cmpint(pipe(gate), ==, 0);
        g_assert_cmpint(pipe(told), ==, 0);
        for (int i = 0; i < MANY; i++) {
                children[i] = fork();
                if (children[i] == 0) {
                        pid_t answer[2] = {getpid(), 0};
                        int fd = -1, err;
                        char byte;

                        close(gate[1]);
                        (void)!read(gate[0], &byte, 1); /* all begin when the gate closes */
                        err = socket_listen(in_dir("s"), &fd, &answer[1]);
                        if (err && err != -EADDRINUSE)
                                _exit(1);
                        if (!err)
                                answer[1] = -1;
                        (void)!write(told[1], answer, sizeof answer);
                        if (!err)
                                pause(); /* until it is ended */
                        _exit(0);
                }
        }
        close(gate[1]);
        for (int i = 0; i < MANY; i++) {
                pid_t answer[2];

                g_assert_cmpint(read(told[0], answer, sizeof answer), ==, sizeof answer);
                if (answer[1] == -1) {
                        winner = answer[0];
                        winners++;
                } else {
                        seen[i] = answer[1];
                }
        }
        g_assert_cmpint(winners, ==, 1);
        for (int i = 0; i < MANY; i++)
                if (seen[i])
                        g_assert_cmpint(seen[i], ==, winner);
        kill(winner, SIGKILL);
        for (int i = 0; i < MANY; i++)
                g_assert_cmpint(waitpid(children[i], NULL, 0), ==, children[i]);
        close(gate[0]);
        close(told[0]);
        close(told[1]);
        teardown();
}

/* a path that depends on where one stands is made one that does not */
static void test_absolute_path(void) {
        g_autofree char *before = g_get_current_dir(), *deep = NULL;

        setup();
        g_assert_cmpint(socket_absolute_path("/a/b", path), ==, 0);
        g_assert_cmpstr(path, ==, "/a/b");
        g_assert_cmpint(g_chdir(in_dir("run")), ==, 0);
        g_assert_cmpint(socket_absolute_path("./s", path), ==, 0);
        g_assert_cmpstr(path, ==, in_dir("run/./s"));
        deep = g_strnfill(SOCKET_PATH_MAX - strlen(in_dir("run")) - 1, 'x');
        g_assert_cmpint(socket_absolute_path(deep + 1, path), ==, 0);
        g_assert_cmpint(socket_absolute_path(deep, path), ==, -ENAMETOOLONG);
        g_assert_cmpint(g_chdir(before), ==, 0);
        teardown();
}

static void test_private_path(void) {
        g_autofree char *first = NULL;

        setup();
        g_setenv("TMPDIR", in_dir("run"), TRUE);
        g_assert_cmpint(socket_private_path(path), ==, 0);
        first = g_path_get_dirname(path);
        g_assert_true(g_str_has_prefix(first, in_dir("run/ssh-")));
        g_assert_cmpuint(mode_of(first), ==, 0700);
        g_assert_cmpint(socket_private_path(path), ==, 0);
        g_assert_false(g_str_has_prefix(path, first));
        g_setenv("TMPDIR", in_dir("missing"), TRUE);
        g_assert_cmpint(socket_private_path(path), ==, -ENOENT);
        g_unsetenv("TMPDIR");
        teardown();
}

/* -u: only sockets, old ones, that nobody serves, and of this host unless told otherwise */
static void test_clean(void) {
        static const struct {
                const char *name;
                bool old, served, any_host_only, goes;
        } rows[] = {
                {"s.HOST.agent.abc", true, false, false, true},
                {"s.HOST.sshd.abc", true, false, false, true},
                {"s.HOST.agent.new", false, false, false, false},
                {"s.HOST.agent.live", true, true, false, false},
                {"s.ZZZZZZZZZZ.agent.abc", true, false, true, true},
                {"tagent.sock", true, false, false, false},
        };
        struct utimbuf old = {.actime = time(NULL) - 7200, .modtime = time(NULL) - 7200};
        int live = -1;

        for (int any = 0; any < 2; any++) {
                g_autofree char *host = NULL;
                char name[256] = "";

                setup();
                g_assert_cmpint(socket_clean(any), ==, 0); /* no folder: nothing to do */
                g_assert_cmpint(g_mkdir(in_dir("home/.ssh"), 0700), ==, 0);
                g_assert_cmpint(g_mkdir(in_dir("home/.ssh/agent"), 0700), ==, 0);
                g_assert_cmpint(gethostname(name, sizeof name - 1), ==, 0);
                { /* the first ten bytes of its SHA-512, as letters and digits */
                        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
                        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA512);
                        uint8_t digest[64];
                        gsize len = sizeof digest;

                        g_checksum_update(sum, (uint8_t *)name, (gssize)strlen(name));
                        g_checksum_get_digest(sum, digest, &len);
                        host = g_strnfill(10, 0);
                        for (int i = 0; i < 10; i++)
                                host[i] = alphabet[digest[i] % 62];
                }
                for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                        g_auto(GStrv) parts = g_strsplit(rows[i].name, "HOST", 2);
                        g_autofree char *leaf = g_strjoinv(host, parts);
                        g_autofree char *file = g_strdup_printf("%s/home/.ssh/agent/%s", dir, leaf);
                        int fd = listen_at(file);

                        g_assert_cmpint(fd, >=, 0);
                        if (rows[i].old)
                                g_assert_cmpint(utime(file, &old), ==, 0);
                        if (rows[i].served)
                                live = fd;
                        else
                                close(fd);
                }
                g_assert_true(g_file_set_contents(in_dir("home/.ssh/agent/s.file"), "x", 1, NULL));
                g_assert_cmpint(socket_clean(any), ==, any ? 3 : 2);
                for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                        g_auto(GStrv) parts = g_strsplit(rows[i].name, "HOST", 2);
                        g_autofree char *leaf = g_strjoinv(host, parts);
                        g_autofree char *file = g_strdup_printf("%s/home/.ssh/agent/%s", dir, leaf);
                        bool goes = rows[i].goes && (any || !rows[i].any_host_only);

                        g_assert_cmpint(is_there(file), ==, !goes);
                }
                g_assert_true(is_there(in_dir("home/.ssh/agent/s.file")));
                close(live);
                teardown();
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/socket/default-path", test_default_path);
        g_test_add_func("/socket/F43-runtime-folder", test_runtime_folder);
        g_test_add_func("/socket/F43-open-folder-of-ours", test_open_folder_of_ours);
        g_test_add_func("/socket/F41-long-path", test_long_path);
        g_test_add_func("/socket/F42-live", test_socket);
        g_test_add_func("/socket/F42-stale", test_stale);
        g_test_add_func("/socket/F42-in-the-way", test_in_the_way);
        g_test_add_func("/socket/F42-F43-of-another-owner", test_of_another_owner);
        g_test_add_func("/socket/F60-at-once", test_at_once);
        g_test_add_func("/socket/absolute-path", test_absolute_path);
        g_test_add_func("/socket/private-path", test_private_path);
        g_test_add_func("/socket/clean", test_clean);
        return g_test_run();
}
