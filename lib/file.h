/* SPDX-License-Identifier: ISC */
/*
 * Files that must not be half-read or half-written. Reading goes by read(2) into secret memory.
 * Writing goes to a temporary file in the same folder, fsync, rename, fsync of the folder; a
 * private key never exists with a wider mode than it is asked for, and never by halves.
 */
#ifndef TA_LIB_FILE_H
#define TA_LIB_FILE_H

#include <sys/stat.h>

#include "lib/base.h"
#include "lib/secret.h"

/* Opens a regular file of at most `max` bytes to read it, with O_NONBLOCK, and refuses what is none:
 * -EISDIR, -EINVAL (FIFO, device, socket), -EFBIG. Symbolic links are followed, loops are -ELOOP.
 * `ret_stat` may be NULL. */
ta_must_check int ta_file_open(const char *path, size_t max, int *ret_fd, struct stat *ret_stat);

/* The same, and all of it. -EFBIG is also found by reading, so /proc files that claim size 0 meet it
 * too. */
ta_must_check int ta_file_read(const char *path, size_t max, TaSecret **ret, struct stat *ret_stat);

/* The same from an open descriptor that may be a pipe or a terminal (standard input). */
ta_must_check int ta_file_read_fd(int fd, size_t max, TaSecret **ret);

/* One read(2), as a blocking descriptor does it, though this one may not be (a terminal shared with
 * another program). The bytes read, 0 at the end, or -errno. */
ta_must_check ssize_t ta_file_read_some(int fd, uint8_t *data, size_t len);

/* All of them into an open descriptor, one at which write(2) waits. -errno. */
ta_must_check int ta_file_write_all(int fd, TaBytes bytes);

/* Puts `bytes` at `path`, whole or not at all. Without `replace`, an existing file is -EEXIST,
 * one that appears meanwhile too. With it, a symbolic link stays and what it names is replaced;
 * what is no regular file is -EINVAL or -EISDIR. The mode is exact, whatever the umask.
 * On failure the temporary file is gone and the old file is as it was; but where the last step fails,
 * which is to sync the folder, the new one is there, and only may not outlive a crash. */
ta_must_check int ta_file_write(const char *path, TaBytes bytes, mode_t mode, bool replace);

/* The user's home folder: $HOME where it is absolute, else what the password database says; "/"
 * where neither does. Not to be freed. */
const char *ta_home(void);

/* 0 if the permissions of a private key's file are right for `uid`: owned by somebody else is
 * fine (as in OpenSSH), owned by us with bits for group or others is TA_E_REFUSED. */
ta_must_check int ta_file_private_mode(const struct stat *st, uid_t uid);

#endif
