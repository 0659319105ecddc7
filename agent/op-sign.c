/* SPDX-License-Identifier: ISC */
/*
 * SSH_AGENTC_SIGN_REQUEST: find the key, judge, ask if need be, and let a keeper sign. After a
 * question all of it happens again from the top, so that a key that was removed, has expired or was
 * locked away meanwhile is refused in the ordinary way.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/dispatch.h"
#include "agent/log.h"
#include "lib/fingerprint.h"
#include "lib/message.h"
#include "lib/text.h"

static void answered(void *data, Answer answer) {
        Session *session = data;

        session->question = NULL;
        session->answer = answer;
        session_resume(session);
}

static void fingerprint_of(const Agent *agent, const Identity *identity,
                           char out[static TA_FINGERPRINT_MAX]) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;

        out[0] = 0;
        if (ta_key_read_public((TaBytes){identity->blob, identity->blob_len}, &key) == 0 &&
            ta_fingerprint(key, agent->hash, out) < 0)
                out[0] = 0;
}

/* The words are OpenSSH's: askpass programs recognise them. */
static int ask(Session *session, const Identity *identity, TaBytes message) {
        ta_cleanup(ta_freep) char *comment = NULL;
        char text[2048], fingerprint[TA_FINGERPRINT_MAX];
        int err;

        comment = ta_display((TaBytes){identity->comment, identity->comment_len}, 256);
        if (!comment)
                return -ENOMEM;
        fingerprint_of(session->agent, identity, fingerprint);
        snprintf(text, sizeof text, "Allow use of key %s?\nKey fingerprint %s.", comment, fingerprint);
        err = session_keep(session, message);
        if (err)
                return err;
        session->question = prompter_ask(session->agent->prompter, text, answered, session);
        return session->question ? DISPATCH_WAIT : TA_E_REFUSED;
}

/* Before anybody learns from its signatures what it was. */
static void drop_damaged(Agent *agent, uint32_t id) {
        Identity *identity = keyring_find_id(agent->keyring, id);

        log_error("a key has been damaged in memory; it is dropped, and has to be added again");
        keepers_drop(agent->keepers, id);
        if (identity)
                keyring_remove(agent->keyring, identity);
}

static void signed_by_keeper(void *data, int status, TaBytes signature) {
        uint8_t buf[5 + 4096];
        Session *session = data;
        TaWriter w = ta_writer(buf, sizeof buf);

        session->job = NULL;
        if (status == TA_E_FAULT)
                drop_damaged(session->agent, session->signing);
        ta_sign_response_write(&w, signature);
        if (!status)
                status = w.err;
        if (status) {
                log_info("sign failed: %s", ta_strerror(status));
                session_reply_status(session, false);
                return;
        }
        session_reply(session, ta_written(&w));
}

/* Whether this signature would be RSA with SHA-1, which is what flags without a hash ask for. */
static bool is_sha1(const Identity *identity, uint32_t flags) {
        TaReader r = ta_reader((TaBytes){identity->blob, identity->blob_len});
        const TaKeyType *type = ta_key_type_find(ta_read_string(&r), NULL);

        return type && strcmp(type->name, "ssh-rsa") == 0 &&
               !(flags & (SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512));
}

int op_sign(Session *session, TaBytes message, TaWriter *w ta_unused) {
        Agent *agent = session->agent;
        TaSignRequest request;
        Identity *identity;
        Verdict verdict;
        int err;

        err = ta_sign_request_read(message, &request);
        if (err)
                return err;
        identity = keyring_find(agent->keyring, request.key);
        if (!identity)
                return TA_E_NOT_FOUND;
        verdict = policy_judge(&(Situation){
                .constraints = &identity->constraints,
                .forwarded = bindings_forwarded(&session->bindings),
                .sha1 = is_sha1(identity, request.flags),
                .answer = session->answer,
        });
        if (verdict.kind == VERDICT_ASK)
                return ask(session, identity, message);
        if (verdict.kind == VERDICT_REFUSE) {
                log_info("sign refused: %s", verdict.why);
                return TA_E_REFUSED;
        }
        session->signing = identity->id;
        session->job = keepers_sign(agent->keepers, identity->id, identity->slow, request.flags,
                                    request.data, signed_by_keeper, session);
        return session->job ? DISPATCH_WAIT : keepers_refusal(agent->keepers);
}
