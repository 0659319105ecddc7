/* SPDX-License-Identifier: ISC */
/* Every request in every state of agent and connection, and what is answered. */
#include "tests/agent/conversation.h"

enum state { UNLOCKED, LOCKED, FORWARDED, BIND_FAILED, N_STATES };

static TaKey *held, *other, *host;
static uint8_t buf[MESSAGE_ROOM];

static TaBytes simple(uint8_t type) {
        buf[0] = type;
        return (TaBytes){buf, 1};
}

static TaBytes sign(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_sign_request_write(&w, &(TaSignRequest){.key = ta_key_blob(held), .data = ta_str("x")});
        return ta_written(&w);
}

static TaBytes sign_unknown(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_sign_request_write(&w, &(TaSignRequest){.key = ta_key_blob(other), .data = ta_str("x")});
        return ta_written(&w);
}

static TaBytes add(uint8_t type) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_add_write(&w, other, ta_str("c"), NULL);
        buf[0] = type;
        return ta_written(&w);
}

static TaBytes remove_held(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_remove_write(&w, ta_key_blob(held));
        return ta_written(&w);
}

static TaBytes remove_unknown(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_remove_write(&w, ta_key_blob(other));
        return ta_written(&w);
}

static TaBytes lock(uint8_t type) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_lock_write(&w, type == SSH_AGENTC_LOCK, ta_str("p"));
        return ta_written(&w);
}

static TaBytes smartcard(uint8_t type) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_u8(&w, type);
        ta_write_cstring(&w, "/usr/lib/provider.so");
        ta_write_cstring(&w, "1234");
        return ta_written(&w);
}

static TaBytes query(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_extension_begin(&w, TA_EXT_QUERY);
        return ta_written(&w);
}

static TaBytes info(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_extension_begin(&w, TA_EXT_INFO);
        return ta_written(&w);
}

/* The seal keys of the agent, as it tells them to a connection that is not forwarded. */
static TaInfo seal_keys;

static void learn_seal_keys(void) {
        static uint8_t keys[TA_SEAL_KEYS_MAX][TA_SEAL_KEY_LEN];
        g_autoptr(GBytes) reply = NULL;
        TaBytes bytes;
        int c = client_new();

        client_send(c, info(0));
        reply = client_reply(c);
        bytes.data = g_bytes_get_data(reply, &bytes.len);
        g_assert_cmpint(ta_info_read(bytes, &seal_keys), ==, 0);
        g_assert_cmpuint(seal_keys.n_seal_keys, >=, 1);
        for (uint32_t i = 0; i < seal_keys.n_seal_keys; i++) {
                memcpy(keys[i], seal_keys.seal_keys[i].data, TA_SEAL_KEY_LEN);
                seal_keys.seal_keys[i].data = keys[i];
        }
        client_close(c);
}

static TaBytes sealed_to(TaInfo to) {
        uint8_t open[4096];
        TaWriter a = ta_writer(open, sizeof open), w = ta_writer(buf, sizeof buf);

        ta_add_write(&a, other, ta_str("c"), &(TaConstraints){0});
        ta_add_sealed_write(&w, (TaBytes){open + 1, a.len - 1}, &to);
        return ta_written(&w);
}

static TaBytes sealed(uint8_t type ta_unused) {
        return sealed_to(seal_keys);
}

static TaBytes sealed_to_one_too_few(uint8_t type ta_unused) {
        TaInfo to = seal_keys;

        to.n_seal_keys--;
        return sealed_to(to);
}

static TaBytes sealed_to_another(uint8_t type ta_unused) {
        static const uint8_t stranger[TA_SEAL_KEY_LEN] = {9};
        TaInfo to = seal_keys;

        to.seal_keys[0].data = stranger;
        return sealed_to(to);
}

/* The whole request is as it should be, but for what is in the last keeper's box. */
static TaBytes sealed_and_spoiled(size_t cut, uint8_t flip) {
        uint8_t copy[MESSAGE_ROOM];
        TaBytes message = sealed_to(seal_keys), contents;
        TaWriter w = ta_writer(buf, sizeof buf);
        TaExtension extension;
        TaAddSealed add;

        memcpy(copy, message.data, message.len);
        g_assert_cmpint(ta_extension_read((TaBytes){copy, message.len}, &extension), ==, 0);
        contents = extension.contents;
        copy[message.len - 1] ^= flip;
        g_assert_cmpint(ta_add_sealed_read(contents, &add), ==, 0);
        ta_extension_begin(&w, TA_EXT_ADD_SEALED);
        ta_write_u32(&w, add.n);
        for (uint32_t i = 0; i < add.n; i++) {
                if (i + 1 == add.n)
                        add.boxes[i].len -= cut < add.boxes[i].len ? cut : add.boxes[i].len;
                ta_write_string(&w, add.boxes[i]);
        }
        return ta_written(&w);
}

static TaBytes sealed_cut(uint8_t type ta_unused) {
        return sealed_and_spoiled(1, 0);
}

static TaBytes sealed_empty(uint8_t type ta_unused) {
        return sealed_and_spoiled(SIZE_MAX, 0);
}

static TaBytes sealed_garbled(uint8_t type ta_unused) {
        return sealed_and_spoiled(0, 1);
}

static TaBytes unknown_extension(uint8_t type ta_unused) {
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_extension_begin(&w, "nobody@example.org");
        ta_write_cstring(&w, "x");
        return ta_written(&w);
}

static TaBytes bind(bool good) {
        uint8_t signature[256];
        TaWriter s = ta_writer(signature, sizeof signature), w = ta_writer(buf, sizeof buf);

        g_assert_cmpint(ta_key_sign(host, ta_str("another session"), 0, &s), ==, 0);
        signature[s.len - 1] ^= !good;
        ta_extension_begin(&w, TA_EXT_SESSION_BIND);
        ta_session_bind_write(&w, &(TaSessionBind){.host_key = ta_key_blob(host),
                                                   .session_id = ta_str("another session"),
                                                   .signature = ta_written(&s),
                                                   .is_forwarding = true});
        return ta_written(&w);
}

static TaBytes good_bind(uint8_t type ta_unused) {
        return bind(true);
}

static TaBytes bad_bind(uint8_t type ta_unused) {
        return bind(false);
}

#define OK   SSH_AGENT_SUCCESS
#define NO   SSH_AGENT_FAILURE
#define NOT  SSH_AGENT_EXTENSION_FAILURE
#define LIST SSH_AGENT_IDENTITIES_ANSWER
#define SIG  SSH_AGENT_SIGN_RESPONSE
#define EXT  SSH_AGENT_EXTENSION_RESPONSE

static const struct {
        const char *name;
        TaBytes (*message)(uint8_t type);
        uint8_t type;
        uint8_t answer[N_STATES]; /* unlocked, locked, forwarded, bind failed */
} rows[] = {
        {"remove-all of protocol 1", simple, 9, {OK, NO, NO, NO}},
        {"list", simple, 11, {LIST, LIST, LIST, LIST}},
        {"sign", sign, 13, {SIG, NO, SIG, SIG}},
        {"sign with an unknown key", sign_unknown, 13, {NO, NO, NO, NO}},
        {"sign without a body", simple, 13, {NO, NO, NO, NO}},
        {"add", add, 17, {OK, NO, NO, NO}},
        {"add without a body", simple, 17, {NO, NO, NO, NO}},
        {"remove", remove_held, 18, {OK, NO, NO, NO}},
        {"remove an unknown key", remove_unknown, 18, {NO, NO, NO, NO}},
        {"remove without a body", simple, 18, {NO, NO, NO, NO}},
        {"remove-all", simple, 19, {OK, NO, NO, NO}},
        {"add a token", smartcard, 20, {NO, NO, NO, NO}},
        {"remove a token", smartcard, 21, {NO, NO, NO, NO}},
        {"lock", lock, 22, {OK, NO, NO, NO}},
        {"lock without a body", simple, 22, {NO, NO, NO, NO}},
        {"unlock", lock, 23, {NO, OK, NO, NO}},
        {"unlock without a body", simple, 23, {NO, NO, NO, NO}},
        {"add with constraints", add, 25, {OK, NO, NO, NO}},
        {"add a token with constraints", smartcard, 26, {NO, NO, NO, NO}},
        {"query", query, 27, {EXT, NO, EXT, EXT}},
        {"info", info, 27, {EXT, EXT, NO, NO}},
        {"add sealed", sealed, 27, {OK, NO, NO, NO}},
        {"add sealed to too few", sealed_to_one_too_few, 27, {NOT, NO, NO, NO}},
        {"add sealed to a stranger", sealed_to_another, 27, {NOT, NO, NO, NO}},
        {"add sealed, cut", sealed_cut, 27, {NOT, NO, NO, NO}},
        {"add sealed, nothing in a box", sealed_empty, 27, {NOT, NO, NO, NO}},
        {"add sealed, garbled", sealed_garbled, 27, {NOT, NO, NO, NO}},
        {"unknown extension", unknown_extension, 27, {NO, NO, NO, NO}},
        {"extension without a name", simple, 27, {NO, NO, NO, NO}},
        {"session-bind", good_bind, 27, {OK, OK, OK, OK}},
        {"session-bind, spoiled", bad_bind, 27, {NOT, NOT, NOT, NOT}},
};

/* A connection in that state, to an agent that holds one key. */
static int prepare(enum state state) {
        int c = client_new();

        g_assert_cmpint(client_ask_simple(c, SSH_AGENTC_REMOVE_ALL_IDENTITIES), ==, OK);
        g_assert_cmpint(ask_add(c, held, "c", NULL), ==, OK);
        if (state == LOCKED)
                g_assert_cmpint(ask_lock(c, true, "p"), ==, OK);
        if (state == FORWARDED)
                g_assert_cmpint(ask_bind(c, host, "session", true, true), ==, OK);
        if (state == BIND_FAILED)
                g_assert_cmpint(ask_bind(c, host, "session", true, false), ==, NOT);
        return c;
}

static void test_table(void) {
        Agent *agent = conversation_begin();

        learn_seal_keys();
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                for (enum state s = UNLOCKED; s < N_STATES; s++) {
                        int c = prepare(s);
                        uint8_t got = client_ask(c, rows[i].message(rows[i].type));

                        if (got != rows[i].answer[s])
                                g_error("%s in state %d: answer %u", rows[i].name, s, got);
                        client_close(c);
                        if (agent->locked) {
                                c = client_new();
                                agent->unlock.failures = 0;
                                g_assert_cmpint(ask_lock(c, false, "p"), ==, OK);
                                client_close(c);
                        }
                }
        conversation_end(agent);
}

/* F8: all the other numbers are refused, and the connection goes on */
static void test_unknown_numbers(void) {
        Agent *agent = conversation_begin();

        for (enum state s = UNLOCKED; s < N_STATES; s++) {
                int c = prepare(s);

                for (unsigned type = 0; type < 256; type++) {
                        bool known = false;

                        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                                known = known || rows[i].type == type;
                        if (!known)
                                g_assert_cmpint(client_ask_simple(c, (uint8_t)type), ==, NO);
                }
                g_assert_cmpint(client_ask_simple(c, 11), ==, LIST);
                if (agent->locked)
                        g_assert_cmpint(ask_lock(c, false, "p"), ==, OK);
                client_close(c);
        }
        conversation_end(agent);
}

/* F7: a byte too many is a failure, wherever a message could have ended */
static void test_trailing(void) {
        Agent *agent = conversation_begin();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                int c = prepare(UNLOCKED);
                TaBytes message = rows[i].message(rows[i].type);
                uint8_t got;

                if (rows[i].message == unknown_extension || rows[i].message == smartcard) {
                        client_close(c);
                        continue; /* refused in any case */
                }
                buf[message.len] = 0;
                message.len++;
                got = client_ask(c, message);
                if (got != NO && got != NOT)
                        g_error("%s with a byte too many: answer %u", rows[i].name, got);
                g_assert_cmpuint(count_listed(c), ==, 1);
                client_close(c);
        }
        conversation_end(agent);
}

/* while locked nothing is listed; a forwarded connection sees what there is */
static void test_what_is_listed(void) {
        static const uint32_t counts[N_STATES] = {1, 0, 1, 1};
        Agent *agent = conversation_begin();

        for (enum state s = UNLOCKED; s < N_STATES; s++) {
                int c = prepare(s);

                g_assert_cmpuint(count_listed(c), ==, counts[s]);
                if (agent->locked)
                        g_assert_cmpint(ask_lock(c, false, "p"), ==, OK);
                client_close(c);
        }
        conversation_end(agent);
}

/* query names what may be asked over this connection */
static void test_what_is_named(void) {
        static const char *const names[N_STATES] = {
                [UNLOCKED] = TA_EXT_SESSION_BIND " " TA_EXT_INFO " " TA_EXT_ADD_SEALED,
                [FORWARDED] = TA_EXT_SESSION_BIND,
                [BIND_FAILED] = TA_EXT_SESSION_BIND,
        };
        Agent *agent = conversation_begin();

        for (enum state s = UNLOCKED; s < N_STATES; s++) {
                g_autoptr(GString) got = g_string_new(NULL);
                g_autoptr(GBytes) reply = NULL;
                TaBytes bytes;
                TaReader r;
                int c;

                if (!names[s])
                        continue;
                c = prepare(s);
                client_send(c, query(0));
                reply = client_reply(c);
                bytes.data = g_bytes_get_data(reply, &bytes.len);
                g_assert_cmpint(ta_query_response_read(bytes, &r), ==, 0);
                while (r.len > 0) {
                        TaBytes name = ta_read_string(&r);

                        g_string_append_printf(got, "%s%.*s", got->len ? " " : "", (int)name.len,
                                               (const char *)name.data);
                }
                g_assert_cmpint(r.err, ==, 0);
                g_assert_cmpstr(got->str, ==, names[s]);
                client_close(c);
        }
        conversation_end(agent);
}

/* F11: a bind is recorded while the agent is locked, and holds afterwards; a failed one too */
static void test_bind_while_locked(void) {
        for (int good = 0; good < 2; good++) {
                Agent *agent = conversation_begin();
                int admin = prepare(LOCKED), c = client_new();

                g_assert_cmpint(ask_bind(c, host, "s", true, good), ==, good ? OK : NOT);
                g_assert_cmpint(ask_lock(c, false, "p"), ==, NO); /* not from over there */
                g_assert_cmpint(ask_lock(admin, false, "p"), ==, OK);
                g_assert_cmpint(client_ask_simple(c, SSH_AGENTC_REMOVE_ALL_IDENTITIES), ==, NO);
                g_assert_cmpuint(count_listed(c), ==, 1);
                client_close(c);
                client_close(admin);
                conversation_end(agent);
        }
}

/* F19: SHA-1 is refused over a forwarded connection; flags of other key types are not heeded */
static void test_flags(void) {
        static const struct {
                uint32_t flags;
                uint8_t local, forwarded;
        } flags[] = {
                {0, SIG, NO}, {2, SIG, SIG}, {4, SIG, SIG}, {6, SIG, SIG}, {1, SIG, NO}, {8, SIG, NO},
        };
        ta_cleanup(ta_key_freep) TaKey *rsa = NULL;
        Agent *agent = conversation_begin();
        int c = client_new(), over = client_new();

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option("rsa", 0), 2048, &rsa), ==, 0);
        g_assert_cmpint(ask_add(c, rsa, "c", NULL), ==, OK);
        g_assert_cmpint(ask_add(c, held, "c", NULL), ==, OK);
        g_assert_cmpint(ask_bind(over, host, "s", true, true), ==, OK);
        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
                TaSignRequest request = {ta_key_blob(rsa), ta_str("x"), flags[i].flags};
                TaWriter w = ta_writer(buf, sizeof buf);

                ta_sign_request_write(&w, &request);
                g_assert_cmpint(client_ask(c, ta_written(&w)), ==, flags[i].local);
                g_assert_cmpint(client_ask(over, ta_written(&w)), ==, flags[i].forwarded);
                request.key = ta_key_blob(held);
                w = ta_writer(buf, sizeof buf);
                ta_sign_request_write(&w, &request);
                g_assert_cmpint(client_ask(over, ta_written(&w)), ==, SIG);
        }
        client_close(c);
        client_close(over);
        conversation_end(agent);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        held = make_key("ed25519");
        other = make_key("ecdsa");
        host = make_key("ed25519");
        g_test_add_func("/dispatch/table", test_table);
        g_test_add_func("/dispatch/F8-unknown-numbers", test_unknown_numbers);
        g_test_add_func("/dispatch/F7-trailing", test_trailing);
        g_test_add_func("/dispatch/what-is-listed", test_what_is_listed);
        g_test_add_func("/dispatch/what-is-named", test_what_is_named);
        g_test_add_func("/dispatch/F11-bind-while-locked", test_bind_while_locked);
        g_test_add_func("/dispatch/F19-flags", test_flags);
        status = g_test_run();
        ta_key_free(held);
        ta_key_free(other);
        ta_key_free(host);
        return status;
}
