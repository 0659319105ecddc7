/* SPDX-License-Identifier: ISC */
/*
 * Reading never goes past the end of a frame: five bytes are peeked at, they name length and type,
 * and then that frame is read and no more. What follows may be a private key, which is read into
 * secret memory.
 */
#include "agent/session.h"

#include <endian.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/dispatch.h"
#include "agent/log.h"
#include "agent/server.h"
#include "lib/proto.h"
#include "lib/secret.h"

#define HALF_MESSAGE_MS 120000      /* a frame that has begun must end within */
#define UNSENT_MAX      (64 * 1024) /* above: no further request is read */
#define IN_FIRST        1024

/* Only one frame at a time is worked on, so all sessions share these. Allocated at first use. */
static uint8_t *frame;   /* secret memory, 4 + TA_MSG_MAX */
static uint8_t *answer;  /* 4 + TA_MSG_MAX */

static bool buffers_ready(void) {
        if (!frame)
                frame = ta_secret_alloc(4 + TA_MSG_MAX);
        if (!answer)
                answer = malloc(4 + TA_MSG_MAX);
        return frame && answer;
}

static void session_ready(Watch *watch, uint32_t events);

Session *session_new(Agent *agent, int fd) {
        Session *session = calloc(1, sizeof *session);

        if (!session || !buffers_ready()) {
                free(session);
                close(fd);
                return NULL;
        }
        session->agent = agent;
        session->watch = (Watch){.fd = fd, .ready = session_ready};
        if (loop_add(agent->loop, &session->watch) < 0) {
                free(session);
                close(fd);
                return NULL;
        }
        return session;
}

static void drop_input(Session *session) {
        ta_secret_free(session->in);
        session->in = NULL;
        session->in_len = session->in_cap = 0;
        loop_cancel(session->agent->loop, &session->deadline);
}

static void drop_parked(Session *session) {
        ta_secret_free(session->parked_message);
        session->parked_message = NULL;
        session->parked_len = 0;
        session->parked = false;
        session->answer = ANSWER_NONE;
}

void session_close(Session *session) {
        Agent *agent = session->agent;

        if (session->closed)
                return;
        session->closed = true;
        loop_remove(agent->loop, &session->watch);
        close(session->watch.fd);
        keepers_forget(session->job);
        prompter_cancel(session->question);
        dispatch_abandon(session);
        loop_cancel(agent->loop, &session->delay);
        drop_input(session);
        drop_parked(session);
        free(session->out);
        session->out = NULL;
        bindings_clear(&session->bindings);
        server_forget(agent->server, session);
        loop_defer(agent->loop, session, free);
}

/* ---- output ----------------------------------------------------------------------------- */

static size_t unsent(const Session *session) {
        return session->out_len - session->out_sent;
}

static void flush(Session *session) {
        while (unsent(session) > 0) {
                ssize_t n = send(session->watch.fd, session->out + session->out_sent,
                                 unsent(session), MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) {
                        session_close(session);
                        return;
                }
                session->out_sent += (size_t)n;
        }
        free(session->out);
        session->out = NULL;
        session->out_len = session->out_sent = 0;
}

static void send_bytes(Session *session, const uint8_t *data, size_t len) {
        uint8_t *out;
        ssize_t n = 0;

        if (unsent(session) == 0) {
                do
                        n = send(session->watch.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
                while (n < 0 && errno == EINTR);
                if (n < 0 && errno != EAGAIN) {
                        session_close(session);
                        return;
                }
                if (n < 0)
                        n = 0;
        }
        if ((size_t)n == len)
                return;
        out = realloc(session->out, session->out_len + len - (size_t)n);
        if (!out) {
                session_close(session);
                return;
        }
        memcpy(out + session->out_len, data + n, len - (size_t)n);
        session->out = out;
        session->out_len += len - (size_t)n;
}

/* Sends what stands in `answer` behind the four bytes of its length. */
static void send_answer(Session *session, size_t len) {
        uint32_t be = htobe32((uint32_t)len);

        memcpy(answer, &be, sizeof be);
        send_bytes(session, answer, 4 + len);
}

void session_reply(Session *session, TaBytes reply) {
        ta_bug_on(!session->parked || reply.len > TA_MSG_MAX);
        drop_parked(session);
        memcpy(answer + 4, reply.data, reply.len);
        send_answer(session, reply.len);
        if (!session->closed)
                loop_again(session->agent->loop, &session->watch);
}

void session_reply_status(Session *session, bool success) {
        uint8_t byte = success ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE;

        session_reply(session, (TaBytes){&byte, 1});
}

/* ---- requests --------------------------------------------------------------------------- */

int session_keep(Session *session, TaBytes message) {
        if (session->parked_message)
                return 0; /* it is this very one, running again */
        session->parked_message = ta_secret_alloc(message.len);
        if (!session->parked_message)
                return TA_E_FULL;
        memcpy(session->parked_message, message.data, message.len);
        session->parked_len = message.len;
        return 0;
}

static void run(Session *session, TaBytes message) {
        TaWriter w = ta_writer(answer + 4, TA_MSG_MAX);

        session->parked = true;
        if (dispatch(session, message, &w) == DISPATCH_WAIT)
                return;
        drop_parked(session);
        send_answer(session, w.len);
}

void session_resume(Session *session) {
        uint8_t *message = ta_steal(&session->parked_message);
        size_t len = session->parked_len;

        session->parked_message = message; /* session_keep() must see that it has it already */
        run(session, (TaBytes){message, len});
        if (!session->closed)
                loop_again(session->agent->loop, &session->watch);
}

static void half_message_is_late(void *data) {
        Session *session = data;

        session->deadline = 0;
        log_debug("connection dropped: its message did not end in time");
        session_close(session);
}

/* Reads a frame of `total` bytes as far as it is there. true: it is whole, at *ret_at. */
static bool read_frame(Session *session, size_t total, uint8_t **ret_at) {
        uint8_t *to = session->in ? session->in + session->in_len : frame;
        size_t want = total - session->in_len;
        ssize_t n;

        if (session->in && session->in_cap == session->in_len) {
                /* Grows with what came, not with what was announced. */
                size_t cap = 2 * session->in_cap < total ? 2 * session->in_cap : total;
                uint8_t *in = ta_secret_realloc(session->in, cap);

                if (!in) {
                        session_close(session);
                        return false;
                }
                session->in = in;
                session->in_cap = cap;
                to = in + session->in_len;
        }
        if (session->in && want > session->in_cap - session->in_len)
                want = session->in_cap - session->in_len;

        do
                n = recv(session->watch.fd, to, want, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return false;
        if (n <= 0) {
                session_close(session);
                return false;
        }
        if (!session->in) {
                if ((size_t)n == total) {
                        *ret_at = frame;
                        return true;
                }
                session->in_cap = (size_t)n < IN_FIRST ? (total < IN_FIRST ? total : IN_FIRST) : (size_t)n;
                session->in = ta_secret_alloc(session->in_cap);
                if (!session->in) {
                        ta_wipe(frame, (size_t)n);
                        session_close(session);
                        return false;
                }
                memcpy(session->in, frame, (size_t)n);
                ta_wipe(frame, (size_t)n);
        }
        session->in_len += (size_t)n;
        if (session->in_len < total) {
                loop_again(session->agent->loop, &session->watch); /* more may be there already */
                return false;
        }
        *ret_at = session->in;
        return true;
}

static void turn(Session *session) {
        uint8_t head[5], *whole;
        uint32_t be;
        size_t total;
        ssize_t n;

        if (session->in_len >= 4) {
                memcpy(&be, session->in, sizeof be);
                total = 4 + (size_t)be32toh(be);
        } else {
                do
                        n = recv(session->watch.fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
                while (n < 0 && errno == EINTR);
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        session_close(session);
                        return;
                }
                if (n >= 4) {
                        memcpy(&be, head, sizeof be);
                        if (be == 0 || be32toh(be) > TA_MSG_MAX) {
                                log_debug("connection dropped: a message of %u bytes", be32toh(be));
                                session_close(session);
                                return;
                        }
                }
                if (!session->deadline && n < 5)
                        session->deadline = loop_after(session->agent->loop, HALF_MESSAGE_MS,
                                                       half_message_is_late, session);
                if (n < 5)
                        return;
                total = 4 + (size_t)be32toh(be);
        }
        if (!read_frame(session, total, &whole)) {
                if (!session->closed && !session->deadline && session->in)
                        session->deadline = loop_after(session->agent->loop, HALF_MESSAGE_MS,
                                                       half_message_is_late, session);
                return;
        }
        run(session, (TaBytes){whole + 4, total - 4});
        if (whole == frame && dispatch_is_secret(frame[4]))
                ta_wipe(frame, total);
        if (session->closed)
                return;
        drop_input(session);
        if (!session->parked)
                loop_again(session->agent->loop, &session->watch);
}

static void session_ready(Watch *watch, uint32_t events) {
        Session *session = (Session *)watch;

        if (events & (EPOLLHUP | EPOLLERR)) {
                session_close(session);
                return;
        }
        if (unsent(session) > 0)
                flush(session);
        if (session->closed || session->parked || unsent(session) > UNSENT_MAX)
                return;
        turn(session);
}
