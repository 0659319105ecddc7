/* SPDX-License-Identifier: ISC */
/*
 * Numbers, names and limits of the agent protocol (RFC 9987, OpenSSH's PROTOCOL.agent). Only
 * constants; the names are those of the specifications, so that a search finds both.
 */
#ifndef TA_LIB_PROTO_H
#define TA_LIB_PROTO_H

/* Requests, RFC 9987 section 6.1. */
#define SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES     9 /* protocol 1; answered as REMOVE_ALL_IDENTITIES */
#define SSH_AGENTC_REQUEST_IDENTITIES            11
#define SSH_AGENTC_SIGN_REQUEST                  13
#define SSH_AGENTC_ADD_IDENTITY                  17
#define SSH_AGENTC_REMOVE_IDENTITY               18
#define SSH_AGENTC_REMOVE_ALL_IDENTITIES         19
#define SSH_AGENTC_ADD_SMARTCARD_KEY             20
#define SSH_AGENTC_REMOVE_SMARTCARD_KEY          21
#define SSH_AGENTC_LOCK                          22
#define SSH_AGENTC_UNLOCK                        23
#define SSH_AGENTC_ADD_ID_CONSTRAINED            25
#define SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED 26
#define SSH_AGENTC_EXTENSION                     27

/* Replies. */
#define SSH_AGENT_FAILURE            5
#define SSH_AGENT_SUCCESS            6
#define SSH_AGENT_IDENTITIES_ANSWER  12
#define SSH_AGENT_SIGN_RESPONSE      14
#define SSH_AGENT_EXTENSION_FAILURE  28
#define SSH_AGENT_EXTENSION_RESPONSE 29
#define SSH2_AGENT_FAILURE           30  /* old ssh.com agents; taken as FAILURE */
#define SSH_COM_AGENT2_FAILURE       102 /* likewise */

/* Constraints, RFC 9987 section 5.2.7. */
#define SSH_AGENT_CONSTRAIN_LIFETIME  1
#define SSH_AGENT_CONSTRAIN_CONFIRM   2
#define SSH_AGENT_CONSTRAIN_EXTENSION 255

/* Signature flags, RFC 9987 section 5.3. */
#define SSH_AGENT_RSA_SHA2_256 2
#define SSH_AGENT_RSA_SHA2_512 4

#define TA_EXT_QUERY        "query"
#define TA_EXT_SESSION_BIND "session-bind@openssh.com"
#define TA_EXT_INFO         "info@tagent"
#define TA_EXT_ADD_SEALED   "add-sealed@tagent"

#define TA_SEAL_KEYS_MAX 8  /* keepers of one agent */
#define TA_SEAL_KEY_LEN  32 /* crypto_box_PUBLICKEYBYTES */

#define TA_CONSTRAIN_RESTRICT_DESTINATION "restrict-destination-v00@openssh.com"
#define TA_CONSTRAIN_ASSOCIATED_CERTS     "associated-certs-v00@openssh.com"
#define TA_CONSTRAIN_SK_PROVIDER          "sk-provider@openssh.com"

/* Limits. Each is checked before memory is asked for. */
#define TA_MSG_MAX            (256 * 1024) /* the uint32 length of a frame, as in OpenSSH */
#define TA_LIST_MAX           2048         /* keys that OpenSSH's clients take in one answer */
#define TA_SESSION_ID_MAX     128
#define TA_SESSION_BINDS_MAX  16
#define TA_CERT_PRINCIPALS_MAX 256
#define TA_RSA_BITS_MIN       1024
#define TA_RSA_BITS_MAX       16384
#define TA_RSA_E_MAX_BYTES    4            /* public exponents up to 2^32-1 */
#define TA_KEY_BLOB_MAX       (64 * 1024)  /* a public key or certificate */
#define TA_PASSPHRASE_MAX     1023
#define TA_LOCK_PASSPHRASE_MAX (16 * 1024)
#define TA_KEYFILE_MAX        (1024 * 1024)
#define TA_COMMENT_MAX        (TA_MSG_MAX)

#endif
