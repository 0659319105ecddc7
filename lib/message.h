/* SPDX-License-Identifier: ISC */
/*
 * Every message of the agent protocol, reader above writer, fields in the order of the
 * specification (RFC 9987 section 5, OpenSSH PROTOCOL.agent). The bytes start behind the uint32
 * length of the frame; the type byte is part of them. Views point into the message.
 */
#ifndef TA_LIB_MESSAGE_H
#define TA_LIB_MESSAGE_H

#include "lib/constraint.h"
#include "lib/key.h"
#include "lib/proto.h"
#include "lib/wire.h"

/* byte SSH_AGENTC_SIGN_REQUEST, string key blob, string data, uint32 flags */
typedef struct TaSignRequest {
        TaBytes key;
        TaBytes data;
        uint32_t flags;
} TaSignRequest;
ta_must_check int ta_sign_request_read(TaBytes message, TaSignRequest *ret);
void ta_sign_request_write(TaWriter *w, const TaSignRequest *request);

/* byte SSH_AGENT_SIGN_RESPONSE, string signature */
ta_must_check int ta_sign_response_read(TaBytes message, TaBytes *ret_signature);
void ta_sign_response_write(TaWriter *w, TaBytes signature);

/* byte SSH_AGENTC_REMOVE_IDENTITY, string key blob */
ta_must_check int ta_remove_read(TaBytes message, TaBytes *ret_key);
void ta_remove_write(TaWriter *w, TaBytes key);

/* byte SSH_AGENTC_LOCK or _UNLOCK, string passphrase */
ta_must_check int ta_lock_read(TaBytes message, TaBytes *ret_passphrase);
void ta_lock_write(TaWriter *w, bool lock, TaBytes passphrase);

/* byte SSH_AGENTC_ADD_IDENTITY or _ADD_ID_CONSTRAINED, private key, string comment, constraints.
 * Both types are parsed alike, as OpenSSH does. The key is the caller's. The comment may hold any
 * byte but NUL. `ret_constraints` is what remains, undecoded. */
ta_must_check int ta_add_read(TaBytes message, TaKey **ret_key, TaBytes *ret_comment,
                              TaBytes *ret_constraints);
void ta_add_write(TaWriter *w, const TaKey *key, TaBytes comment,
                  const TaConstraints *constraints); /* NULL: none, type 17 */

/* byte SSH_AGENT_IDENTITIES_ANSWER, uint32 count, { string key blob, string comment } * count */
typedef struct TaIdentity {
        TaBytes key;
        TaBytes comment;
} TaIdentity;
/* Begins to read an answer; then `count` times ta_identities_next(), then ta_read_end(). More than
 * `TA_MSG_MAX / 8` identities are TA_E_LIMIT. */
ta_must_check int ta_identities_read(TaBytes message, TaReader *ret_reader, uint32_t *ret_count);
TaIdentity ta_identities_next(TaReader *r);
void ta_identities_begin(TaWriter *w, uint32_t count);
void ta_identities_write(TaWriter *w, TaIdentity identity);

/* byte SSH_AGENTC_EXTENSION, string name, contents */
typedef struct TaExtension {
        TaBytes name;
        TaBytes contents;
} TaExtension;
ta_must_check int ta_extension_read(TaBytes message, TaExtension *ret);
void ta_extension_begin(TaWriter *w, const char *name);

/* The contents of session-bind@openssh.com (PROTOCOL.agent section 1):
 * string host key, string session identifier, string signature, bool is_forwarding */
typedef struct TaSessionBind {
        TaBytes host_key;
        TaBytes session_id;
        TaBytes signature;
        bool is_forwarding;
} TaSessionBind;
ta_must_check int ta_session_bind_read(TaBytes contents, TaSessionBind *ret);
void ta_session_bind_write(TaWriter *w, const TaSessionBind *bind);

/* byte SSH_AGENT_EXTENSION_RESPONSE, string "query", string name * n. Names go on with
 * ta_write_cstring(); reading: names are the strings of the reader until its end. */
ta_must_check int ta_query_response_read(TaBytes message, TaReader *ret_names);
void ta_query_response_begin(TaWriter *w);

/* What tagent says of itself (tagent-protocol(7)): byte SSH_AGENT_EXTENSION_RESPONSE,
 * string "info@tagent", string version, byte protection level (TaSecretLevel), bool locked,
 * bool launcher, uint32 identities, uint32 n, string public key (32 bytes) * n */
typedef struct TaInfo {
        TaBytes version;
        uint8_t level;
        bool locked;
        bool launcher; /* runs: without it nothing is confirmed, and no keeper replaced */
        uint32_t n_identities;
        uint32_t n_seal_keys;
        TaBytes seal_keys[TA_SEAL_KEYS_MAX];
} TaInfo;
ta_must_check int ta_info_read(TaBytes message, TaInfo *ret);
void ta_info_write(TaWriter *w, const TaInfo *info);

/* The contents of add-sealed@tagent: uint32 n, string box * n. Each box is the body of an
 * SSH_AGENTC_ADD_ID_CONSTRAINED (the private key and what follows), sealed with libsodium's
 * crypto_box_seal() to the public key of info@tagent that has the same place. */
typedef struct TaAddSealed {
        uint32_t n;
        TaBytes boxes[TA_SEAL_KEYS_MAX];
} TaAddSealed;
ta_must_check int ta_add_sealed_read(TaBytes contents, TaAddSealed *ret);
/* `body`: as above, open. The writer gets the whole request, with its type. */
void ta_add_sealed_write(TaWriter *w, TaBytes body, const TaInfo *info);

/* 0 for SSH_AGENT_SUCCESS, TA_E_REFUSED for each failure number, TA_E_PROTOCOL else. */
ta_must_check int ta_status_read(TaBytes message);

#endif
