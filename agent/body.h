/* SPDX-License-Identifier: ISC */
/*
 * The body of a message that carries a secret (ADD, LOCK, UNLOCK): it goes from the client's socket
 * into a pipe and from there into the keepers' pipes without ever being in this process's memory.
 */
#ifndef TA_AGENT_BODY_H
#define TA_AGENT_BODY_H

#include "lib/base.h"

/* Of a pipe, in bytes: that of the keepers, and the largest that a body may come to need. Each piece
 * in which it arrives takes a page of it. */
#define BODY_PIPE_MAX (1 << 20)

typedef struct Body {
        bool open;
        int out, in; /* ends of the pipe: to read, to write */
        size_t len;  /* bytes in it */
} Body;

/* Moves on what the socket has of `total` bytes. 1: all are there. 0: not yet. -EPIPE: the client has
 * ended. TA_E_LIMIT: it comes in too many pieces. -errno. */
ta_must_check int body_fill(Body *body, int socket, size_t total);

/* Puts a copy into the pipe `to`, which must have room for it; the original stays. TA_E_LIMIT. */
ta_must_check int body_copy(const Body *body, int to);
/* The same without leaving anything. */
ta_must_check int body_move(Body *body, int to);

/* Bytes that its pipe may hold, filled or not. */
int body_room(const Body *body);

void body_clear(Body *body);

#endif
