/* SPDX-License-Identifier: ISC */
/*
 * F50: bits flip in keys that are loaded, anywhere in what the heap has of them but pointers and
 * locks: private and public numbers, those of the curve, blinding, what makes multiplication quick.
 * No signature that is not right leaves the keeper, whatever else becomes of it.
 *
 * TA_LONG=1: 10,000 flips; otherwise a tenth, others at each run.
 */
#include <glib.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#include "agent/keeper/serve.h"
#include "lib/evp.h"
#include "tests/support/failing.h"
#include "tests/support/sweep.h"

#define DATA "what is signed"

static const struct {
        const char *option;
        unsigned bits;
        unsigned n_flips; /* with TA_LONG=1 */
} kinds[] = {
        {"ed25519", 0, 3000}, {"ecdsa", 256, 2500}, {"ecdsa", 384, 1000},
        {"ecdsa", 521, 1000}, {"rsa", 1024, 2500},
};

static uint8_t in[LINK_MAX], out[LINK_MAX];
static unsigned n_flips, n_refused;

static LinkReply answer_to(Vault *vault, uint8_t op, const TaWriter *contents) {
        TaWriter w = ta_writer(out, sizeof out);
        LinkReply reply = {0};

        g_assert_cmpint(contents->err, ==, 0);
        link_job_header(in, op, 99, 1);
        g_assert_cmpint(serve(vault, (TaBytes){in, LINK_JOB_HEADER + contents->len}, &w), ==, 0);
        if (w.len > 0)
                g_assert_cmpint(link_reply_read(ta_written(&w), &reply), ==, 0);
        return reply;
}

static TaWriter contents(void) {
        return ta_writer(in + LINK_JOB_HEADER, sizeof in - LINK_JOB_HEADER);
}

static LinkReply sign(Vault *vault) {
        TaWriter w = contents();

        ta_write_u32(&w, SSH_AGENT_RSA_SHA2_256);
        ta_write_raw(&w, ta_str(DATA));
        return answer_to(vault, LINK_SIGN, &w);
}

static void add(Vault *vault, const TaKey *key) {
        TaWriter w = contents();

        ta_key_write_private(key, &w);
        ta_write_cstring(&w, "");
        g_assert_cmpint(answer_to(vault, LINK_ADD, &w).status, ==, 0);
        w = contents();
        ta_write_u64(&w, 0);
        (void)answer_to(vault, LINK_COMMIT, &w);
}

/* Whether a word of it may be an address: of a block of the heap, or of a table of libcrypto's. */
static bool has_pointers(const FailingBlock *b) {
        for (size_t at = 0; at + sizeof(uintptr_t) <= b->len; at += sizeof(uintptr_t)) {
                uintptr_t word;

                memcpy(&word, b->data + at, sizeof word);
                if (word >> 40 == (uintptr_t)b->data >> 40 ||
                    word >> 40 == (uintptr_t)&sign >> 40 ||
                    word >> 40 == (uintptr_t)&EVP_PKEY_free >> 40)
                        return true;
        }
        return false;
}

/* Bytes at its start that are not the key's: lib/secret.c writes the length before what it gives.
 */
static size_t head(const FailingBlock *b) {
        size_t len[2] = {0};

        if (b->len >= sizeof len)
                memcpy(len, b->data, sizeof len);
        return len[0] == b->len - sizeof len && len[1] == 0 ? sizeof len : 0;
}

/* Not of a lock either, at which one would wait for ever; no number is as long. */
static size_t flippable(const FailingBlock *b) {
        return has_pointers(b) || b->len == sizeof(pthread_rwlock_t) ? 0 : b->len - head(b);
}

/* One bit of what was given out for the key, each as likely as any other. */
static void flip(const FailingBlock *blocks, size_t n) {
        size_t all = 0, at;

        for (size_t i = 0; i < n; i++)
                all += flippable(&blocks[i]);
        g_assert_cmpuint(all, >, 96);
        at = randombytes_uniform((uint32_t)all);
        for (size_t i = 0; i < n; i++) {
                if (at < flippable(&blocks[i])) {
                        blocks[i].data[head(&blocks[i]) + at] ^=
                                (uint8_t)(1u << randombytes_uniform(8));
                        return;
                }
                at -= flippable(&blocks[i]);
        }
}

static void flip_once(const TaKey *key) {
        const FailingBlock *blocks;
        Vault *vault = NULL;
        size_t n;

        g_assert_cmpint(vault_new(&vault), ==, 0);
        failing_note_begin();
        add(vault, key);
        n = failing_note_end(&blocks);
        flip(blocks, n);
        for (int again = 0; again < 2; again++) {
                LinkReply reply = sign(vault);

                if (reply.status == 0)
                        g_assert_cmpint(ta_key_verify(key, ta_str(DATA), reply.contents), ==, 0);
                else
                        g_assert_cmpuint(reply.contents.len, ==, 0);
                n_refused += again == 0 && reply.status != 0;
        }
        n_flips++;
        vault_free(vault);
}

static void test_kind(const void *data) {
        size_t i = GPOINTER_TO_SIZE(data);
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        unsigned refused_before = n_refused;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option(kinds[i].option, kinds[i].bits),
                                        kinds[i].bits, &key),
                        ==, 0);
        for (unsigned n = 0; n < (sweep_long() ? kinds[i].n_flips : kinds[i].n_flips / 10); n++) {
                (void)alarm(10);
                flip_once(key);
        }
        (void)alarm(0);
        g_assert_cmpuint(n_refused, >, refused_before); /* or nothing that matters was hit */
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_crypto_start(), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *path =
                        g_strdup_printf("/flips/f50-%s-%u", kinds[i].option, kinds[i].bits);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_kind);
        }
        status = g_test_run();
        g_print("# %u bits flipped, %u signatures refused, none was bad\n", n_flips, n_refused);
        return status;
}
