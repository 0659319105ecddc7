/* SPDX-License-Identifier: ISC */
/*
 * Whole files, safely. A name is only trusted after its file was opened and looked at; what is
 * written becomes visible in one step, and only when it has reached the disk. Knows nothing of what
 * is in the files.
 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/error.h"

#define READ_START 4096u /* where the size is not known: pipes, /proc */
#define TEMP_TRIES 16

ssize_t ta_file_read_some(int fd, uint8_t *data, size_t len) {
        for (;;) {
                ssize_t n = read(fd, data, len);

                if (n >= 0)
                        return n;
                if (errno == EAGAIN) {
                        struct pollfd p = {.fd = fd, .events = POLLIN};

                        if (poll(&p, 1, -1) < 0 && errno != EINTR)
                                return -errno;
                } else if (errno != EINTR) {
                        return -errno;
                }
        }
}

/* Grows by new blocks, never by realloc: the old one is wiped. One byte more than `max` is asked
 * for, since only that shows that the file is too large. */
static int read_all(int fd, size_t first, size_t max, TaSecret **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *s = NULL;
        size_t cap = first < max ? first + 1 : max + 1;
        int err;

        err = ta_secret_new(cap, &s);
        if (err)
                return err;
        for (;;) {
                ssize_t n;

                if (s->len == s->cap) {
                        TaSecret *larger;

                        if (s->len > max)
                                return -EFBIG;
                        cap = s->cap < (max + 1) / 2 ? s->cap * 2 : max + 1;
                        err = ta_secret_new(cap, &larger);
                        if (err)
                                return err;
                        memcpy(larger->data, s->data, s->len);
                        larger->len = s->len;
                        ta_secret_drop(s);
                        s = larger;
                }
                n = ta_file_read_some(fd, s->data + s->len, s->cap - s->len);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                s->len += (size_t)n;
        }
        if (s->len > max)
                return -EFBIG;
        *ret = ta_steal(&s);
        return 0;
}

int ta_file_read_fd(int fd, size_t max, TaSecret **ret) {
        return read_all(fd, READ_START, max, ret);
}

int ta_file_open(const char *path, size_t max, int *ret_fd, struct stat *ret_stat) {
        ta_cleanup(ta_closep) int fd = -1;
        struct stat st;

        /* Non-blocking, so that a FIFO without a writer does not hold us. */
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENXIO || errno == ENODEV ? -EINVAL : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > 0 && (uint64_t)st.st_size > max)
                return -EFBIG;
        if (ret_stat)
                *ret_stat = st;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int ta_file_read(const char *path, size_t max, TaSecret **ret, struct stat *ret_stat) {
        ta_cleanup(ta_closep) int fd = -1;
        struct stat st;
        int err;

        err = ta_file_open(path, max, &fd, &st);
        if (!err)
                err = read_all(fd, st.st_size > 0 ? (size_t)st.st_size : READ_START, max, ret);
        if (!err && ret_stat)
                *ret_stat = st;
        return err;
}

/* The folder of a path (an O_RDONLY descriptor where it may be read, so that it can be synced) and
 * the name in it. */
static int open_folder(const char *path, int *ret_fd, const char **ret_name) {
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        char folder[PATH_MAX] = ".";
        int fd;

        if (!*path)
                return -ENOENT;
        if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return -EISDIR;
        if (slash) {
                size_t len = slash == path ? 1 : (size_t)(slash - path);

                if (len >= sizeof folder)
                        return -ENAMETOOLONG;
                memcpy(folder, path, len);
                folder[len] = '\0';
        }
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == EACCES)
                fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        *ret_name = name;
        return 0;
}

static int sync_fd(int fd) {
        while (fsync(fd) < 0) {
                if (errno == EINVAL || errno == EROFS || errno == EBADF)
                        return 0; /* a file system, or an O_PATH folder, without it */
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

int ta_file_write_all(int fd, TaBytes bytes) {
        while (bytes.len > 0) {
                ssize_t n = write(fd, bytes.data, bytes.len);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                bytes.data += n;
                bytes.len -= (size_t)n;
        }
        return 0;
}

/* A new file of an unused name in the folder. */
static int make_temp(int folder, mode_t mode, char name[static NAME_MAX], int *ret_fd) {
        for (unsigned i = 0; i < TEMP_TRIES; i++) {
                uint64_t random;
                ssize_t n;
                int fd;

                do
                        n = getrandom(&random, sizeof random, 0);
                while (n < 0 && errno == EINTR);
                if (n != (ssize_t)sizeof random)
                        return n < 0 ? -errno : -EIO;
                (void)snprintf(name, NAME_MAX, ".tagent-%016llx.tmp", (unsigned long long)random);
                fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            mode & 0600);
                if (fd >= 0) {
                        *ret_fd = fd;
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

/* The temporary name becomes the name, which must not exist. Renaming leaves no second name behind
 * should we die in the middle; linking is for file systems that cannot refuse to replace. */
static int put_new(int folder, const char *temp, const char *name) {
        if (renameat2(folder, temp, folder, name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        if (linkat(folder, temp, folder, name, 0) < 0)
                return -errno;
        (void)unlinkat(folder, temp, 0);
        return 0;
}

/* What is at `name`, itself if it is a link. Whoever takes a failure for an absence replaces what he
 * could not see: *ret_mode is 0 only where there is nothing. */
static int look(int folder, const char *name, mode_t *ret_mode) {
        struct stat st;

        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                *ret_mode = st.st_mode;
        else if (errno == ENOENT)
                *ret_mode = 0;
        else
                return -errno;
        return 0;
}

static int put_over(int folder, const char *temp, const char *name) {
        mode_t there;
        int err = look(folder, name, &there);

        if (err)
                return err;
        /* Replacing a device or a socket is never meant: "-f /dev/null" as root. */
        if (S_ISDIR(there))
                return -EISDIR;
        if (there && !S_ISREG(there))
                return -EINVAL;
        return renameat(folder, temp, folder, name) < 0 ? -errno : 0;
}

static int fill_temp(int fd, TaBytes bytes, mode_t mode) {
        int err;

        err = ta_file_write_all(fd, bytes);
        if (err)
                return err;
        if (fchmod(fd, mode) < 0)
                return -errno;
        return sync_fd(fd);
}

int ta_file_write(const char *path, TaBytes bytes, mode_t mode, bool replace) {
        ta_cleanup(ta_freep) char *target = NULL;
        ta_cleanup(ta_closep) int folder = -1;
        ta_cleanup(ta_closep) int fd = -1;
        char temp[NAME_MAX];
        mode_t there = 0;
        const char *name;
        int err;

        if (replace) {
                err = look(AT_FDCWD, path, &there);
                if (err)
                        return err;
        }
        /* A symbolic link stays, and what it names is replaced: key files are kept so. */
        if (S_ISLNK(there)) {
                target = realpath(path, NULL);
                if (!target)
                        return -errno;
                path = target;
        }
        err = open_folder(path, &folder, &name);
        if (err)
                return err;
        if (!replace && look(folder, name, &there) == 0 && there)
                return -EEXIST; /* not decisive, but spares the work */
        err = make_temp(folder, mode, temp, &fd);
        if (err)
                return err;

        err = fill_temp(fd, bytes, mode);
        if (!err) {
                int closing = fd;

                fd = -1;
                /* NFS tells of a full disk only here. */
                if (close(closing) < 0 && errno != EINTR)
                        err = -errno;
        }
        if (!err)
                err = replace ? put_over(folder, temp, name) : put_new(folder, temp, name);
        if (err) {
                (void)unlinkat(folder, temp, 0);
                return err;
        }
        return sync_fd(folder);
}

int ta_file_private_mode(const struct stat *st, uid_t uid) {
        return st->st_uid == uid && (st->st_mode & 077) ? TA_E_REFUSED : 0;
}

const char *ta_home(void) {
        const char *home = getenv("HOME");
        const struct passwd *pw;

        if (home && home[0] == '/')
                return home;
        pw = getpwuid(getuid());
        return pw ? pw->pw_dir : "/";
}
