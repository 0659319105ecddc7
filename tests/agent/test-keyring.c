/* SPDX-License-Identifier: ISC */
/* The identities: found by blob, listed in order, replaced whole (F18), gone in time. */
#include <glib.h>
#include <sodium.h>

#include "agent/keyring.h"
#include "lib/message.h"

static uint32_t put_full(Keyring *keyring, uint32_t id, const char *blob, TaBytes comment,
                         const TaConstraints *constraints, uint64_t deadline_ms) {
        uint32_t replaced = 77;
        Identity identity = {
                .id = id,
                .blob = (uint8_t *)(uintptr_t)blob,
                .blob_len = strlen(blob),
                .comment = (uint8_t *)(uintptr_t)comment.data,
                .comment_len = comment.len,
                .constraints = constraints ? *constraints : (TaConstraints){0},
                .deadline_ms = deadline_ms,
        };

        g_assert_cmpint(keyring_put(keyring, &identity, &replaced), ==, 0);
        return replaced;
}

static uint32_t put(Keyring *keyring, uint32_t id, const char *blob) {
        return put_full(keyring, id, blob, ta_str("c"), NULL, 0);
}

/* The blobs of the answer, joined by blanks. */
static char *listed(Keyring *keyring) {
        GString *out = g_string_new(NULL);
        uint32_t count;
        TaBytes answer;
        TaReader r;

        g_assert_cmpint(keyring_answer(keyring, &answer), ==, 0);
        g_assert_cmpint(ta_identities_read(answer, &r, &count), ==, 0);
        while (count-- > 0) {
                TaIdentity identity = ta_identities_next(&r);

                g_string_append_printf(out, "%s%.*s", out->len ? " " : "", (int)identity.key.len,
                                       (const char *)identity.key.data);
        }
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        return g_string_free(out, FALSE);
}

static void expect(Keyring *keyring, const char *blobs) {
        g_autofree char *got = listed(keyring);

        g_assert_cmpstr(got, ==, blobs);
}

static void test_order(void) {
        Keyring *k;

        g_assert_cmpint(keyring_new(&k), ==, 0);
        expect(k, "");
        g_assert_cmpuint(put(k, 1, "a"), ==, 0);
        g_assert_cmpuint(put(k, 2, "b"), ==, 0);
        g_assert_cmpuint(put(k, 3, "c"), ==, 0);
        expect(k, "a b c");
        keyring_remove(k, keyring_find(k, ta_str("b")));
        expect(k, "a c");
        g_assert_null(keyring_find(k, ta_str("b")));
        g_assert_cmpuint(put(k, 4, "b"), ==, 0);
        expect(k, "a c b");
        keyring_remove(k, keyring_find(k, ta_str("b"))); /* the last, */
        keyring_remove(k, keyring_find(k, ta_str("a"))); /* the first, */
        expect(k, "c");
        keyring_remove(k, keyring_find(k, ta_str("c"))); /* the only one */
        expect(k, "");
        g_assert_cmpuint(put(k, 5, "d"), ==, 0);
        expect(k, "d");
        keyring_clear(k);
        expect(k, "");
        g_assert_cmpuint(keyring_size(k), ==, 0);
        keyring_free(k);
}

/* F18: everything of the old entry is gone but its place */
static void test_replaced_whole(void) {
        TaConstraints tight = {.has_lifetime = true, .lifetime = 9, .confirm = true};
        Identity *identity;
        Keyring *k;

        g_assert_cmpint(keyring_new(&k), ==, 0);
        put_full(k, 1, "a", ta_str("old"), &tight, 5000);
        put(k, 2, "b");
        g_assert_cmpuint(put_full(k, 3, "a", ta_str("new"), NULL, 0), ==, 1);
        expect(k, "a b");
        g_assert_cmpuint(keyring_size(k), ==, 2);
        identity = keyring_find(k, ta_str("a"));
        g_assert_cmpuint(identity->id, ==, 3);
        g_assert_false(identity->constraints.confirm);
        g_assert_false(identity->constraints.has_lifetime);
        g_assert_cmpmem(identity->comment, identity->comment_len, "new", 3);
        (void)keyring_expire(k, 10000);
        expect(k, "a b"); /* nor is the old deadline left */
        g_assert_cmpuint(put_full(k, 4, "a", ta_str("new"), &tight, 20000), ==, 3);
        g_assert_true(keyring_find(k, ta_str("a"))->constraints.confirm);
        g_assert_cmpuint(keyring_expire(k, 10000), ==, 20000);
        keyring_free(k);
}

static void test_expiry(void) {
        Keyring *k;

        g_assert_cmpint(keyring_new(&k), ==, 0);
        g_assert_cmpuint(keyring_expire(k, 1), ==, 0);
        put_full(k, 1, "a", ta_str(""), NULL, 300);
        put_full(k, 2, "b", ta_str(""), NULL, 100);
        put_full(k, 3, "c", ta_str(""), NULL, 0);
        put_full(k, 4, "d", ta_str(""), NULL, 200);
        g_assert_cmpuint(keyring_expire(k, 99), ==, 100);
        expect(k, "a b c d");
        g_assert_cmpuint(keyring_expire(k, 100), ==, 200); /* at its time, not after it */
        expect(k, "a c d");
        g_assert_cmpuint(keyring_expire(k, 1000), ==, 0);
        expect(k, "c");
        put_full(k, 5, "e", ta_str(""), NULL, 2000);
        keyring_clear(k);
        g_assert_cmpuint(keyring_expire(k, 3000), ==, 0);
        keyring_free(k);
}

/* F59: any bytes; nothing is a terminator */
static void test_comments(void) {
        static const uint8_t bytes[] = {'a', '\n', 0x1b, '[', 0xff, 0, 'b'};
        TaIdentity identity;
        uint32_t count;
        TaBytes answer;
        TaReader r;
        Keyring *k;

        g_assert_cmpint(keyring_new(&k), ==, 0);
        put_full(k, 1, "a", (TaBytes){bytes, sizeof bytes}, NULL, 0);
        put_full(k, 2, "b", (TaBytes){bytes, 0}, NULL, 0);
        g_assert_cmpint(keyring_answer(k, &answer), ==, 0);
        g_assert_cmpint(ta_identities_read(answer, &r, &count), ==, 0);
        identity = ta_identities_next(&r);
        g_assert_cmpmem(identity.comment.data, identity.comment.len, bytes, sizeof bytes);
        identity = ta_identities_next(&r);
        g_assert_cmpuint(identity.comment.len, ==, 0);
        keyring_free(k);
}

/* ten thousand: each is found, and no answer is larger than what clients take */
static void test_many(void) {
        enum { MANY = 10000 };
        uint32_t count;
        TaBytes answer;
        TaReader r;
        Keyring *k;
        char blob[16];

        g_assert_cmpint(keyring_new(&k), ==, 0);
        for (uint32_t i = 1; i <= MANY; i++) {
                g_snprintf(blob, sizeof blob, "blob %u", i);
                g_assert_cmpuint(put(k, i, blob), ==, 0);
        }
        g_assert_cmpuint(keyring_size(k), ==, MANY);
        for (uint32_t i = 1; i <= MANY; i++) {
                g_snprintf(blob, sizeof blob, "blob %u", i);
                g_assert_cmpuint(keyring_find(k, ta_str(blob))->id, ==, i);
        }
        g_assert_cmpint(keyring_answer(k, &answer), ==, 0);
        g_assert_cmpint(ta_identities_read(answer, &r, &count), ==, 0);
        g_assert_cmpuint(count, ==, TA_LIST_MAX);
        for (uint32_t i = 1; i <= MANY; i += 2) {
                g_snprintf(blob, sizeof blob, "blob %u", i);
                keyring_remove(k, keyring_find(k, ta_str(blob)));
        }
        g_assert_cmpuint(keyring_size(k), ==, MANY / 2);
        for (uint32_t i = 1; i <= MANY; i++) {
                g_snprintf(blob, sizeof blob, "blob %u", i);
                g_assert_cmpint(keyring_find(k, ta_str(blob)) != NULL, ==, i % 2 == 0);
        }
        keyring_free(k);
}

/* large comments: the answer stops before it is too long, at the end of an entry */
static void test_answer_fits(void) {
        g_autofree char *comment = g_strnfill(60000, 'x');
        TaBytes answer;
        uint32_t count;
        TaReader r;
        Keyring *k;
        char blob[16];

        g_assert_cmpint(keyring_new(&k), ==, 0);
        for (uint32_t i = 0; i < 10; i++) {
                g_snprintf(blob, sizeof blob, "%u", i);
                put_full(k, i + 1, blob, ta_str(comment), NULL, 0);
        }
        g_assert_cmpint(keyring_answer(k, &answer), ==, 0);
        g_assert_cmpuint(answer.len, <=, TA_MSG_MAX);
        g_assert_cmpint(ta_identities_read(answer, &r, &count), ==, 0);
        g_assert_cmpuint(count, ==, 4);
        while (count-- > 0)
                (void)ta_identities_next(&r);
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        keyring_free(k);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_test_add_func("/keyring/order", test_order);
        g_test_add_func("/keyring/F18-replaced-whole", test_replaced_whole);
        g_test_add_func("/keyring/expiry", test_expiry);
        g_test_add_func("/keyring/F59-comments", test_comments);
        g_test_add_func("/keyring/many", test_many);
        g_test_add_func("/keyring/answer-fits", test_answer_fits);
        return g_test_run();
}
