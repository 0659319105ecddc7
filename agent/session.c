/* SPDX-License-Identifier: ISC */
/*
 * Reading never goes past the end of a frame: the first five bytes name length and type, and then
 * that frame is read and no more. Of a message that carries a secret only those five bytes are read;
 * the rest is moved into a pipe (agent/body.h).
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

#define HALF_MESSAGE_MS 120000      /* a frame that has begun must end within */
#define HALF_SECRET_MS  10000       /* one that holds a pipe */
#define BODIES_MAX      256
#define UNSENT_MAX      (64 * 1024) /* above: no further request is read */
#define IN_FIRST        1024

/* Only one frame at a time is worked on, so all sessions share these. Allocated at first use. */
static uint8_t *frame;  /* 4 + TA_MSG_MAX */
static uint8_t *answer; /* 4 + TA_MSG_MAX */

/* The sessions that hold a body, in the order in which these began to come in. */
static struct {
        Session *first, *last;
        unsigned n;
} bodies;

static bool buffers_ready(void) {
        if (!frame)
                frame = malloc(4 + TA_MSG_MAX);
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

static void hold_body(Session *session) {
        session->body_prev = bodies.last;
        session->body_next = NULL;
        *(bodies.last ? &bodies.last->body_next : &bodies.first) = session;
        bodies.last = session;
        bodies.n++;
        session->holds_body = true;
}

static void drop_body(Session *session) {
        if (session->holds_body) {
                *(session->body_prev ? &session->body_prev->body_next : &bodies.first) = session->body_next;
                *(session->body_next ? &session->body_next->body_prev : &bodies.last) = session->body_prev;
                bodies.n--;
        }
        session->holds_body = false;
        body_clear(&session->body);
}

static void drop_input(Session *session) {
        free(session->in);
        session->in = NULL;
        session->in_len = session->in_cap = session->head_len = 0;
        loop_cancel(session->agent->loop, &session->deadline);
}

/* Room for `cap` bytes of a frame that comes in pieces. */
static bool grow_input(Session *session, size_t cap) {
        uint8_t *in = realloc(session->in, cap);

        if (!in)
                return false;
        session->in = in;
        session->in_cap = cap;
        return true;
}

static void drop_parked(Session *session) {
        free(session->parked_message);
        session->parked_message = NULL;
        session->parked_len = 0;
        session->parked = session->extension = false;
        session->answer = ANSWER_NONE;
        drop_body(session);
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

/* Nobody takes answers any more; what is asked for is still read and done. */
static void client_gone(Session *session) {
        session->gone = true;
        drop_output(session);
}

/* Nor comes anything more. The kernel has nothing more to tell, and would never stop telling it:
 * settle() asks for the turns instead. */
static void client_hung_up(Session *session) {
        client_gone(session);
        if (session->hung_up)
                return;
        session->hung_up = true;
        loop_remove(session->agent->loop, &session->watch);
}

/* What the session waits for now. A parked one is not asked to stop reading, since it is told only
 * if its client sends more before it has its answer; session_ready() sees to that. */
static void settle(Session *session) {
        uint32_t events = unsent(session) > 0 ? EPOLLOUT : 0;

        if (session->hung_up) {
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
        uint8_t byte = success              ? SSH_AGENT_SUCCESS
                       : session->extension ? SSH_AGENT_EXTENSION_FAILURE
                                            : SSH_AGENT_FAILURE;

        session_reply(session, (TaBytes){&byte, 1});
}

/* ---- requests --------------------------------------------------------------------------- */

int session_keep(Session *session, TaBytes message) {
        if (session->parked_message)
                return 0; /* it is this very one, running again */
        session->parked_message = malloc(message.len);
        if (!session->parked_message)
                return -ENOMEM;
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
        if (!session->closed && !session->parked)
                settle(session);
}

static void half_message_is_late(void *data) {
        Session *session = data;

        log_debug("connection dropped: its message did not end in time");
        session_close(session);
}

/* The client sends nothing more. It is closed, if nothing is left to be sent to it. */
static void input_ended(Session *session) {
        if (unsent(session) > 0)
                session->asked_all = true;
        else
                session_close(session);
}

/* recv() into `to`: how many came, 0 if none are there now. */
static size_t receive(Session *session, uint8_t *to, size_t want) {
        ssize_t n;

        do
                n = recv(session->watch.fd, to, want, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                return (size_t)n;
        if (n == 0)
                input_ended(session);
        else if (errno != EAGAIN)
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

/* Pipes are scarce, and honest clients send a key at once: who has been at it longest makes way. Those
 * whose message is whole wait for us, not we for them. */
static void drop_oldest_body(void) {
        for (Session *s = bodies.first; s; s = s->body_next) {
                if (s->parked)
                        continue;
                log_info("connection dropped: too many keys and passphrases are coming in at once");
                session_close(s);
                return;
        }
}

/* Moves the rest of a message that carries a secret into the pipe. true: all of it is there. */
static bool move_body(Session *session) {
        int moved;

        if (!session->holds_body) {
                if (bodies.n >= BODIES_MAX)
                        drop_oldest_body();
                hold_body(session);
                loop_cancel(session->agent->loop, &session->deadline); /* there is less time now */
        }
        moved = body_fill(&session->body, session->watch.fd, announced(session) - 1);
        if (moved == -EPIPE) {
                input_ended(session);
        } else if (moved < 0) {
                log_info("connection dropped: a key or passphrase that cannot be passed on: %s",
                         ta_strerror(moved));
                session_close(session);
        }
        return moved == 1;
}

/* The rest of a frame, `len` bytes, if all of it is there. It stays in the socket until what it asks
 * for has been set going: when the last byte is taken the kernel wakes the client, which waits for an
 * answer and finds none, and on another processor that costs us as much time as half a signature. */
static bool see_rest(Session *session, uint8_t *to, size_t len) {
        if (recv(session->watch.fd, to, len, MSG_DONTWAIT | MSG_PEEK) != (ssize_t)len)
                return false;
        session->seen = len;
        return true;
}

static void take_seen(Session *session) {
        while (session->seen > 0 && !session->closed) {
                size_t n = receive(session, frame, session->seen);

                session->seen -= n;
                if (n == 0)
                        session_close(session);
        }
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
        if (!session->in && had < total && see_rest(session, at + had, total - had)) {
                *ret_at = at;
                return true;
        }
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
                        session_close(session);
                        return false;
                }
                memcpy(session->in, frame, had + n);
        }
        session->in_len = had + n;
        return false;
}

static void turn(Session *session) {
        bool begun = session->head_len == sizeof session->head || read_head(session);
        size_t total = 4 + (size_t)announced(session);
        uint8_t type = session->head[4], *whole = session->head;
        bool secret = begun && dispatch_is_secret(type);

        if (begun && (secret ? move_body(session) : read_body(session, total, &whole))) {
                run(session, (TaBytes){whole + 4, secret ? 1 : total - 4});
                take_seen(session);
                if (!session->closed)
                        drop_input(session);
        } else if (!session->closed && !session->deadline.set && session->head_len > 0) {
                loop_after(session->agent->loop, &session->deadline,
                           secret ? HALF_SECRET_MS : HALF_MESSAGE_MS);
        }
}

/* What a client asked for before it went away is done, as ssh-agent does it (a hook that locks the
 * agent need not wait for the answer); only the person is not asked for somebody who is gone. */
static void session_ready(Watch *watch, uint32_t events) {
        Session *session = (Session *)watch;

        if (events & (EPOLLHUP | EPOLLERR)) {
                client_hung_up(session);
                if (session->question)
                        session_close(session);
        }
        if (unsent(session) > 0)
                flush(session);
        if (session->asked_all && unsent(session) == 0)
                session_close(session);
        if (session->closed)
                return;
        if ((events & EPOLLIN || session->hung_up) && !session->parked &&
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
