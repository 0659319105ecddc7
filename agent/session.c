/* SPDX-License-Identifier: ISC */
/*
 * Reading never goes past the end of a frame: the first five bytes name length and type, and then
 * that frame is read and no more. What follows may be a private key, which is read into secret
 * memory.
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
static void half_message_is_late(void *data);

Session *session_new(Agent *agent, int fd) {
        Session *session = calloc(1, sizeof *session);

        if (!session || !buffers_ready()) {
                free(session);
                close(fd);
                return NULL;
        }
        session->agent = agent;
        session->watch = (Watch){.fd = fd, .ready = session_ready};
        session->deadline = (Timer){.fire = half_message_is_late, .data = session};
        if (loop_add(agent->loop, &session->watch, EPOLLIN) < 0) {
                free(session);
                close(fd);
                return NULL;
        }
        return session;
}

/* Secret memory that waits for clients (halves of messages, requests that are parked) is at most
 * half of all there is: the rest is for those who do not make it wait. */
static size_t waiting;

static bool waiting_grows(size_t by) {
        if (by > ta_secret_capacity() / 2 - waiting)
                return false;
        waiting += by;
        return true;
}

static bool in_is_secret(const Session *session) {
        return dispatch_is_secret(session->head[4]);
}

static void drop_input(Session *session) {
        if (session->in && in_is_secret(session)) {
                ta_secret_free(session->in);
                waiting -= session->in_cap;
        } else {
                free(session->in);
        }
        session->in = NULL;
        session->in_len = session->in_cap = session->head_len = 0;
        loop_cancel(session->agent->loop, &session->deadline);
}

/* Room for `cap` bytes of a frame that comes in pieces. */
static bool grow_input(Session *session, size_t cap) {
        bool secret = in_is_secret(session);
        uint8_t *in;

        if (secret && !waiting_grows(cap - session->in_cap))
                return false;
        in = secret ? ta_secret_realloc(session->in, cap) : realloc(session->in, cap);
        if (!in) {
                waiting -= secret ? cap - session->in_cap : 0;
                return false;
        }
        session->in = in;
        session->in_cap = cap;
        return true;
}

static void drop_parked(Session *session) {
        uint8_t *message = ta_steal(&session->parked_message);

        if (message && dispatch_is_secret(message[0])) {
                ta_secret_free(message);
                waiting -= session->parked_len;
        } else {
                free(message);
        }
        session->parked_len = 0;
        session->parked = false;
        session->answer = ANSWER_NONE;
}

static void drop_output(Session *session) {
        free(session->out);
        session->out = NULL;
        session->out_len = session->out_sent = 0;
}

void session_close(Session *session) {
        Agent *agent = session->agent;

        if (session->closed)
                return;
        session->closed = true;
        loop_retire(agent->loop, &session->watch);
        close(session->watch.fd);
        keepers_forget(session->job);
        prompter_cancel(session->question);
        dispatch_abandon(session);
        drop_input(session);
        drop_parked(session);
        drop_output(session);
        bindings_clear(&session->bindings);
        server_forget(agent->server, session);
}

/* ---- output ----------------------------------------------------------------------------- */

static size_t unsent(const Session *session) {
        return session->out_len - session->out_sent;
}

/* Nobody takes answers any more; what was asked for before is still read and done. The kernel has
 * nothing more to tell, and would never stop telling it: settle() asks for the turns instead. */
static void client_gone(Session *session) {
        if (session->gone)
                return;
        session->gone = true;
        loop_remove(session->agent->loop, &session->watch);
        drop_output(session);
}

/* What the session waits for now. A parked one is not asked to stop reading, since it is told only
 * if its client sends more before it has its answer; session_ready() sees to that. */
static void settle(Session *session) {
        uint32_t events = unsent(session) > 0 ? EPOLLOUT : 0;

        if (session->gone) {
                if (!session->parked)
                        loop_again(session->agent->loop, &session->watch);
                return;
        }
        if (!session->parked && !session->asked_all && unsent(session) <= UNSENT_MAX)
                events |= EPOLLIN;
        loop_interest(session->agent->loop, &session->watch, events);
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
                        client_gone(session);
                        return;
                }
                session->out_sent += (size_t)n;
        }
        drop_output(session);
}

static void send_bytes(Session *session, const uint8_t *data, size_t len) {
        uint8_t *out;
        ssize_t n = 0;

        if (session->gone)
                return;
        if (unsent(session) == 0) {
                do
                        n = send(session->watch.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
                while (n < 0 && errno == EINTR);
                if (n < 0 && errno != EAGAIN) {
                        client_gone(session);
                        return;
                }
                if (n < 0)
                        n = 0;
        }
        if ((size_t)n == len)
                return;
        /* What was sent makes room, or whoever reads without ever catching up would have us keep
         * all that he ever read. */
        if (session->out_sent > 0) {
                memmove(session->out, session->out + session->out_sent, unsent(session));
                session->out_len -= session->out_sent;
                session->out_sent = 0;
        }
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
                settle(session);
}

void session_reply_status(Session *session, bool success) {
        uint8_t byte = success ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE;

        session_reply(session, (TaBytes){&byte, 1});
}

/* ---- requests --------------------------------------------------------------------------- */

int session_keep(Session *session, TaBytes message) {
        bool secret = dispatch_is_secret(message.data[0]);
        uint8_t *kept;

        if (session->parked_message)
                return 0; /* it is this very one, running again */
        if (secret && !waiting_grows(message.len))
                return TA_E_FULL;
        kept = secret ? ta_secret_alloc(message.len) : malloc(message.len);
        if (!kept) {
                waiting -= secret ? message.len : 0;
                return TA_E_FULL;
        }
        memcpy(kept, message.data, message.len);
        session->parked_message = kept;
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
        if (!session->closed && !session->parked)
                settle(session);
}

static void half_message_is_late(void *data) {
        Session *session = data;

        log_debug("connection dropped: its message did not end in time");
        session_close(session);
}

/* recv() into `to`: how many came, 0 if none are there now. At its end the session is closed, if
 * nothing is left to be sent. */
static size_t receive(Session *session, uint8_t *to, size_t want) {
        ssize_t n;

        do
                n = recv(session->watch.fd, to, want, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                return (size_t)n;
        if (n == 0 && unsent(session) > 0)
                session->asked_all = true;
        else if (n == 0 || errno != EAGAIN)
                session_close(session);
        return 0;
}

static uint32_t announced(const Session *session) {
        uint32_t be;

        memcpy(&be, session->head, sizeof be);
        return be32toh(be);
}

/* true: length and type are there, and the length is one that we take. */
static bool read_head(Session *session) {
        session->head_len += receive(session, session->head + session->head_len,
                                     sizeof session->head - session->head_len);
        if (session->closed || session->head_len < 4)
                return false;
        if (announced(session) == 0 || announced(session) > TA_MSG_MAX) {
                log_debug("connection dropped: a message of %u bytes", announced(session));
                session_close(session);
                return false;
        }
        return session->head_len == sizeof session->head;
}

/* Reads the rest of a frame of `total` bytes as far as it is there. true: it is whole, at *ret_at.
 * A frame that comes in pieces moves into memory that grows with what came, not with what was
 * announced. */
static bool read_body(Session *session, size_t total, uint8_t **ret_at) {
        size_t had = session->in ? session->in_len : session->head_len, n;
        uint8_t *at = session->in ? session->in : frame;

        if (session->in && session->in_cap == had) {
                if (!grow_input(session, 2 * had < total ? 2 * had : total)) {
                        session_close(session);
                        return false;
                }
                at = session->in;
        }
        if (!session->in)
                memcpy(frame, session->head, sizeof session->head);
        n = had == total ? 0 : receive(session, at + had, (session->in ? session->in_cap : total) - had);
        if (session->closed)
                return false;
        if (had + n == total) {
                *ret_at = at;
                return true;
        }
        if (!session->in) {
                size_t cap = had + n < IN_FIRST ? IN_FIRST : had + n;

                if (!grow_input(session, cap < total ? cap : total)) {
                        ta_wipe(frame, had + n);
                        session_close(session);
                        return false;
                }
                memcpy(session->in, frame, had + n);
                ta_wipe(frame, had + n);
        }
        session->in_len = had + n;
        return false;
}

static void turn(Session *session) {
        bool begun = session->head_len == sizeof session->head || read_head(session);
        size_t total = 4 + (size_t)announced(session);
        uint8_t *whole;

        if (begun && read_body(session, total, &whole)) {
                run(session, (TaBytes){whole + 4, total - 4});
                if (whole == frame && dispatch_is_secret(frame[4]))
                        ta_wipe(frame, total);
                if (!session->closed)
                        drop_input(session);
        } else if (!session->closed && !session->deadline.set && session->head_len > 0) {
                loop_after(session->agent->loop, &session->deadline, HALF_MESSAGE_MS);
        }
}

/* What a client asked for before it went away is done, as ssh-agent does it (a hook that locks the
 * agent need not wait for the answer); only the person is not asked for somebody who is gone. */
static void session_ready(Watch *watch, uint32_t events) {
        Session *session = (Session *)watch;

        if (events & (EPOLLHUP | EPOLLERR)) {
                client_gone(session);
                if (session->question)
                        session_close(session);
        }
        if (unsent(session) > 0)
                flush(session);
        if (session->asked_all && unsent(session) == 0)
                session_close(session);
        if (session->closed)
                return;
        if ((events & EPOLLIN || session->gone) && !session->parked &&
            unsent(session) <= UNSENT_MAX) {
                turn(session);
                if (session->closed)
                        return;
                if (session->gone && session->question)
                        session_close(session);
                if (session->closed || session->parked)
                        return; /* as it is until the answer */
        }
        settle(session);
}
