/* SPDX-License-Identifier: ISC */
/*
 * An agent without keys, thought and honesty: it signs anything with the same junk, at once. What
 * is measured with it is the benchmark itself and the kernel's sockets; and the benchmark has to
 * find every one of its signatures wrong.
 */
#include "bench/nullagent.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/proto.h"
#include "lib/wire.h"

#define FDS_MAX   16384
#define FRAME_MAX 4096

typedef struct Peer {
        size_t len;
        uint8_t in[FRAME_MAX];
} Peer;

static TaBytes answer_to(uint8_t type, uint8_t *out, size_t cap) {
        static const uint8_t junk[64] = {1, 2, 3};
        TaWriter w = ta_writer(out, cap);
        size_t frame = ta_write_begin(&w);

        if (type == SSH_AGENTC_SIGN_REQUEST) {
                size_t mark;

                ta_write_u8(&w, SSH_AGENT_SIGN_RESPONSE);
                mark = ta_write_begin(&w);
                ta_write_cstring(&w, "ssh-ed25519");
                ta_write_string(&w, (TaBytes){junk, sizeof junk});
                ta_write_finish(&w, mark);
        } else if (type == SSH_AGENTC_REQUEST_IDENTITIES) {
                ta_write_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
                ta_write_u32(&w, 0);
        } else {
                ta_write_u8(&w, SSH_AGENT_SUCCESS);
        }
        ta_write_finish(&w, frame);
        return ta_written(&w);
}

/* Answers each whole frame; false when the peer is gone or talks nonsense. */
static bool peer_serve(int fd, Peer *peer) {
        ssize_t n = recv(fd, peer->in + peer->len, sizeof peer->in - peer->len, 0);
        uint8_t out[256];

        if (n <= 0)
                return n < 0 && (errno == EAGAIN || errno == EINTR);
        peer->len += (size_t)n;
        for (;;) {
                TaReader r = ta_reader((TaBytes){peer->in, peer->len});
                TaBytes message = ta_read_string(&r), answer;

                if (r.err)
                        return peer->len < sizeof peer->in;
                if (!message.len)
                        return false;
                answer = answer_to(message.data[0], out, sizeof out);
                if (send(fd, answer.data, answer.len, MSG_NOSIGNAL) != (ssize_t)answer.len)
                        return false;
                peer->len = r.len;
                memmove(peer->in, r.data, r.len);
        }
}

int null_agent_run(const char *path) {
        static Peer *peers[FDS_MAX];
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];

        if (strlen(path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        memcpy(a.sun_path, path, strlen(path));
        if (epoll < 0 || listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) ||
            listen(listener, 4096) || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
                return -errno;
        for (;;) {
                int ready = epoll_wait(epoll, events, TA_N_ELEMENTS(events), -1);

                for (int i = 0; i < ready; i++) {
                        int fd = events[i].data.fd;

                        if (fd != listener) {
                                if (!peer_serve(fd, peers[fd])) {
                                        free(ta_steal(&peers[fd]));
                                        close(fd);
                                }
                                continue;
                        }
                        while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                                event.data.fd = fd;
                                if (fd >= FDS_MAX || !(peers[fd] = calloc(1, sizeof(Peer))) ||
                                    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
                                        close(fd);
                        }
                }
        }
}
