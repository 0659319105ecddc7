/* SPDX-License-Identifier: ISC */
#include "agent/keeper/serve.h"

#include "lib/message.h"
#include "lib/secret.h"

/* What any signature needs for a while: RSA of 8192 bits 23 KiB, of 16384 twice that. */
#define SIGN_ROOM (64u << 10)

typedef struct Op {
        /* Writes the reply's contents; what it returns is the reply's status. */
        int (*run)(Vault *vault, const LinkJob *job, TaWriter *w);
        bool no_reply;
} Op;

/* A key is taken only where the keys that are here can still sign afterwards. Its own first
 * signature is made now, since libcrypto then keeps numbers with the key that count too. */
static int vault_add_if_it_fits(Vault *vault, uint32_t id, TaKey *key) {
        uint8_t signature[TA_RSA_BITS_MAX / 8 + 64];
        TaWriter w = ta_writer(signature, sizeof signature);
        void *room = ta_secret_alloc(SIGN_ROOM);
        int err;

        if (!room)
                return TA_E_FULL;
        err = ta_key_sign(key, ta_str("a key has to be able to sign"), SSH_AGENT_RSA_SHA2_512, &w);
        if (!err)
                err = vault_add(vault, id, key);
        ta_secret_free(room);
        return err;
}

static int add(Vault *vault, uint32_t id, TaBytes message, TaWriter *w) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaReader r = ta_reader(message);
        TaBytes comment;
        int err;

        err = ta_key_read_private(&r, &key);
        if (err)
                return err;
        comment = ta_read_text(&r, TA_COMMENT_MAX);
        if (r.err)
                return r.err;
        ta_write_string(w, ta_key_blob(key));
        ta_write_string(w, comment);
        ta_write_u8(w, key->type->slow);
        ta_write_raw(w, ta_read_rest(&r));
        if (w->err)
                return w->err;
        err = vault_add_if_it_fits(vault, id, key);
        if (err)
                return err;
        key = NULL; /* the vault's now */
        return 0;
}

static int run_add(Vault *vault, const LinkJob *job, TaWriter *w) {
        return add(vault, job->key, job->contents, w);
}

static int run_sealed(Vault *vault, const LinkJob *job, TaWriter *w) {
        ta_cleanup(ta_secret_dropp) TaSecret *message = NULL;
        int err;

        err = ta_secret_new(job->contents.len, &message);
        if (!err)
                err = vault_unseal(vault, job->contents, message->data, &message->len);
        return err ? err : add(vault, job->key, ta_secret_bytes(message), w);
}

static int run_commit(Vault *vault, const LinkJob *job, TaWriter *w ta_unused) {
        TaReader r = ta_reader(job->contents);
        uint64_t deadline_ms = ta_read_u64(&r);
        int err = ta_read_end(&r);

        if (!err)
                vault_commit(vault, job->key, deadline_ms);
        return err;
}

static int run_drop(Vault *vault, const LinkJob *job, TaWriter *w ta_unused) {
        vault_drop(vault, job->key);
        return 0;
}

static int run_drop_all(Vault *vault, const LinkJob *job ta_unused, TaWriter *w ta_unused) {
        vault_drop_all(vault);
        return 0;
}

static int run_sign(Vault *vault, const LinkJob *job, TaWriter *w) {
        TaReader r = ta_reader(job->contents);
        uint32_t flags = ta_read_u32(&r);
        TaBytes data = ta_read_rest(&r);
        const TaKey *key;
        int err = ta_read_end(&r);

        if (!err)
                err = vault_find(vault, job->key, &key);
        if (!err)
                err = ta_key_sign(key, data, flags, w);
        return err;
}

static int passphrase_of(const LinkJob *job, TaBytes *ret) {
        TaReader r = ta_reader(job->contents);
        TaBytes passphrase = ta_read_string(&r);
        int err = ta_read_end(&r);

        if (!err)
                *ret = passphrase;
        return err;
}

static int run_lock(Vault *vault, const LinkJob *job, TaWriter *w ta_unused) {
        TaBytes passphrase;
        int err = passphrase_of(job, &passphrase);

        return err ? err : vault_lock(vault, passphrase);
}

static int run_unlock(Vault *vault, const LinkJob *job, TaWriter *w ta_unused) {
        TaBytes passphrase;
        int err = passphrase_of(job, &passphrase);

        return err ? err : vault_unlock(vault, passphrase);
}

static const Op ops[] = {
        [LINK_ADD] = {.run = run_add},
        [LINK_SEALED] = {.run = run_sealed},
        [LINK_COMMIT] = {.run = run_commit, .no_reply = true},
        [LINK_DROP] = {.run = run_drop, .no_reply = true},
        [LINK_DROP_ALL] = {.run = run_drop_all, .no_reply = true},
        [LINK_SIGN] = {.run = run_sign},
        [LINK_LOCK] = {.run = run_lock},
        [LINK_UNLOCK] = {.run = run_unlock},
};

int serve(Vault *vault, TaBytes datagram, TaWriter *w) {
        TaWriter contents;
        LinkJob job;
        int err;

        err = link_job_read(datagram, &job);
        if (err)
                return err;
        link_reply_header(w, job.job, 0);
        contents = ta_writer(w->data + w->len, w->cap - w->len);
        err = ops[job.op].run(vault, &job, &contents);
        if (!err)
                err = contents.err;
        if (ops[job.op].no_reply) {
                w->len = 0;
                return 0;
        }
        if (err) {
                ta_wipe(contents.data, contents.len);
                w->len = 0;
                link_reply_header(w, job.job, err);
                return 0;
        }
        w->len += contents.len;
        return 0;
}
