/* SPDX-License-Identifier: ISC */
/*
 * A blocking client of any SSH agent: connect, ask, get the answer. Requests are built in secret
 * memory, since some carry private keys or passphrases; no answer does.
 */
#ifndef TA_LIB_CLIENT_H
#define TA_LIB_CLIENT_H

#include "lib/key.h"
#include "lib/message.h"
#include "lib/secret.h"

typedef struct TaClient TaClient;

/* To the socket at `path`; NULL means $SSH_AUTH_SOCK (unset or empty: TA_E_NO_AGENT). -errno of
 * connect(2) else. */
ta_must_check int ta_client_connect(const char *path, TaClient **ret);
void ta_client_free(TaClient *client);
void ta_client_freep(TaClient **client);

/* Sends one message (without its length) and waits for the answer, a view that lives until the
 * next call. TA_E_PROTOCOL for an answer of length 0 or over TA_MSG_MAX, -EPIPE if the agent hung
 * up; the connection is of no use after either. */
ta_must_check int ta_client_ask(TaClient *client, TaBytes request, TaBytes *ret_answer);
/* A buffer in the client to build a request in: TA_MSG_MAX bytes, or less (16 KiB at least) where
 * protected memory is scarce. */
TaWriter ta_client_writer(TaClient *client);

/* What a tagent says of itself; views until the next call. TA_E_REFUSED: another agent, or not over
 * this connection. */
ta_must_check int ta_client_info(TaClient *client, TaInfo *ret);

/* Each of the following is one request. TA_E_REFUSED: the agent said failure.
 *
 * A key goes to a tagent sealed to its keepers, so that no socket buffer has it in the clear, and to
 * other agents as the protocol has it. */
ta_must_check int ta_client_add(TaClient *client, const TaKey *key, TaBytes comment,
                                const TaConstraints *constraints);
/* The views live until the next call; the caller frees the array. Identities whose blob cannot be
 * read are listed all the same. */
ta_must_check int ta_client_list(TaClient *client, TaIdentity **ret, size_t *ret_n);
ta_must_check int ta_client_sign(TaClient *client, TaBytes key, TaBytes data, uint32_t flags,
                                 TaBytes *ret_signature);
ta_must_check int ta_client_remove(TaClient *client, TaBytes key);
ta_must_check int ta_client_remove_all(TaClient *client);
ta_must_check int ta_client_lock(TaClient *client, bool lock, TaBytes passphrase);
/* Names of extensions, one string after the other; a view until the next call. */
ta_must_check int ta_client_query(TaClient *client, TaReader *ret_names);

#endif
