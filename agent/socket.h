/* SPDX-License-Identifier: ISC */
/* The agent's socket in the file system: where it is, whether somebody serves it, making it. */
#ifndef TA_AGENT_SOCKET_H
#define TA_AGENT_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "lib/base.h"

#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)0)->sun_path) /* with its NUL */

/* The one path where the user's agent is found: $XDG_RUNTIME_DIR/tagent/agent.sock if that folder
 * is the user's own and private, $HOME/.ssh/agent/tagent.sock else. Makes the folders (0700).
 * -ENAMETOOLONG, -EPERM (a folder is somebody else's or open to others), -errno; `ret_what` is the
 * path the error is about. */
ta_must_check int socket_default_path(char path[static SOCKET_PATH_MAX],
                                      char what[static SOCKET_PATH_MAX]);
/* A new private folder below $TMPDIR with the path "agent.PID" in it. */
ta_must_check int socket_private_path(char path[static SOCKET_PATH_MAX]);

/* `given` as it is found from everywhere: clients and a daemon stand in other folders. */
ta_must_check int socket_absolute_path(const char *given, char path[static SOCKET_PATH_MAX]);

/* Binds and listens at `path`, mode 0600. What nobody serves any more is replaced. -EADDRINUSE and
 * `ret_pid` (0: not known) if an agent serves it; -EEXIST if something else is there, which is left
 * alone. Two that start at once: exactly one wins. */
ta_must_check int socket_listen(const char *path, int *ret_fd, pid_t *ret_pid);

/* Whether the one we made is still there. */
bool socket_is_ours(const char *path);
/* A descriptor with something to read (inotify(7)) whenever that may have changed; what it is says
 * nothing. -errno. */
ta_must_check int socket_watch(const char *path);
/* Removes the socket if it still is the one we made. */
void socket_remove(const char *path);

/* ssh-agent -u: removes what nobody serves from ~/.ssh/agent; `any_host` of other hosts too. The
 * number removed, or -errno. */
int socket_clean(bool any_host);

#endif
