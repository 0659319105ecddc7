/* SPDX-License-Identifier: ISC */
/*
 * F31 in a keeper: every allocation of every job fails, libcrypto's too. Either the job is refused,
 * and everything is as before, or it is done, and what it gave is right.
 */
#include <errno.h>
#include <glib.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/selftest.h"
#include "agent/keeper/serve.h"
#include "lib/evp.h"
#include "tests/support/failing.h"
#include "tests/support/sweep.h"

#define DATA "what is signed"

static const struct {
        const char *option;
        unsigned bits;
        uint32_t flags;
} kinds[] = {
        {"ed25519", 0, 0},
        {"ecdsa", 256, 0},
        {"ecdsa", 384, 0},
        {"ecdsa", 521, 0},
        {"rsa", 1024, 0},
        /* the same to add, not to sign with */
        {"rsa", 1024, SSH_AGENT_RSA_SHA2_256},
        {"rsa", 1024, SSH_AGENT_RSA_SHA2_512},
};
#define N_KINDS G_N_ELEMENTS(kinds)
#define N_TYPES 5

enum { OLD = 1, NEW }; /* numbers of keys: one that was there before, the one in question */

static struct {
        Vault *vault;
        TaKey *keys[N_KINDS];
        unsigned kind, old; /* of NEW, of OLD */
        uint8_t op;
        uint32_t id;
        uint8_t in[LINK_MAX], out[LINK_MAX];
        size_t in_len;
        int err; /* of serve() */
        LinkReply reply;
} k;

static const char *name_of(const char *what, unsigned kind) {
        static char name[64];

        g_snprintf(name, sizeof name, "%s %s %u flags %u", what, kinds[kind].option,
                   kinds[kind].bits, kinds[kind].flags);
        return name;
}

static void serve_job(void) {
        TaWriter w = ta_writer(k.out, sizeof k.out);
        uint8_t header[LINK_JOB_HEADER];

        link_job_header(header, k.op, 99, k.id);
        memcpy(k.in, header, sizeof header);
        k.err = serve(k.vault, (TaBytes){k.in, LINK_JOB_HEADER + k.in_len}, &w);
        k.reply = (LinkReply){0};
        if (!k.err && w.len > 0)
                k.err = link_reply_read(ta_written(&w), &k.reply);
}

static void act(void *data ta_unused) {
        serve_job();
}

/* A job with this behind its header. */
static TaWriter job(uint8_t op, uint32_t id) {
        k.op = op;
        k.id = id;
        return ta_writer(k.in + LINK_JOB_HEADER, sizeof k.in - LINK_JOB_HEADER);
}

static int done(const TaWriter *w) {
        g_assert_cmpint(w->err, ==, 0);
        k.in_len = w->len;
        serve_job();
        g_assert_cmpint(k.err, ==, 0);
        return k.reply.status;
}

static void write_key(TaWriter *w, const TaKey *key) {
        ta_key_write_private(key, w);
        ta_write_cstring(w, "comment");
}

static void write_sign(TaWriter *w, unsigned kind) {
        ta_write_u32(w, kinds[kind].flags);
        ta_write_raw(w, ta_str(DATA));
}

static int add(uint32_t id, unsigned kind) {
        TaWriter w = job(LINK_ADD, id);

        write_key(&w, k.keys[kind]);
        return done(&w);
}

static void commit(uint32_t id) {
        TaWriter w = job(LINK_COMMIT, id);

        ta_write_u64(&w, 0);
        (void)done(&w);
}

static void drop(uint32_t id) {
        TaWriter w = job(LINK_DROP, id);

        (void)done(&w);
}

static bool rightly_signed(unsigned kind) {
        return ta_key_verify(k.keys[kind], ta_str(DATA), k.reply.contents) == 0;
}

static void assert_signs(uint32_t id, unsigned kind) {
        TaWriter w = job(LINK_SIGN, id);

        write_sign(&w, kind);
        g_assert_cmpint(done(&w), ==, 0);
        g_assert_true(rightly_signed(kind));
}

static void assert_not_there(uint32_t id) {
        TaWriter w = job(LINK_SIGN, id);

        write_sign(&w, 0);
        g_assert_cmpint(done(&w), ==, TA_E_NOT_FOUND);
}

/* It was answered: with a failure of ours, not of the request, and with nothing else. */
static bool refused(void) {
        g_assert_cmpint(k.err, ==, 0);
        if (k.reply.status == 0)
                return false;
        g_assert_cmpuint(k.reply.contents.len, ==, 0);
        if (k.reply.status != TA_E_FULL && k.reply.status != TA_E_CRYPTO &&
            k.reply.status != -ENOMEM)
                g_error("memory was short, and that is called: %s", ta_strerror(k.reply.status));
        return true;
}

static void begin(void) {
        g_assert_cmpint(vault_new(&k.vault), ==, 0);
        k.old = 0;
        g_assert_cmpint(add(OLD, k.old), ==, 0);
        commit(OLD);
}

static void finish(void) {
        vault_free(ta_steal(&k.vault));
}

/* ---- add, sealed or not ------------------------------------------------------------------ */

static void prepare_add(void *data ta_unused) {
        TaWriter w = job(LINK_ADD, NEW);

        write_key(&w, k.keys[k.kind]);
        k.in_len = w.len;
}

static void prepare_sealed(void *data ta_unused) {
        static uint8_t plain[16384];
        TaWriter w = job(LINK_SEALED, NEW), p = ta_writer(plain, sizeof plain);
        uint8_t *box;

        write_key(&p, k.keys[k.kind]);
        g_assert_cmpint(p.err, ==, 0);
        box = ta_write_space(&w, p.len + crypto_box_SEALBYTES);
        g_assert_nonnull(box);
        g_assert_cmpint(crypto_box_seal(box, plain, p.len, vault_public_key(k.vault)), ==, 0);
        k.in_len = w.len;
}

static void judge_add(void *data ta_unused) {
        if (refused()) {
                commit(NEW); /* as if the front had misheard */
                assert_not_there(NEW);
        } else {
                TaReader r = ta_reader(k.reply.contents);

                g_assert_true(ta_bytes_equal(ta_read_string(&r), ta_key_blob(k.keys[k.kind])));
                g_assert_true(ta_bytes_is(ta_read_string(&r), "comment"));
                commit(NEW);
                assert_signs(NEW, k.kind);
        }
        drop(NEW);
        assert_signs(OLD, k.old);
}

static void test_add(void) {
        begin();
        for (k.kind = 0; k.kind < N_TYPES; k.kind++)
                sweep(&(Sweep){.name = name_of("add", k.kind),
                               .prepare = prepare_add,
                               .act = act,
                               .judge = judge_add,
                               .stride = k.kind > 0 ? 3 : 1});
        k.kind = 0;
        sweep(&(Sweep){
                .name = "add sealed", .prepare = prepare_sealed, .act = act, .judge = judge_add});
        finish();
}

/* With so many keys that the vault has to grow. */
static void prepare_crowd(void *data ta_unused) {
        begin();
        for (uint32_t id = 100; id < 131; id++)
                g_assert_cmpint(add(id, 0), ==, 0);
        prepare_add(NULL);
}

static void judge_crowd(void *data ta_unused) {
        judge_add(NULL);
        for (uint32_t id = 100; id < 131; id++) {
                commit(id);
                assert_signs(id, 0);
        }
        finish();
}

static void test_crowd(void) {
        k.kind = 0;
        sweep(&(Sweep){.name = "add to a full table",
                       .prepare = prepare_crowd,
                       .act = act,
                       .judge = judge_crowd});
}

/* ---- sign --------------------------------------------------------------------------------- */

static void prepare_sign(void *data ta_unused) {
        TaWriter w = job(LINK_SIGN, OLD);

        write_sign(&w, k.kind);
        k.in_len = w.len;
}

static void judge_sign(void *data ta_unused) {
        if (!refused())
                g_assert_true(rightly_signed(k.kind));
        assert_signs(OLD, k.kind);
}

static void test_sign(void) {
        for (k.kind = 0; k.kind < N_KINDS; k.kind++) {
                g_assert_cmpint(vault_new(&k.vault), ==, 0);
                g_assert_cmpint(add(OLD, k.kind), ==, 0);
                commit(OLD);
                sweep(&(Sweep){.name = name_of("sign", k.kind),
                               .prepare = prepare_sign,
                               .act = act,
                               .judge = judge_sign});
                finish();
        }
}

/* ---- lock --------------------------------------------------------------------------------- */

static void prepare_lock(void *data ta_unused) {
        TaWriter w = job(LINK_LOCK, 0);

        ta_write_cstring(&w, "p");
        k.in_len = w.len;
}

static void judge_lock(void *data ta_unused) {
        bool locked = !refused();
        TaWriter w = job(LINK_SIGN, OLD);

        write_sign(&w, 0);
        g_assert_cmpint(done(&w), ==, locked ? TA_E_LOCKED : 0);
        w = job(LINK_UNLOCK, 0);
        ta_write_cstring(&w, "p");
        g_assert_cmpint(done(&w), ==, locked ? 0 : TA_E_NOT_FOUND);
}

static void prepare_unlock(void *data ta_unused) {
        TaWriter w = job(LINK_LOCK, 0);

        ta_write_cstring(&w, "p");
        g_assert_cmpint(done(&w), ==, 0);
        k.op = LINK_UNLOCK;
}

static void judge_unlock(void *data ta_unused) {
        if (refused()) {
                TaWriter w = job(LINK_UNLOCK, 0);

                ta_write_cstring(&w, "p");
                g_assert_cmpint(done(&w), ==, 0);
        }
        assert_signs(OLD, 0);
}

static void test_lock(void) {
        begin();
        sweep(&(Sweep){.name = "lock", .prepare = prepare_lock, .act = act, .judge = judge_lock});
        sweep(&(Sweep){
                .name = "unlock", .prepare = prepare_unlock, .act = act, .judge = judge_unlock});
        finish();
}

/* ---- the start ---------------------------------------------------------------------------- */

enum { REFUSED, RIGHT, UNTROUBLED, WRONG };

/* As agent/keeper/main.c does it. Whatever got through has to work afterwards. */
static int start(unsigned long at, bool for_good) {
        Vault *vault = NULL;
        bool failed;
        int err;

        failing_begin(at, for_good);
        err = ta_crypto_start();
        if (!err)
                err = selftest();
        if (!err)
                err = vault_new(&vault);
        failed = failing_end();
        if (err)
                return failed ? REFUSED : WRONG;
        if (ta_crypto_start() || selftest())
                return WRONG;
        return failed ? RIGHT : UNTROUBLED;
}

/* In a process of its own: what libcrypto makes at its first use it keeps. */
static int start_apart(unsigned long at, bool for_good) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                alarm(60);
                _exit(start(at, for_good));
        }
        g_assert_cmpint(pid, >, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) == WRONG)
                g_error("a start while allocation %lu fails %s: status %#x", at,
                        for_good ? "for good" : "once", status);
        return WEXITSTATUS(status);
}

static void test_start(void) {
        unsigned long stride = sweep_long() ? 1 : 23, n = 0;

        for (int for_good = 0; for_good < 2; for_good++) {
                unsigned long at = (unsigned long)getpid() % stride;

                for (; start_apart(at, for_good) != UNTROUBLED; at += stride)
                        n++;
        }
        g_test_message("start: %lu allocations failed", n);
}

int main(int argc, char **argv) {
        int status;

        failing_adopt_libcrypto();
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        test_start(); /* before this process has anything to do with libcrypto */
        g_assert_cmpint(ta_crypto_start(), ==, 0);
        for (unsigned i = 0; i < N_KINDS; i++)
                g_assert_cmpint(
                        ta_key_generate(ta_key_type_by_option(kinds[i].option, kinds[i].bits),
                                        kinds[i].bits, &k.keys[i]),
                        ==, 0);
        g_test_add_func("/sweep/keeper/f31-sign", test_sign);
        g_test_add_func("/sweep/keeper/f31-add", test_add);
        g_test_add_func("/sweep/keeper/f31-crowd", test_crowd);
        g_test_add_func("/sweep/keeper/f31-lock", test_lock);
        status = g_test_run();
        sweep_report();
        for (unsigned i = 0; i < N_KINDS; i++)
                ta_key_free(k.keys[i]);
        return status;
}
