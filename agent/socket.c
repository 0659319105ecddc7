/* SPDX-License-Identifier: ISC */
#include "agent/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/fingerprint.h"

#define LOCK_WAIT_S   5
#define STALE_AFTER_S 3600
#define HOST_HASH_LEN 10

static dev_t own_dev; /* of the socket we made */
static ino_t own_ino;

/* A folder of ours that nobody else can enter; made if it is missing. */
static int private_folder(const char *path, bool make) {
        struct stat st;

        if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        if (lstat(path, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (st.st_uid != geteuid() || (st.st_mode & 077))
                return -EPERM;
        return 0;
}

static int put(char path[static SOCKET_PATH_MAX], const char *first, const char *rest) {
        int n = snprintf(path, SOCKET_PATH_MAX, "%s%s", first, rest);

        return n < 0 || (size_t)n >= SOCKET_PATH_MAX ? -ENAMETOOLONG : 0;
}

int socket_default_path(char path[static SOCKET_PATH_MAX], char what[static SOCKET_PATH_MAX]) {
        const char *run = getenv("XDG_RUNTIME_DIR");
        int err;

        if (run && run[0] == '/' && private_folder(run, false) == 0 &&
            put(what, run, "/tagent") == 0 && put(path, run, "/tagent/agent.sock") == 0) {
                err = private_folder(what, true);
                if (err != -EROFS && err != -EACCES)
                        return err;
        }
        err = put(what, ta_home(), "/.ssh");
        if (!err && mkdir(what, 0700) < 0 && errno != EEXIST)
                err = -errno;
        if (!err)
                err = put(what, ta_home(), "/.ssh/agent");
        if (!err)
                err = private_folder(what, true);
        if (!err)
                err = put(path, ta_home(), "/.ssh/agent/tagent.sock");
        return err;
}

int socket_private_path(char path[static SOCKET_PATH_MAX]) {
        const char *tmp = getenv("TMPDIR");
        char folder[SOCKET_PATH_MAX];
        int n;

        if (put(folder, tmp && tmp[0] == '/' ? tmp : "/tmp", "/ssh-XXXXXXXXXXXX") < 0)
                return -ENAMETOOLONG;
        if (!mkdtemp(folder))
                return -errno;
        n = snprintf(path, SOCKET_PATH_MAX, "%s/agent.%d", folder, (int)getpid());
        if (n < 0 || (size_t)n >= SOCKET_PATH_MAX) {
                (void)rmdir(folder);
                return -ENAMETOOLONG;
        }
        return 0;
}

int socket_absolute_path(const char *given, char path[static SOCKET_PATH_MAX]) {
        char here[SOCKET_PATH_MAX];

        if (given[0] == '/')
                return put(path, given, "");
        if (!getcwd(here, sizeof here - 1))
                return errno == ERANGE ? -ENAMETOOLONG : -errno;
        strcat(here, "/");
        return put(path, here, given);
}

static void fill(struct sockaddr_un *address, const char *path) {
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(address->sun_path, path, strlen(path) + 1);
}

/* 0 and the server's pid if somebody accepts there, -ECONNREFUSED if nobody does, -errno. */
static int probe(const char *path, pid_t *ret_pid) {
        struct sockaddr_un address;
        struct ucred peer;
        socklen_t len = sizeof peer;
        ta_cleanup(ta_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        fill(&address, path);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EAGAIN)
                return -errno;
        *ret_pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
        return 0;
}

/* What is at `path`: nothing (0), a dead socket of ours (removed, 0), an agent, something else. */
static int make_way(const char *path, pid_t *ret_pid) {
        struct stat st;
        int err;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
                return -EEXIST;
        err = probe(path, ret_pid);
        if (err == 0)
                return -EADDRINUSE;
        if (err == -ENOENT)
                return 0;
        if (err != -ECONNREFUSED)
                return err;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static void too_late(int sig ta_unused) {
}

/* Those who start at once take turns: an exclusive lock on the folder, waited for, but not for ever. */
static int lock_folder(const char *path) {
        char copy[SOCKET_PATH_MAX];
        struct sigaction action = {.sa_handler = too_late}, former;
        int fd, result;

        memcpy(copy, path, strlen(path) + 1);
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        sigaction(SIGALRM, &action, &former);
        alarm(LOCK_WAIT_S);
        result = flock(fd, LOCK_EX) < 0 ? -errno : 0;
        alarm(0);
        sigaction(SIGALRM, &former, NULL);
        if (result < 0) {
                close(fd);
                return result == -EINTR ? -EBUSY : result;
        }
        return fd;
}

int socket_listen(const char *path, int *ret_fd, pid_t *ret_pid) {
        struct sockaddr_un address;
        ta_cleanup(ta_closep) int folder = -1;
        ta_cleanup(ta_closep) int fd = -1;
        struct stat st;
        mode_t mask;
        int err;

        *ret_pid = 0;
        if (strlen(path) >= SOCKET_PATH_MAX)
                return -ENAMETOOLONG;
        folder = lock_folder(path);
        if (folder < 0)
                return folder;
        err = make_way(path, ret_pid);
        if (err)
                return err;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        fill(&address, path);
        mask = umask(0177);
        err = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
        umask(mask);
        if (err)
                return err;
        if (listen(fd, 65535) < 0) { /* cut by the kernel to its own largest */
                err = -errno;
                (void)unlink(path);
                return err;
        }
        if (lstat(path, &st) == 0) {
                own_dev = st.st_dev;
                own_ino = st.st_ino;
        }
        *ret_fd = fd;
        fd = -1;
        return 0;
}

bool socket_is_ours(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && st.st_dev == own_dev && st.st_ino == own_ino;
}

/* The socket itself and not what its folder holds, which may be the busy /tmp: a name less is a
 * change of attributes. */
int socket_watch(const char *path) {
        char copy[SOCKET_PATH_MAX];
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        int err = 0;

        if (fd < 0)
                return -errno;
        memcpy(copy, path, strlen(path) + 1);
        if (inotify_add_watch(fd, path, IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) < 0 ||
            inotify_add_watch(fd, dirname(copy), IN_MOVE_SELF | IN_ONLYDIR) < 0) {
                err = -errno;
                close(fd);
        }
        return err ? err : fd;
}

void socket_remove(const char *path) {
        if (socket_is_ours(path))
                (void)unlink(path);
}

/* The name that OpenSSH gives this host in "s.HHHHHHHHHH.agent.RRRRRRRRRR". */
static void host_hash(char out[static HOST_HASH_LEN + 1]) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        uint8_t digest[TA_DIGEST_MAX] = {0};
        char name[256] = "";

        (void)gethostname(name, sizeof name - 1);
        if (ta_digest(TA_HASH_SHA512, ta_str(name), digest) < 0)
                memset(digest, 0, sizeof digest);
        for (int i = 0; i < HOST_HASH_LEN; i++)
                out[i] = alphabet[digest[i] % (sizeof alphabet - 1)];
        out[HOST_HASH_LEN] = 0;
}

int socket_clean(bool any_host) {
        char folder[SOCKET_PATH_MAX], path[SOCKET_PATH_MAX], host[HOST_HASH_LEN + 1];
        struct dirent *entry;
        int removed = 0;
        DIR *dir;

        if (put(folder, ta_home(), "/.ssh/agent") < 0)
                return -ENAMETOOLONG;
        dir = opendir(folder);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        host_hash(host);
        while ((entry = readdir(dir))) {
                struct stat st;
                pid_t pid;
                int n;

                if (strncmp(entry->d_name, "s.", 2) != 0)
                        continue;
                if (!any_host && strncmp(entry->d_name + 2, host, HOST_HASH_LEN) != 0)
                        continue;
                n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
                if (n < 0 || (size_t)n >= sizeof path || lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
                    st.st_uid != geteuid() || st.st_mtime > time(NULL) - STALE_AFTER_S)
                        continue;
                if (probe(path, &pid) == -ECONNREFUSED && unlink(path) == 0)
                        removed++;
        }
        closedir(dir);
        return removed;
}
