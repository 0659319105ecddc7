/* SPDX-License-Identifier: ISC */
#include "agent/body.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/error.h"

/* Four times as large, within what is allowed. */
static int grow(const Body *body) {
        int size = body_room(body);

        if (size < 0)
                return -errno;
        if (size >= BODY_PIPE_MAX)
                return TA_E_LIMIT;
        size = size > BODY_PIPE_MAX / 4 ? BODY_PIPE_MAX : 4 * size;
        return fcntl(body->in, F_SETPIPE_SZ, size) < 0 ? TA_E_LIMIT : 0;
}

int body_fill(Body *body, int socket, size_t total) {
        if (!body->open) {
                int ends[2];

                if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                        return -errno;
                *body = (Body){.open = true, .out = ends[0], .in = ends[1]};
        }
        for (bool again = false; body->len < total;) {
                ssize_t n = splice(socket, NULL, body->in, NULL, total - body->len,
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                int waiting = 0, err;

                if (n > 0) {
                        body->len += (size_t)n;
                        again = false;
                        continue;
                }
                if (n == 0)
                        return -EPIPE;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                if (ioctl(socket, FIONREAD, &waiting) < 0 || waiting == 0)
                        return 0; /* it is the socket that has no more, not the pipe no room */
                if (!again) { /* or something has come just now */
                        again = true;
                        continue;
                }
                err = grow(body);
                if (err)
                        return err;
        }
        return 1;
}

int body_copy(const Body *body, int to) {
        ssize_t n;

        if (body->len == 0)
                return 0;
        do
                n = tee(body->out, to, body->len, SPLICE_F_NONBLOCK);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)body->len ? 0 : TA_E_LIMIT;
}

int body_move(Body *body, int to) {
        while (body->len > 0) {
                ssize_t n = splice(body->out, NULL, to, NULL, body->len, SPLICE_F_NONBLOCK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return TA_E_LIMIT;
                body->len -= (size_t)n;
        }
        return 0;
}

int body_room(const Body *body) {
        return body->open ? fcntl(body->in, F_GETPIPE_SZ) : 0;
}

void body_clear(Body *body) {
        if (body->open) {
                close(body->out);
                close(body->in);
        }
        *body = (Body){0};
}
