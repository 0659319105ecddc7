/* SPDX-License-Identifier: ISC */
#include "agent/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/session.h"

#define ACCEPT_BATCH  64
#define FULL_PAUSE_MS 200

struct Server {
        Watch watch;
        Agent *agent;
        Session *first;
        Timer pause; /* descriptors ran out */
        bool full;   /* since then not all who wait could be let in */
};

/* This user and root. The socket's mode says the same, but people change modes. */
static bool peer_allowed(int fd) {
        struct ucred peer;
        socklen_t len = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return false;
        if (peer.uid == 0 || peer.uid == geteuid())
                return true;
        log_info("connection by user id %u refused", peer.uid);
        return false;
}

static void listen_again(void *data) {
        Server *server = data;

        if (loop_add(server->agent->loop, &server->watch, EPOLLIN) < 0)
                loop_after(server->agent->loop, &server->pause, FULL_PAUSE_MS);
}

static void server_ready(Watch *watch, uint32_t events ta_unused) {
        Server *server = (Server *)watch;

        for (int i = 0; i < ACCEPT_BATCH; i++) {
                int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                Session *session;

                if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
                        continue;
                if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
                        /* Who waits in the backlog loses nothing but time. */
                        if (!server->full)
                                log_error("no descriptors left; new connections wait");
                        server->full = true;
                        loop_remove(server->agent->loop, watch);
                        loop_after(server->agent->loop, &server->pause, FULL_PAUSE_MS);
                        return;
                }
                if (fd < 0) {
                        server->full = false; /* nobody waits */
                        return;
                }
                if (!peer_allowed(fd)) {
                        close(fd);
                        continue;
                }
                session = session_new(server->agent, fd);
                if (!session)
                        continue;
                session->next = server->first;
                if (server->first)
                        server->first->prev = session;
                server->first = session;
        }
}

int server_new(Agent *agent, int listener, Server **ret) {
        Server *server = calloc(1, sizeof *server);
        int err;

        if (!server)
                return -ENOMEM;
        server->agent = agent;
        /* Again, by this process: who connects is told its pid as the peer's, not the parent's. */
        (void)listen(listener, 65535);
        server->watch = (Watch){.fd = listener, .ready = server_ready};
        server->pause = (Timer){.fire = listen_again, .data = server};
        err = loop_add(agent->loop, &server->watch, EPOLLIN);
        if (err) {
                free(server);
                return err;
        }
        *ret = server;
        return 0;
}

void server_forget(Server *server, Session *session) {
        if (session->prev)
                session->prev->next = session->next;
        else
                server->first = session->next;
        if (session->next)
                session->next->prev = session->prev;
        session->prev = session->next = NULL;
}

void server_free(Server *server) {
        if (!server)
                return;
        while (server->first)
                session_close(server->first);
        loop_cancel(server->agent->loop, &server->pause);
        loop_remove(server->agent->loop, &server->watch);
        close(server->watch.fd);
        free(server);
}
